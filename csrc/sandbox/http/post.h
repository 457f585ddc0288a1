/* POSTs to this machine, one after the other, by a thread of its own: what is slow there does not
 * make the sandbox slow. */
#ifndef POMEX_SB_POST_H
#define POMEX_SB_POST_H

#include <stdbool.h>

typedef struct pomex_sb_post pomex_sb_post;

/* Whether the sandbox may send to that URL: http, and a literal loopback address or "localhost". */
bool pomex_sb_post_may(const char *url);

/* Begins a thread. NULL: it could not. */
pomex_sb_post *pomex_sb_post_start(void);

/* Sends `body`, which is JSON, to a URL that it may send to; up to three times, until it is answered
 * with 2xx. Takes both over, to free() them. */
void pomex_sb_post_send(pomex_sb_post *post, char *url, char *body);

/* Waits until all has been sent, at most for so many seconds. */
void pomex_sb_post_wait(pomex_sb_post *post, double seconds);

/* Forgets what was not sent, and ends the thread. NULL is allowed. */
void pomex_sb_post_stop(pomex_sb_post *post);

#endif
