#include "model.h"

#include <string.h>

void model_init(store_model *model)
{
    memset(model, 0, sizeof *model);
    model->money_cap = model->videos_cap = -1;
    for (size_t i = 0; i < sizeof model->owner / sizeof *model->owner; i++)
        model->owner[i] = -1;
}

/* The sums are sums here. */
static void hold(store_model *model, model_attempt *attempt, int64_t held, int counted,
                 int in_flight)
{
    model->money += held - attempt->held;
    model->videos += counted - attempt->counted;
    model->tasks += in_flight - attempt->in_flight;
    attempt->held = held;
    attempt->counted = counted;
    attempt->in_flight = in_flight;
}

enum pomex_store_verdict model_put(store_model *model, int number, int line)
{
    model_job *job = &model->jobs[number];
    if (!job->there) {
        *job = (model_job){.there = true, .line = line, .state = POMEX_STORE_READY};
        return POMEX_STORE_NEW;
    }
    if (job->line == line)
        return POMEX_STORE_SAME;
    if (job->attempt_count > 0 || job->state != POMEX_STORE_READY)
        return POMEX_STORE_CONFLICT;
    job->line = line;
    job->worker = 0;
    job->fence++;
    job->stuck = job->deaths = 0;
    return POMEX_STORE_CHANGED;
}

bool model_is_claimable(const model_job *job)
{
    return job->there && job->worker == 0 && !job->stuck &&
           (job->state == POMEX_STORE_READY || job->state == POMEX_STORE_POLLING ||
            job->state == POMEX_STORE_SAVING);
}

void model_claim(model_job *job, int64_t worker)
{
    job->worker = worker;
    job->fence++;
}

enum pomex_store_answer model_begin(store_model *model, int number, int64_t worker,
                                    int64_t fence, int attempt, int64_t cost)
{
    model_job *job = &model->jobs[number];
    if (attempt >= 1 && attempt <= job->attempt_count) {
        const model_attempt *old = &job->attempts[attempt];
        bool same = old->worker == worker && old->fence == fence && old->stage < 0 &&
                    job->state == POMEX_STORE_SENDING && attempt == job->attempt_count;
        return same ? POMEX_STORE_KNOWN : POMEX_STORE_STALE;
    }
    if (job->worker != worker || job->fence != fence || job->state != POMEX_STORE_READY ||
        attempt != job->attempt_count + 1)
        return POMEX_STORE_STALE;
    if ((model->videos_cap >= 0 && model->videos + 1 > model->videos_cap) ||
        (model->money_cap >= 0 && model->money + cost > model->money_cap))
        return POMEX_STORE_LATER;
    job->attempt_count++;
    model_attempt *made = &job->attempts[job->attempt_count];
    *made = (model_attempt){.stage = -1, .cost = cost, .worker = worker, .fence = fence};
    hold(model, made, cost, 1, 1);
    job->state = POMEX_STORE_SENDING;
    return POMEX_STORE_YES;
}

static enum pomex_store_answer has_task(store_model *model, int number, model_attempt *attempt,
                                        int task)
{
    model_job *job = &model->jobs[number];
    bool known = model->owner[task] == number;
    if (model->owner[task] >= 0 && !known)
        return POMEX_STORE_REFUSED;
    model->owner[task] = number;
    if (attempt->task == 0) {
        attempt->task = task;
        if (attempt->stage < POMEX_STORE_ENDED)
            hold(model, attempt, attempt->cost, 1, 1);
        if (attempt->stage < POMEX_STORE_TASK)
            attempt->stage = POMEX_STORE_TASK;
    }
    bool waits = job->state == POMEX_STORE_READY || job->state == POMEX_STORE_SENDING ||
                 job->state == POMEX_STORE_UNCLEAR;
    if (waits && (job->task == 0 || job->task == task)) {
        job->task = task;
        job->state = POMEX_STORE_POLLING;
        job->deaths = 0;
        if (attempt->stage < POMEX_STORE_ENDED)
            hold(model, attempt, attempt->cost, 1, 1);
        return POMEX_STORE_YES;
    }
    return known ? POMEX_STORE_KNOWN : POMEX_STORE_SECOND;
}

static void end(model_job *job, enum pomex_store_state state)
{
    job->state = state;
    job->deaths = 0;
    if (state >= POMEX_STORE_DONE && state <= POMEX_STORE_EXPIRED)
        job->worker = 0;
}

static enum pomex_store_answer has_ended(store_model *model, int number, int which, int task,
                                         enum pomex_store_state outcome, int64_t cost,
                                         int is_free)
{
    model_job *job = &model->jobs[number];
    model_attempt *attempt = &job->attempts[which];
    enum pomex_store_answer answer = POMEX_STORE_YES;
    if (attempt->stage >= POMEX_STORE_ENDED)
        return POMEX_STORE_KNOWN;
    if (task && !attempt->task) {
        answer = has_task(model, number, attempt, task);
        if (answer == POMEX_STORE_REFUSED)
            return answer;
    }
    attempt->stage = outcome == POMEX_STORE_SAVING ? POMEX_STORE_MADE : POMEX_STORE_ENDED;
    hold(model, attempt, is_free ? 0 : cost >= 0 ? cost : attempt->cost, !is_free, 0);
    bool looked_at = job->task ? job->task == attempt->task : job->attempt_count == which;
    if (looked_at && (job->state == POMEX_STORE_SENDING || job->state == POMEX_STORE_UNCLEAR ||
                      job->state == POMEX_STORE_POLLING))
        end(job, outcome);
    return answer == POMEX_STORE_SECOND ? answer : POMEX_STORE_YES;
}

enum pomex_store_answer model_fact(store_model *model, int number, int which,
                                   enum pomex_store_fact_kind kind, int task,
                                   enum pomex_store_state outcome, int64_t cost, int is_free)
{
    model_job *job = &model->jobs[number];
    if (which < 1 || which > job->attempt_count)
        return POMEX_STORE_MISSING;
    model_attempt *attempt = &job->attempts[which];
    if (kind == POMEX_STORE_TASK)
        return has_task(model, number, attempt, task);
    if (kind == POMEX_STORE_ENDED)
        return has_ended(model, number, which, task, outcome, cost, is_free);
    if (attempt->stage >= 0)
        return POMEX_STORE_KNOWN;
    attempt->stage = (int)kind;
    hold(model, attempt, 0, 0, 0);
    if (which == job->attempt_count && job->task == 0 &&
        (job->state == POMEX_STORE_SENDING || job->state == POMEX_STORE_UNCLEAR))
        end(job, POMEX_STORE_READY);
    return POMEX_STORE_YES;
}

enum pomex_store_answer model_move(store_model *model, int number, int64_t worker,
                                   int64_t fence, enum pomex_store_state from,
                                   enum pomex_store_state to, bool sum)
{
    model_job *job = &model->jobs[number];
    if (from != to && job->state == to && job->fence == fence)
        return POMEX_STORE_KNOWN;
    bool unclear = to == POMEX_STORE_UNCLEAR &&
                   (from == POMEX_STORE_SENDING || from == POMEX_STORE_POLLING);
    bool stays = from == to && (from == POMEX_STORE_READY || from == POMEX_STORE_POLLING ||
                                from == POMEX_STORE_SAVING);
    bool done = from == POMEX_STORE_SAVING && to == POMEX_STORE_DONE;
    if (!unclear && !stays && !done)
        return POMEX_STORE_REFUSED;
    if (job->worker != worker || job->fence != fence || job->state != from)
        return POMEX_STORE_STALE;
    if (done && !job->sum)
        return POMEX_STORE_REFUSED;
    if (unclear) {
        model_attempt *attempt = &job->attempts[job->attempt_count];
        hold(model, attempt, attempt->held, attempt->counted, 0);
        attempt->over = 1;
    }
    if (unclear || done)
        job->worker = 0;
    if (to == POMEX_STORE_POLLING)
        job->deaths = 0;
    job->sum = job->sum || sum;
    job->state = to;
    return POMEX_STORE_YES;
}

void model_release(store_model *model, int number, int64_t worker)
{
    model_job *job = &model->jobs[number];
    if (job->worker == worker && job->state != POMEX_STORE_SENDING)
        job->worker = 0;
}

void model_bury(store_model *model, int64_t worker)
{
    for (int i = 0; i < MODEL_JOBS; i++) {
        model_job *job = &model->jobs[i];
        if (!job->there || job->worker != worker)
            continue;
        job->worker = 0;
        job->fence++;
        if (job->state == POMEX_STORE_SENDING) {
            model_attempt *attempt = &job->attempts[job->attempt_count];
            hold(model, attempt, attempt->held, attempt->counted, 0);
            job->state = POMEX_STORE_UNCLEAR;
        } else if (job->state != POMEX_STORE_POLLING) {
            job->stuck = ++job->deaths >= 3 || job->stuck;
        }
    }
}

static void set_free(model_job *job, enum pomex_store_state state)
{
    job->state = state;
    job->worker = 0;
    job->fence++;
    job->stuck = job->deaths = 0;
}

/* `cost`: of one that the store knows nothing of; below 0: only what is unclear is adopted. */
static enum pomex_store_answer adopt(store_model *model, int number, int task, int64_t cost)
{
    model_job *job = &model->jobs[number];
    model_attempt *attempt = &job->attempts[job->attempt_count];
    bool has = job->attempt_count > 0, cancelled = job->state == POMEX_STORE_CANCELLED;
    bool is_new =
        job->state != POMEX_STORE_UNCLEAR && !(cancelled && has && attempt->stage < 0);
    if (is_new && (cost < 0 || (job->state != POMEX_STORE_READY && !cancelled)))
        return POMEX_STORE_REFUSED;
    if (is_new && cancelled && has &&
        (attempt->stage == POMEX_STORE_TASK || attempt->stage == POMEX_STORE_MADE))
        return POMEX_STORE_REFUSED;
    if (model->owner[task] >= 0 && (is_new || model->owner[task] != number))
        return POMEX_STORE_REFUSED;
    if (is_new) {
        attempt = &job->attempts[++job->attempt_count];
        *attempt = (model_attempt){.cost = cost, .fence = job->fence};
    }
    model->owner[task] = number;
    attempt->task = job->task = task;
    attempt->stage = POMEX_STORE_TASK;
    hold(model, attempt, attempt->cost, 1, 1);
    set_free(job, POMEX_STORE_POLLING);
    return POMEX_STORE_YES;
}

/* Whether the job was cancelled while the video that it has the id of was being saved. */
static bool was_being_saved(const model_job *job)
{
    bool made = false;
    for (int i = 1; i <= job->attempt_count; i++)
        made |=
            job->attempts[i].task == job->task && job->attempts[i].stage == POMEX_STORE_MADE;
    return job->state == POMEX_STORE_CANCELLED && job->task != 0 && made;
}

enum pomex_store_answer model_person(store_model *model, enum pomex_store_verb verb, int number,
                                     int task, int64_t cost, int not_billed)
{
    model_job *job = &model->jobs[number];
    model_attempt *attempt = &job->attempts[job->attempt_count];
    bool over = job->state == POMEX_STORE_FAILED || job->state == POMEX_STORE_CANCELLED ||
                job->state == POMEX_STORE_EXPIRED;
    bool unclear, made = was_being_saved(job);
    switch (verb) {
    case POMEX_STORE_RETRY:
        if (!over && !job->stuck)
            return POMEX_STORE_REFUSED;
        unclear = over && !made && job->attempt_count > 0 &&
                  (attempt->stage < 0 || attempt->stage == POMEX_STORE_TASK);
        set_free(job, !over     ? job->state
                      : made    ? POMEX_STORE_SAVING
                      : unclear ? POMEX_STORE_UNCLEAR
                                : POMEX_STORE_READY);
        if (over && !unclear && !made)
            job->task = job->sum = 0;
        return POMEX_STORE_YES;
    case POMEX_STORE_RESEND:
        if (job->state != POMEX_STORE_UNCLEAR)
            return POMEX_STORE_REFUSED;
        set_free(job, POMEX_STORE_READY);
        job->task = 0;
        return POMEX_STORE_YES;
    case POMEX_STORE_ADOPT:
        return adopt(model, number, task, cost);
    case POMEX_STORE_RESOLVE:
        if (job->attempt_count == 0)
            return POMEX_STORE_MISSING;
        if (job->state == POMEX_STORE_SENDING)
            return POMEX_STORE_REFUSED;
        if (not_billed)
            hold(model, attempt, 0, 0, attempt->in_flight);
        return POMEX_STORE_YES;
    default: /* CANCEL */
        if (job->state == POMEX_STORE_CANCELLED)
            return POMEX_STORE_KNOWN;
        if (job->state != POMEX_STORE_READY && job->state != POMEX_STORE_POLLING &&
            job->state != POMEX_STORE_SAVING && job->state != POMEX_STORE_UNCLEAR)
            return POMEX_STORE_REFUSED;
        set_free(job, POMEX_STORE_CANCELLED);
        return POMEX_STORE_YES;
    }
}
