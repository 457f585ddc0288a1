#include "store/sqlite/place.h"

#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

bool pomex_sq_good_file_system(int64_t type)
{
    static const int64_t good[] = {
        0xef53,     /* ext2, ext3, ext4 */
        0x58465342, /* xfs */
        0x9123683e, /* btrfs */
        0xf2f52010, /* f2fs */
        0x2fc12fc1, /* zfs */
        0xca451a4e, /* bcachefs */
        0x3153464a, /* jfs */
        0x52654973, /* reiserfs */
        0x794c7630, /* overlay: its files go when the container goes */
        0x01021994, /* tmpfs: its files go with the machine */
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (good[i] == type)
            return true;
    }
    return false;
}

bool pomex_sq_file_system(const char *path, bool any, bool *lasting, char *why, size_t why_size)
{
    char buffer[4096];
    const char *folder = pomex_store_folder_of(path, buffer, sizeof buffer);
    struct statfs system;
    if (!folder || statfs(folder, &system) != 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(folder ? errno : ENAMETOOLONG));
        return false;
    }
    *lasting = system.f_type != 0x794c7630 && system.f_type != 0x01021994;
    if (any || pomex_sq_good_file_system((int64_t)system.f_type))
        return true;
    snprintf(
        why, why_size,
        "%s is on a file system (type %llx) that is not known to keep locks and to sync, as "
        "network file systems do not; file_system = \"any\" takes it all the same",
        path, (unsigned long long)system.f_type);
    return false;
}

/* The first line of a small file; "" if there is none. */
static void read_line(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, line, size - 1);
    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

void pomex_sq_read_machine(pomex_sq *self)
{
    read_line("/etc/machine-id", self->machine, sizeof self->machine);
    read_line("/proc/sys/kernel/random/boot_id", self->boot, sizeof self->boot);
}

static uint64_t inode_of(const char *path, const char *suffix)
{
    char name[4200];
    struct stat at;
    int length = snprintf(name, sizeof name, "%s%s", path, suffix);
    if (length < 0 || (size_t)length >= sizeof name || stat(name, &at) != 0)
        return 0;
    return at.st_ino;
}

uint64_t pomex_sq_log_inode(const pomex_sq *self)
{
    return inode_of(self->path, "-wal");
}

/* The name and its folder, too: a file that was renamed after a crash has left its log, in which
 * are the newest events, under the old name. */
void pomex_sq_lineage(const pomex_sq *self, char *text, size_t size)
{
    char buffer[4096];
    const char *folder = pomex_store_folder_of(self->path, buffer, sizeof buffer);
    const char *slash = strrchr(self->path, '/');
    snprintf(text, size, "%s/%llu/%llu/%s", self->machine,
             (unsigned long long)inode_of(self->path, ""),
             (unsigned long long)(folder ? inode_of(folder, "") : 0),
             slash ? slash + 1 : self->path);
}

/* 1: the stored lineage is the one that is; 0: it is another; -1: none is stored. */
static int64_t is_same(pomex_sq *self)
{
    char lineage[POMEX_SQ_LINEAGE];
    pomex_sq_lineage(self, lineage, sizeof lineage);
    return pomex_sq_number(self, -1, "SELECT value = ?1 FROM meta WHERE name = 'lineage'", "s",
                           lineage);
}

void pomex_sq_check_lineage(pomex_sq *self)
{
    int64_t same = is_same(self);
    self->mark = pomex_sq_number(self, 0, "SELECT value FROM meta WHERE name = 'mark'", "");
    if (same < 0)
        pomex_sq_take_lineage(self);
    else
        self->foreign = same == 0 || !pomex_sq_mark_fits(self);
    /* The mark soon catches up with the one beside it: so this is what others see. */
    if (self->foreign)
        pomex_sq_run(self, "UPDATE meta SET value = '' WHERE name = 'lineage'", "");
    pomex_sq_mark_begin(self);
}

bool pomex_sq_is_foreign(pomex_sq *self)
{
    self->foreign = self->foreign && is_same(self) != 1;
    return self->foreign;
}

void pomex_sq_take_lineage(pomex_sq *self)
{
    char lineage[POMEX_SQ_LINEAGE];
    int64_t known = pomex_sq_mark_known(self);
    pomex_sq_lineage(self, lineage, sizeof lineage);
    if (self->mark < known)
        self->mark = known;
    pomex_sq_run(self, "INSERT OR REPLACE INTO meta VALUES ('lineage', ?1)", "s", lineage);
    pomex_sq_run(self, "INSERT OR REPLACE INTO meta VALUES ('mark', ?1)", "i", self->mark);
    self->foreign = false;
}

bool pomex_sq_is_in_place(const pomex_sq *self)
{
    int moved = 0;
    sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return !moved && pomex_sq_log_inode(self) == self->log_inode;
}
