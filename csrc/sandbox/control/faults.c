#include "sandbox/control/faults.h"

#include "rules/endpoint.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPENT (-1)

static const char *const break_names[] = {"",     "drop",    "hang",  "truncate",
                                          "drip", "garbage", "status"};

bool pomex_sb_faults_is_place(const char *name)
{
    if (!name)
        return false;
    const pomex_endpoint *endpoint = pomex_endpoint_named(name);
    return (endpoint && endpoint->path && strcmp(endpoint->name, name) == 0) ||
           strcmp(name, "video") == 0 || strcmp(name, "asset_link") == 0 ||
           strcmp(name, "*") == 0;
}

static bool read_break(const json_t *value, size_t last, enum pomex_sb_break *out)
{
    *out = POMEX_SB_BREAK_NONE;
    if (!value)
        return true;
    for (size_t i = 1; json_is_string(value) && i <= last; i++) {
        if (strcmp(json_string_value(value), break_names[i]) == 0) {
            *out = (enum pomex_sb_break)i;
            return true;
        }
    }
    return false;
}

/* Reads a whole number, which pomex_json_parse has made a real. */
static bool read_count(const json_t *value, double least, double most, long usual, long *out)
{
    double number = json_number_value(value);
    *out = value ? (long)number : usual;
    return !value || (json_is_number(value) && number >= least && number <= most);
}

static bool are_headers(const json_t *headers)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)headers, name, value)
    {
        const char *text = json_string_value(value);
        if (!text || !*name || strpbrk(name, "\r\n\t :") || strpbrk(text, "\r\n"))
            return false;
    }
    return !headers || (json_is_object(headers) && json_object_size(headers) <= 12);
}

static const char *read_answer(pomex_sb_fault *fault, const json_t *spec)
{
    long status;
    if (!read_count(json_object_get(spec, "status"), 200, 599, 0, &status))
        return "status must be 200 to 599";
    fault->status = (int)status;
    fault->retry_after = json_object_get(spec, "retry_after");
    if (fault->retry_after && !json_is_number(fault->retry_after) &&
        !json_is_string(fault->retry_after))
        return "retry_after must be a number of seconds or a string";
    fault->headers = json_object_get(spec, "headers");
    if (!are_headers(fault->headers))
        return "headers must be an object of at most 12 strings without line breaks";
    fault->body = json_object_get(spec, "body");
    if (fault->body && !json_is_string(fault->body))
        return "body must be a string";
    const json_t *type = json_object_get(spec, "content_type");
    fault->content_type = json_string_value(type);
    if (type && !fault->content_type)
        return "content_type must be a string";
    return NULL;
}

static const char *read_spec(pomex_sb_fault *fault, const json_t *spec)
{
    static const char known[] = " endpoint times skip reused status retry_after headers body "
                                "content_type delay before_accept after_accept ";
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)spec, name, value)
    {
        char padded[64];
        snprintf(padded, sizeof padded, " %.60s ", name);
        if (!strstr(known, padded))
            return "unknown key; known are endpoint, times, skip, reused, status, "
                   "retry_after, headers, body, content_type, delay, before_accept, "
                   "after_accept";
    }
    fault->place = json_string_value(json_object_get(spec, "endpoint"));
    if (!pomex_sb_faults_is_place(fault->place))
        return "endpoint must be " POMEX_SB_PLACES ", *";
    if (!read_count(json_object_get(spec, "times"), 0, 1e9, 1, &fault->times))
        return "times must be 0 (always) to 1000000000";
    if (!read_count(json_object_get(spec, "skip"), 0, 1e9, 0, &fault->skip))
        return "skip must be 0 to 1000000000";
    const json_t *reused = json_object_get(spec, "reused");
    fault->reused = json_is_true(reused);
    if (reused && !json_is_boolean(reused))
        return "reused must be true or false";
    const json_t *delay = json_object_get(spec, "delay");
    fault->delay = json_number_value(delay);
    if (delay && (!json_is_number(delay) || !(fault->delay >= 0 && fault->delay <= 86400)))
        return "delay must be 0 to 86400 seconds";
    if (!read_break(json_object_get(spec, "before_accept"), POMEX_SB_BREAK_HANG,
                    &fault->before))
        return "before_accept must be drop or hang";
    if (!read_break(json_object_get(spec, "after_accept"), POMEX_SB_BREAK_STATUS,
                    &fault->after))
        return "after_accept must be drop, hang, truncate, drip, garbage or status";
    if (fault->before && fault->after)
        return "before_accept and after_accept exclude each other";
    const char *wrong = read_answer(fault, spec);
    if (!wrong && (fault->status || fault->body) && fault->before)
        return "before_accept sends no answer: status and body have no place beside it";
    if (!wrong && (fault->status || fault->body) && fault->after &&
        fault->after != POMEX_SB_BREAK_STATUS)
        return "status and body have a place beside after_accept = status alone";
    return wrong;
}

long pomex_sb_faults_add(pomex_sb_faults *faults, json_t *spec, char *why, size_t why_size)
{
    pomex_sb_fault *fault = calloc(1, sizeof *fault);
    const char *wrong = fault ? read_spec(fault, spec) : "out of memory";
    size_t known = (size_t)faults->last_id;
    long *struck = wrong ? NULL : realloc(faults->struck, (known + 1) * sizeof *struck);
    if (struck)
        faults->struck = struck;
    else if (!wrong)
        wrong = "out of memory";
    if (wrong) {
        snprintf(why, why_size, "%s", wrong);
        free(fault);
        return 0;
    }
    fault->spec = json_incref(spec);
    struck[known] = 0;
    fault->id = ++faults->last_id;
    pomex_sb_fault **end = &faults->first;
    while (*end)
        end = &(*end)->next;
    *end = fault;
    return fault->id;
}

pomex_sb_fault *pomex_sb_faults_strike(pomex_sb_faults *faults, const char *place, bool reused)
{
    for (pomex_sb_fault *fault = place ? faults->first : NULL; fault; fault = fault->next) {
        if (strcmp(fault->place, "*") != 0 && strcmp(fault->place, place) != 0)
            continue;
        if (fault->reused && !reused)
            continue;
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        if (fault->times > 0 && --fault->times == 0)
            fault->times = SPENT;
        faults->struck[fault->id - 1]++;
        return fault;
    }
    return NULL;
}

static void free_fault(pomex_sb_fault *fault)
{
    json_decref(fault->spec);
    free(fault);
}

void pomex_sb_faults_done(pomex_sb_faults *faults, pomex_sb_fault *fault)
{
    if (!fault || fault->times != SPENT)
        return;
    pomex_sb_fault **link = &faults->first;
    while (*link && *link != fault)
        link = &(*link)->next;
    if (*link)
        *link = fault->next;
    free_fault(fault);
}

void pomex_sb_faults_clear(pomex_sb_faults *faults)
{
    while (faults->first) {
        pomex_sb_fault *fault = faults->first;
        faults->first = fault->next;
        free_fault(fault);
    }
}

void pomex_sb_faults_stop(pomex_sb_faults *faults)
{
    pomex_sb_faults_clear(faults);
    free(faults->struck);
    faults->struck = NULL;
    faults->last_id = 0;
}
