#include "operation/pauses.h"

#include <math.h>

#define LONGEST  3.0 /* times the fixed pause */
#define SHORTEST 0.1

#define PIECES 12

/* Durations that are all alike say less than it seems: what is next may be shorter by so much. */
#define ALIKE 0.95

/* A stretch of a task's time in which it is looked at in even pauses. */
struct piece {
    double until;
    double length;
    double going; /* how many of the known tasks were going on in its middle */
    double rate;  /* looks a second; first only in proportion to those of other pieces */
    double least;
};

/* How many looks the fixed schedule takes in the first `age` seconds of a new task, counted as if
 * they came evenly. The pause after the first look is as long as the one before it. */
static double fixed_looks(const pomex_schedule *fixed, double age)
{
    double first = fmin(fmax(fixed->first, 1e-3), fixed->max);
    double growth = fixed->factor - 1, rest = age - first;
    if (rest <= 0)
        return age / first;
    if (growth < 1e-9 || first >= fixed->max)
        return 1 + rest / first;
    double grown = (fixed->max - first) / growth; /* from then on its pauses are `max` */
    double looks = log1p(fmin(rest, grown) * growth / first) / log1p(growth);
    return 1 + looks + fmax(rest - grown, 0) / fixed->max;
}

/* In this piece `ended` of the known tasks came to their end. Looks at a rate r cost r for each task
 * that is going on, and come 1/2r too late for each that ends: for all pieces together that is best
 * where r is in proportion to the square root of ended / going. */
static struct piece piece_of(const pomex_schedule *fixed, double from, double until,
                             double ended, double going)
{
    double length = until - from;
    double least = fixed_looks(fixed, until / LONGEST) - fixed_looks(fixed, from / LONGEST);
    return (struct piece){.until = until,
                          .length = length,
                          .going = going,
                          .rate = sqrt(ended / length / going),
                          .least = least / length};
}

/* Cuts the time until the longest duration into pieces in which about as many tasks ended. */
static size_t cut(struct piece *pieces, const pomex_schedule *fixed, const double *known,
                  size_t count)
{
    size_t step = (count + PIECES - 1) / PIECES, n = 0, before = 0;
    double from = fmin(known[0] * known[0] / known[step], ALIKE * known[0]);
    pieces[n++] = piece_of(fixed, 0, from, 0, (double)count);
    for (size_t after = 1; before < count; after += step) {
        after = after < count ? after : count;
        while (after < count && known[after] <= known[after - 1])
            after++;
        double ended = (double)(after - before), going = (double)(count - before);
        pieces[n++] = piece_of(fixed, from, known[after - 1], ended, going - ended / 2 + 0.5);
        from = known[after - 1];
        before = after;
    }
    return n;
}

/* By what the rates are multiplied so that they make `looks` looks at all known tasks together. A
 * piece that would have less than its least has that. */
static double share(const struct piece *pieces, size_t n, double looks)
{
    double times = INFINITY;
    for (;;) {
        double left = looks, weight = 0;
        for (size_t i = 0; i < n; i++) {
            const struct piece *p = &pieces[i];
            double tasks = p->length * p->going;
            if (p->rate > 0 && p->rate * times > p->least)
                weight += p->rate * tasks;
            else
                left -= p->least * tasks;
        }
        double fewer = weight > 0 ? left / weight : 0;
        if (fewer >= times)
            return times;
        times = fewer;
    }
}

double pomex_pauses_learnt(const pomex_schedule *fixed, const double *known, size_t count,
                           double elapsed)
{
    struct piece pieces[PIECES + 2];
    if (count < POMEX_PAUSES_LEAST || elapsed < 0 || elapsed >= known[count - 1])
        return -1;
    size_t n = cut(pieces, fixed, known, count);
    double looks = 0, to_go = 1, at = elapsed;
    for (size_t i = 0; i < count; i++)
        looks += fixed_looks(fixed, known[i]);
    double times = share(pieces, n, looks);
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].until <= at)
            continue;
        double rate = fmax(pieces[i].rate * times, pieces[i].least);
        double here = rate * (pieces[i].until - at);
        if (here >= to_go)
            return at + to_go / rate - elapsed;
        to_go -= here;
        at = pieces[i].until;
    }
    return at + to_go * fixed->max - elapsed;
}

double pomex_pauses_next(double fixed, double learnt, double vary)
{
    if (learnt < 0)
        return fixed * vary;
    return fmax(fmin(learnt * vary, LONGEST * fixed), SHORTEST * fixed);
}
