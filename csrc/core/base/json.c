#include "base/json.h"

#include "base/numeric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With 15 digits 0.1 is sent as 0.1. Where some number needs more to read back the same, 17
 * digits are used. */
#define SHORT_DIGITS 15
#define ALL_DIGITS   17

/* Doubles hold every whole number up to here exactly: beyond it, a fraction may be lost. */
#define WHOLE_LIMIT 9007199254740992.0

/* jansson recurses once a level; brackets within strings do not count. */
static bool is_shallow(const char *text, size_t length)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > POMEX_MAX_DEPTH)
                return false;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

json_t *pomex_json_parse(const char *text, size_t length)
{
    if (length == 0 || length > POMEX_MAX_BODY || !is_shallow(text, length))
        return NULL;
    /* jansson asks the locale for its decimal point, and aborts if that is longer than one byte. */
    locale_t before = pomex_numeric_begin();
    json_t *value = json_loadb(
        text, length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    pomex_numeric_end(before);
    return value;
}

const char *pomex_json_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    size_t length = json_string_length(value);
    if (length == 0)
        return NULL;
    const char *text = json_string_value(value);
    return strlen(text) == length ? text : NULL;
}

struct shape {
    bool whole_reals; /* some reals are whole numbers */
    bool long_reals;  /* some need more than SHORT_DIGITS */
    bool too_deep;    /* it was not looked at any further */
};

static bool is_whole(const json_t *value)
{
    double number = json_real_value(value);
    return fabs(number) < WHOLE_LIMIT && floor(number) >= number;
}

static void note_shape(const json_t *value, size_t depth, struct shape *shape)
{
    if (json_is_real(value)) {
        bool whole = is_whole(value);
        shape->whole_reals |= whole;
        shape->long_reals |=
            !whole && !pomex_numeric_survives(json_real_value(value), SHORT_DIGITS);
        return;
    }
    if ((json_is_array(value) || json_is_object(value)) && depth >= POMEX_MAX_DEPTH)
        shape->too_deep = true;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value) && !shape->too_deep; i++)
            note_shape(json_array_get(value, i), depth + 1, shape);
    } else if (json_is_object(value)) {
        json_t *object = (json_t *)
            value; /* jansson's iterators take no const pointer, but they do not write */
        for (void *at = json_object_iter(object); at && !shape->too_deep;
             at = json_object_iter_next(object, at))
            note_shape(json_object_iter_value(at), depth + 1, shape);
    }
}

static struct shape shape_of(const json_t *value)
{
    struct shape shape = {0};
    locale_t before = pomex_numeric_begin();
    note_shape(value, 0, &shape);
    pomex_numeric_end(before);
    return shape;
}

bool pomex_json_is_deep(const json_t *value)
{
    return shape_of(value).too_deep;
}

static json_t *with_integers(const json_t *value);

static json_t *array_with_integers(const json_t *array)
{
    json_t *copy = json_array();
    for (size_t i = 0; copy && i < json_array_size(array); i++) {
        if (json_array_append_new(copy, with_integers(json_array_get(array, i)))) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

static json_t *object_with_integers(const json_t *value)
{
    json_t *object = (json_t *)value;
    json_t *copy = json_object();
    for (void *at = json_object_iter(object); copy && at;
         at = json_object_iter_next(object, at)) {
        if (json_object_setn_new_nocheck(copy, json_object_iter_key(at),
                                         json_object_iter_key_len(at),
                                         with_integers(json_object_iter_value(at)))) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

/* A copy in which whole reals are integers; its other leaves are shared. shape_of has checked
 * the depth. */
static json_t *with_integers(const json_t *value)
{
    if (json_is_real(value) && is_whole(value))
        return json_integer((json_int_t)json_real_value(value));
    if (json_is_array(value))
        return array_with_integers(value);
    if (json_is_object(value))
        return object_with_integers(value);
    return json_incref((json_t *)value);
}

char *pomex_json_text(const json_t *value, size_t *length)
{
    struct shape shape = shape_of(value);
    if (!value || shape.too_deep)
        return NULL;
    json_t *copy = NULL;
    if (shape.whole_reals) {
        copy = with_integers(value);
        if (!copy)
            return NULL;
    }
    size_t digits = shape.long_reals ? ALL_DIGITS : SHORT_DIGITS;
    locale_t before = pomex_numeric_begin();
    char *text = json_dumps(copy ? copy : value,
                            JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
    pomex_numeric_end(before);
    json_decref(copy);
    if (text && length)
        *length = strlen(text);
    return text;
}
