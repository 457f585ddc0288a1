#include "embed.h"
#include "options.h"
#include "rules.h"
#include "sandbox.h"
#include "server.h"

#include <curl/curl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The key that signs links, so that links outlive a restart on the same database. */
static bool load_link_key(pomex_sb *sandbox)
{
    char hex[POMEX_SB_SECRET];
    int found = pomex_sb_store_get_meta(sandbox->store, "link_key", hex, sizeof hex);
    if (found == 0) {
        if (!pomex_sb_random_hex(hex))
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
    if (!pomex_sb_random_hex(secret))
        return false;
    int length = wanted ? snprintf(key, size, "%s", wanted)
                        : snprintf(key, size, "sk-sandbox-%s", secret);
    return length > 0 && (size_t)length < size &&
           pomex_sb_store_add_account(sandbox->store, 1, key, pomex_sb_now(&sandbox->clock),
                                      &number) == 1 &&
           pomex_sb_store_set_meta(sandbox->store, "key", key) == 1;
}

static bool prepare(pomex_sb *sandbox, const pomex_sb_options *options, char *key, size_t size)
{
    char why[512];
    char prefix[POMEX_SB_SECRET];
    sandbox->config = options->config;
    sandbox->store = pomex_sb_store_open(options->database, why, sizeof why);
    if (!sandbox->store) {
        fprintf(stderr, "pomex-sandbox: cannot open the database: %s\n", why);
        return false;
    }
    pomex_sb_blob strings = pomex_sb_embedded(POMEX_SB_STRINGS);
    sandbox->strings = json_loadb(strings.bytes, strings.length, 0, NULL);
    if (!sandbox->strings || !pomex_sb_random_hex(sandbox->token) ||
        !pomex_sb_random_hex(prefix) || !load_clock(sandbox) || !load_link_key(sandbox) ||
        !load_key(sandbox, options->key, key, size)) {
        fprintf(stderr, "pomex-sandbox: cannot begin: the database or memory failed\n");
        return false;
    }
    memcpy(sandbox->request_prefix, prefix, sizeof sandbox->request_prefix - 1);
    if (pomex_sb_server_start(sandbox, options->host, options->port, why, sizeof why))
        return true;
    fprintf(stderr, "pomex-sandbox: %s\n", why);
    return false;
}

static void announce(const pomex_sb *sandbox, const pomex_sb_options *options, const char *key)
{
    char url[96];
    snprintf(url, sizeof url, "http://%s:%d", sandbox->host, sandbox->port);
    if (!options->quiet)
        fprintf(
            stderr,
            "pomex-sandbox: THIS IS NO SERVICE. It only behaves like one, on this machine:\n"
            "  no person is verified, no video is made of anything, nothing is paid.\n");
    if (options->json) {
        json_t *line = json_pack("{s:s, s:s, s:s, s:i}", "url", url, "key", key, "token",
                                 sandbox->token, "pid", (int)getpid());
        char *text = line ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
        puts(text ? text : "{}");
        free(text);
        json_decref(line);
    } else {
        printf("\n  POMEX_BASE_URL=%s\n  POMEX_API_KEY=%s\n\n"
               "  dashboard  %s/\n  token      %s   (X-Sandbox-Token, for /_sandbox/)\n"
               "  data       %s\n\n",
               url, key, url, sandbox->token,
               options->database ? options->database : "in memory");
    }
    fflush(stdout);
}

static int open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return -1;
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    pomex_sb_options options;
    int code = pomex_sb_options_read(&options, argc, argv);
    if (code >= 0)
        return code;
    static pomex_sb sandbox;
    char key[256];
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the search that knows no case */
    curl_global_init(CURL_GLOBAL_NOTHING);
    int signals = open_signals();
    bool ready = signals >= 0 && prepare(&sandbox, &options, key, sizeof key);
    if (ready) {
        announce(&sandbox, &options, key);
        pomex_sb_server_run(&sandbox, signals, options.watch_stdin ? STDIN_FILENO : -1);
    }
    pomex_sb_server_stop(&sandbox);
    pomex_sb_store_close(sandbox.store);
    pomex_sb_faults_clear(&sandbox.faults);
    pomex_sb_journal_free(&sandbox.journal);
    pomex_sb_limits_clear(&sandbox.limits);
    json_decref(sandbox.strings);
    if (signals >= 0)
        close(signals);
    curl_global_cleanup();
    return ready ? 0 : 1;
}
