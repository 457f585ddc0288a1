/* The text of the .sql files, and the version that this program works on. */
#ifndef POMEX_PQ_SCHEMA_H
#define POMEX_PQ_SCHEMA_H

#include <stdint.h>

enum { POMEX_PQ_VERSION = 2 };

/* Step n leads from version n + 1 to n + 2; the last is NULL. */
extern const char *const pomex_pq_steps[];

/* The tables, and the functions; made by CMake from the files. */
extern const char pomex_pq_tables[];
extern const char pomex_pq_functions[];

#endif
