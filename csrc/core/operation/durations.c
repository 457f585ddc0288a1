#include "operation/durations.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "operation/pauses.h"
#include "operation/task_time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The service's times are whole seconds, and the answer to a create takes its way. */
#define SLACK 2.0

/* A year: no service keeps a task for so long, and as nanoseconds it is still a number. */
#define OLDEST (366 * 86400)

struct pomex_durations_kind {
    uint64_t kind;
    uint64_t last; /* the number of its latest addition */
    size_t count;
    size_t next;                    /* where the next one has its place in `came` */
    double came[POMEX_PAUSES_MOST]; /* in the order of their ends */
    double sorted[POMEX_PAUSES_MOST];
};

uint64_t pomex_durations_kind_of(const json_t *object)
{
    const char *model = pomex_json_string(object, "model");
    double seconds = json_number_value(json_object_get(object, "duration"));
    if (!model)
        return 0;
    uint64_t kind = pomex_hash_more(pomex_hash_text(model), &seconds, sizeof seconds);
    return kind ? kind : 1;
}

void pomex_durations_meet(pomex_durations_task *task, const json_t *answer, time_t date,
                          int64_t now)
{
    if (!task->kind)
        task->kind = pomex_durations_kind_of(answer);
    time_t created = pomex_task_time_said(answer, "created_at"), age = date - created;
    if (task->since == POMEX_NEVER && created >= 0 && age >= 0 && age < OLDEST)
        task->since = now - age * POMEX_SECOND;
}

static int by_length(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* The place of a kind, which is new or the longest unused if there is none yet; NULL: no memory. */
static struct pomex_durations_kind *place_of(pomex_durations *d, uint64_t kind)
{
    struct pomex_durations_kind **place = &d->kinds[0];
    for (size_t i = 0; i < POMEX_DURATIONS_KINDS; i++) {
        struct pomex_durations_kind *one = d->kinds[i];
        if (one && one->kind == kind)
            return one;
        if (*place && (!one || one->last < (*place)->last))
            place = &d->kinds[i];
    }
    if (!*place)
        *place = malloc(sizeof **place);
    if (*place)
        **place = (struct pomex_durations_kind){.kind = kind};
    return *place;
}

void pomex_durations_add(pomex_durations *d, const pomex_durations_task *task,
                         const json_t *answer, int64_t now, double widest)
{
    if (!task->kind || task->since == POMEX_NEVER)
        return;
    int64_t going = task->going_at > task->since ? task->going_at : task->since;
    double low = pomex_clock_seconds(going - task->since);
    double high = pomex_clock_seconds(now - task->since);
    if (high <= low || high - low > widest)
        return;
    double took = (low + high) / 2;
    time_t created = pomex_task_time_said(answer, "created_at");
    time_t updated = pomex_task_time_said(answer, "updated_at");
    double said = (double)(updated - created);
    if (created >= 0 && updated >= 0 && said >= low - SLACK && said <= high + SLACK)
        took = fmin(fmax(said, low), high);
    struct pomex_durations_kind *kind = took > 0 ? place_of(d, task->kind) : NULL;
    if (!kind)
        return;
    kind->last = ++d->added;
    kind->came[kind->next] = took;
    kind->next = (kind->next + 1) % POMEX_PAUSES_MOST;
    kind->count += kind->count < POMEX_PAUSES_MOST;
    memcpy(kind->sorted, kind->came, kind->count * sizeof *kind->came);
    qsort(kind->sorted, kind->count, sizeof *kind->sorted, by_length);
}

const double *pomex_durations_of(const pomex_durations *d, uint64_t kind, size_t *count)
{
    for (size_t i = 0; kind && i < POMEX_DURATIONS_KINDS; i++) {
        if (!d->kinds[i] || d->kinds[i]->kind != kind)
            continue;
        *count = d->kinds[i]->count;
        return d->kinds[i]->sorted;
    }
    *count = 0;
    return NULL;
}

void pomex_durations_free(pomex_durations *d)
{
    for (size_t i = 0; i < POMEX_DURATIONS_KINDS; i++)
        free(d->kinds[i]);
}
