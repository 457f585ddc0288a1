/* The part of the preloaded disk that reads the log of a server of PostgreSQL's, as it is on the disk.
 * There a record goes on over the end of a page, behind the header of the next one, and over the
 * end of a file. */
#include "power.h"
#include "power_shim.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 8192, HEADER = 24, LONG_HEADER = 40, SEGMENT_NAME = 24, MOST = 1 << 26 };

bool power_is_log(void)
{
    const char *name = power_folder ? strrchr(power_folder, '/') : NULL;
    return name && strcmp(name, "/pg_wal") == 0;
}

static int is_segment(const struct dirent *entry)
{
    return strlen(entry->d_name) == SEGMENT_NAME &&
           strspn(entry->d_name, "0123456789ABCDEF") == SEGMENT_NAME;
}

/* Appends what the disk has of a file of the log, without the headers of its pages. */
static size_t append(const char *folder, const char *name, char *to, size_t length)
{
    char path[PATH_SIZE], page[PAGE];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || length + (size_t)info.st_size > MOST) {
        REAL(close)(fd);
        return length;
    }
    power_path(path, power_disk, info.st_ino, "map");
    int maps = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    power_path(path, power_disk, info.st_ino, "disk");
    int disk = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    const power_map *map =
        maps < 0 ? MAP_FAILED : mmap(NULL, sizeof *map, PROT_READ, MAP_SHARED, maps, 0);
    power_lock();
    for (off_t at = 0; map != MAP_FAILED && at + PAGE <= map->size; at += PAGE) {
        size_t header = at == 0 ? LONG_HEADER : HEADER;
        if (pread(fd, page, PAGE, at) != PAGE)
            break;
        for (int i = 0; i < PAGE / SECTOR; i++) {
            char *sector = page + i * SECTOR;
            if (map->dirty[at / SECTOR + i] &&
                pread(disk, sector, SECTOR, at + i * SECTOR) != SECTOR)
                memset(sector, 0, SECTOR);
        }
        memcpy(to + length, page + header, PAGE - header);
        length += PAGE - header;
    }
    power_unlock();
    if (map != MAP_FAILED)
        munmap((void *)(uintptr_t)map, sizeof *map);
    REAL(close)(maps);
    REAL(close)(disk);
    REAL(close)(fd);
    return length;
}

/* Whether the newest files of a log have the text; `most` of them, 0: all. */
static bool has(const char *folder, const char *text, int most)
{
    struct dirent **names;
    size_t length = 0;
    int count = scandir(folder, &names, is_segment, alphasort);
    if (count < 0)
        return false;
    char *image = malloc(MOST);
    if (!image)
        abort();
    for (int i = 0; i < count; i++) {
        if (most == 0 || i >= count - most)
            length = append(folder, names[i]->d_name, image, length);
        free(names[i]);
    }
    free(names);
    bool found = memmem(image, length, text, strlen(text)) != NULL;
    free(image);
    return found;
}

/* What is looked for was written a moment ago: most often it is in the newest files. */
static bool is_in(const char *folder, const char *text)
{
    enum { NEWEST = 6 };
    return has(folder, text, NEWEST) || has(folder, text, 0);
}

bool power_log_has(const char *text)
{
    char path[PATH_SIZE];
    bool found = is_in(power_folder, text);
    snprintf(path, sizeof path, "%s/elsewhere", power_disk);
    FILE *others = found ? NULL : fopen(path, "re");
    while (others && !found && fgets(path, sizeof path, others)) {
        path[strcspn(path, "\n")] = '\0';
        found = is_in(path, text);
    }
    if (others)
        fclose(others);
    return found;
}
