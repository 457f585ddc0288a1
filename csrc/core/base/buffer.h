/* Bytes that grow up to a bound. */
#ifndef POMEX_BUFFER_H
#define POMEX_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pomex_buffer {
    char *data; /* NUL-terminated whenever it is not NULL */
    size_t length;
    size_t capacity;
} pomex_buffer;

/* Appends the bytes. False, with nothing changed, if the buffer would exceed `limit` bytes or
 * memory ran out. */
bool pomex_buffer_append(pomex_buffer *buffer, const void *bytes, size_t count, size_t limit);

/* Appends a string without a bound. */
bool pomex_buffer_puts(pomex_buffer *buffer, const char *text);

/* Forgets the bytes. Gives the memory back if it has grown large. */
void pomex_buffer_clear(pomex_buffer *buffer);

void pomex_buffer_free(pomex_buffer *buffer);

#endif
