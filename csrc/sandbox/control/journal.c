#include "sandbox/control/journal.h"

#include "sandbox/http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One allocation, because every request makes one. `texts` holds, each with its NUL, the target,
 * the query, and the name and value of every header; then, without a NUL, the body. */
struct pomex_sb_entry {
    uint64_t n;
    int64_t at; /* ms of the sandbox's own clock */
    const char *place;
    int status;
    bool authorized;
    char method[16];
    size_t header_count;
    size_t body_length;
    char texts[];
};

struct writer {
    char *at; /* NULL: only counts `size` and `headers` */
    size_t size;
    size_t headers;
};

static void write_text(struct writer *writer, const char *text)
{
    size_t length = strlen(text) + 1;
    if (writer->at) {
        memcpy(writer->at, text, length);
        writer->at += length;
    }
    writer->size += length;
}

static enum MHD_Result write_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    (void)kind;
    struct writer *writer = cls;
    write_text(writer, key);
    write_text(writer, strcasecmp(key, "authorization") == 0 ? "(set)" : value ? value : "");
    writer->headers++;
    return MHD_YES;
}

static void write_all(struct writer *writer, const pomex_sb_request *request)
{
    write_text(writer, request->target);
    write_text(writer, request->query);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, write_header, writer);
}

static struct pomex_sb_entry *make_entry(const pomex_sb_request *request, int64_t at)
{
    size_t body =
        request->length < POMEX_SB_JOURNAL_BODY ? request->length : POMEX_SB_JOURNAL_BODY;
    struct writer measure = {NULL, 0, 0};
    write_all(&measure, request);
    struct pomex_sb_entry *entry = malloc(sizeof *entry + measure.size + body);
    if (!entry)
        return NULL;
    *entry = (struct pomex_sb_entry){.at = at,
                                     .place = request->place,
                                     .authorized = request->account != 0,
                                     .header_count = measure.headers,
                                     .body_length = body};
    bool sent = request->manner != POMEX_SB_DROP && request->manner != POMEX_SB_HANG;
    entry->status = sent ? request->response.status : 0;
    memcpy(entry->method, request->method, sizeof entry->method);
    struct writer writer = {entry->texts, 0, 0};
    write_all(&writer, request);
    if (body)
        memcpy(writer.at, request->body, body);
    return entry;
}

void pomex_sb_journal_note(pomex_sb_journal *journal, const struct pomex_sb_request *request,
                           int64_t at)
{
    if (!journal->entries)
        journal->entries = calloc(POMEX_SB_JOURNAL_SIZE, sizeof *journal->entries);
    struct pomex_sb_entry *entry = journal->entries ? make_entry(request, at) : NULL;
    if (!entry)
        return;
    entry->n = ++journal->last;
    if (journal->count == POMEX_SB_JOURNAL_SIZE) {
        free(journal->entries[journal->oldest]);
        journal->entries[journal->oldest] = entry;
        journal->oldest = (journal->oldest + 1) % POMEX_SB_JOURNAL_SIZE;
        return;
    }
    journal->entries[(journal->oldest + journal->count++) % POMEX_SB_JOURNAL_SIZE] = entry;
}

/* Bytes as a JSON string. If they are not valid UTF-8, each byte outside ASCII becomes the
 * character of that number. */
static json_t *text_json(const char *bytes, size_t length)
{
    json_t *text = json_stringn(bytes, length);
    if (text)
        return text;
    char *wide = malloc(2 * length + 1);
    size_t at = 0;
    for (size_t i = 0; wide && i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x80)
            wide[at++] = (char)(0xc0 | c >> 6);
        wide[at++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
    }
    text = wide ? json_stringn(wide, at) : NULL;
    free(wide);
    return text;
}

static const char *next_text(const char **at)
{
    const char *text = *at;
    *at += strlen(text) + 1;
    return text;
}

static json_t *entry_json(const struct pomex_sb_entry *entry)
{
    const char *at = entry->texts;
    const char *target = next_text(&at);
    const char *query = next_text(&at);
    json_t *headers = json_object();
    for (size_t i = 0; i < entry->header_count; i++) {
        char name[128] = "";
        const char *key = next_text(&at);
        for (size_t k = 0; key[k] && k + 1 < sizeof name; k++)
            name[k] = (char)(key[k] >= 'A' && key[k] <= 'Z' ? key[k] | 0x20 : key[k]);
        const char *value = next_text(&at);
        json_object_set_new(headers, name, text_json(value, strlen(value)));
    }
    return json_pack("{s:I, s:s?, s:s, s:o*, s:o*, s:i, s:f, s:b, s:o, s:o*}", "n",
                     (json_int_t)entry->n, "endpoint", entry->place, "method", entry->method,
                     "path", text_json(target, strlen(target)), "query",
                     text_json(query, strlen(query)), "status", entry->status, "at",
                     (double)entry->at / 1000, "authorized", entry->authorized, "headers",
                     headers, "body", text_json(at, entry->body_length));
}

json_t *pomex_sb_journal_json(const pomex_sb_journal *journal, const char *place)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < journal->count; i++) {
        const struct pomex_sb_entry *entry =
            journal->entries[(journal->oldest + i) % POMEX_SB_JOURNAL_SIZE];
        if (place && (!entry->place || strcmp(place, entry->place) != 0))
            continue;
        if (json_array_append_new(list, entry_json(entry))) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "requests", list);
}

void pomex_sb_journal_clear(pomex_sb_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++)
        free(journal->entries[(journal->oldest + i) % POMEX_SB_JOURNAL_SIZE]);
    journal->count = journal->oldest = 0;
}

void pomex_sb_journal_free(pomex_sb_journal *journal)
{
    pomex_sb_journal_clear(journal);
    free(journal->entries);
    journal->entries = NULL;
}
