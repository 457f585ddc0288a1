/* What tests ask of the core beyond pomex.h. inside.c is the only file of the tests that looks
 * into the structs of a client and of an operation: if they change, it changes alone. */
#ifndef INSIDE_H
#define INSIDE_H

#include "base/clock.h"
#include "net/limiter.h"
#include "rules/endpoint.h"

/* Where an operation is: it waits for its turn, its attempt runs, or it sleeps. All three are
 * false once it is done. */
bool inside_is_queued(const pomex_operation *operation);
bool inside_is_flying(const pomex_operation *operation);
bool inside_is_paused(const pomex_operation *operation);

/* Whether the running attempt has received a byte of its answer's body. */
bool inside_has_received(const pomex_operation *operation);

/* Whether the operation stands in the queue of waits, and not in that of calls. */
bool inside_is_wait(const pomex_operation *operation);

/* Of what libcurl was given as its CURLINFO_PRIVATE: whether it is a request that must go out at
 * most once, and noting that it is being sent, as the callback before the first byte does. */
bool inside_goes_out_once(const void *transfer);
void inside_note_sent(void *transfer);

/* The endpoint of the request at hand. */
const pomex_endpoint *inside_endpoint(const pomex_operation *operation);

pomex_client *inside_client(const pomex_operation *operation);

/* When the operation must end, in ns of the client's clock. */
int64_t inside_deadline(const pomex_operation *operation);

/* The client's time in ns: read now, or as the client read it last. */
int64_t inside_now(pomex_client *client);
int64_t inside_recent(const pomex_client *client);

/* How many attempts run. */
size_t inside_in_flight(const pomex_client *client);

/* Whether a wait (or a call) is queued that has time left, and for which there is room and a
 * place in its endpoint's limit. */
bool inside_could_start(pomex_client *client, bool wait);

/* Whether the next step goes on with what an earlier one found in the set, and does not look
 * again first. */
bool inside_goes_on(const pomex_client *client);

/* A descriptor that libcurl opened through the client; -1: there is none. */
int inside_socket(const pomex_client *client);

/* Gives the client another limiter, and returns the one that it had. */
pomex_limiter *inside_swap_limiter(pomex_client *client, pomex_limiter *limiter);

/* The header that holds the API key, and the key in it. */
const char *inside_authorization(const pomex_client *client);
const char *inside_key(const pomex_client *client);

#endif
