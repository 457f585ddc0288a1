/* Memory for the API key: pages of its own that no core dump holds, wiped when given back. */
#ifndef POMEX_SECRET_H
#define POMEX_SECRET_H

#include <stddef.h>

/* `size` zeroed bytes; NULL if memory ran out. */
char *pomex_secret_new(size_t size);

/* `size` as it was given to pomex_secret_new. NULL is allowed. */
void pomex_secret_free(char *secret, size_t size);

#endif
