/* Opening the store, its log, and closing it. */
#ifndef POMEX_SQ_OPEN_H
#define POMEX_SQ_OPEN_H

#include "store/sqlite/sqlite.h"

/* See backend.h. */
bool pomex_sq_check(const pomex_store_options *options, char *why, size_t why_size);
void *pomex_sq_open(const pomex_store_options *options, const atomic_bool *closing,
                    enum pomex_store_answer *answer, char *why, size_t why_size);
void pomex_sq_close(void *self);

/* Whether the log has grown so long that it is copied back into the file, and the copying. */
bool pomex_sq_wants_checkpoint(const pomex_sq *self);
bool pomex_sq_checkpoint(pomex_sq *self);

#endif
