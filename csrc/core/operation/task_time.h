/* When the service made a task, by what it says of it. */
#ifndef POMEX_TASK_TIME_H
#define POMEX_TASK_TIME_H

#include <jansson.h>
#include <time.h>

/* Seconds since 1970 of "2026-06-19T07:02:41Z"; -1 if it is not of that form. */
time_t pomex_time_of_iso(const char *text);

/* Seconds since 1970 that a field of the task says, as a number or in the form above; -1: it does not. */
time_t pomex_task_time_said(const json_t *task, const char *field);

/* Seconds since 1970 of the task's created_at; without one, of its id, which carries that time in UTC+8 ("cgt-20260619150458-96ncj"). -1: it says neither. */
time_t pomex_task_time(const json_t *task);

#endif
