/* The power is lost: what was not synced goes. Run when no process uses the folder any more:
 *
 *   jobs_power_cut FOLDER DISK SEED
 *
 * puts the files below FOLDER, each with the inode that it had, into a state that power.c's DISK
 * allows: names are those of the last sync of their folder; of what was written and not synced each
 * sector is there by chance, or none with an even SEED. Prints what was lost. */
#include "power.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *disk;
    unsigned seed;
    bool by_chance;
    int sectors, files, names;
} cut;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void each_file(const char *folder, void (*do_it)(const char *path, uint64_t inode))
{
    DIR *names = opendir(folder);
    if (!names)
        fail(folder);
    for (const struct dirent *entry; (entry = readdir(names));) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_REG)
            do_it(path, entry->d_ino);
    }
    closedir(names);
}

static void set_aside(const char *path, uint64_t inode)
{
    char kept[PATH_SIZE];
    power_gone(kept, cut.disk, inode);
    if (!power_is_shm(path) && link(path, kept) != 0)
        access(kept, F_OK) == 0 ? (void)0 : fail(path);
    if (unlink(path) != 0)
        fail(path);
}

static power_map *map_of(uint64_t inode)
{
    char path[PATH_SIZE];
    power_path(path, cut.disk, inode, "map");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat info;
    /* Nobody whom we followed opened it, or had done so when it was killed. */
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size < (off_t)sizeof(power_map)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    power_map *map = mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        fail(path);
    return map;
}

/* Whether one dirty sector is lost; then what the disk has in its place is there. */
static bool lose(int fd, int disk, const power_map *map, int64_t at, int64_t *size)
{
    char bytes[SECTOR] = {0};
    int64_t end = at + SECTOR < *size ? at + SECTOR : *size;
    if (cut.by_chance && at < *size && rand_r(&cut.seed) % 2)
        return false;
    if (at < map->size && pread(disk, bytes, SECTOR, at) < 0)
        fail("a sector");
    if (at < map->size || at < *size) {
        int64_t last = at + SECTOR < map->size ? at + SECTOR : map->size;
        last = last > end ? last : end;
        if (pwrite(fd, bytes, (size_t)(last - at), at) != last - at)
            fail("a sector");
    }
    return true;
}

/* Takes back what of a file was not synced, or a part of it. From then on all is on the disk. */
static void revert(const char *path, uint64_t inode)
{
    char name[PATH_SIZE];
    struct stat info;
    power_map *map = map_of(inode);
    power_path(name, cut.disk, inode, "disk");
    int fd = open(path, O_RDWR | O_CLOEXEC), disk = map ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (!map || fd < 0 || disk < 0 || fstat(fd, &info) != 0) {
        if (map)
            fail(path);
        close(fd);
        return;
    }
    int64_t written = info.st_size, size = map->size;
    int lost = 0;
    for (int64_t i = 0; i < map->end; i++) {
        int64_t end = (i + 1) * SECTOR < written ? (i + 1) * SECTOR : written;
        if (!map->dirty[i])
            continue;
        if (lose(fd, disk, map, i * SECTOR, &written))
            lost++;
        else
            size = end > size ? end : size;
    }
    if (ftruncate(fd, size) != 0)
        fail(path);
    memset(map->dirty, 0, (size_t)map->end);
    map->end = 0;
    map->size = size;
    munmap(map, sizeof *map);
    close(fd);
    close(disk);
    cut.sectors += lost;
    cut.files += lost > 0;
}

/* The names that a folder had on the disk. */
static void name_files(const char *folder)
{
    char path[PATH_SIZE], kept[PATH_SIZE], line[PATH_SIZE], to[PATH_SIZE];
    struct stat info;
    if (stat(folder, &info) != 0)
        fail(folder);
    power_path(path, cut.disk, info.st_ino, "names");
    FILE *in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in)) {
        char *name = NULL;
        unsigned long long inode = strtoull(line, &name, 10);
        name[strcspn(name, "\n")] = '\0';
        snprintf(to, sizeof to, "%s/%s", folder, name + 1);
        power_gone(kept, cut.disk, inode);
        if (link(kept, to) != 0)
            fail(to);
    }
    if (in)
        fclose(in);
}

/* Nobody names it: it is lost, and its number may come again. */
static void drop(const char *path, uint64_t inode)
{
    char name[PATH_SIZE];
    struct stat info;
    if (stat(path, &info) == 0 && info.st_nlink == 1) {
        cut.names++;
        power_path(name, cut.disk, inode, "map");
        unlink(name);
        power_path(name, cut.disk, inode, "disk");
        unlink(name);
    }
    unlink(path);
}

static FILE *names;

static void keep_name(const char *path, uint64_t inode)
{
    fprintf(names, "%llu %s\n", (unsigned long long)inode, strrchr(path, '/') + 1);
}

static void keep_names(const char *folder)
{
    char path[PATH_SIZE];
    struct stat info;
    if (stat(folder, &info) != 0)
        fail(folder);
    power_path(path, cut.disk, info.st_ino, "names");
    names = fopen(path, "we");
    if (!names)
        fail(path);
    each_file(folder, keep_name);
    fclose(names);
}

int main(int count, char **words)
{
    char gone[PATH_SIZE], out[PATH_SIZE];
    if (count != 4) {
        fprintf(stderr, "usage: jobs_power_cut FOLDER DISK SEED\n");
        return 2;
    }
    cut.disk = words[2];
    cut.seed = (unsigned)strtoul(words[3], NULL, 10);
    cut.by_chance = cut.seed % 2 == 1;
    snprintf(gone, sizeof gone, "%s/gone", cut.disk);
    snprintf(out, sizeof out, "%s/out", words[1]);
    const char *const folders[] = {words[1], out};
    const size_t most = access(out, F_OK) == 0 ? 2 : 1; /* the log of a server has no videos */
    for (size_t i = 0; i < most; i++)
        each_file(folders[i], set_aside);
    each_file(gone, revert);
    for (size_t i = 0; i < most; i++)
        name_files(folders[i]);
    each_file(gone, drop);
    for (size_t i = 0; i < most; i++)
        keep_names(folders[i]);
    printf("%d sectors of %d files and %d names\n", cut.sectors, cut.files, cut.names);
    return 0;
}
