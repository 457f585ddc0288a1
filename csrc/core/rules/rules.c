#include "rules/rules.h"

#include "base/ascii.h"
#include "base/json.h"
#include "base/url.h"
#include "rules/kinds.h"
#include "rules/violation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ASSET_SCHEME "asset://"

static const char *const seedance2_models[] = {"byteplus/seedance-2.0",
                                               "byteplus/seedance-2.0-fast", NULL};
static const char *const langs[] = {"zh", "en", "zh-Hant", NULL};
static const char *const asset_types[] = {"Image", "Video", "Audio", NULL};
static const char *const asset_statuses[] = {"active", "processing", "failed", NULL};
static const char *const sort_keys[] = {"create_time", "update_time", "group_id", NULL};
static const char *const sort_orders[] = {"asc", "desc", NULL};

/* -------------------------------------------------------------------------- kinds of value */

/* A null counts as a missing field. */
static const json_t *field(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static bool is_empty(const json_t *value)
{
    return !value || (json_is_string(value) && json_string_length(value) == 0);
}

static bool is_listed(const char *text, size_t length, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == length && memcmp(*list, text, length) == 0)
            return true;
    return false;
}

static bool is_one_of(const json_t *value, const char *const *list)
{
    return json_is_string(value) &&
           is_listed(json_string_value(value), json_string_length(value), list);
}

static bool is_https(const json_t *value)
{
    return json_is_string(value) &&
           pomex_url_is_https(json_string_value(value), json_string_length(value));
}

bool pomex_rules_is_seedance2(const char *model)
{
    return is_listed(model, strlen(model), seedance2_models);
}

const char *pomex_rules_asset_uri(const char *url)
{
    size_t prefix = sizeof ASSET_SCHEME - 1;
    return strncmp(url, ASSET_SCHEME, prefix) == 0 && url[prefix] ? url + prefix : NULL;
}

/* A dot segment: a path that holds it, escaped or not, may reach another endpoint. */
static bool leads_away(const char *id, size_t length)
{
    for (size_t at = 0, end; at <= length; at = end + 1) {
        end = at;
        while (end < length && id[end] != '/' && id[end] != '\\')
            end++;
        size_t dots = end - at;
        if ((dots == 1 || dots == 2) && memcmp(id + at, "..", dots) == 0)
            return true;
    }
    return false;
}

/* `in_uri`: the id follows asset://, where it is not percent-encoded. */
static bool check_id(const char *what, const char *id, size_t length, bool in_uri,
                     pomex_violation *violation)
{
    const char *problem = NULL;
    if (length == 0)
        problem = "is required";
    else if (length > POMEX_MAX_ID)
        problem = "must be at most 256 bytes long";
    else if (pomex_url_has_control(id, length))
        problem = "must not contain control characters";
    else if (leads_away(id, length))
        problem = "must not be . or .., nor contain them between slashes";
    else if (in_uri && strcspn(id, "/\\%") < length)
        problem = "must not contain /, \\ or %";
    if (!problem)
        return true;
    return pomex_violation_set_text(violation, what, id, length, "%s %s", what, problem);
}

bool pomex_rules_check_id(const char *id, size_t length, pomex_violation *violation)
{
    return check_id("id", id, length, false, violation);
}

/* An optional string for which the document sets no form: only what would break a header, a
 * log line or a query is refused. */
static bool check_label(const json_t *payload, const char *key, bool may_be_empty,
                        pomex_violation *violation)
{
    const json_t *value = field(payload, key);
    if (!value)
        return true;
    if (!json_is_string(value))
        return pomex_violation_set(violation, key, value, "%s must be a string", key);
    if (!may_be_empty && json_string_length(value) == 0)
        return pomex_violation_set(violation, key, value, "%s must not be empty", key);
    if (pomex_url_has_control(json_string_value(value), json_string_length(value)))
        return pomex_violation_set(violation, key, value,
                                   "%s must not contain control characters", key);
    return true;
}

/* ------------------------------------------------------------- Create Verification Session */

static bool check_session(const json_t *payload, pomex_violation *violation)
{
    const json_t *url = field(payload, "callback_url");
    if (is_empty(url))
        return pomex_violation_set(violation, "callback_url", url, "callback_url is required");
    if (!is_https(url))
        return pomex_violation_set(violation, "callback_url", url,
                                   "callback_url must be a valid https URL");
    const json_t *lang = field(payload, "lang");
    if (lang && !is_one_of(lang, langs))
        return pomex_violation_set(violation, "lang", lang, "lang must be zh, en, or zh-Hant");
    return true;
}

/* ------------------------------------------------------------------------- Upload an Asset */

static bool refuse_upload_url(pomex_violation *violation, const json_t *url)
{
    pomex_violation_set(violation, "url", url, "url must be a valid https URL");
    const char *text = json_string_value(url);
    if (!text)
        return false;
    const char *why = NULL;
    if (strncmp(text, ASSET_SCHEME, sizeof ASSET_SCHEME - 1) == 0)
        why = "uploads take public https links; asset:// belongs in content";
    else if (pomex_ascii_begins(text, "file:") || !strstr(text, ":"))
        why = "the service fetches public https links, it takes no local files";
    if (why)
        pomex_violation_explain(violation, why);
    return false;
}

static bool check_upload(const json_t *payload, pomex_violation *violation)
{
    const json_t *url = field(payload, "url");
    if (is_empty(url))
        return pomex_violation_set(violation, "url", url, "url is required");
    if (!is_https(url))
        return refuse_upload_url(violation, url);
    const json_t *type = field(payload, "asset_type");
    if (!is_one_of(type, asset_types))
        return pomex_violation_set(violation, "asset_type", type,
                                   "asset_type must be Image, Video, or Audio");
    return check_label(payload, "group_id", false, violation) &&
           check_label(payload, "name", true, violation);
}

/* ----------------------------------------------------------------------------- List Assets */

static bool is_status_list(const char *text, size_t length)
{
    const char *end = text + length;
    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        size_t one = (size_t)((comma ? comma : end) - text);
        if (!is_listed(text, one, asset_statuses))
            return false;
        if (!comma)
            return true;
        text = comma + 1;
    }
}

static bool check_status_filter(const json_t *payload, pomex_violation *violation)
{
    const json_t *status = field(payload, "status");
    const json_t *wrong = status;
    if (!status)
        return true;
    if (json_is_string(status) &&
        is_status_list(json_string_value(status), json_string_length(status)))
        return true;
    if (json_is_array(status) && json_array_size(status) > 0) {
        size_t i = 0;
        while (i < json_array_size(status) &&
               is_one_of(json_array_get(status, i), asset_statuses))
            i++;
        if (i == json_array_size(status))
            return true;
        wrong = json_array_get(status, i);
    }
    return pomex_violation_set(violation, "status", wrong,
                               "status must be active, processing, or failed");
}

/* A whole number, given as a number or as the digits of a query; -1: not one, or beyond an
 * int32. */
static double whole_number(const json_t *value)
{
    double number = -1;
    if (json_is_number(value)) {
        number = json_number_value(value);
    } else if (json_is_string(value)) {
        const char *text = json_string_value(value);
        size_t length = json_string_length(value);
        if (length == 0 || length > 10 || strspn(text, "0123456789") != length)
            return -1;
        number = 0;
        for (size_t i = 0; i < length; i++)
            number = number * 10 + (text[i] - '0');
    }
    return number >= 0 && number <= INT32_MAX && floor(number) >= number ? number : -1;
}

static bool check_list(const json_t *payload, pomex_violation *violation)
{
    if (!check_label(payload, "group_id", false, violation) ||
        !check_label(payload, "name", true, violation) ||
        !check_status_filter(payload, violation))
        return false;
    const json_t *page = field(payload, "page");
    if (page && whole_number(page) < 1)
        return pomex_violation_set(violation, "page", page, "page must be at least 1");
    const json_t *limit = field(payload, "limit");
    if (limit && (whole_number(limit) < 1 || whole_number(limit) > 100))
        return pomex_violation_set(violation, "limit", limit,
                                   "limit must be between 1 and 100");
    const json_t *by = field(payload, "sort_by");
    if (by && !is_one_of(by, sort_keys))
        return pomex_violation_set(violation, "sort_by", by,
                                   "sort_by must be create_time, update_time, or group_id");
    const json_t *order = field(payload, "sort_order");
    if (order && !is_one_of(order, sort_orders))
        return pomex_violation_set(violation, "sort_order", order,
                                   "sort_order must be asc or desc");
    return true;
}

/* ---------------------------------------------------------- Generate a Video From an Asset */

/* The url of a part of which the type names the key it stands under ("image_url",
 * "video_url", …), or NULL. */
static const json_t *part_url(const json_t *part, const char *type)
{
    return field(field(part, type), "url");
}

/* Checks a part other than text; sets *asset if it refers to an asset. Only image_url is
 * documented, so the other kinds are only checked for a well-formed asset:// address. */
static bool check_media_part(const json_t *part, const char *type, size_t number, bool *asset,
                             pomex_violation *violation)
{
    char what[64];
    bool is_image = strcmp(type, "image_url") == 0;
    snprintf(what, sizeof what, "content part %zu: %.16s.url", number, type);
    const json_t *url = part_url(part, type);
    const char *text = json_string_value(url);
    if (!text || (is_image && !*text)) {
        if (!is_image)
            return true;
        return pomex_violation_set(violation, what, url,
                                   url && !text ? "%s must be a string" : "%s is required",
                                   what);
    }
    const char *id = pomex_rules_asset_uri(text);
    if (id) {
        *asset = true;
        size_t length = json_string_length(url) - (sizeof ASSET_SCHEME - 1);
        snprintf(what, sizeof what, "content part %zu: the id after asset://", number);
        return check_id(what, id, length, true, violation);
    }
    if (!is_image || is_https(url))
        return true;
    return pomex_violation_set(violation, what, url,
                               "%s must be asset://<asset_id> or a valid https URL", what);
}

static bool check_part(const json_t *part, size_t number, bool *text, bool *asset,
                       pomex_violation *violation)
{
    char what[64];
    snprintf(what, sizeof what, "content part %zu", number);
    if (!json_is_object(part))
        return pomex_violation_set(violation, what, part, "%s must be an object with a type",
                                   what);
    const char *type = pomex_json_string(part, "type");
    snprintf(what, sizeof what, "content part %zu: type", number);
    if (!type)
        return pomex_violation_set(violation, what, field(part, "type"),
                                   "%s must be a string such as text", what);
    if (strcmp(type, "text") != 0)
        return check_media_part(part, type, number, asset, violation);
    const json_t *words = field(part, "text");
    snprintf(what, sizeof what, "content part %zu: text", number);
    if (!json_is_string(words))
        return pomex_violation_set(violation, what, words, "%s must be a string", what);
    *text = *text || json_string_length(words) > 0;
    return true;
}

static bool check_generation(const json_t *payload, pomex_violation *violation)
{
    const json_t *model = field(payload, "model");
    if (is_empty(model))
        return pomex_violation_set(violation, "model", model, "model is required");
    if (!json_is_string(model))
        return pomex_violation_set(violation, "model", model, "model must be a string");
    const json_t *content = field(payload, "content");
    if (!content)
        return pomex_violation_set(violation, "content", content, "content is required");
    if (!json_is_array(content))
        return pomex_violation_set(violation, "content", content,
                                   "content must be an array of parts");
    bool text = false;
    bool asset = false;
    for (size_t i = 0; i < json_array_size(content); i++)
        if (!check_part(json_array_get(content, i), i + 1, &text, &asset, violation))
            return false;
    if (!text)
        return pomex_violation_set(violation, "content",
                                   json_array_size(content) ? NULL : content,
                                   "content must have a text part");
    if (asset && !is_one_of(model, seedance2_models))
        return pomex_violation_set(violation, "model", model,
                                   "asset:// references need a Seedance 2.0 model: "
                                   "byteplus/seedance-2.0 or byteplus/seedance-2.0-fast");
    return pomex_kinds_check(payload, violation);
}

/* ------------------------------------------------------------------------------------- all */

bool pomex_rules_check(pomex_endpoint_id endpoint, const json_t *payload,
                       pomex_violation *violation)
{
    violation->message[0] = violation->value[0] = '\0';
    if (payload && !json_is_object(payload) && endpoint != POMEX_REQUEST)
        return pomex_violation_set(violation, "body", payload, "body must be a JSON object");
    switch (endpoint) {
    case POMEX_SESSION_CREATE:
        return check_session(payload, violation);
    case POMEX_ASSET_CREATE:
        return check_upload(payload, violation);
    case POMEX_ASSET_LIST:
        return check_list(payload, violation);
    case POMEX_GENERATION_CREATE:
        return check_generation(payload, violation);
    default:
        return true;
    }
}

enum pomex_status_class pomex_rules_status_class(pomex_endpoint_id endpoint, const char *status)
{
    /* "failed" is the document's; the others are named by other pages of the service. */
    static const char *const failures[] = {"failed", "cancelled", "canceled", "expired",
                                           "error",  "rejected",  "timeout"};
    const char *success = endpoint == POMEX_ASSET_GET ? "active" : "succeeded";
    if (!status)
        return POMEX_GOING_ON;
    if (pomex_ascii_equal(status, success))
        return POMEX_SUCCEEDED;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (pomex_ascii_equal(status, failures[i]))
            return POMEX_FAILED;
    return POMEX_GOING_ON;
}

const char *pomex_rules_error_type(int status)
{
    switch (status) {
    case 400:
        return "invalid_request_error";
    case 401:
        return "authentication_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    case 502:
        return "upstream_error";
    case 503:
        return "unavailable_error";
    default:
        return "api_error";
    }
}
