#include "net/handle.h"

#include "net/net.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

const char *pomex_handle_version(unsigned *number)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const curl_version_info_data *found = curl_version_info(CURLVERSION_NOW);
    if (number)
        *number = found->version_num;
    pthread_mutex_unlock(&lock);
    return found->version;
}

pomex_error *pomex_handle_library(void)
{
    unsigned major = 0, minor = 0, number;
    Dl_info where = {0};
    const char *version = pomex_handle_version(&number);
    sscanf(POMEX_CURL_NEEDED, "%u.%u", &major, &minor);
    if (number >= (major << 16 | minor << 8))
        return NULL;
    if (!dladdr((void *)(uintptr_t)curl_version_info, &where))
        where.dli_fname = NULL;
    pomex_error *error = pomex_error_new(
        "invalid_request_error", "libcurl %s at %s is too old: pomex needs %s or later",
        version, where.dli_fname ? where.dli_fname : "an unknown place", POMEX_CURL_NEEDED);
    pomex_error_set_client(error);
    pomex_error_set_hint(error,
                         "pomex was built with libcurl %s; LD_LIBRARY_PATH, an rpath or "
                         "the program that loads pomex put another one first",
                         LIBCURL_VERSION);
    return error;
}

static CURLcode set_trust(CURL *e, const pomex_net *net)
{
    CURLcode code = CURLE_OK;
    const pomex_settings *s = net->settings;
    const char *file = s->ca_file, *path = s->ca_path;
    if (!file && !path) {
        if (!net->system_ca_path)
            return CURLE_OK; /* libcurl's own default */
        path = "/etc/ssl/certs";
    }
    POMEX_SET(CAINFO, file);
    POMEX_SET(CAPATH, path);
    POMEX_SET(PROXY_CAINFO, file);
    POMEX_SET(PROXY_CAPATH, path);
    return code;
}

CURLcode pomex_handle_prepare(CURL *e, const pomex_net *net)
{
    CURLcode code = CURLE_OK;
    const pomex_settings *s = net->settings;
    POMEX_SET(NOSIGNAL, 1L);
    /* A name that is being looked up must not hold up a cancel, a deadline or a close. */
    POMEX_SET(QUICK_EXIT, 1L);
    POMEX_SET(OPENSOCKETFUNCTION, pomex_socket_open);
    POMEX_SET(OPENSOCKETDATA, net);
    POMEX_SET(CLOSESOCKETFUNCTION, pomex_socket_close);
    POMEX_SET(CLOSESOCKETDATA, net);
    POMEX_SET(PROTOCOLS_STR, "http,https");
    /* HTTP/2 is not used: it repeats requests for reasons of its own, and since all calls share its
     * one connection, a handshake that hangs holds up every call. */
    POMEX_SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    POMEX_SET(FOLLOWLOCATION, 0L);
    POMEX_SET(PATH_AS_IS, 1L);
    POMEX_SET(SUPPRESS_CONNECT_HEADERS, 1L);
    POMEX_SET(HEADEROPT, (long)CURLHEADER_SEPARATE);
    POMEX_SET(CONNECTTIMEOUT_MS, (long)(s->options.connect_timeout * 1000 + 0.5));
    return code == CURLE_OK ? set_trust(e, net) : code;
}

/* Whether a link leads to base_url's own scheme, host and port. */
static bool is_of_base(const pomex_net *net, const char *link)
{
    size_t length = net->origin_length;
    return length && strncmp(link, net->settings->base_url, length) == 0 &&
           strchr("/?#", link[length]);
}

CURLcode pomex_handle_certify(CURL *e, const pomex_net *net, const char *link)
{
    CURLcode code = CURLE_OK;
    const pomex_settings *s = net->settings;
    if (!s->client_cert || (link && !is_of_base(net, link)))
        return code;
    POMEX_SET(SSLCERT, s->client_cert);
    POMEX_SET(SSLKEY, s->client_key);
    /* Also an empty one: without any, OpenSSL would ask for it at the terminal, and wait. */
    POMEX_SET(KEYPASSWD, s->client_key_password);
    return code;
}

/* Bytes that libcurl reads at once: its default, and what the curl tool takes for files. */
#define USUAL_BUFFER 16384L
#define FILE_BUFFER  102400L

CURLcode pomex_handle_request(CURL *e, const pomex_request *r, const struct curl_slist *headers,
                              const char *agent)
{
    CURLcode code = CURLE_OK;
    bool get = strcmp(r->method, "GET") == 0, post = strcmp(r->method, "POST") == 0;
    if (r->body || post) {
        POMEX_SET(POST, 1L);
        POMEX_SET(POSTFIELDSIZE_LARGE, (curl_off_t)r->body_length);
        POMEX_SET(POSTFIELDS, r->body ? r->body : "");
    } else {
        POMEX_SET(HTTPGET, 1L);
    }
    if (strcmp(r->method, "HEAD") == 0)
        POMEX_SET(NOBODY, 1L);
    POMEX_SET(CUSTOMREQUEST, (get && !r->body) || post ? NULL : r->method);
    POMEX_SET(FRESH_CONNECT, r->once ? 1L : 0L);
    POMEX_SET(FORBID_REUSE, r->once ? 1L : 0L);
    POMEX_SET(HTTPHEADER, headers);
    POMEX_SET(USERAGENT, agent);
    /* A refusal is ignored, because no promise depends on this setting: a handle whose last attempt
     * found no connection keeps its buffer. */
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, r->file ? FILE_BUFFER : USUAL_BUFFER);
    return code;
}
