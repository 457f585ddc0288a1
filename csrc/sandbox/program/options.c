#include "sandbox/program/options.h"

#include "sandbox/program/fatal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: pomex-sandbox [options]\n"
    "\n"
    "PomexAI's Real-Human Asset API, emulated on this machine. It is no service: no person\n"
    "is verified, no video is made of anything, nothing leaves this machine, nothing is paid.\n"
    "\n"
    "  --host ADDRESS            where to listen (127.0.0.1; any address that is not "
    "loopback,\n"
    "                            0.0.0.0 for example, lets your network in)\n"
    "  --port PORT               (8765; 0: any free port)\n"
    "  --database FILE           keep everything in FILE (in memory)\n"
    "  --asset-seconds N         until an upload is active or failed (4)\n"
    "  --generation-seconds N    until a task has succeeded or failed (12); it runs after a\n"
    "                            quarter of that\n"
    "  --rate-limits on|off      sessions 3, list 10, asset get 100 requests a second (on)\n"
    "  --idle-seconds N          connections that carry no byte for so long are cut (60)\n"
    "  --request-seconds N       so are requests that have not arrived whole by then (75)\n"
    "  --json                    print one line, {\"url\",\"key\",\"token\",\"pid\"} or "
    "{\"error\"}\n"
    "  --watch-stdin             exit when standard input ends\n"
    "  --quiet                   do not print that this is no service\n"
    "  --version, --help\n"
    "\n"
    "The API key is the environment variable POMEX_SANDBOX_KEY, which no list of processes\n"
    "shows; without it the one in the database; without a database a new one.\n"
    "\n"
    "Marks in the file name of an upload's url, for an Image in a verified person's group:\n"
    "  no-face                   fails: no face was found\n"
    "  several-faces             fails: more than one face\n"
    "  other-person              fails: not the verified person\n"
    "Marks in the text of a generation:\n"
    "  [fail]                    the task fails\n"
    "  [refuse]                  it is refused with a 400: no task, nothing billed\n"
    "\n"
    "Pages: / shows sessions, people, assets, tasks and the ledger; a session's h5_link is\n"
    "the page of the face scan. Tests drive the sandbox through /_sandbox/, with the token "
    "that\n"
    "is shown at the start in the header X-Sandbox-Token: docs/testing.md.\n";

enum {
    DATABASE = 1,
    HOST,
    PORT,
    ASSET,
    GENERATION,
    LIMITS,
    IDLE,
    REQUEST,
    JSON,
    WATCH,
    QUIET,
    VERSION,
    HELP
};

static const struct option known[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"database", required_argument, NULL, DATABASE},
    {"asset-seconds", required_argument, NULL, ASSET},
    {"generation-seconds", required_argument, NULL, GENERATION},
    {"rate-limits", required_argument, NULL, LIMITS},
    {"idle-seconds", required_argument, NULL, IDLE},
    {"request-seconds", required_argument, NULL, REQUEST},
    {"json", no_argument, NULL, JSON},
    {"watch-stdin", no_argument, NULL, WATCH},
    {"quiet", no_argument, NULL, QUIET},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool read_number(const char *text, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return *text && !*end && *out >= 0 && *out <= most;
}

static int invalid(const pomex_sb_options *options, const char *option, const char *wanted,
                   const char *given)
{
    pomex_sb_fatal(options->json, "--%s must be %s, not %s (see --help)", option, wanted,
                   given);
    return 2;
}

static int read_value(pomex_sb_options *options, int which, const char *value)
{
    double number;
    switch (which) {
    case PORT:
        if (!read_number(value, 65535, &number) || number > (int)number)
            return invalid(options, "port", "0 to 65535", value);
        options->port = (int)number;
        break;
    case ASSET:
        if (!read_number(value, POMEX_SB_LONGEST, &options->config.asset_seconds))
            return invalid(options, "asset-seconds", "0 to 3162240000", value);
        break;
    case GENERATION:
        if (!read_number(value, POMEX_SB_LONGEST, &options->config.generation_seconds))
            return invalid(options, "generation-seconds", "0 to 3162240000", value);
        break;
    case LIMITS:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
            return invalid(options, "rate-limits", "on or off", value);
        pomex_sb_config_limits(&options->config, strcmp(value, "on") == 0);
        break;
    case IDLE:
        if (!read_number(value, 86400, &number) || number < 1 || number > (int)number)
            return invalid(options, "idle-seconds", "a whole number, 1 to 86400", value);
        options->idle_seconds = (unsigned)number;
        break;
    case REQUEST:
        if (!read_number(value, 86400, &options->request_seconds))
            return invalid(options, "request-seconds", "0 to 86400", value);
        break;
    case HOST:
        options->host = value;
        break;
    default:
        options->database = value;
    }
    return -1;
}

void pomex_sb_options_init(pomex_sb_options *options)
{
    *options = (pomex_sb_options){
        .host = "127.0.0.1", .port = 8765, .idle_seconds = 60, .request_seconds = 75};
    pomex_sb_config_init(&options->config);
}

int pomex_sb_options_read(pomex_sb_options *options, int argc, char **argv)
{
    pomex_sb_options_init(options);
    int which;
    int code = -1;
    opterr = 0;
    while (code < 0 && (which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (which) {
        case '?':
            pomex_sb_fatal(options->json,
                           "%s is no option, or its value is missing (see --help)",
                           argv[optind - 1]);
            return 2;
        case HELP:
            fputs(help, stdout);
            return 0;
        case VERSION:
            puts("pomex-sandbox " POMEX_VERSION);
            return 0;
        case JSON:
            options->json = true;
            break;
        case WATCH:
            options->watch_stdin = true;
            break;
        case QUIET:
            options->quiet = true;
            break;
        default:
            code = read_value(options, which, optarg);
        }
    }
    if (code < 0 && optind < argc) {
        pomex_sb_fatal(options->json, "%s is no option (see --help)", argv[optind]);
        return 2;
    }
    options->key = getenv("POMEX_SANDBOX_KEY");
    if (code < 0 && options->key && (!*options->key || strpbrk(options->key, " \t\r\n"))) {
        pomex_sb_fatal(options->json,
                       "$POMEX_SANDBOX_KEY must be a key without blanks (see --help)");
        return 2;
    }
    return code;
}
