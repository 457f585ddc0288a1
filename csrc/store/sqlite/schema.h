/* The tables, and how an older store becomes a newer one. */
#ifndef POMEX_SQ_SCHEMA_H
#define POMEX_SQ_SCHEMA_H

#include "store/sqlite/sqlite.h"

#define POMEX_SQ_APPLICATION 0x706f6d78 /* "pomx", in the file's head */

/* Step n leads from version n to version n + 1; version 0 is an empty file. */
extern const char *const pomex_sq_steps[];
extern const int pomex_sq_step_count;

/* Brings the store to version `count`, in one transaction. Refuses a file that is no store of
 * ours, a newer one, and an older one that has tables while `others` (other workers live) says so.
 * False with `why`. */
bool pomex_sq_migrate(pomex_sq *self, const char *const *steps, int count,
                      bool (*others)(pomex_sq *), char *why, size_t why_size);

/* Whether a file with this head is a store that `count` steps can read. False with `why`. */
bool pomex_sq_version_fits(const char *path, int64_t application, int64_t version,
                           int64_t tables, int count, char *why, size_t why_size);

#endif
