#include "engine/options.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/numeric.h"
#include "base/secret.h"
#include "base/url.h"
#include "engine/key.h"
#include "engine/trust.h"
#include "net/own_headers.h"
#include "rules/endpoint.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pomex_options_init(pomex_options *options)
{
    *options = (pomex_options){
        .connect_timeout = 10,
        .request_timeout = 30,
        .budget = 120,
        .max_retries = 2,
        .max_in_flight = 64,
        .max_downloads = 4,
        .rate_share = 1,
        .poll_asset = {1, 1.5, 5},
        .poll_generation = {5, 1.25, 10},
        .learn_pauses = true,
    };
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        options->rate_limits[i] = pomex_endpoint_of((pomex_endpoint_id)i)->rate_limit;
}

static pomex_error *invalid(const char *format, const char *name, const char *value)
{
    pomex_error *error = pomex_error_new("invalid_request_error", format, name, value);
    pomex_error_set_client(error);
    return error;
}

/* Whether a string can stand in a header: it has no control byte, so no CR, LF or tab. */
static bool is_header_safe(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

__attribute__((format(printf, 3, 4))) static void show(char *out, size_t size,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    locale_t before = pomex_numeric_begin();
    vsnprintf(out, size, format, arguments);
    pomex_numeric_end(before);
    va_end(arguments);
}

static pomex_error *check_numbers(const pomex_options *o)
{
    char value[64];
    const struct {
        const char *name;
        double value, low, high;
    } rows[] = {
        {"connect_timeout", o->connect_timeout, 1e-3, 1e6},
        {"request_timeout", o->request_timeout, 1e-3, 1e6},
        {"budget", o->budget, 1e-3, 1e6},
        {"max_retries", o->max_retries, 0, 100},
        {"max_in_flight", o->max_in_flight, 1, 10000},
        {"max_downloads", o->max_downloads, 1, 1000},
        {"rate_share", o->rate_share, 1e-3, 1},
        {"poll.asset.first", o->poll_asset.first, 0, 1e6},
        {"poll.asset.factor", o->poll_asset.factor, 1, 100},
        {"poll.asset.max", o->poll_asset.max, 1e-3, 1e6},
        {"poll.generation.first", o->poll_generation.first, 0, 1e6},
        {"poll.generation.factor", o->poll_generation.factor, 1, 100},
        {"poll.generation.max", o->poll_generation.max, 1e-3, 1e6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].value >= rows[i].low && rows[i].value <= rows[i].high)
            continue;
        show(value, sizeof value, "%g to %g (it is %g)", rows[i].low, rows[i].high,
             rows[i].value);
        return invalid("%s must be a number from %s", rows[i].name, value);
    }
    for (int i = 0; i < POMEX_ENDPOINTS; i++) {
        double rate = o->rate_limits[i];
        if (!(rate < 0) && !(rate > 0 && rate < 0.001) && rate <= 10000)
            continue;
        show(value, sizeof value, "(it is %g)", rate);
        return invalid("rate_limits.%s must be 0, or 0.001 to 10000 requests a second %s",
                       pomex_endpoint_of((pomex_endpoint_id)i)->limit_name, value);
    }
    return NULL;
}

/* What is wrong with the parts of a URL, or NULL. */
static const char *base_url_problem(CURLU *url, pomex_settings *s, bool allow_http)
{
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL, *fragment = NULL;
    const char *problem = NULL;
    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_USER, &user, 0);
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0);
    if (!scheme || !host)
        problem = "is not a URL";
    else if (user || query || fragment)
        problem = "must have no user, query or fragment";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        problem = "must be an https URL";
    if (!problem) {
        bool http = strcmp(scheme, "http") == 0;
        s->base_is_loopback = pomex_url_is_loopback(host);
        if (http && !s->base_is_loopback && !allow_http)
            problem = "must be https: over http the key could be read on the way "
                      "(allow_http = true if you must)";
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(query);
    curl_free(fragment);
    return problem;
}

static pomex_error *set_base_url(pomex_settings *s, const pomex_options *o)
{
    const char *text = o->base_url ? o->base_url : getenv("POMEX_BASE_URL");
    if (!text || !*text)
        text = "https://api.pomex.ai";
    CURLU *url = curl_url();
    if (!url)
        return pomex_error_memory();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    const char *problem =
        code == CURLUE_OK ? base_url_problem(url, s, o->allow_http) : "is not a URL";
    curl_url_cleanup(url);
    if (!problem && strpbrk(text, "?#")) /* libcurl does not report empty ones */
        problem = "must have no user, query or fragment";
    if (code == CURLUE_OUT_OF_MEMORY)
        return pomex_error_memory();
    if (problem) {
        pomex_error *error = invalid("base_url %s%s", problem, "");
        size_t from, shown = pomex_url_shown(text, strlen(text), &from);
        if (!strchr(text, '@'))
            pomex_error_set_hint(error, "base_url is \"%.*s%s\"",
                                 shown < 200 ? (int)shown : 200, text,
                                 shown < strlen(text) ? "…" : "");
        return error;
    }
    s->base_url = strdup(text);
    if (!s->base_url)
        return pomex_error_memory();
    for (size_t n = strlen(s->base_url); n && s->base_url[n - 1] == '/'; n--)
        s->base_url[n - 1] = '\0';
    return NULL;
}

/* Checks the proxy's address as libcurl reads it. libcurl's own error would show the whole address,
 * with its password. */
static pomex_error *check_proxy(const char *text)
{
    static const char *const schemes[] = {"http",    "https",  "socks",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    char *scheme = NULL;
    bool known = false;
    CURLU *url = curl_url();
    CURLUcode code = !url ? CURLUE_OUT_OF_MEMORY
                          : curl_url_set(url, CURLUPART_URL, text,
                                         CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    for (size_t i = 0; scheme && i < sizeof schemes / sizeof *schemes; i++)
        known |= pomex_ascii_equal(scheme, schemes[i]);
    curl_free(scheme);
    curl_url_cleanup(url);
    if (code == CURLUE_OUT_OF_MEMORY)
        return pomex_error_memory();
    return known ? NULL
                 : invalid("%s must be host:port, or that with http://, https:// or socks5h:// "
                           "before it%s",
                           "proxy", "");
}

/* Copies an optional string; false if memory ran out. */
static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

/* 100 times 0.29 is a little less than 29, and a limit loses its fraction. */
static void take_share(pomex_settings *s)
{
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        s->options.rate_limits[i] *= s->options.rate_share * (1 + 1e-12);
}

static pomex_error *take_headers(pomex_settings *s, const pomex_options *o)
{
    char why[128];
    if (pomex_own_headers_add(&s->headers, o->headers, why, sizeof why))
        return NULL;
    return why[0] ? invalid("headers: %s%s", why, "") : pomex_error_memory();
}

pomex_error *pomex_options_take(pomex_settings *s, const pomex_options *o)
{
    *s = (pomex_settings){.options = *o};
    pomex_error *error = check_numbers(o);
    take_share(s);
    if (!error)
        error = pomex_key_take(s, o);
    if (!error)
        error = set_base_url(s, o);
    const char *agent = o->user_agent ? o->user_agent : "pomex/" POMEX_VERSION;
    if (!error && !is_header_safe(agent))
        error = invalid("%s must not contain control characters%s", "user_agent", "");
    if (!error && o->proxy && *o->proxy)
        error = check_proxy(o->proxy);
    if (!error && (!copy(&s->user_agent, agent) || !copy(&s->proxy, o->proxy)))
        error = pomex_error_memory();
    if (!error)
        error = pomex_trust_take(s, o);
    if (!error)
        error = pomex_trust_take_own(s, o);
    if (!error)
        error = take_headers(s, o);
    if (error)
        pomex_options_forget(s);
    s->options.api_key = s->options.api_key_file = s->options.base_url = NULL;
    s->options.user_agent = s->options.proxy = s->options.ca_file = s->options.ca_path = NULL;
    s->options.client_cert = s->options.client_key = s->options.client_key_password = NULL;
    s->options.headers = NULL;
    return error;
}

pomex_error *pomex_options_check(const pomex_options *o)
{
    pomex_settings s = {.headers = NULL};
    pomex_error *error = check_numbers(o);
    if (!error)
        error = take_headers(&s, o);
    pomex_own_headers_free(s.headers);
    return error;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void pomex_options_forget(pomex_settings *s)
{
    pomex_secret_free(s->authorization, s->authorization_size);
    free(s->user_agent);
    free(s->base_url);
    wipe(s->proxy); /* it can hold a password */
    free(s->ca_file);
    free(s->ca_path);
    free(s->client_cert);
    free(s->client_key);
    pomex_secret_free(s->client_key_password, s->client_key_password_size);
    pomex_own_headers_free(s->headers);
    *s = (pomex_settings){0};
}
