#include "process.h"

#include "cmocka_all.h"
#include "itself.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void process_sql(const char *path, const char *text)
{
    pid_t child = vfork();
    if (child == 0) {
        itself_become((const char *const[]){"--sql", path, text, NULL});
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

/* Starts `mode` on the file, and waits until it has its lock. */
static pid_t start_holder(const char *mode, const char *path)
{
    int ready[2];
    char byte, number[16];
    assert_int_equal(pipe(ready), 0);
    snprintf(number, sizeof number, "%d", ready[1]);
    pid_t child = vfork();
    if (child == 0) {
        itself_become((const char *const[]){mode, path, number, NULL});
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

pid_t process_start_writer(const char *path)
{
    return start_holder("--write", path);
}

pid_t process_start_brief_writer(const char *path)
{
    return start_holder("--brief", path);
}

static sqlite3 *hold(const char *path, const char *ready)
{
    sqlite3 *db;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        write(atoi(ready), "x", 1) != 1)
        exit(1);
    return db;
}

static _Noreturn void write_for_ever(const char *path, const char *ready)
{
    hold(path, ready);
    for (;;)
        pause();
}

static int write_for_a_while(const char *path, const char *ready)
{
    sqlite3 *db = hold(path, ready);
    usleep(400000);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}

bool process_main(int count, char **words, int *status)
{
    if (count != 4)
        return false;
    if (strcmp(words[1], "--sql") == 0)
        *status = run_sql(words[2], words[3]);
    else if (strcmp(words[1], "--brief") == 0)
        *status = write_for_a_while(words[2], words[3]);
    else
        write_for_ever(words[2], words[3]);
    return true;
}
