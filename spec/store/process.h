/* What another process does to a store's file. Of a process that has a store open no child may use
 * SQLite: so the program runs itself anew. */
#ifndef POMEX_SPEC_STORE_PROCESS_H
#define POMEX_SPEC_STORE_PROCESS_H

#include <sys/types.h>

/* Runs SQL on the file, and waits for its end. */
void process_sql(const char *path, const char *text);

/* Takes the file's write lock and keeps it, until the caller ends the process. */
pid_t process_start_writer(const char *path);

/* What the program's main returns when it was called with three words: it is such a process. */
int process_main(char **words);

#endif
