#include "fault_script.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fault_script {
    pthread_mutex_t lock;
    const fault_step *steps;
    size_t step_count;
    int *used; /* how often each step was taken */
    fault_request *requests;
    size_t request_count;
    size_t request_capacity;
};

fault_script *fault_script_new(void)
{
    fault_script *script = calloc(1, sizeof *script);
    if (script)
        pthread_mutex_init(&script->lock, NULL);
    return script;
}

void fault_script_free(fault_script *script)
{
    if (!script)
        return;
    pthread_mutex_destroy(&script->lock);
    free(script->requests);
    free(script->used);
    free(script);
}

void fault_script_set(fault_script *script, const fault_step *steps, size_t count)
{
    int *used = calloc(count + 1, sizeof *used);
    if (!used)
        abort();
    pthread_mutex_lock(&script->lock);
    free(script->used);
    script->used = used;
    script->steps = steps;
    script->step_count = count;
    script->request_count = 0;
    pthread_mutex_unlock(&script->lock);
}

static bool is_at_once(const fault_step *step)
{
    return step->kind >= FAULT_CLOSE_AT_ONCE;
}

bool fault_script_take(fault_script *script, const char *line, fault_step *step)
{
    bool found = false;
    pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->step_count && !found; i++) {
        const fault_step *s = &script->steps[i];
        if (s->times > 0 && script->used[i] >= s->times)
            continue;
        if (!line && !is_at_once(s))
            break;
        if (line && (is_at_once(s) || (s->match && strncmp(line, s->match, strlen(s->match)))))
            continue;
        script->used[i]++;
        *step = *s;
        found = true;
    }
    pthread_mutex_unlock(&script->lock);
    return found;
}

void fault_script_keep(fault_script *script, const fault_request *request)
{
    pthread_mutex_lock(&script->lock);
    if (script->request_count == script->request_capacity) {
        size_t capacity = script->request_capacity ? 2 * script->request_capacity : 64;
        fault_request *grown = realloc(script->requests, capacity * sizeof *grown);
        if (!grown)
            abort();
        script->requests = grown;
        script->request_capacity = capacity;
    }
    script->requests[script->request_count++] = *request;
    pthread_mutex_unlock(&script->lock);
}

void fault_script_followed(fault_script *script, const fault_request *request)
{
    pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->request_count; i++) {
        fault_request *kept = &script->requests[i];
        if (kept->connection == request->connection && kept->at == request->at)
            kept->followed = true;
    }
    pthread_mutex_unlock(&script->lock);
}

static bool is_match(const fault_request *request, const char *match)
{
    return !match || strncmp(request->line, match, strlen(match)) == 0;
}

size_t fault_script_count(fault_script *script, const char *match, bool followed)
{
    size_t count = 0;
    pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->request_count; i++)
        count += is_match(&script->requests[i], match) &&
                 (!followed || script->requests[i].followed);
    pthread_mutex_unlock(&script->lock);
    return count;
}

bool fault_script_request(fault_script *script, const char *match, size_t index,
                          fault_request *request)
{
    bool found = false;
    pthread_mutex_lock(&script->lock);
    for (size_t i = 0; i < script->request_count && !found; i++) {
        if (is_match(&script->requests[i], match) && index-- == 0) {
            *request = script->requests[i];
            found = true;
        }
    }
    pthread_mutex_unlock(&script->lock);
    return found;
}
