#include "sandbox/http/send.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DRIP_SECONDS 0.05
#define BLOCK        (64u << 10)

/* Copies up to `most` of the bytes to be sent, from `at` on. */
static size_t copy_bytes(const pomex_sb_response *response, uint64_t at, char *out, size_t most)
{
    uint64_t left = response->length - at;
    uint64_t from = response->start + at;
    if (left < most)
        most = (size_t)left;
    if (from >= response->fixed_length) {
        memcpy(out, response->owned + (from - response->fixed_length), most);
        return most;
    }
    if (from + most > response->fixed_length)
        most = (size_t)(response->fixed_length - from);
    memcpy(out, response->fixed + from, most);
    return most;
}

static ssize_t read_bytes(void *cls, uint64_t at, char *out, size_t most)
{
    pomex_sb_request *request = cls;
    const pomex_sb_response *response = &request->response;
    if (request->abandoned)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (request->manner == POMEX_SB_TRUNCATE) {
        uint64_t half = response->length / 2;
        if (at >= half)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        return (ssize_t)copy_bytes(response, at, out,
                                   half - at < most ? (size_t)(half - at) : most);
    }
    if (request->manner != POMEX_SB_DRIP)
        return (ssize_t)copy_bytes(response, at, out, most);
    double now = pomex_sb_clock_monotonic();
    if (at > 0 && now < request->waiter.due) {
        MHD_suspend_connection(request->connection);
        pomex_sb_waiting_add(&request->server->waiting, &request->waiter, request->waiter.due);
        return 0;
    }
    request->waiter.due = now + DRIP_SECONDS;
    return (ssize_t)copy_bytes(response, at, out, 1);
}

static struct MHD_Response *make_response(pomex_sb_request *request)
{
    pomex_sb_response *response = &request->response;
    bool whole = request->manner == POMEX_SB_WHOLE && response->start == 0;
    if (whole && !response->fixed) {
        struct MHD_Response *made = MHD_create_response_from_buffer(
            response->owned_length, response->owned, MHD_RESPMEM_MUST_FREE);
        if (made)
            response->owned = NULL;
        return made;
    }
    /* libmicrohttpd does not write to these bytes: the parameter is const in later versions. */
    if (whole && !response->owned)
        return MHD_create_response_from_buffer((size_t)response->length,
                                               (void *)(uintptr_t)response->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_callback(response->length, BLOCK, read_bytes, request,
                                             NULL);
}

static void add_headers(pomex_sb_request *request, struct MHD_Response *made)
{
    pomex_sb_server *server = request->server;
    bool dated = false;
    bool named = false;
    for (size_t i = 0; i < request->response.header_count; i++) {
        const pomex_sb_header *header = &request->response.headers[i];
        MHD_add_response_header(made, header->name, header->value);
        dated = dated || strcasecmp(header->name, "Date") == 0;
        named = named || strcasecmp(header->name, "X-Request-Id") == 0;
    }
    if (!dated) {
        char date[POMEX_SB_TIME];
        pomex_sb_clock_http(pomex_sb_clock_now(server->clock), date);
        MHD_add_response_header(made, "Date", date);
    }
    if (!named) {
        char id[48];
        snprintf(id, sizeof id, "req-%s-%" PRIu64, server->request_prefix, request->number);
        MHD_add_response_header(made, "X-Request-Id", id);
    }
}

bool pomex_sb_send(pomex_sb_request *request)
{
    if (request->abandoned || request->manner == POMEX_SB_DROP ||
        request->manner == POMEX_SB_HANG)
        return false;
    struct MHD_Response *made = make_response(request);
    if (!made)
        return false;
    add_headers(request, made);
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)request->response.status, made);
    MHD_destroy_response(made);
    return queued == MHD_YES;
}
