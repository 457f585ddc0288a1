#include "file/partsum.h"

#include <errno.h>
#include <unistd.h>

void pomex_partsum_cut(pomex_partsum *sum, int64_t size)
{
    if (size < sum->at)
        sum->at = 0;
}

bool pomex_partsum_follow(pomex_partsum *sum, int fd, int64_t size, int64_t limit)
{
    char bytes[16384];
    int64_t until = size - sum->at > limit ? sum->at + limit : size;
    if (sum->at == 0 && !pomex_sha256_begin(&sum->sum))
        return false;
    while (sum->at < until) {
        int64_t left = until - sum->at;
        size_t part = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
        ssize_t count = pread(fd, bytes, part, (off_t)sum->at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0 || !pomex_sha256_add(&sum->sum, bytes, (size_t)count))
            return false;
        sum->at += count;
    }
    return true;
}

bool pomex_partsum_end(pomex_partsum *sum, int fd, int64_t size, char text[POMEX_SUM_SIZE])
{
    bool ended =
        pomex_partsum_follow(sum, fd, size, INT64_MAX) && pomex_sha256_end(&sum->sum, text);
    pomex_partsum_free(sum);
    return ended;
}

void pomex_partsum_free(pomex_partsum *sum)
{
    pomex_sha256_free(&sum->sum);
    sum->at = 0;
}
