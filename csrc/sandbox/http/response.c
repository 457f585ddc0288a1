#include "sandbox/http/response.h"

#include "rules/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void pomex_sb_answer_header(pomex_sb_answer *answer, const char *name, const char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        answer->broken = true;
        return;
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcasecmp(answer->headers[i].name, name) == 0) {
            free(answer->headers[i].value);
            answer->headers[i].value = copy;
            return;
        }
    }
    char *label = answer->header_count < POMEX_SB_HEADERS ? strdup(name) : NULL;
    if (!label) {
        free(copy);
        answer->broken = true;
        return;
    }
    answer->headers[answer->header_count++] = (pomex_sb_header){label, copy};
}

static void replace_bytes(pomex_sb_answer *answer, int status, const char *type)
{
    free(answer->owned);
    answer->owned = NULL;
    answer->fixed = NULL;
    answer->owned_length = answer->fixed_length = 0;
    answer->start = answer->length = 0;
    answer->status = status;
    if (type)
        pomex_sb_answer_header(answer, "Content-Type", type);
}

void pomex_sb_answer_own(pomex_sb_answer *answer, int status, const char *type, char *bytes,
                         size_t length)
{
    replace_bytes(answer, status, type);
    answer->broken = answer->broken || !bytes;
    answer->owned = bytes;
    answer->owned_length = answer->length = bytes ? length : 0;
}

void pomex_sb_answer_fixed(pomex_sb_answer *answer, int status, const char *type,
                           const char *bytes, size_t length)
{
    replace_bytes(answer, status, type);
    answer->fixed = bytes;
    answer->fixed_length = answer->length = length;
}

void pomex_sb_answer_json(pomex_sb_answer *answer, int status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    pomex_sb_answer_own(answer, status, "application/json", text, text ? strlen(text) : 0);
}

void pomex_sb_answer_error(pomex_sb_answer *answer, int status, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    bool typed = status == 400 || status == 401 || status == 502;
    json_t *error = typed ? json_pack("{s:s, s:s}", "message", message, "type",
                                      pomex_rules_error_type(status))
                          : json_pack("{s:s}", "message", message);
    pomex_sb_answer_json(answer, status, json_pack("{s:o}", "error", error));
}

bool pomex_sb_answer_unavailable(pomex_sb_answer *answer)
{
    static const char text[] = "{\"error\":{\"message\":\"service temporarily unavailable\"}}";
    pomex_sb_answer_clear(answer);
    pomex_sb_answer_fixed(answer, 503, "application/json", text, sizeof text - 1);
    return false;
}

void pomex_sb_answer_clear(pomex_sb_answer *answer)
{
    free(answer->owned);
    for (size_t i = 0; i < answer->header_count; i++) {
        free(answer->headers[i].name);
        free(answer->headers[i].value);
    }
    *answer = (pomex_sb_answer){0};
}
