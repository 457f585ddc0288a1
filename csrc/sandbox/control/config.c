#include "sandbox/control/config.h"

#include <stdio.h>
#include <string.h>

#define MAX_LIMIT 10000.0

static const struct {
    const char *name;
    size_t offset;
    double usual;
} seconds[] = {
    {"asset_seconds", offsetof(pomex_sb_config, asset_seconds), 4},
    {"generation_seconds", offsetof(pomex_sb_config, generation_seconds), 12},
    {"h5_seconds", offsetof(pomex_sb_config, h5_seconds), 30 * 60},
    {"asset_link_seconds", offsetof(pomex_sb_config, asset_link_seconds), 12 * 3600},
    {"video_link_seconds", offsetof(pomex_sb_config, video_link_seconds), 24 * 3600},
    {"list_lag_seconds", offsetof(pomex_sb_config, list_lag_seconds), 0},
    {"asset_list_lag_seconds", offsetof(pomex_sb_config, asset_list_lag_seconds), 0},
    {"notice_delay_seconds", offsetof(pomex_sb_config, notice_delay_seconds), 0},
    {"task_kept_seconds", offsetof(pomex_sb_config, task_kept_seconds), POMEX_SB_LONGEST},
};

static const struct {
    const char *name;
    size_t offset;
    bool usual;
} switches[] = {
    {"generation_list", offsetof(pomex_sb_config, has_list), true},
    {"list_as_data", offsetof(pomex_sb_config, list_as_data), false},
    {"list_totals", offsetof(pomex_sb_config, list_totals), true},
    {"generation_cancel", offsetof(pomex_sb_config, has_delete), true},
    {"task_fields", offsetof(pomex_sb_config, task_fields), false},
    {"notices", offsetof(pomex_sb_config, notices), true},
    {"notices_twice", offsetof(pomex_sb_config, notices_twice), false},
    {"notices_reversed", offsetof(pomex_sb_config, notices_reversed), false},
    {"notices_first", offsetof(pomex_sb_config, notices_first), false},
    {"notices_forged", offsetof(pomex_sb_config, notices_forged), false},
};

static double *field(pomex_sb_config *config, size_t i)
{
    return (double *)(void *)((char *)config + seconds[i].offset);
}

static bool *switch_of(pomex_sb_config *config, size_t i)
{
    return (bool *)(void *)((char *)config + switches[i].offset);
}

void pomex_sb_config_limits(pomex_sb_config *config, bool on)
{
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        config->limits[i] = on ? pomex_endpoint_of((pomex_endpoint_id)i)->rate_limit : 0;
}

void pomex_sb_config_init(pomex_sb_config *config)
{
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        *field(config, i) = seconds[i].usual;
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        *switch_of(config, i) = switches[i].usual;
    config->rate_limit_answer = 429;
    pomex_sb_config_limits(config, true);
}

static bool apply_limit(pomex_sb_config *config, const char *name, const json_t *value,
                        char *why, size_t why_size)
{
    const pomex_endpoint *endpoint = pomex_endpoint_named(name);
    if (!endpoint || !endpoint->path) {
        snprintf(why, why_size, "rate_limits: there is no endpoint %.64s", name);
        return false;
    }
    double limit = json_number_value(value);
    if (json_is_true(value))
        limit = endpoint->rate_limit;
    else if (!json_is_false(value) &&
             !(json_is_number(value) && limit >= 0 && limit <= MAX_LIMIT)) {
        snprintf(why, why_size, "rate_limits.%.64s must be 0 to 10000, true or false", name);
        return false;
    }
    config->limits[endpoint->id] = limit;
    return true;
}

static bool apply_limits(pomex_sb_config *config, const json_t *value, char *why,
                         size_t why_size)
{
    if (json_is_boolean(value)) {
        pomex_sb_config_limits(config, json_is_true(value));
        return true;
    }
    if (!json_is_object(value)) {
        snprintf(why, why_size, "rate_limits must be a boolean or an object");
        return false;
    }
    const char *name;
    json_t *limit;
    json_object_foreach((json_t *)value, name, limit)
    {
        if (!apply_limit(config, name, limit, why, why_size))
            return false;
    }
    return true;
}

static bool apply_one(pomex_sb_config *config, const char *name, const json_t *value, char *why,
                      size_t why_size)
{
    if (strcmp(name, "rate_limits") == 0)
        return apply_limits(config, value, why, why_size);
    double number = json_number_value(value);
    if (strcmp(name, "rate_limit_answer") == 0) {
        config->rate_limit_answer = number > 500 ? 502 : 429;
        if (json_is_number(value) && (int)number == config->rate_limit_answer)
            return true;
        snprintf(why, why_size, "rate_limit_answer must be 429 or 502");
        return false;
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(name, switches[i].name) != 0)
            continue;
        *switch_of(config, i) = json_is_true(value);
        if (json_is_boolean(value))
            return true;
        snprintf(why, why_size, "%s must be true or false", name);
        return false;
    }
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        if (strcmp(name, seconds[i].name) != 0)
            continue;
        *field(config, i) = number;
        if (json_is_number(value) && number >= 0 && number <= POMEX_SB_LONGEST)
            return true;
        snprintf(why, why_size, "%s must be 0 to %.0f seconds", name, POMEX_SB_LONGEST);
        return false;
    }
    snprintf(why, why_size, "unknown setting: %.64s", name);
    return false;
}

bool pomex_sb_config_apply(pomex_sb_config *config, const json_t *changes, char *why,
                           size_t why_size)
{
    pomex_sb_config next = *config;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)changes, name, value)
    {
        if (!apply_one(&next, name, value, why, why_size))
            return false;
    }
    *config = next;
    return true;
}

json_t *pomex_sb_config_json(const pomex_sb_config *config)
{
    json_t *limits = json_object();
    for (int i = 0; i < POMEX_ENDPOINTS; i++) {
        const pomex_endpoint *endpoint = pomex_endpoint_of((pomex_endpoint_id)i);
        if (endpoint->path)
            json_object_set_new(limits, endpoint->limit_name, json_real(config->limits[i]));
    }
    json_t *all = json_pack("{s:o, s:i}", "rate_limits", limits, "rate_limit_answer",
                            config->rate_limit_answer);
    pomex_sb_config copy = *config;
    for (size_t i = 0; all && i < sizeof seconds / sizeof *seconds; i++)
        json_object_set_new(all, seconds[i].name, json_real(*field(&copy, i)));
    for (size_t i = 0; all && i < sizeof switches / sizeof *switches; i++)
        json_object_set_new(all, switches[i].name, json_boolean(*switch_of(&copy, i)));
    return all;
}
