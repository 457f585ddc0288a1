/* What is asked of a file apart from its download: before it, whether a video can be saved there;
 * after it, its name and its sum. */
#include "base/error.h"
#include "base/fileio.h"
#include "file/partfile.h"
#include "file/partsum.h"
#include "rules/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pomex_error *file_error(const char *why)
{
    pomex_error *error = pomex_error_new("file_error", "%s", why);
    pomex_error_set_client(error);
    pomex_error_set_endpoint(error, pomex_endpoint_of(POMEX_DOWNLOAD)->name);
    return error;
}

pomex_error *pomex_saving_check(const char *path, bool overwrite)
{
    char why[1024];
    /* The empty name is no task's, so that bytes in a part are kept. */
    pomex_partfile *file = pomex_partfile_open(path, "", overwrite, why, sizeof why);
    if (!file)
        return file_error(why);
    pomex_partfile_close(file);
    return NULL;
}

pomex_error *pomex_saving_finish(const char *path, const char *id, int64_t length)
{
    char why[1024];
    if (length <= 0)
        return file_error("a video that is whole has more than 0 bytes");
    pomex_partfile *file = pomex_partfile_open_whole(path, id, length, why, sizeof why);
    if (!file)
        return file_error(why);
    bool named = pomex_partfile_finish(file, true, why, sizeof why);
    pomex_partfile_close(file);
    return named ? NULL : file_error(why);
}

pomex_error *pomex_saving_sum(const char *path, int64_t *length, char sum[POMEX_SUM_SIZE])
{
    char why[1024];
    struct stat info;
    pomex_partsum whole = {.at = 0};
    int fd = pomex_fileio_open(path, O_RDONLY, 0);
    if (fd < 0) {
        pomex_fileio_say(why, sizeof why, "cannot read %s: %s", path, strerror(errno));
        return file_error(why);
    }
    errno = 0; /* of no call: it is no regular file, or was cut meanwhile */
    bool summed = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                  pomex_partsum_end(&whole, fd, info.st_size, sum);
    bool starved = !summed && errno == ENOMEM;
    close(fd);
    if (summed) {
        *length = info.st_size;
        return NULL;
    }
    if (starved)
        return pomex_error_memory();
    pomex_fileio_say(why, sizeof why, "%s is no regular file, or changes", path);
    return file_error(why);
}
