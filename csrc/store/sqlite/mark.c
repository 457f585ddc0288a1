/* The mark of place.h, and the two places out of the store where it stands, too. */
#include "store/sqlite/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file of a fixed size for all stores of a user: where two stores have one slot, the later one
 * has it, and of the other only the mark beside it is known. */
enum { SLOTS = 4096 };

struct slot {
    uint64_t store;
    int64_t mark;
};

/* Makes the folders of a path that are behind its first `there` bytes. */
static void make_folders(char *path, size_t there)
{
    for (char *at = strchr(path + there + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0700); /* whether it is there is seen when the file is opened */
        *at = '/';
    }
}

/* The name of this file on this machine: FNV-1a of its lineage. */
static uint64_t name_of(const pomex_sq *self)
{
    char lineage[POMEX_SQ_LINEAGE];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    pomex_sq_lineage(self, lineage, sizeof lineage);
    for (const char *at = lineage; *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return hash;
}

void pomex_sq_marks_open(pomex_sq *self)
{
    const char *state = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    char path[4096];
    int length;
    if (state && *state == '/')
        length = snprintf(path, sizeof path, "%s/pomex/marks", state);
    else if (home && *home == '/')
        length = snprintf(path, sizeof path, "%s/.local/state/pomex/marks", home);
    else
        return;
    if (length < 0 || (size_t)length >= sizeof path)
        return;
    make_folders(path, strlen(state && *state == '/' ? state : home) - 1);
    self->marks = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    self->name = name_of(self);
}

static off_t place_of(uint64_t store)
{
    return (off_t)(store % SLOTS * sizeof(struct slot));
}

int64_t pomex_sq_mark_known(const pomex_sq *self)
{
    struct slot slot = {0, 0};
    int64_t beside = 0;
    if (pread(self->lock, &beside, sizeof beside, 0) != (ssize_t)sizeof beside)
        beside = 0;
    if (self->marks < 0 ||
        pread(self->marks, &slot, sizeof slot, place_of(self->name)) != (ssize_t)sizeof slot ||
        slot.store != self->name)
        return beside;
    return slot.mark > beside ? slot.mark : beside;
}

static bool is_beside(const pomex_sq *self)
{
    struct stat at;
    return fstat(self->lock, &at) != 0 || at.st_size >= (off_t)sizeof self->mark;
}

bool pomex_sq_mark_fits(const pomex_sq *self)
{
    return self->mark >= pomex_sq_mark_known(self) && (self->mark == 0 || is_beside(self));
}

void pomex_sq_mark_begin(const pomex_sq *self)
{
    /* Where the power fails, that there is one must be known. */
    if (!is_beside(self) &&
        pwrite(self->lock, &self->mark, sizeof self->mark, 0) == (ssize_t)sizeof self->mark)
        fsync(self->lock);
}

static int64_t value_in(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

int64_t pomex_sq_mark_in(sqlite3 *db)
{
    return value_in(db, "SELECT value FROM meta WHERE name = 'mark'");
}

/* The mark of the file alone, without what its log adds. 0: it cannot be told. */
static int64_t mark_without_log(const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    char name[3 * 4096 + 32] = "file:";
    size_t length = strlen(name);
    sqlite3 *db = NULL;
    int64_t mark = 0;
    for (; *path && length < sizeof name - 32; path++) {
        unsigned char byte = (unsigned char)*path;
        name[length++] = '%';
        name[length++] = hex[byte >> 4];
        name[length++] = hex[byte & 15];
    }
    snprintf(name + length, sizeof name - length, "?immutable=1");
    if (sqlite3_open_v2(name, &db,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_PRIVATECACHE,
                        NULL) == SQLITE_OK)
        mark = pomex_sq_mark_in(db);
    sqlite3_close(db);
    return mark;
}

/* What a checkpoint has synced stays in the file, so that the file's own mark never falls. `base` is
 * how large it was then: it is written with the marks that follow, and so stands in every log. */
bool pomex_sq_log_fits(sqlite3 *db, const char *path, int64_t *base, char *why, size_t why_size)
{
    int64_t alone = mark_without_log(path);
    *base = value_in(db, "SELECT value FROM meta WHERE name = 'base'");
    if (alone == 0 || alone >= *base)
        return true;
    snprintf(
        why, why_size,
        "%s was put back from a copy, and %s-wal beside it is the log of a later state: move "
        "%s-wal and %s-shm away, and nothing else",
        path, path, path, path);
    return false;
}

void pomex_sq_raise_mark(pomex_sq *self)
{
    if (self->base > self->noted_base) {
        pomex_sq_run(self,
                     "INSERT INTO meta VALUES ('base', ?1) ON CONFLICT DO UPDATE"
                     " SET value = max(value, excluded.value)",
                     "i", self->base);
        self->noted_base = self->base;
    }
    pomex_sq_run(self, "UPDATE meta SET value = value + 1 WHERE name = 'mark'", "");
    self->mark = pomex_sq_number(self, 0, "SELECT value FROM meta WHERE name = 'mark'", "");
}

void pomex_sq_write_mark(const pomex_sq *self)
{
    struct slot slot = {self->name, self->mark};
    /* What is known stays so until a person said continue. */
    if (self->foreign)
        return;
    /* Neither is synced: a mark that is too small only fails to notice. */
    if (pwrite(self->lock, &slot.mark, sizeof slot.mark, 0) < 0)
        return;
    if (self->marks >= 0 && pwrite(self->marks, &slot, sizeof slot, place_of(self->name)) < 0)
        return;
}
