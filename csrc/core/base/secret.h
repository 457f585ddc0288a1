/* Memory for the API key: pages of its own that no core dump holds, wiped when given back. */
#ifndef POMEX_SECRET_H
#define POMEX_SECRET_H

#include <stddef.h>

/* `size` zeroed bytes; NULL if memory ran out. */
char *pomex_secret_new(size_t size);

/* Puts stars in the place of `secret` (NULL: nothing) wherever it stands in `length` bytes of
 * `text`: a server may echo what it was sent. One of less than 8 bytes is left. */
void pomex_secret_hide(char *text, size_t length, const char *secret);

/* `size` as it was given to pomex_secret_new. NULL is allowed. */
void pomex_secret_free(char *secret, size_t size);

#endif
