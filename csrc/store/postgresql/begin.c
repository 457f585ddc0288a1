/* `begin`, and what only this machine can say of it. */
#include "store/postgresql/pq.h"

void pomex_pq_write_begin(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_begin *begin = &request->begin;
    (void)self;
    /* begin->reason is what was found on this machine's disk. */
    pomex_pq_call(message, "begin_attempt", "iiiiisssi", begin->worker, begin->job,
                  begin->fence, begin->attempt, begin->cost, begin->body, begin->model,
                  begin->version, (int64_t)begin->reason);
}

void pomex_pq_read_begin(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    (void)self;
    request->begin.reason = (enum pomex_store_reason)pomex_pq_number(result, 0, 2);
    request->begin.not_before = pomex_pq_number(result, 0, 3);
    if (request->begin.reason == POMEX_STORE_REASON_ROOM && request->begin.lacking)
        request->why = request->begin.lacking; /* as this machine found it */
}
