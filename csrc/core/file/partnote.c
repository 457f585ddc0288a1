#include "file/partnote.h"

#include "base/fileio.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NOTE = 4096, BOOT = 64 };

/* RFC 9110: a quoted string without W/ before it. It is sent in a header and stored as JSON, so
 * it must be UTF-8. */
bool pomex_partnote_strong(const char *etag)
{
    size_t length = etag ? strlen(etag) : 0;
    if (length < 2 || length > 1024 || etag[0] != '"' || etag[length - 1] != '"')
        return false;
    for (size_t i = 1; i < length - 1; i++) {
        unsigned char c = (unsigned char)etag[i];
        if (c <= 0x20 || c == '"' || c >= 0x7f)
            return false;
    }
    return true;
}

static json_t *read_json(const char *name)
{
    char text[MAX_NOTE];
    struct stat info;
    json_t *root = NULL;
    int fd = pomex_fileio_open(name, O_RDONLY, 0);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        ssize_t count = pread(fd, text, sizeof text, 0);
        if (count > 0 && count < (ssize_t)sizeof text)
            root = pomex_json_parse(text, (size_t)count);
    }
    close(fd);
    return root;
}

/* The run of the machine; "" where the kernel does not say. */
static void read_boot(char boot[BOOT])
{
    int fd = pomex_fileio_open("/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    ssize_t count = fd < 0 ? 0 : read(fd, boot, BOOT - 1);
    boot[count > 0 ? count : 0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

/* What was not synced goes with the power, and a part that is as long as before may have lost its
 * bytes: they are believed only in the run of the machine that wrote them. */
static bool is_of_this_boot(const json_t *root)
{
    char boot[BOOT];
    const char *noted = pomex_json_string(root, "boot");
    read_boot(boot);
    return !noted || strcmp(noted, boot) == 0;
}

bool pomex_partnote_read(pomex_partnote *note, const char *name)
{
    json_t *root = read_json(name);
    const char *task = pomex_json_string(root, "task");
    const char *etag = pomex_json_string(root, "etag");
    double length = json_number_value(json_object_get(root, "length"));
    *note = (pomex_partnote){.task = task ? strdup(task) : NULL, .length = -1};
    if (note->task && pomex_partnote_strong(etag) && length >= 1 && length < 9e15 &&
        is_of_this_boot(root)) {
        note->etag = strdup(etag);
        note->length = note->etag ? (int64_t)length : -1;
    }
    json_decref(root);
    return note->task != NULL;
}

static char *text_of(const pomex_partnote *note, size_t *size)
{
    json_t *root = json_object();
    json_t *etag = note->etag ? json_string(note->etag) : json_null();
    char *text = NULL, boot[BOOT];
    read_boot(boot);
    if (json_object_set_new(root, "etag", etag) == 0 &&
        json_object_set_new(root, "boot", json_string(boot)) == 0 &&
        json_object_set_new(root, "task", json_string(note->task)) == 0 &&
        json_object_set_new(root, "length", json_integer(note->length)) == 0)
        text = pomex_json_text(root, size);
    json_decref(root);
    return text;
}

bool pomex_partnote_write(const pomex_partnote *note, const pomex_partname *names, char *why,
                          size_t why_size)
{
    size_t size = 0;
    char *text = text_of(note, &size);
    int64_t at = 0;
    if (!text || size >= MAX_NOTE) {
        free(text);
        return pomex_fileio_say(why, why_size, "cannot write %s: out of memory", names->note);
    }
    unlink(names->draft);
    int fd = pomex_fileio_open(names->draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    bool saved = fd >= 0 && pomex_fileio_write(fd, text, size, &at);
    if (fd >= 0 && close(fd) != 0)
        saved = false;
    saved = saved && rename(names->draft, names->note) == 0;
    free(text);
    if (saved)
        return true;
    pomex_fileio_say_errno(why, why_size, names->draft);
    unlink(names->draft);
    return false;
}

void pomex_partnote_free(pomex_partnote *note)
{
    free(note->task);
    free(note->etag);
    *note = (pomex_partnote){.length = -1};
}
