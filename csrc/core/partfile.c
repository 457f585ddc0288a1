#include "partfile.h"

#include "fileio.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a part may be renamed away by others between our open and our lock. */
#define OPEN_TRIES 16
#define MAX_NOTE   4096

struct pomex_partfile {
    char *path; /* the final name; the others are made from it */
    char *part;
    char *note;
    char *task;
    char *etag;     /* strong, or NULL: then the part cannot be resumed */
    int64_t length; /* announced; -1: unknown */
    int64_t size;
    int fd;
    pid_t owner; /* a forked child must neither unlock nor remove what its parent writes */
    bool finished;
    char why[512];
};

/* -------------------------------------------------------------------------------- the note */

/* RFC 9110: a quoted string without W/ before it; it goes into a header as it is. */
bool pomex_partfile_strong(const char *etag)
{
    size_t length = etag ? strlen(etag) : 0;
    if (length < 2 || length > 1024 || etag[0] != '"' || etag[length - 1] != '"')
        return false;
    for (size_t i = 1; i < length - 1; i++) {
        unsigned char c = (unsigned char)etag[i];
        if (c <= 0x20 || c == '"' || c == 0x7f)
            return false;
    }
    return true;
}

static json_t *read_note(const char *path)
{
    char text[MAX_NOTE];
    struct stat info;
    json_t *note = NULL;
    int fd = pomex_file_open(path, O_RDONLY, 0);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        ssize_t count = pread(fd, text, sizeof text, 0);
        if (count > 0 && count < (ssize_t)sizeof text)
            note = pomex_json_parse(text, (size_t)count);
    }
    close(fd);
    return note;
}

/* Takes over what the note says, if it is of this task and fits the part. */
static void load_note(pomex_partfile *file)
{
    json_t *note = read_note(file->note);
    const char *task = pomex_json_string(note, "task");
    const char *etag = pomex_json_string(note, "etag");
    double length = json_number_value(json_object_get(note, "length"));
    if (task && strcmp(task, file->task) == 0 && pomex_partfile_strong(etag) &&
        length >= (double)file->size && length >= 1 && length < 9e15) {
        file->etag = strdup(etag);
        file->length = file->etag ? (int64_t)length : -1;
    }
    json_decref(note);
}

static char *note_text(const pomex_partfile *file, size_t *size)
{
    json_t *note = json_object();
    char *text = NULL;
    if (json_object_set_new(note, "task", json_string(file->task)) == 0 &&
        json_object_set_new(note, "etag", json_string(file->etag)) == 0 &&
        json_object_set_new(note, "length", json_integer(file->length)) == 0)
        text = pomex_json_text(note, size);
    json_decref(note);
    return text;
}

/* Written under another name first: a note is whole or not there. */
static bool save_note(pomex_partfile *file, char *why, size_t why_size)
{
    size_t size = 0;
    char *text = note_text(file, &size);
    char *draft = NULL;
    int64_t at = 0;
    bool saved = false;
    if (text && size < MAX_NOTE && asprintf(&draft, "%s~", file->note) > 0) {
        unlink(draft);
        int fd = pomex_file_open(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
        saved = fd >= 0 && pomex_file_write(fd, text, size, &at);
        if (fd >= 0 && close(fd) != 0)
            saved = false;
        saved = saved && rename(draft, file->note) == 0;
        if (!saved) {
            pomex_file_say_errno(why, why_size, draft);
            unlink(draft);
        }
    } else {
        pomex_file_say(why, why_size, "cannot write %s: out of memory", file->note);
    }
    free(draft);
    free(text);
    return saved;
}

/* --------------------------------------------------------------------------------- opening */

/* Renaming would replace whatever has the final name: only a regular file may be. */
static bool may_replace(const char *path, char *why, size_t why_size)
{
    struct stat info;
    size_t length = strlen(path);
    if (length == 0)
        return pomex_file_say(why, why_size, "the path to save to is empty");
    if (lstat(path, &info) != 0)
        return path[length - 1] != '/' || pomex_file_say(why, why_size, "%s is a folder", path);
    if (S_ISREG(info.st_mode))
        return true;
    const char *kind = S_ISDIR(info.st_mode)   ? "a folder"
                       : S_ISLNK(info.st_mode) ? "a symbolic link"
                                               : "no regular file";
    return pomex_file_say(why, why_size, "%s is %s", path, kind);
}

/* Whether the part's name still leads to the descriptor, and to nothing else. */
static bool is_in_place(const pomex_partfile *file)
{
    struct stat named;
    struct stat opened;
    return fstat(file->fd, &opened) == 0 && lstat(file->part, &named) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

static bool is_plain(pomex_partfile *file, char *why, size_t why_size)
{
    struct stat info;
    if (fstat(file->fd, &info) != 0)
        return pomex_file_say_errno(why, why_size, file->part);
    if (!S_ISREG(info.st_mode))
        return pomex_file_say(why, why_size, "%s is no regular file", file->part);
    if (info.st_nlink > 1)
        return pomex_file_say(why, why_size, "%s is a hard link to another file", file->part);
    file->size = info.st_size;
    return true;
}

static bool lock(pomex_partfile *file, char *why, size_t why_size)
{
    int result;
    do {
        result = flock(file->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return pomex_file_say(why, why_size, "%s is being downloaded already", file->path);
    return pomex_file_say(why, why_size, "cannot lock %s: %s", file->part, strerror(errno));
}

static bool open_part(pomex_partfile *file, char *why, size_t why_size)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        file->fd = pomex_file_open(file->part, O_RDWR | O_CREAT, 0666);
        if (file->fd < 0 && errno == ELOOP)
            return pomex_file_say(why, why_size, "%s is a symbolic link", file->part);
        if (file->fd < 0)
            return pomex_file_say_errno(why, why_size, file->part);
        if (!is_plain(file, why, why_size) || !lock(file, why, why_size))
            return false;
        /* Whoever held the lock before may have finished the file or removed it. */
        if (is_in_place(file))
            return is_plain(file, why, why_size);
        close(file->fd);
        file->fd = -1;
    }
    return pomex_file_say(why, why_size, "%s is being downloaded already", file->path);
}

static void release(pomex_partfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file->part);
    free(file->note);
    free(file->task);
    free(file->etag);
    free(file);
}

static pomex_partfile *named(const char *path, const char *task)
{
    pomex_partfile *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->fd = -1;
    file->length = -1;
    file->owner = getpid();
    file->path = strdup(path);
    file->task = strdup(task);
    if (asprintf(&file->part, "%s.part", path) < 0)
        file->part = NULL;
    if (asprintf(&file->note, "%s.part.note", path) < 0)
        file->note = NULL;
    if (file->path && file->task && file->part && file->note)
        return file;
    release(file);
    return NULL;
}

pomex_partfile *pomex_partfile_open(const char *path, const char *task, char *why,
                                    size_t why_size)
{
    if (!may_replace(path, why, why_size))
        return NULL;
    pomex_partfile *file = named(path, task);
    if (!file) {
        pomex_file_say(why, why_size, "cannot write %s: out of memory", path);
        return NULL;
    }
    if (!open_part(file, why, why_size)) {
        release(file);
        return NULL;
    }
    if (file->size > 0)
        load_note(file);
    if (file->size > 0 && !file->etag) {
        if (ftruncate(file->fd, 0) != 0) {
            pomex_file_say_errno(why, why_size, file->part);
            release(file);
            return NULL;
        }
        file->size = 0;
    }
    return file;
}

/* ------------------------------------------------------------------------------- the bytes */

int64_t pomex_partfile_resume_from(const pomex_partfile *file)
{
    if (!file->etag || file->length < 1)
        return 0;
    return file->size < file->length ? file->size : file->length - 1;
}

const char *pomex_partfile_etag(const pomex_partfile *file)
{
    return file->etag;
}

int64_t pomex_partfile_length(const pomex_partfile *file)
{
    return file->length;
}

int64_t pomex_partfile_size(const pomex_partfile *file)
{
    return file->size;
}

const char *pomex_partfile_why(const pomex_partfile *file)
{
    return file->why;
}

static bool continues(const pomex_partfile *file, int64_t offset, int64_t length,
                      const char *etag)
{
    return offset <= file->size && file->etag && (!etag || strcmp(etag, file->etag) == 0) &&
           (length < 0 || length == file->length);
}

bool pomex_partfile_begin(pomex_partfile *file, int64_t offset, int64_t length,
                          const char *etag, char *why, size_t why_size)
{
    if (offset < 0 || (offset > 0 && !continues(file, offset, length, etag)))
        return pomex_file_say(why, why_size, "the answer does not continue what %s holds",
                              file->part);
    /* Cut before the note is changed: bytes must never stand under a note that is not theirs.
     */
    if (ftruncate(file->fd, (off_t)offset) != 0)
        return pomex_file_say_errno(why, why_size, file->part);
    file->size = offset;
    file->why[0] = '\0';
    if (offset > 0)
        return true;
    char *kept = pomex_partfile_strong(etag) && length > 0 ? strdup(etag) : NULL;
    free(file->etag);
    file->etag = kept;
    file->length = length;
    if (kept)
        return save_note(file, why, why_size);
    if (unlink(file->note) != 0 && errno != ENOENT)
        return pomex_file_say_errno(why, why_size, file->note);
    return true;
}

bool pomex_partfile_write(pomex_partfile *file, const void *bytes, size_t count)
{
    if (file->why[0])
        return false;
    if (file->length >= 0 && (uint64_t)count > (uint64_t)(file->length - file->size))
        return pomex_file_say(file->why, sizeof file->why,
                              "%s: the server sent more than the %lld bytes it announced",
                              file->part, (long long)file->length);
    if (!pomex_file_write(file->fd, bytes, count, &file->size))
        return pomex_file_say_errno(file->why, sizeof file->why, file->part);
    return true;
}

size_t pomex_partfile_head(const pomex_partfile *file, char *bytes, size_t size)
{
    ssize_t count = pread(file->fd, bytes, size, 0);
    return count > 0 ? (size_t)count : 0;
}

/* --------------------------------------------------------------------------------- the end */

static bool is_whole(pomex_partfile *file, char *why, size_t why_size)
{
    struct stat info;
    if (file->why[0])
        return pomex_file_say(why, why_size, "%s", file->why);
    if (file->size == 0)
        return pomex_file_say(why, why_size, "%s is empty", file->part);
    if (file->length >= 0 && file->size != file->length)
        return pomex_file_say(why, why_size, "%s has %lld of %lld bytes", file->part,
                              (long long)file->size, (long long)file->length);
    if (!is_in_place(file) || fstat(file->fd, &info) != 0 || info.st_size != file->size)
        return pomex_file_say(why, why_size, "%s was changed by another process", file->part);
    return true;
}

/* Some file systems (NFS, quotas) tell only at a close that bytes did not fit. */
static bool is_stored(const pomex_partfile *file, bool sync)
{
    if (sync)
        return fsync(file->fd) == 0;
    int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 || close(copy) == 0;
}

static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced;
}

bool pomex_partfile_finish(pomex_partfile *file, bool sync, char *why, size_t why_size)
{
    if (!is_whole(file, why, why_size) || !may_replace(file->path, why, why_size))
        return false;
    if (!is_stored(file, sync))
        return pomex_file_say_errno(why, why_size, file->part);
    if (rename(file->part, file->path) != 0)
        return pomex_file_say_errno(why, why_size, file->path);
    file->finished = true;
    unlink(file->note);
    if (sync && !sync_folder(file->path))
        return pomex_file_say(why, why_size, "%s is saved, but its folder cannot be synced: %s",
                              file->path, strerror(errno));
    return true;
}

void pomex_partfile_close(pomex_partfile *file)
{
    if (!file)
        return;
    if (file->owner == getpid()) {
        bool resumable = file->etag && file->size > 0;
        if (!file->finished && !resumable && is_in_place(file)) {
            unlink(file->note);
            unlink(file->part);
        }
        /* A child of a fork may still hold a copy of the descriptor, and so of the lock. */
        flock(file->fd, LOCK_UN);
    }
    release(file);
}
