#include "sandbox/control/fault_effect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes the response that the fault states. A status of 400 or more without a body gets the
 * document's error envelope. */
static void state_response(pomex_sb_response *response, const pomex_sb_fault *fault)
{
    int status = fault->status ? fault->status : 200;
    const char *type = fault->content_type ? fault->content_type : "application/json";
    pomex_sb_response_clear(response);
    if (fault->body) {
        /* A copy, because the fault may be freed before the response is sent. */
        size_t length = json_string_length(fault->body);
        char *copy = malloc(length + 1);
        if (copy)
            memcpy(copy, json_string_value(fault->body), length);
        pomex_sb_response_own(response, status, type, copy, length);
    } else if (status >= 400) {
        pomex_sb_response_error(response, status,
                                status == 503 ? "service temporarily unavailable"
                                              : "a fault that a test asked for");
    } else {
        pomex_sb_response_fixed(response, status, type, "", 0);
    }
}

static void add_fault_headers(pomex_sb_response *response, const pomex_sb_fault *fault)
{
    if (json_is_string(fault->retry_after)) {
        pomex_sb_response_header(response, "Retry-After",
                                 json_string_value(fault->retry_after));
    } else if (fault->retry_after) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.0f", ceil(json_number_value(fault->retry_after)));
        pomex_sb_response_header(response, "Retry-After", seconds);
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)fault->headers, name, value)
    {
        pomex_sb_response_header(response, name, json_string_value(value));
    }
}

static void break_response(pomex_sb_request *request, const pomex_sb_fault *fault)
{
    static const char garbage[] = "\x1f\x8b\x08\xff{\"id\": \x00\xfe\xfd]]>;;<html\x80\x01";
    switch (fault->after) {
    case POMEX_SB_BREAK_DROP:
        request->manner = POMEX_SB_DROP;
        break;
    case POMEX_SB_BREAK_HANG:
        request->manner = POMEX_SB_HANG;
        break;
    case POMEX_SB_BREAK_TRUNCATE:
        request->manner = POMEX_SB_TRUNCATE;
        break;
    case POMEX_SB_BREAK_DRIP:
        request->manner = POMEX_SB_DRIP;
        break;
    case POMEX_SB_BREAK_GARBAGE:
        pomex_sb_response_clear(&request->response);
        pomex_sb_response_fixed(&request->response, 200, "application/json", garbage,
                                sizeof garbage - 1);
        break;
    case POMEX_SB_BREAK_STATUS:
        state_response(&request->response, fault);
        break;
    case POMEX_SB_BREAK_NONE:
        break;
    }
}

static bool states_a_response(const pomex_sb_fault *fault)
{
    return fault->after == POMEX_SB_BREAK_NONE && (fault->status || fault->body);
}

bool pomex_sb_fault_effect_before(pomex_sb_request *request, const pomex_sb_fault *fault)
{
    request->delay = fault->delay;
    if (fault->before)
        request->manner = fault->before == POMEX_SB_BREAK_DROP ? POMEX_SB_DROP : POMEX_SB_HANG;
    return fault->before || states_a_response(fault);
}

void pomex_sb_fault_effect_after(pomex_sb_request *request, const pomex_sb_fault *fault)
{
    if (fault->before)
        return;
    if (states_a_response(fault))
        state_response(&request->response, fault);
    else
        break_response(request, fault);
    add_fault_headers(&request->response, fault);
}
