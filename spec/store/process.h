/* What another process does to a store's file. Of a process that has a store open no child may use
 * SQLite: so the program runs itself anew. */
#ifndef POMEX_SPEC_STORE_PROCESS_H
#define POMEX_SPEC_STORE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Runs SQL on the file, and waits for its end. */
void process_sql(const char *path, const char *text);

/* Takes the file's write lock and keeps it, until the caller ends the process. */
pid_t process_start_writer(const char *path);

/* Takes it and lets go of it after 0.4 s, when the process ends. */
pid_t process_start_brief_writer(const char *path);

/* The program's main begins with this: true where it is such a process, which has then ended with
 * *status. */
bool process_main(int count, char **words, int *status);

#endif
