/* `fact`: what became of an attempt. */
#include "store/postgresql/pq.h"

void pomex_pq_write_fact(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    const pomex_store_fact *fact = &request->fact;
    (void)self;
    pomex_pq_call(message, "fact", "iinsnifsiiss", fact->job, fact->attempt, (int)fact->kind,
                  fact->task, (int)fact->outcome, fact->cost, fact->free, fact->failure,
                  fact->due, fact->gate_until, fact->error, fact->note);
}

void pomex_pq_read_fact(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    (void)self;
    request->fact.state = (enum pomex_store_state)pomex_pq_number(result, 0, 2);
}
