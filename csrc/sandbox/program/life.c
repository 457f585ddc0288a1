#include "sandbox/program/life.h"

#include "sandbox/api/api.h"
#include "sandbox/pages/embed.h"
#include "sandbox/program/fatal.h"
#include "sandbox/program/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The key that signs links is kept in the database, so that links work after a restart. */
static bool load_link_key(pomex_sb *sandbox)
{
    char hex[POMEX_SB_SECRET];
    int found = pomex_sb_store_get_meta(sandbox->store, "link_key", hex, sizeof hex);
    if (found == 0) {
        if (!pomex_sb_secret_make(hex))
            return false;
        found = pomex_sb_store_set_meta(sandbox->store, "link_key", hex);
    }
    for (size_t i = 0; found == 1 && i < sizeof sandbox->link_key; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        sandbox->link_key[i] = (unsigned char)byte;
    }
    return found == 1;
}

static bool load_clock(pomex_sb *sandbox)
{
    char text[32];
    int found = pomex_sb_store_get_meta(sandbox->store, "clock_offset", text, sizeof text);
    if (found == 1)
        sandbox->clock.offset = strtoll(text, NULL, 10);
    return found >= 0;
}

static bool load_key(pomex_sb *sandbox, const char *wanted, char *key, size_t size)
{
    char secret[POMEX_SB_SECRET];
    int64_t number;
    int found = pomex_sb_store_get_meta(sandbox->store, "key", key, size);
    if (found < 0 || (found == 1 && (!wanted || strcmp(wanted, key) == 0)))
        return found == 1;
    if (!pomex_sb_secret_make(secret))
        return false;
    int length = wanted ? snprintf(key, size, "%s", wanted)
                        : snprintf(key, size, "sk-sandbox-%s", secret);
    return length > 0 && (size_t)length < size &&
           pomex_sb_store_accounts_add(sandbox->store, 1, key,
                                       pomex_sb_clock_now(&sandbox->clock), &number) == 1 &&
           pomex_sb_store_set_meta(sandbox->store, "key", key) == 1;
}

bool pomex_sb_life_begin(pomex_sb *sandbox, const pomex_sb_options *options, char *key,
                         size_t size)
{
    char why[512];
    char prefix[POMEX_SB_SECRET];
    sandbox->config = options->config;
    sandbox->server = (pomex_sb_server){.idle_seconds = options->idle_seconds,
                                        .request_seconds = options->request_seconds,
                                        .clock = &sandbox->clock,
                                        .sandbox = sandbox,
                                        .decide = pomex_sb_routes_decide,
                                        .tick = pomex_sb_api_notices_send};
    sandbox->store = pomex_sb_store_open(options->database, why, sizeof why);
    if (!sandbox->store) {
        pomex_sb_fatal(options->json, "cannot open the database: %s", why);
        return false;
    }
    pomex_sb_blob strings = pomex_sb_embed(POMEX_SB_STRINGS);
    sandbox->strings = json_loadb(strings.bytes, strings.length, 0, NULL);
    if (!sandbox->strings || !pomex_sb_secret_make(sandbox->token) ||
        !pomex_sb_secret_make(prefix) || !load_clock(sandbox) || !load_link_key(sandbox) ||
        !load_key(sandbox, options->key, key, size)) {
        pomex_sb_fatal(options->json, "cannot begin: the database or memory failed");
        return false;
    }
    memcpy(sandbox->server.request_prefix, prefix, sizeof sandbox->server.request_prefix - 1);
    if (pomex_sb_server_start(&sandbox->server, options->host, options->port, why, sizeof why))
        return true;
    pomex_sb_fatal(options->json, "%s", why);
    return false;
}

void pomex_sb_life_end(pomex_sb *sandbox)
{
    pomex_sb_server_stop(&sandbox->server);
    pomex_sb_notices_clear(&sandbox->notices);
    pomex_sb_store_close(sandbox->store);
    pomex_sb_faults_stop(&sandbox->faults);
    pomex_sb_journal_free(&sandbox->journal);
    pomex_sb_limits_clear(&sandbox->limits);
    json_decref(sandbox->strings);
    sandbox->store = NULL;
    sandbox->strings = NULL;
}
