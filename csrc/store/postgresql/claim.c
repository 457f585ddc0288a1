/* What the holder of a job does with it: claim, move, release; and the account's gate. */
#include "store/postgresql/pq.h"

void pomex_pq_write_claim(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_claim *claim = &request->claim;
    bool bounded = claim->count >= 0 && claim->count <= POMEX_STORE_ROWS;
    pomex_pq_call(message, "claim", "isiiii", claim->worker, claim->queue,
                  bounded ? claim->count : POMEX_STORE_ROWS, ++self->claims,
                  self->claims_answered, self->claims_before);
}

void pomex_pq_read_claim(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    enum { ID = 2, NEXT_DUE = 23 }; /* columns of pomex.claimed */
    pomex_store_claim *claim = &request->claim;
    (void)self;
    if (request->answer != POMEX_STORE_YES)
        return;
    claim->jobs = pomex_pq_read_jobs(request, result, &claim->job_count);
    claim->next_due = pomex_pq_number(result, 0, NEXT_DUE);
    if (PQgetisnull(result, 0, ID))
        claim->job_count = 0;
}

void pomex_pq_write_move(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    const pomex_store_move *move = &request->move;
    (void)self;
    pomex_pq_call(message, "move", "iiinnifssiss", move->worker, move->job, move->fence,
                  (int)move->from, (int)move->to, move->due, move->stuck, move->saved,
                  move->sha256, move->length, move->error, move->note);
}

void pomex_pq_write_release(pomex_pq *self, pomex_pq_message *message,
                            const pomex_store_request *request)
{
    const pomex_store_release *release = &request->release;
    (void)self;
    pomex_pq_add(message, "SELECT * FROM pomex.release(");
    pomex_pq_add_number(message, release->worker);
    pomex_pq_add(message, ",");
    if (release->jobs)
        pomex_pq_add_numbers(message, release->jobs, release->job_count);
    else
        pomex_pq_add(message, "NULL");
    pomex_pq_add(message, ");");
}

void pomex_pq_write_gate(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    const pomex_store_gate *gate = &request->gate;
    (void)self;
    pomex_pq_call(message, "gate", "iis", gate->worker, gate->until, gate->text);
}
