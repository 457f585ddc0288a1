/* Workers: joining, beating, leaving, and being declared dead. */
#include "store/postgresql/pq.h"

void pomex_pq_write_beat(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    (void)self;
    pomex_pq_call(message, "beat", "i", request->beat.worker);
}

void pomex_pq_write_join(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    const pomex_store_join *join = &request->join;
    char who[POMEX_STORE_WHO];
    (void)self;
    pomex_store_who(join->name, who);
    pomex_pq_call(message, "join_worker", "sssis", join->account, join->base_url,
                  join->key_hash, join->max_tasks, who);
}

void pomex_pq_read_join(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    (void)self;
    request->join.worker = pomex_pq_number(result, 0, 2);
    request->join.key_changed = *PQgetvalue(result, 0, 3) == 't';
}

void pomex_pq_write_leave(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    (void)self;
    pomex_pq_call(message, "leave", "ii", request->leave.worker,
                  (int64_t)request->leave.ending);
}

void pomex_pq_write_bury(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    (void)self;
    pomex_pq_call(message, "bury", "ii", request->bury.worker, request->bury.beat);
}
