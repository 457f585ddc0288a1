#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The most memory that a cleared buffer keeps: enough for the usual answer, and little enough
 * for thousands of waits at rest. */
#define KEPT_CAPACITY 4096u

/* Wipes and frees the bytes: a service may have echoed the API key into them. */
static void wipe(pomex_buffer *buffer)
{
    if (buffer->data)
        explicit_bzero(buffer->data, buffer->capacity);
    free(buffer->data);
}

bool pomex_buffer_append(pomex_buffer *buffer, const void *bytes, size_t count, size_t limit)
{
    if (count > limit || buffer->length > limit - count)
        return false;
    size_t needed = buffer->length + count + 1;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 512;
        while (capacity < needed)
            capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
        char *data = malloc(capacity);
        if (!data)
            return false;
        if (buffer->length)
            memcpy(data, buffer->data, buffer->length);
        wipe(buffer);
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
    wipe(buffer);
    *buffer = (pomex_buffer){0};
}
