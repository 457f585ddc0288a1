/* Where the store is: its file system, its room, its lineage, and the file beside it that holds
 * this process's lock.
 *
 * PATH-lock is no file of SQLite's. Byte n of it is locked by worker n for as long as its process
 * lives (a lock of the open file, so that closing another descriptor does not drop it, and that
 * falls with the process at once). Its content is the mark: how many durable transactions the
 * store has had, as far as this machine knows. A store whose own mark is smaller was put back
 * from a copy, and so was one that has a mark and none beside it. Who puts a whole folder back puts
 * the mark beside it back, too: so a third one is kept in $XDG_STATE_HOME/pomex/marks, or
 * ~/.local/state/pomex/marks, by the lineage of the file. Where there is no such folder (a service
 * without a home) a whole folder that is put back in place is not noticed. */
#ifndef POMEX_SQ_PLACE_H
#define POMEX_SQ_PLACE_H

#include "store/sqlite/sqlite.h"

#define POMEX_SQ_ROOM_STORE INT64_C(67108864) /* at the store: 64 MiB */

/* Looks at the file system of the store's folder by its path. False with `why`: it is not known to
 * keep locks and syncs, and `any` is false. `lasting`: whether its files outlive a container and
 * the machine's next start. */
bool pomex_sq_file_system(const char *path, bool any, bool *lasting, char *why,
                          size_t why_size);

/* Whether a file system of this kind (statfs's f_type) is local and keeps its promises. */
bool pomex_sq_good_file_system(int64_t type);

/* Reads the ids of the machine and of its boot. */
void pomex_sq_read_machine(pomex_sq *self);

/* The lineage of the file at `path` on this machine, as one text of at most `size` bytes. */
void pomex_sq_lineage(const pomex_sq *self, char *text, size_t size);

/* Compares the stored lineage and mark with those that are, and sets self->foreign, which it notes
 * for every process; a new store takes them over. Within a transaction that writes. */
void pomex_sq_check_lineage(pomex_sq *self);

/* Whether nothing may begin until a person said continue, here or in another process. Within a
 * transaction. */
bool pomex_sq_is_foreign(pomex_sq *self);

/* The store's lineage is from now on what it is here. Within a transaction. */
void pomex_sq_take_lineage(pomex_sq *self);

/* Opens the marks that are kept for this user, if that can be. */
void pomex_sq_marks_open(pomex_sq *self);

/* The largest mark that is known outside of the store. */
int64_t pomex_sq_mark_known(const pomex_sq *self);

/* Whether the store's own mark is as large, and one is beside it if it has one. */
bool pomex_sq_mark_fits(const pomex_sq *self);

/* Writes the first mark beside a store, for good. Within a transaction: nobody else looks before. */
void pomex_sq_mark_begin(const pomex_sq *self);

/* The mark in the file as a connection sees it. 0: there is none; or it cannot be read. */
int64_t pomex_sq_mark_in(sqlite3 *db);

/* Whether the log beside the file is this state's: where an older file was put back beside the log
 * of a later one, SQLite takes both for one store, of which half is lost. False: why says what to
 * move away. `base`: see sqlite.h. */
bool pomex_sq_log_fits(sqlite3 *db, const char *path, int64_t *base, char *why,
                       size_t why_size);

/* Raises the mark: in the store within a transaction, and outside of it after its commit. */
void pomex_sq_raise_mark(pomex_sq *self);
void pomex_sq_write_mark(const pomex_sq *self);

/* Whether the open file still is what stands at its path, and its log too. */
bool pomex_sq_is_in_place(const pomex_sq *self);

/* The inode of PATH-wal; 0: none. */
uint64_t pomex_sq_log_inode(const pomex_sq *self);

/* Opens PATH-lock. False with errno. */
bool pomex_sq_lock_open(pomex_sq *self);

/* Locks the byte of a worker of this process, and unlocks it. */
bool pomex_sq_lock_worker(pomex_sq *self, int64_t worker);
void pomex_sq_unlock_worker(pomex_sq *self, int64_t worker);

/* Whether the byte of a worker is locked: a process of this machine lives that has it. */
bool pomex_sq_is_held(pomex_sq *self, int64_t worker);

/* Whether a worker that joined under that boot id is dead for sure; never one of our own. */
bool pomex_sq_is_dead(pomex_sq *self, int64_t worker, const char *boot);

/* The process that holds the store's write lock, by /proc/locks. 0: not known. */
long pomex_sq_holder(const pomex_sq *self);

#endif
