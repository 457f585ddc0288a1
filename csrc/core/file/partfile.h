/* A file that takes its name only when it is whole: PATH.part, with a note beside it that says
 * which task it is a part of (partname.h, partnote.h). Blocking file calls only; no network. */
#ifndef POMEX_PARTFILE_H
#define POMEX_PARTFILE_H

#include "file/partnote.h"

typedef struct pomex_partfile pomex_partfile;

/* Opens and locks PATH.part (O_NOFOLLOW, close-on-exec), making it if need be; on file systems
 * without locks it goes on without one. `task` names what is downloaded. A part of ours that is
 * another task's, or that cannot be resumed, counts as empty, and is emptied when bytes come.
 * `overwrite`: PATH may be there already, and a part that has no note of ours.
 * NULL with one line in `why` ("cannot write /x/out.mp4.part: Permission denied", "… is being
 * downloaded already", "… exists already …", "/x is a folder") on failure. */
pomex_partfile *pomex_partfile_open(const char *path, const char *task, bool overwrite,
                                    char *why, size_t why_size);

/* Opens the part of `task` that is whole and `length` bytes long, to be given its name. Nothing may
 * have that name. NULL with `why`, also if there is no such part. */
pomex_partfile *pomex_partfile_open_whole(const char *path, const char *task, int64_t length,
                                          char *why, size_t why_size);

/* Bytes from which a Range request may go on; 0: from the start. With a part that is already
 * as long as its note says, one byte less, so that the server can confirm it. */
int64_t pomex_partfile_resume_from(const pomex_partfile *file);

/* The strong ETag of the note; NULL: none, so there is nothing to resume. */
const char *pomex_partfile_etag(const pomex_partfile *file);

/* The whole length of the note; -1: unknown. */
int64_t pomex_partfile_length(const pomex_partfile *file);

/* The server's answer begins: bytes from `offset` on, of `length` in all (-1: unknown), under
 * `etag` (NULL or weak: the part will not be resumable). Truncates to `offset`, writes the
 * note. False with `why` on failure. */
bool pomex_partfile_begin(pomex_partfile *file, int64_t offset, int64_t length,
                          const char *etag, char *why, size_t why_size);

/* Appends; false if not all could be written: pomex_partfile_why then says so. */
bool pomex_partfile_write(pomex_partfile *file, const void *bytes, size_t count);
const char *pomex_partfile_why(const pomex_partfile *file);

/* Bytes in the part now. */
int64_t pomex_partfile_size(const pomex_partfile *file);

/* Copies the first bytes of the part, at most `size`; returns how many there are. */
size_t pomex_partfile_head(const pomex_partfile *file, char *bytes, size_t size);

/* Whether the part is not empty and exactly as long as was announced: then it stays when it is
 * closed. Else false with `why`. */
bool pomex_partfile_hold(pomex_partfile *file, char *why, size_t why_size);

/* The descriptor, for reading. */
int pomex_partfile_fd(const pomex_partfile *file);

/* Gives the part its final name, if it is not empty and exactly as long as was announced;
 * removes the note. What got that name meanwhile is replaced only if `overwrite` was given; else
 * the part stays, and `why` names both. `sync`: the bytes and the name are on the disk when this
 * returns. */
bool pomex_partfile_finish(pomex_partfile *file, bool sync, char *why, size_t why_size);

/* Closes. A part with bytes that can be resumed stays, and one that could not be given its name,
 * and one into which nothing was written; else it is removed with its note. NULL is allowed. */
void pomex_partfile_close(pomex_partfile *file);

#endif
