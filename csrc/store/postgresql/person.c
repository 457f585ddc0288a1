/* What a person says of a job, and of a queue. */
#include "store/postgresql/pq.h"

void pomex_pq_write_retry(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    (void)self;
    pomex_pq_call(message, "retry", "sssss", person->queue, person->key, person->by,
                  person->line, person->body);
}

void pomex_pq_write_resend(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    (void)self;
    pomex_pq_call(message, "resend", "sssf", person->queue, person->key, person->by,
                  person->now);
}

void pomex_pq_write_adopt(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    (void)self;
    pomex_pq_call(message, "adopt", "sssssssii", person->queue, person->key, person->by,
                  person->task, person->base_url, person->account, person->key_hash,
                  person->cost, person->made);
}

void pomex_pq_write_resolve(pomex_pq *self, pomex_pq_message *message,
                            const pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    (void)self;
    pomex_pq_call(message, "resolve", "sssif", person->queue, person->key, person->by,
                  person->attempt, person->not_billed);
}

static void call_of_job(pomex_pq_message *message, const char *name,
                        const pomex_store_person *person)
{
    pomex_pq_call(message, name, "sss", person->queue, person->key, person->by);
}

void pomex_pq_write_cancel(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    (void)self;
    call_of_job(message, "cancel", &request->person);
}

void pomex_pq_write_forget(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    (void)self;
    call_of_job(message, "forget", &request->person);
}

void pomex_pq_write_queue(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    (void)self;
    pomex_pq_call(message, "make_queue", "sii", queue->queue, queue->videos_cap,
                  queue->money_cap);
}

void pomex_pq_write_cap(pomex_pq *self, pomex_pq_message *message,
                        const pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    (void)self;
    pomex_pq_call(message, "cap", "siiss", queue->queue, queue->videos_cap, queue->money_cap,
                  queue->by, queue->text);
}

void pomex_pq_write_pause(pomex_pq *self, pomex_pq_message *message,
                          const pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    (void)self;
    pomex_pq_call(message, "pause", "sfss", queue->queue, queue->paused, queue->by,
                  queue->text);
}

void pomex_pq_write_continue(pomex_pq *self, pomex_pq_message *message,
                             const pomex_store_request *request)
{
    (void)self;
    pomex_pq_call(message, "go_on", "s", request->go_on.by);
}
