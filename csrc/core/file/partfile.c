#include "file/partfile.h"

#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often we open the part again if another process renames it between our open and our lock. */
#define OPEN_TRIES 16

struct pomex_partfile {
    char *path; /* the final name */
    pomex_partname names;
    pomex_partnote note;
    int64_t wanted; /* the length of a whole part that was asked for; 0: any part will do */
    int64_t size; /* 0 before the first byte of a part that is not resumed, whatever it holds */
    int fd;
    pid_t
        owner; /* a forked child must neither unlock nor remove the part that its parent writes */
    bool overwrite;
    bool taken; /* the part is ours: opened, and locked where that is possible */
    bool begun; /* the part holds only bytes that came since pomex_partfile_begin */
    bool whole;
    bool finished;
    char why[512];
};

/* --------------------------------------------------------------------------------- opening */

/* Whether the final name can be given: renaming would replace whatever has it. */
static bool is_free(const char *path, bool overwrite, char *why, size_t why_size)
{
    struct stat info;
    size_t length = strlen(path);
    if (length == 0)
        return pomex_fileio_say(why, why_size, "the path to save to is empty");
    if (lstat(path, &info) != 0) {
        if (path[length - 1] == '/')
            return pomex_fileio_say(why, why_size, "%s is a folder", path);
        /* If the folder is missing, opening the part reports it. */
        return errno == ENOENT || pomex_fileio_say_errno(why, why_size, path);
    }
    if (S_ISREG(info.st_mode))
        return overwrite ||
               pomex_fileio_say(why, why_size,
                                "%s exists already (overwrite = true replaces it)", path);
    const char *kind = S_ISDIR(info.st_mode)   ? "a folder"
                       : S_ISLNK(info.st_mode) ? "a symbolic link"
                                               : "no regular file";
    return pomex_fileio_say(why, why_size, "%s is %s", path, kind);
}

static bool is_plain(const pomex_partfile *file, int64_t *held, char *why, size_t why_size)
{
    struct stat info;
    const char *part = file->names.part;
    if (fstat(file->fd, &info) != 0)
        return pomex_fileio_say_errno(why, why_size, part);
    if (!S_ISREG(info.st_mode))
        return pomex_fileio_say(why, why_size, "%s is no regular file", part);
    if (info.st_nlink > 1)
        return pomex_fileio_say(why, why_size, "%s is a hard link to another file", part);
    *held = info.st_size;
    return true;
}

/* True also if the file system has no locks. */
static bool lock(const pomex_partfile *file, char *why, size_t why_size)
{
    int result;
    do {
        result = flock(file->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK)
        return true;
    if (errno == EWOULDBLOCK)
        return pomex_fileio_say(why, why_size, "%s is being downloaded already", file->path);
    return pomex_fileio_say(why, why_size, "cannot lock %s: %s", file->names.part,
                            strerror(errno));
}

static bool open_part(pomex_partfile *file, int64_t *held, char *why, size_t why_size)
{
    const char *part = file->names.part;
    for (int i = 0; i < OPEN_TRIES; i++) {
        /* A daemon such as nginx has umask 0, and the video is of a person: whatever the umask, it
         * is written by its owner alone. */
        file->fd = pomex_fileio_open(part, O_RDWR | O_CREAT, 0644);
        if (file->fd < 0 && errno == ELOOP)
            return pomex_fileio_say(why, why_size, "%s is a symbolic link", part);
        if (file->fd < 0)
            return pomex_fileio_say_errno(why, why_size, part);
        if (!is_plain(file, held, why, why_size) || !lock(file, why, why_size))
            return false;
        /* Whoever held the lock before may have finished the file or removed it. */
        if (pomex_fileio_is_at(file->fd, part))
            return file->taken = is_plain(file, held, why, why_size);
        close(file->fd);
        file->fd = -1;
    }
    return pomex_fileio_say(why, why_size, "%s is being downloaded already", file->path);
}

/* Keeps the bytes of the part if its note names this task and fits them. */
static bool take_over(pomex_partfile *file, const char *task, int64_t held, char *why,
                      size_t why_size)
{
    if (held == 0)
        return true;
    pomex_partnote noted;
    bool ours = pomex_partnote_read(&noted, file->names.note);
    bool fits = file->wanted ? held == file->wanted : noted.etag && noted.length >= held;
    if (ours && strcmp(noted.task, task) == 0 && fits) {
        pomex_partnote_free(&file->note);
        file->note = noted;
        file->size = held;
        return true;
    }
    pomex_partnote_free(&noted);
    return ours || file->overwrite ||
           pomex_fileio_say(why, why_size,
                            "%s is there already, without a note of ours beside it "
                            "(overwrite = true replaces it)",
                            file->names.part);
}

static void release(pomex_partfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    pomex_partname_free(&file->names);
    pomex_partnote_free(&file->note);
    free(file);
}

static pomex_partfile *named(const char *path, const char *task)
{
    pomex_partfile *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->fd = -1;
    file->owner = getpid();
    file->path = strdup(path);
    file->note = (pomex_partnote){.task = strdup(task), .length = -1};
    if (pomex_partname_make(&file->names, path) && file->path && file->note.task)
        return file;
    release(file);
    return NULL;
}

static pomex_partfile *open_for(const char *path, const char *task, int64_t wanted,
                                bool overwrite, char *why, size_t why_size)
{
    int64_t held = 0;
    if (!is_free(path, overwrite, why, why_size))
        return NULL;
    pomex_partfile *file = named(path, task);
    if (!file) {
        pomex_fileio_say(why, why_size, "cannot write %s: out of memory", path);
        return NULL;
    }
    file->overwrite = overwrite;
    file->wanted = wanted;
    errno = ENAMETOOLONG;
    bool fits =
        pomex_partname_fits(&file->names) || pomex_fileio_say_errno(why, why_size, path);
    /* Look at the final name again: another process may have given it before we had the lock. */
    if (fits && open_part(file, &held, why, why_size) &&
        is_free(path, overwrite, why, why_size) && take_over(file, task, held, why, why_size))
        return file;
    pomex_partfile_close(file);
    return NULL;
}

pomex_partfile *pomex_partfile_open(const char *path, const char *task, bool overwrite,
                                    char *why, size_t why_size)
{
    return open_for(path, task, 0, overwrite, why, why_size);
}

pomex_partfile *pomex_partfile_open_whole(const char *path, const char *task, int64_t length,
                                          char *why, size_t why_size)
{
    pomex_partfile *file = open_for(path, task, length, false, why, why_size);
    if (!file || file->size == length)
        return file;
    pomex_fileio_say(why, why_size, "%s is not the whole video", file->names.part);
    pomex_partfile_close(file);
    return NULL;
}

/* ------------------------------------------------------------------------------- the bytes */

int64_t pomex_partfile_resume_from(const pomex_partfile *file)
{
    const pomex_partnote *note = &file->note;
    if (!note->etag || note->length < 1)
        return 0;
    return file->size < note->length ? file->size : note->length - 1;
}

const char *pomex_partfile_etag(const pomex_partfile *file)
{
    return file->note.etag;
}

int64_t pomex_partfile_length(const pomex_partfile *file)
{
    return file->note.length;
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
    const pomex_partnote *note = &file->note;
    return offset <= file->size && note->etag && (!etag || strcmp(etag, note->etag) == 0) &&
           (length < 0 || length == note->length);
}

bool pomex_partfile_begin(pomex_partfile *file, int64_t offset, int64_t length,
                          const char *etag, char *why, size_t why_size)
{
    pomex_partnote *note = &file->note;
    if (offset < 0 || (offset > 0 && !continues(file, offset, length, etag)))
        return pomex_fileio_say(why, why_size, "the answer does not continue what %s holds",
                                file->names.part);
    /* The part is cut before the note is changed, so that no bytes ever stand under another
     * note. */
    if (ftruncate(file->fd, (off_t)offset) != 0)
        return pomex_fileio_say_errno(why, why_size, file->names.part);
    file->begun = true;
    file->size = offset;
    file->why[0] = '\0';
    if (offset > 0)
        return true;
    free(note->etag);
    note->etag = pomex_partnote_strong(etag) && length > 0 ? strdup(etag) : NULL;
    note->length = length;
    /* A part that cannot be resumed has a note as well, since a part without one is taken for
     * somebody else's. */
    return pomex_partnote_write(note, &file->names, why, why_size);
}

bool pomex_partfile_write(pomex_partfile *file, const void *bytes, size_t count)
{
    if (file->why[0])
        return false;
    int64_t length = file->note.length;
    if (length >= 0 && (uint64_t)count > (uint64_t)(length - file->size))
        return pomex_fileio_say(file->why, sizeof file->why,
                                "%s: the server sent more than the %lld bytes it announced",
                                file->names.part, (long long)length);
    if (!pomex_fileio_write(file->fd, bytes, count, &file->size))
        return pomex_fileio_say_errno(file->why, sizeof file->why, file->names.part);
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
    const char *part = file->names.part;
    int64_t length = file->note.length;
    if (file->why[0])
        return pomex_fileio_say(why, why_size, "%s", file->why);
    if (file->size == 0)
        return pomex_fileio_say(why, why_size, "%s is empty", part);
    if (length >= 0 && file->size != length)
        return pomex_fileio_say(why, why_size, "%s has %lld of %lld bytes", part,
                                (long long)file->size, (long long)length);
    if (!pomex_fileio_is_at(file->fd, part) || fstat(file->fd, &info) != 0 ||
        info.st_size != file->size)
        return pomex_fileio_say(why, why_size, "%s was changed by another process", part);
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

static bool give_name(const pomex_partfile *file, char *why, size_t why_size)
{
    if (file->overwrite ? rename(file->names.part, file->path) == 0
                        : pomex_fileio_give_name(file->fd, file->names.part, file->path))
        return true;
    if (errno != EEXIST)
        return pomex_fileio_say_errno(why, why_size, file->path);
    return pomex_fileio_say(why, why_size, "%s appeared meanwhile; the video is in %s",
                            file->path, file->names.part);
}

bool pomex_partfile_hold(pomex_partfile *file, char *why, size_t why_size)
{
    file->whole = is_whole(file, why, why_size);
    return file->whole;
}

int pomex_partfile_fd(const pomex_partfile *file)
{
    return file->fd;
}

bool pomex_partfile_finish(pomex_partfile *file, bool sync, char *why, size_t why_size)
{
    if (!is_whole(file, why, why_size))
        return false;
    if (!is_stored(file, sync))
        return pomex_fileio_say_errno(why, why_size, file->names.part);
    file->whole = true;
    if ((file->overwrite && !is_free(file->path, true, why, why_size)) ||
        !give_name(file, why, why_size))
        return false;
    file->finished = true;
    unlink(file->names.note);
    if (sync && !pomex_fileio_sync_folder(file->path))
        return pomex_fileio_say(why, why_size,
                                "%s is saved, but its folder cannot be synced: %s", file->path,
                                strerror(errno));
    return true;
}

/* Whether the part holds nothing that could be used again. */
static bool is_worthless(const pomex_partfile *file)
{
    struct stat info;
    if (!file->taken || file->finished || file->whole || (file->note.etag && file->size > 0))
        return false;
    return file->begun || (fstat(file->fd, &info) == 0 && info.st_size == 0);
}

void pomex_partfile_close(pomex_partfile *file)
{
    if (!file)
        return;
    if (file->owner == getpid() && file->fd >= 0) {
        if (is_worthless(file) && pomex_fileio_is_at(file->fd, file->names.part)) {
            /* The part is emptied first: a crash in between must leave no bytes without a note.
             * Its name is removed last, since from then on both names belong to the next
             * process. */
            if (ftruncate(file->fd, 0) == 0)
                unlink(file->names.note);
            unlink(file->names.part);
        }
        /* A child of a fork may still hold a copy of the descriptor, and so of the lock. */
        flock(file->fd, LOCK_UN);
    }
    release(file);
}
