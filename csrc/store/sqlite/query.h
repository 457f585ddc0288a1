/* Reading whole jobs for the caller. */
#ifndef POMEX_SQ_QUERY_H
#define POMEX_SQ_QUERY_H

#include "store/sqlite/sqlite.h"

/* The job of that id, its texts in the request's memory. False notes an error. */
bool pomex_sq_read_job(pomex_sq *self, pomex_store_request *request, int64_t id,
                       pomex_store_job *job);

#endif
