#include "sandbox/program/life.h"

#include <curl/curl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void announce(const pomex_sb *sandbox, const pomex_sb_options *options, const char *key)
{
    char url[96];
    pomex_sb_server_url(&sandbox->server, url, sizeof url);
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
        printf("\n  POMEX_BASE_URL=%s\n  POMEX_API_KEY=%s\n  POMEX_SANDBOX_TOKEN=%s\n\n"
               "  dashboard  %s/\n"
               "  /_sandbox/ takes that token as X-Sandbox-Token\n"
               "  data       %s\n%s\n",
               url, key, sandbox->token, url,
               options->database ? options->database : "in memory",
               sandbox->server.any_host ? "  network    every address of this machine\n" : "");
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
    setlocale(LC_CTYPE, "C.UTF-8"); /* so that a search ignores the case of every letter */
    curl_global_init(CURL_GLOBAL_NOTHING);
    int signals = open_signals();
    bool ready = signals >= 0 && pomex_sb_life_begin(&sandbox, &options, key, sizeof key);
    if (ready) {
        announce(&sandbox, &options, key);
        pomex_sb_server_run(&sandbox.server, signals, options.watch_stdin ? STDIN_FILENO : -1);
    }
    pomex_sb_life_end(&sandbox);
    if (signals >= 0)
        close(signals);
    curl_global_cleanup();
    return ready ? 0 : 1;
}
