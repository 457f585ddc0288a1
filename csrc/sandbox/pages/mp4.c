#include "sandbox/pages/mp4.h"

#include "sandbox/pages/embed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_TAG 65536u

static void put32(char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i) & 0xff);
}

static size_t get32(const char *at)
{
    size_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

struct box_writer {
    char *bytes;
    size_t at;
};

/* Opens a box. `kind` is its four letters; close_box writes its size. */
static size_t open_box(struct box_writer *writer, const char *kind)
{
    size_t begin = writer->at;
    memcpy(writer->bytes + begin + 4, kind, 4);
    writer->at += 8;
    return begin;
}

static void close_box(struct box_writer *writer, size_t begin)
{
    put32(writer->bytes + begin, writer->at - begin);
}

static void put(struct box_writer *writer, const void *bytes, size_t length)
{
    memcpy(writer->bytes + writer->at, bytes, length);
    writer->at += length;
}

static void put_number(struct box_writer *writer, size_t value)
{
    put32(writer->bytes + writer->at, value);
    writer->at += 4;
}

struct tag {
    const char *key;
    pomex_sb_text value;
};

/* Writes QuickTime metadata, which allows keys of any name: a handler that announces it, the keys,
 * and each value under the number of its key. */
static void put_tags(struct box_writer *writer, const struct tag *tags, size_t count)
{
    static const char handler[25] = {0, 0, 0, 0, 0, 0, 0, 0, 'm', 'd', 't', 'a'};
    size_t udta = open_box(writer, "udta");
    size_t meta = open_box(writer, "meta");
    put_number(writer, 0);
    size_t hdlr = open_box(writer, "hdlr");
    put(writer, handler, sizeof handler);
    close_box(writer, hdlr);
    size_t keys = open_box(writer, "keys");
    put_number(writer, 0);
    put_number(writer, count);
    for (size_t i = 0; i < count; i++) {
        size_t key = open_box(writer, "mdta");
        put(writer, tags[i].key, strlen(tags[i].key));
        close_box(writer, key);
    }
    close_box(writer, keys);
    size_t ilst = open_box(writer, "ilst");
    for (size_t i = 0; i < count; i++) {
        char number[4];
        put32(number, i + 1);
        size_t item = open_box(writer, number);
        size_t data = open_box(writer, "data");
        put_number(writer, 1); /* UTF-8 */
        put_number(writer, 0);
        put(writer, tags[i].value.bytes, tags[i].value.length);
        close_box(writer, data);
        close_box(writer, item);
    }
    close_box(writer, ilst);
    close_box(writer, meta);
    close_box(writer, udta);
}

/* The offset of the moov box, which is the last box. */
static size_t find_moov(pomex_sb_blob clip)
{
    size_t at = 0;
    while (at + 8 <= clip.length) {
        size_t size = get32(clip.bytes + at);
        if (memcmp(clip.bytes + at + 4, "moov", 4) == 0 || size < 8)
            break;
        at += size;
    }
    return at;
}

static pomex_sb_text cut(pomex_sb_text text, size_t most)
{
    if (text.length > most) {
        text.length = most;
        while (text.length > 0 && ((unsigned char)text.bytes[text.length] & 0xc0) == 0x80)
            text.length--;
    }
    return text;
}

bool pomex_sb_mp4_make(pomex_sb_text prompt, int64_t images, pomex_sb_video *video)
{
    pomex_sb_blob clip = pomex_sb_embed(POMEX_SB_CLIP);
    size_t moov = find_moov(clip);
    char count[24];
    int digits = snprintf(count, sizeof count, "%" PRId64, images);
    struct tag tags[] = {{"prompt", cut(prompt, LONGEST_TAG)},
                         {"image_count", {count, (size_t)digits}}};
    struct box_writer writer = {malloc(clip.length - moov + tags[0].value.length + 512), 0};
    if (!writer.bytes)
        return false;
    put(&writer, clip.bytes + moov, clip.length - moov);
    put_tags(&writer, tags, sizeof tags / sizeof *tags);
    put32(writer.bytes, writer.at);
    *video = (pomex_sb_video){clip.bytes, moov, writer.bytes, writer.at};
    return true;
}
