/* The own part of a wait, which the files that make up waits share, and how a wait words its end. */
#ifndef POMEX_WAITING_H
#define POMEX_WAITING_H

#include "operation/operation.h"
#include "rules/rules.h"

struct pomex_wait {
    double pause; /* until the next look, before jitter */
    double factor;
    double max;
    double timeout;
    int64_t lead;       /* how long before the deadline the last look begins */
    int64_t last_at;    /* when the latest look began */
    int64_t not_before; /* the service asked for no look before that */
    bool own_max;       /* the caller of this wait chose `max` */
    bool fixed;         /* looks by the schedule alone, whatever is known of such tasks */
    bool told;          /* there is a notice that no look has followed yet */
    bool late;          /* the deadline was extended for a look */
    bool seen;
    bool updates;        /* the caller wants news of each look */
    char status[64];     /* the latest status; "": none yet */
    uint64_t mark;       /* of the answer that said it */
    const char *trouble; /* error type of the latest look, if it failed */
    pomex_buffer look;
    pomex_durations_task task;
    int64_t alone_at; /* when the latest look at the asset alone began, or the wait */
    pomex_member member;
};

/* The time of the wait is over. */
void pomex_waiting_time_is_up(pomex_operation *op);

/* The service's `object` says that there will be nothing; its text is in the operation's reply. */
void pomex_waiting_failed(pomex_operation *op, const json_t *object);

/* The wait ends with `error` (taken over), to which its latest status is added. */
void pomex_waiting_end(pomex_operation *op, pomex_error *error);

/* The error of a wait that is cancelled between two looks. */
pomex_error *pomex_waiting_cancelled(pomex_operation *op);

/* Whether the next look must be one at the asset alone. */
bool pomex_waiting_looks_alone(const pomex_operation *operation);

/* Keeps the text of a status that a look found, and says what it means. */
enum pomex_status_class pomex_waiting_read(pomex_operation *operation, const char *status);

/* Does what the status asks for, which `object` has and the reply too; true: the wait goes on. */
bool pomex_waiting_go_by(pomex_operation *operation, enum pomex_status_class class,
                         const json_t *object);

#endif
