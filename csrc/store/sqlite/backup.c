/* `backup`: a copy of one state of the store, by SQLite's own means. The copy says of itself that
 * it is one: put back in the store's place, it begins nothing before a person said `continue`. */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 1024 };

static void say(pomex_store_request *request, const char *path, const char *why)
{
    pomex_store_answer(request, POMEX_STORE_BROKEN, "%s: %s", path, why);
}

/* Copies all pages; the reader's transaction holds the state still. */
static bool copy(pomex_sq *self, sqlite3 *to, pomex_store_request *request)
{
    const char *path = request->backup.path;
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", self->reader, "main");
    int result = backup ? SQLITE_OK : SQLITE_ERROR;
    while (result == SQLITE_OK) {
        result = sqlite3_backup_step(backup, PAGES);
        if (result == SQLITE_OK && atomic_load(self->closing))
            result = SQLITE_INTERRUPT;
    }
    if (backup)
        sqlite3_backup_finish(backup);
    if (result == SQLITE_DONE &&
        sqlite3_exec(to,
                     "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
                     "UPDATE meta SET value = 'a copy' WHERE name = 'lineage'",
                     NULL, NULL, NULL) == SQLITE_OK)
        return true;
    say(request, path, sqlite3_errmsg(to));
    return false;
}

/* Syncs a file or a folder. */
static bool sync_at(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static bool sync_folder_of(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return sync_at(".", O_RDONLY | O_DIRECTORY);
    snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return sync_at(folder, O_RDONLY | O_DIRECTORY);
}

void pomex_sq_backup(pomex_sq *self, pomex_store_request *request)
{
    const char *path = request->backup.path;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        say(request, path, strerror(errno));
        return;
    }
    close(fd); /* before SQLite has it open: see sqlite.h */
    sqlite3 *to = NULL;
    bool done = false;
    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
        SQLITE_OK)
        done = copy(self, to, request);
    else
        say(request, path, sqlite3_errmsg(to));
    sqlite3_close(to);
    if (done && !(sync_at(path, O_RDONLY) && sync_folder_of(path))) {
        say(request, path, strerror(errno));
        done = false;
    }
    if (!done)
        unlink(path);
}
