#include "engine/key.h"

#include "base/error.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER  "Authorization: Bearer "
#define MAX_KEY 4096
#define BOM     "\xef\xbb\xbf" /* some editors begin a file with it */
/* Room for one byte more than a key can have, so that a longer one is noticed. */
#define KEY_ROOM (MAX_KEY + sizeof BOM + 1)

static pomex_error *invalid(const char *source, const char *what, const char *path)
{
    pomex_error *error = pomex_error_new("invalid_request_error", "%s %s", source, what);
    pomex_error_set_client(error);
    if (path)
        pomex_error_set_hint(error, "the file is %s", path);
    return error;
}

/* Reads a file or pipe into `key`, up to the end of its first line or of the read that brought it.
 * Returns the number of bytes read; -1 with errno. */
static ssize_t read_line(const char *path, char *key)
{
    ssize_t total = 0, count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -1;
    do {
        count = read(fd, key + total, KEY_ROOM - 1 - (size_t)total);
        total += count > 0 ? count : 0;
        key[total] = '\0';
    } while ((count > 0 && !key[strcspn(key, "\r\n")]) || (count < 0 && errno == EINTR));
    int problem = errno;
    close(fd);
    errno = problem;
    return count < 0 ? -1 : total;
}

/* The key in a file, in memory of pomex_secret_new with room for KEY_ROOM bytes. */
static char *read_key_file(const char *path, pomex_error **error)
{
    char *key = pomex_secret_new(KEY_ROOM), what[160];
    ssize_t count = key ? read_line(path, key) : -1;
    if (!key) {
        *error = pomex_error_memory();
        return NULL;
    }
    size_t mark = strncmp(key, BOM, strlen(BOM)) == 0 ? strlen(BOM) : 0;
    size_t length = strcspn(key + mark, "\r\n");
    if (count < 0) {
        snprintf(what, sizeof what, "cannot be read: %s", strerror(errno));
        *error = invalid("api_key_file", what, path);
    } else if (mark + length < (size_t)count && !key[mark + length]) {
        *error = invalid("api_key_file", "holds a NUL byte, so it is not a text file", path);
    } else if (length == 0) {
        *error = invalid("api_key_file", count ? "has an empty first line" : "is empty", path);
    } else {
        memmove(key, key + mark, length);
        key[length] = '\0';
        return key;
    }
    pomex_secret_free(key, KEY_ROOM);
    return NULL;
}

/* What is wrong with a key, or NULL. */
static const char *problem_of(const char *key)
{
    for (const char *c = key; *c; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return "holds a space or a control character; a key has neither";
        if ((unsigned char)*c > 0x7f)
            return "holds a character that is not ASCII; a key has none";
    }
    if (strchr("\"'`", key[0]))
        return "begins with a quotation mark, which is no part of a key";
    return strlen(key) > MAX_KEY ? "is longer than 4096 bytes" : NULL;
}

pomex_error *pomex_key_take(pomex_settings *s, const pomex_options *o)
{
    pomex_error *error = NULL;
    char *from_file = NULL;
    const char *key = o->api_key, *source = "api_key";
    const char *path = key ? NULL : o->api_key_file;
    if (path) {
        key = from_file = read_key_file(path, &error);
        source = "api_key_file";
        if (error)
            return error;
    } else if (!key) {
        key = getenv("POMEX_API_KEY");
        source = "POMEX_API_KEY";
    }
    const char *problem = key && *key ? problem_of(key) : NULL;
    if (!key || !*key)
        error = invalid("no API key:",
                        "set api_key, api_key_file or $POMEX_API_KEY (under nginx: make the "
                        "client in init_by_lua, or hand the variables on to workers by "
                        "\"env POMEX_API_KEY; env POMEX_BASE_URL;\" in nginx.conf)",
                        NULL);
    else if (problem)
        error = invalid(source, problem, path);
    if (!error) {
        s->authorization_size = strlen(HEADER) + strlen(key) + 1;
        s->authorization = pomex_secret_new(s->authorization_size);
        if (!s->authorization) {
            error = pomex_error_memory();
        } else {
            snprintf(s->authorization, s->authorization_size, HEADER "%s", key);
            s->key = s->authorization + strlen(HEADER);
        }
    }
    pomex_secret_free(from_file, KEY_ROOM);
    return error;
}
