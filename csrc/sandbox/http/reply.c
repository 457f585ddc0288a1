#include "sandbox/http/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DRIP_SECONDS 0.05
#define BLOCK        (64u << 10)

/* Copies up to `most` of the answer's bytes from `at` on. */
static size_t copy_bytes(const pomex_sb_answer *answer, uint64_t at, char *out, size_t most)
{
    uint64_t left = answer->length - at;
    uint64_t from = answer->start + at;
    if (left < most)
        most = (size_t)left;
    if (from >= answer->fixed_length) {
        memcpy(out, answer->owned + (from - answer->fixed_length), most);
        return most;
    }
    if (from + most > answer->fixed_length)
        most = (size_t)(answer->fixed_length - from);
    memcpy(out, answer->fixed + from, most);
    return most;
}

static ssize_t read_answer(void *cls, uint64_t at, char *out, size_t most)
{
    pomex_sb_request *request = cls;
    const pomex_sb_answer *answer = &request->answer;
    if (request->abandoned)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (request->manner == POMEX_SB_TRUNCATE) {
        uint64_t half = answer->length / 2;
        if (at >= half)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        return (ssize_t)copy_bytes(answer, at, out,
                                   half - at < most ? (size_t)(half - at) : most);
    }
    if (request->manner != POMEX_SB_DRIP)
        return (ssize_t)copy_bytes(answer, at, out, most);
    double now = pomex_sb_monotonic();
    if (at > 0 && now < request->waiter.due) {
        MHD_suspend_connection(request->connection);
        pomex_sb_waiting_add(&request->sandbox->waiting, &request->waiter, request->waiter.due);
        return 0;
    }
    request->waiter.due = now + DRIP_SECONDS;
    return (ssize_t)copy_bytes(answer, at, out, 1);
}

static struct MHD_Response *make_response(pomex_sb_request *request)
{
    pomex_sb_answer *answer = &request->answer;
    bool whole = request->manner == POMEX_SB_SEND && answer->start == 0;
    if (whole && !answer->fixed) {
        struct MHD_Response *response = MHD_create_response_from_buffer(
            answer->owned_length, answer->owned, MHD_RESPMEM_MUST_FREE);
        if (response)
            answer->owned = NULL;
        return response;
    }
    if (whole &&
        !answer->owned) /* never written to: the parameter is const in later versions */
        return MHD_create_response_from_buffer(
            (size_t)answer->length, (void *)(uintptr_t)answer->fixed, MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_callback(answer->length, BLOCK, read_answer, request, NULL);
}

static void add_headers(pomex_sb_request *request, struct MHD_Response *response)
{
    pomex_sb *sandbox = request->sandbox;
    bool dated = false;
    bool named = false;
    for (size_t i = 0; i < request->answer.header_count; i++) {
        const pomex_sb_header *header = &request->answer.headers[i];
        MHD_add_response_header(response, header->name, header->value);
        dated = dated || strcasecmp(header->name, "Date") == 0;
        named = named || strcasecmp(header->name, "X-Request-Id") == 0;
    }
    if (!dated) {
        char date[POMEX_SB_TIME];
        pomex_sb_http_time(pomex_sb_now(&sandbox->clock), date);
        MHD_add_response_header(response, "Date", date);
    }
    if (!named) {
        char id[48];
        snprintf(id, sizeof id, "req-%s-%" PRIu64, sandbox->request_prefix, request->number);
        MHD_add_response_header(response, "X-Request-Id", id);
    }
}

bool pomex_sb_reply(pomex_sb_request *request)
{
    if (request->abandoned || request->manner == POMEX_SB_DROP ||
        request->manner == POMEX_SB_HANG)
        return false;
    struct MHD_Response *response = make_response(request);
    if (!response)
        return false;
    add_headers(request, response);
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)request->answer.status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}
