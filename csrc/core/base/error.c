#include "base/error.h"

#include "base/numeric.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char memory_message[] = "not enough memory";

/* These are never written to: every setter looks first whether its error is static. */
// clang-format off: its versions disagree
#define MEMORY_ERROR(word)                                                                     \
    {                                                                                          \
        .type = "memory_error", .message = memory_message, .retry_after = -1,                  \
        .retryable = true, .billed = (word), .maybe_billed = (word) != POMEX_BILLED_NO         \
    }
#define LOST_ERROR(word)                                                                       \
    {                                                                                          \
        .type = "ambiguous_error", .message = memory_message, .cause = "memory_error",         \
        .retry_after = -1, .billed = (word), .maybe_billed = (word) != POMEX_BILLED_NO         \
    }
// clang-format on

static pomex_error memory_errors[] = {
    [POMEX_BILLED_NO] = MEMORY_ERROR(POMEX_BILLED_NO),
    [POMEX_BILLED_MAYBE] = MEMORY_ERROR(POMEX_BILLED_MAYBE),
    [POMEX_BILLED_YES] = MEMORY_ERROR(POMEX_BILLED_YES),
};
static pomex_error lost_errors[] = {LOST_ERROR(POMEX_BILLED_NO),
                                    LOST_ERROR(POMEX_BILLED_MAYBE)};

pomex_error *pomex_error_memory(void)
{
    return &memory_errors[POMEX_BILLED_NO];
}

pomex_error *pomex_error_lost(bool maybe_billed)
{
    return &lost_errors[maybe_billed];
}

static bool is_memory(const pomex_error *error)
{
    return error == &memory_errors[POMEX_BILLED_NO] ||
           error == &memory_errors[POMEX_BILLED_MAYBE] ||
           error == &memory_errors[POMEX_BILLED_YES];
}

bool pomex_error_is_static(const pomex_error *error)
{
    return is_memory(error) || error == &lost_errors[false] || error == &lost_errors[true];
}

pomex_error *pomex_error_bill(pomex_error *error, pomex_billed billed)
{
    if (is_memory(error))
        return &memory_errors[billed];
    if (!pomex_error_is_static(error)) {
        error->billed = billed;
        error->maybe_billed = billed != POMEX_BILLED_NO;
    }
    return error;
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    locale_t before = pomex_numeric_begin();
    int length = vasprintf(&text, format, arguments);
    pomex_numeric_end(before);
    return length < 0 ? NULL : text;
}

pomex_error *pomex_error_new(const char *type, const char *format, ...)
{
    pomex_error *error = calloc(1, sizeof *error);
    if (!error)
        return pomex_error_memory();
    va_list arguments;
    va_start(arguments, format);
    error->message = format_text(format, arguments);
    va_end(arguments);
    if (!error->message) {
        free(error);
        return pomex_error_memory();
    }
    error->type = type;
    error->retry_after = -1;
    return error;
}

void pomex_error_set_hint(pomex_error *error, const char *format, ...)
{
    va_list arguments;
    if (pomex_error_is_static(error))
        return;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    if (!text)
        return;
    free(error->hint);
    error->hint = text;
}

void pomex_error_set_endpoint(pomex_error *error, const char *endpoint)
{
    if (!pomex_error_is_static(error))
        error->endpoint = endpoint;
}

/* Sets a field of an error that is not static. Takes the text over. */
static void put(const pomex_error *error, char **field, char *text)
{
    if (pomex_error_is_static(error)) {
        free(text);
        return;
    }
    free(*field);
    *field = text;
}

void pomex_error_set_id(pomex_error *error, const char *id)
{
    if (id)
        put(error, &error->id, strdup(id));
}

void pomex_error_set_status(pomex_error *error, int status)
{
    if (!pomex_error_is_static(error))
        error->status = status;
}

void pomex_error_set_cause(pomex_error *error, const char *type)
{
    if (!pomex_error_is_static(error))
        error->cause = type;
}

void pomex_error_set_last_status(pomex_error *error, char *text)
{
    put(error, &error->last_status, text);
}

void pomex_error_set_object(pomex_error *error, char *text)
{
    put(error, &error->object, text);
}

void pomex_error_set_request_id(pomex_error *error, char *text)
{
    put(error, &error->request_id, text);
}

void pomex_error_set_service_code(pomex_error *error, char *text)
{
    put(error, &error->service_code, text);
}

void pomex_error_set_service_type(pomex_error *error, char *text)
{
    put(error, &error->service_type, text);
}

void pomex_error_set_retryable(pomex_error *error)
{
    if (!pomex_error_is_static(error))
        error->retryable = true;
}

void pomex_error_set_client(pomex_error *error)
{
    if (!pomex_error_is_static(error))
        error->client = true;
}

void pomex_error_free(pomex_error *error)
{
    if (!error || pomex_error_is_static(error))
        return;
    free(error->message);
    free(error->hint);
    free(error->id);
    free(error->last_status);
    free(error->object);
    json_decref(error->candidates);
    free(error->body);
    free(error->request_id);
    free(error->service_code);
    free(error->service_type);
    free(error);
}
