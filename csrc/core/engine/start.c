/* The public functions that start operations: each opens the client, makes an operation, and starts
 * every operation whose turn has come. */
#include "engine/client.h"
#include "operation/call.h"
#include "operation/cancel.h"
#include "operation/download.h"
#include "operation/raw.h"
#include "operation/request.h"
#include "operation/wait.h"

/* Kicks the loop, if the operation could be made. */
static pomex_operation *started(pomex_client *c, pomex_operation *op)
{
    if (op)
        pomex_loop_kick(c);
    return op;
}

pomex_operation *pomex_client_call(pomex_client *c, pomex_endpoint_id endpoint, const char *id,
                                   size_t id_length, json_t *payload,
                                   const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    if (!pomex_client_open(c))
        return NULL;
    if (endpoint == POMEX_GENERATION_CANCEL)
        return started(c, pomex_cancel_begin(&c->context, id, id_length, options));
    pomex_operation *op = pomex_call_new(&c->context, endpoint, options);
    if (!op)
        return NULL;
    pomex_error *error = pomex_operation_take(op, options);
    if (!error)
        error = pomex_request_form(op, id, id_length, payload, !options->no_validation);
    pomex_call_begin(op, error);
    return started(c, op);
}

pomex_operation *pomex_client_request(pomex_client *c, const char *method, const char *path,
                                      json_t *query, json_t *body, json_t *headers,
                                      const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    if (!pomex_client_open(c))
        return NULL;
    pomex_operation *op = pomex_call_new(&c->context, POMEX_REQUEST, options);
    if (!op)
        return NULL;
    pomex_error *error = pomex_raw_form(op, method, path, query, body, headers);
    if (!error)
        error = pomex_operation_take(op, options);
    pomex_call_begin(op, error);
    return started(c, op);
}

pomex_operation *pomex_client_wait(pomex_client *c, pomex_endpoint_id endpoint, const char *id,
                                   size_t id_length, const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    if (!pomex_client_open(c))
        return NULL;
    return started(c, pomex_wait_begin(&c->context, endpoint, id, id_length, options));
}

int pomex_client_nudge(pomex_client *c, const char *id)
{
    if (pomex_client_unusable(c))
        return 0;
    int heard = pomex_wait_nudge(&c->context, id);
    if (heard)
        pomex_loop_kick(c);
    return heard;
}

pomex_operation *pomex_client_download(pomex_client *c, const char *id, size_t id_length,
                                       const char *link, const char *path,
                                       const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    if (!pomex_client_open(c))
        return NULL;
    return started(c, pomex_download_begin(&c->context, id, id_length, link, path, options));
}
