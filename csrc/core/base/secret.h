/* Memory for the API key: pages of its own that no core dump holds, wiped when given back. */
#ifndef POMEX_SECRET_H
#define POMEX_SECRET_H

#include <stddef.h>

/* `size` zeroed bytes; NULL if memory ran out. */
char *pomex_secret_new(size_t size);

/* Replaces `secret` by stars wherever it occurs in `length` bytes of `text`, since a server may
 * echo the API key. Does nothing if `secret` is NULL or shorter than 8 bytes. */
void pomex_secret_hide(char *text, size_t length, const char *secret);

/* Wipes and frees the memory. `size` must be the one given to pomex_secret_new; `secret` can be
 * NULL. */
void pomex_secret_free(char *secret, size_t size);

#endif
