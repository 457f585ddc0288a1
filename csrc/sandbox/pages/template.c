#include "sandbox/pages/template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME 48

struct scope {
    const json_t *item;
    const struct scope *outer;
};

static const json_t *find(const struct scope *scope, const char *name)
{
    for (; scope; scope = scope->outer) {
        const json_t *value = json_object_get(scope->item, name);
        if (value)
            return value;
    }
    return NULL;
}

static bool is_there(const json_t *value)
{
    if (json_is_array(value))
        return json_array_size(value) > 0;
    if (json_is_string(value))
        return json_string_length(value) > 0;
    if (json_is_integer(value))
        return json_integer_value(value) != 0;
    return value && !json_is_null(value) && !json_is_false(value);
}

static void write_escaped(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        case '\0':
            fputs("\xef\xbf\xbd", out);
            break;
        default:
            fputc(text[i], out);
        }
    }
}

static void write_value(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        write_escaped(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

struct tag {
    char kind; /* '#', '^' or '/'; 0: a plain name */
    char name[LONGEST_NAME];
    const char *begin; /* where its "{{" begins */
    const char *end;   /* after its "}}" */
};

static bool next_tag(const char *at, const char *end, struct tag *tag)
{
    const char *begin = memmem(at, (size_t)(end - at), "{{", 2);
    const char *close = begin ? memmem(begin, (size_t)(end - begin), "}}", 2) : NULL;
    if (!close)
        return false;
    const char *name = begin + 2;
    tag->kind = '\0';
    if (*name == '#' || *name == '^' || *name == '/')
        tag->kind = *name++;
    snprintf(tag->name, sizeof tag->name, "%.*s", (int)(close - name), name);
    tag->begin = begin;
    tag->end = close + 2;
    return true;
}

/* The tag that closes the section of `open`. */
static bool closing_tag(const struct tag *open, const char *end, struct tag *tag)
{
    const char *at = open->end;
    while (next_tag(at, end, tag)) {
        if (tag->kind == '/' && strcmp(tag->name, open->name) == 0)
            return true;
        at = tag->end;
    }
    return false;
}

static void render(FILE *out, const char *at, const char *end, const struct scope *scope);

static void render_section(FILE *out, const struct tag *open, const struct tag *close,
                           const struct scope *scope)
{
    const json_t *value = find(scope, open->name);
    if ((open->kind == '^') == is_there(value))
        return;
    if (open->kind == '^' || !json_is_array(value)) {
        struct scope inner = {json_is_object(value) ? value : NULL, scope};
        render(out, open->end, close->begin, &inner);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct scope inner = {json_array_get(value, i), scope};
        render(out, open->end, close->begin, &inner);
    }
}

static void render(FILE *out, const char *at, const char *end, const struct scope *scope)
{
    struct tag tag;
    struct tag close;
    while (next_tag(at, end, &tag)) {
        fwrite(at, 1, (size_t)(tag.begin - at), out);
        at = tag.end;
        if (tag.kind == '\0') {
            write_value(out, find(scope, tag.name));
        } else if (tag.kind != '/' && closing_tag(&tag, end, &close)) {
            render_section(out, &tag, &close, scope);
            at = close.end;
        }
    }
    fwrite(at, 1, (size_t)(end - at), out);
}

char *pomex_sb_template_render(pomex_sb_blob page, const json_t *data, const json_t *words,
                               size_t *length)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, length);
    if (!out)
        return NULL;
    struct scope outer = {words, NULL};
    struct scope inner = {data, &outer};
    render(out, page.bytes, page.bytes + page.length, &inner);
    bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return bytes;
    free(bytes);
    return NULL;
}
