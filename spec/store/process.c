#include "process.h"

#include "cmocka_all.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program; /* /proc/self/exe is valgrind's, under valgrind */

void process_sql(const char *path, const char *text)
{
    pid_t child = vfork();
    if (child == 0) {
        execl(program, program, "--sql", path, text, (char *)NULL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static int run_sql(const char *path, const char *text)
{
    sqlite3 *db;
    int result = sqlite3_open(path, &db);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db, text, NULL, NULL, NULL);
    sqlite3_close(db);
    return result == SQLITE_OK ? 0 : 1;
}

pid_t process_start_writer(const char *path)
{
    int ready[2];
    char byte, number[16];
    assert_int_equal(pipe(ready), 0);
    snprintf(number, sizeof number, "%d", ready[1]);
    pid_t child = vfork();
    if (child == 0) {
        execl(program, program, "--hold", path, number, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static int hold(const char *path, const char *ready)
{
    sqlite3 *db;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        write(atoi(ready), "x", 1) != 1)
        return 1;
    for (;;)
        pause();
}

bool process_main(int count, char **words, int *status)
{
    program = words[0];
    if (count != 4)
        return false;
    *status =
        strcmp(words[1], "--sql") == 0 ? run_sql(words[2], words[3]) : hold(words[2], words[3]);
    return true;
}
