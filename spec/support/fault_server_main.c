/* The fault server as a program:
 *
 *   fault_server [--tls CA_FILE] SCRIPT.json
 *
 * SCRIPT is an array of steps, each an object with the fields of fault_step ("kind" is the name
 * of a fault_kind in small letters, "close_at_once" and the like; "answer" if it is missing).
 * The first line of output is {"url":…}; then comes one line for each request, as it arrives.
 * Ends when its input does. */
#include "fault_server.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {
    [FAULT_ANSWER] = "answer",
    [FAULT_RAW] = "raw",
    [FAULT_CLOSE] = "close",
    [FAULT_RESET] = "reset",
    [FAULT_HANG] = "hang",
    [FAULT_TRUNCATE] = "truncate",
    [FAULT_DRIP] = "drip",
    [FAULT_ENDLESS_HEADERS] = "endless_headers",
    [FAULT_ENDLESS_BODY] = "endless_body",
    [FAULT_TUNNEL] = "tunnel",
    [FAULT_RELAY] = "relay",
    [FAULT_RESET_WITHIN] = "reset_within",
    [FAULT_CLOSE_AT_ONCE] = "close_at_once",
    [FAULT_RESET_AT_ONCE] = "reset_at_once",
    [FAULT_RAW_AT_ONCE] = "raw_at_once",
    [FAULT_HANG_AT_ONCE] = "hang_at_once",
    [FAULT_CUT_AT_ONCE] = "cut_at_once",
    [FAULT_STRANGER] = "stranger",
};

/* False if the step is not of that form; what is wrong is then on stderr. */
static bool read_step(const json_t *object, fault_step *step)
{
    const char *kind = "answer";
    json_error_t error;
    int size = 0, cut = 0, end = 0;
    *step = (fault_step){0};
    if (json_unpack_ex((json_t *)object, &error, JSON_STRICT,
                       "{s?s, s?s, s?i, s?i, s?s, s?s, s?i, s?i, s?F, s?i, s?b}", "kind", &kind,
                       "match", &step->match, "times", &step->times, "status", &step->status,
                       "headers", &step->headers, "body", &step->body, "size", &size, "cut",
                       &cut, "delay", &step->delay, "port", &step->port, "close", &end) != 0) {
        fprintf(stderr, "fault_server: %s\n", error.text);
        return false;
    }
    step->size = (size_t)size;
    step->cut = (size_t)cut;
    step->close = end != 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], kind) == 0) {
            step->kind = (enum fault_kind)i;
            return true;
        }
    }
    fprintf(stderr, "fault_server: there is no kind \"%s\"\n", kind);
    return false;
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

/* Until the input ends; what arrives is printed within a tenth of a second. */
static void report(fault_server *server)
{
    static fault_request request;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    size_t shown = 0;
    char byte;
    for (;;) {
        bool ended = poll(&input, 1, 50) > 0 && read(0, &byte, 1) <= 0;
        for (; fault_server_request(server, NULL, shown, &request); shown++)
            print_json(json_pack("{s:s, s:s, s:s, s:i, s:i}", "request", request.line,
                                 "headers", request.headers, "body", request.body, "length",
                                 (int)request.body_length, "connection", request.connection));
        if (ended)
            return;
    }
}

int main(int argc, char **argv)
{
    const char *ca_file = NULL;
    int at = 1;
    if (argc > 3 && strcmp(argv[1], "--tls") == 0) {
        ca_file = argv[2];
        at = 3;
    }
    if (at != argc - 1) {
        fprintf(stderr, "usage: fault_server [--tls CA_FILE] SCRIPT.json\n");
        return 2;
    }
    json_error_t error;
    json_t *script = json_load_file(argv[at], 0, &error);
    if (!json_is_array(script)) {
        fprintf(stderr, "fault_server: %s: %s\n", argv[at],
                script ? "not an array" : error.text);
        json_decref(script);
        return 2;
    }
    size_t count = json_array_size(script);
    fault_step *steps = calloc(count + 1, sizeof *steps);
    bool good = steps != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = read_step(json_array_get(script, i), &steps[i]);
    fault_server *server = good ? fault_server_start(steps, count, ca_file) : NULL;
    if (server) {
        char url[64];
        snprintf(url, sizeof url, "%s://127.0.0.1:%d", ca_file ? "https" : "http",
                 fault_server_port(server));
        print_json(json_pack("{s:s}", "url", url));
        report(server);
    }
    fault_server_stop(server);
    free(steps);
    json_decref(script);
    return server ? 0 : 1;
}
