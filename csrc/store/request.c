/* Requests, and the memory that goes with each. */
#include "store/backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 4096 };

struct pomex_store_chunk {
    struct pomex_store_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

pomex_store_request *pomex_store_request_new(enum pomex_store_verb verb)
{
    pomex_store_request *request = calloc(1, sizeof *request);
    if (request)
        request->verb = verb;
    return request;
}

void pomex_store_request_free(pomex_store_request *request)
{
    if (!request)
        return;
    while (request->memory) {
        struct pomex_store_chunk *chunk = request->memory;
        request->memory = chunk->next;
        free(chunk);
    }
    free(request);
}

void *pomex_store_memory(pomex_store_request *request, size_t size)
{
    struct pomex_store_chunk *chunk = request->memory;
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        chunk = calloc(1, sizeof *chunk + room);
        if (!chunk) {
            request->starved = 1;
            return NULL;
        }
        chunk->size = room;
        chunk->next = request->memory;
        request->memory = chunk;
    }
    void *bytes = chunk->bytes + chunk->used;
    chunk->used += size;
    return bytes;
}

const char *pomex_store_copy(pomex_store_request *request, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = pomex_store_memory(request, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void pomex_store_answer(pomex_store_request *request, enum pomex_store_answer answer,
                        const char *format, ...)
{
    char line[512];
    va_list arguments;
    request->answer = answer;
    request->why = NULL;
    if (!format)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    request->why = pomex_store_copy(request, line);
}

bool pomex_store_reads(const pomex_store_request *request)
{
    return request->verb >= POMEX_STORE_BACKUP;
}

bool pomex_store_durable(const pomex_store_request *request)
{
    switch (request->verb) {
    case POMEX_STORE_BEAT:
    case POMEX_STORE_JOIN:
    case POMEX_STORE_LEAVE:
    case POMEX_STORE_BURY:
    case POMEX_STORE_CLAIM:
    case POMEX_STORE_RELEASE:
    case POMEX_STORE_GATE:
        return false;
    case POMEX_STORE_PUT: /* the last part's sync takes the earlier ones along */
        return !request->put.more;
    case POMEX_STORE_MOVE: /* a file takes its name after its sum was noted */
        return request->move.to == POMEX_STORE_DONE || request->move.sha256;
    default:
        return true;
    }
}

void pomex_store_who(const char *name, char who[POMEX_STORE_WHO])
{
    char host[256];
    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "some host");
    host[sizeof host - 1] = '\0';
    snprintf(who, POMEX_STORE_WHO, "%.80s on %s, process %ld", name && *name ? name : "pomex",
             host, (long)getpid());
}
