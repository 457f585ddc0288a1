#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a cleared buffer may keep: enough for the usual answer, little enough that thousands
 * of waits at rest cost nothing to speak of. */
#define KEPT_CAPACITY 4096u

bool pomex_buffer_append(pomex_buffer *buffer, const void *bytes, size_t count, size_t limit)
{
    if (count > limit || buffer->length > limit - count)
        return false;
    size_t needed = buffer->length + count + 1;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 512;
        while (capacity < needed)
            capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
        char *data = realloc(buffer->data, capacity);
        if (!data)
            return false;
        buffer->data = data;
        buffer->capacity = capacity;
    }
    if (count)
        memcpy(buffer->data + buffer->length, bytes, count);
    buffer->length += count;
    buffer->data[buffer->length] = '\0';
    return true;
}

bool pomex_buffer_puts(pomex_buffer *buffer, const char *text)
{
    return pomex_buffer_append(buffer, text, strlen(text), SIZE_MAX - 1);
}

void pomex_buffer_clear(pomex_buffer *buffer)
{
    if (buffer->capacity > KEPT_CAPACITY) {
        pomex_buffer_free(buffer);
        return;
    }
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void pomex_buffer_free(pomex_buffer *buffer)
{
    free(buffer->data);
    *buffer = (pomex_buffer){0};
}
