/* pomex-sandbox as a child of a C test: the real service, emulated, with its ledger. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct sandbox {
    pid_t pid;
    int input; /* ends when we do, and it with it */
    int port;
    char key[64];
    char token[64];
    char *const *arguments; /* as they were given, for a restart */
} sandbox;

/* Starts $POMEX_SANDBOX_BIN, or the one that was built beside this test, on a free port with no
 * rate limits and nothing to wait for. `arguments` come behind (NULL-terminated; or NULL).
 * False, with words on stderr, if it does not start. */
bool sandbox_start(sandbox *sb, char *const *arguments);

/* Ends it; false unless it ended well. */
bool sandbox_stop(sandbox *sb);

/* Ends it as a crash would; what is in its database (--database) stays. */
void sandbox_kill(sandbox *sb);

/* Starts it again, on the same port. */
bool sandbox_restart(sandbox *sb);

/* A request on a connection of its own, with the key, or (below /_sandbox/) with the token. The
 * caller's reference; NULL unless it is answered 200 with JSON. `body` (NULL: none) is taken
 * over. */
json_t *sandbox_ask(const sandbox *sb, const char *method, const char *path, json_t *body);

#endif
