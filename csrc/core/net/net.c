#include "net/net.h"

#include "net/account.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

/* libcurl is initialised at the first use, not when the module is loaded: nginx forks its workers
 * after loading it, and libcurl's TLS library must not have been started before a fork. */
static void start_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* -------------------------------------------------------------------------------- one client */

static void chain(struct curl_slist *header, const char *text, struct curl_slist *next)
{
    header->data = (char *)(uintptr_t)text; /* libcurl only reads it */
    header->next = next;
}

/* A request carries only the headers that it needs: libcurl compares each with every one of its own,
 * and three headers instead of one cost a twentieth of a request's CPU. */
static void chain_all(pomex_chain *c, const pomex_net *net, struct curl_slist *own)
{
    chain(&c->auth, net->settings->authorization, own);
    chain(&c->agent, net->agent_line, &c->auth);
    chain(&c->cache, "Cache-Control: no-store", &c->agent);
    chain(&c->expect, "Expect:", &c->auth);
    chain(&c->type, "Content-Type: application/json", &c->expect);
}

bool pomex_net_init(pomex_net *net, const pomex_settings *settings, pomex_clock *clock)
{
    net->settings = settings;
    net->clock = clock;
    net->short_at = -1;
    net->epoll_fd = -1;
    net->curl_due = net->watch_at = POMEX_NEVER;
    pomex_list_init(&net->yielded);
    if (asprintf(&net->agent_line, "User-Agent: %s", settings->user_agent) < 0)
        net->agent_line = NULL;
    chain_all(&net->usual, net, settings->headers);
    chain_all(&net->bare, net, NULL);
    /* for a proxy, which must have neither the key nor the caller's headers */
    chain(&net->agent_alone, net->agent_line, NULL);
    net->limiter = net->agent_line ? pomex_account_limiter(settings) : NULL;
    if (net->limiter)
        return true;
    free(net->agent_line);
    return false;
}

void pomex_net_free(pomex_net *net)
{
    pomex_account_release(net->limiter);
    free(net->agent_line);
    free(net->sockets);
}

/* -------------------------------------------------------------------------- open and close */

#define SYSTEM_CA_PATH "/etc/ssl/certs"

/* A folder with fewer certificates than this holds somebody's own, not the system's whole
 * bundle. */
#define WHOLE_STORE 50

/* Whether the folder holds all certificates by hash, as Debian's does. libcurl reads only the
 * certificates that it needs from such a folder: a new TLS connection then takes 4 ms and not
 * 45. */
static bool has_hashed_certificates(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return false;
    int count = 0;
    for (struct dirent *entry; count < WHOLE_STORE && (entry = readdir(dir));)
        count += strlen(entry->d_name) == 10 && entry->d_name[8] == '.' &&
                 strspn(entry->d_name, "0123456789abcdef") == 8;
    closedir(dir);
    return count == WHOLE_STORE;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    pomex_net *net = user;
    (void)multi;
    net->curl_due =
        ms < 0 ? POMEX_NEVER : pomex_clock_recent(net->clock) + (int64_t)ms * 1000000;
    return 0;
}

/* Sets two options by their numbers, because an older curl.h has no names for them. An older
 * library answers CURLM_UNKNOWN_OPTION, which is ignored. Since libcurl 8.20 the threads that look
 * names up belong to the multi handle. */
static void set_lookups(CURLM *multi, long transfers)
{
    /* CURLMOPT_QUICK_EXIT: without it a cancel, a deadline and a close wait for the threads of
     * lookups that were given up, whatever CURLOPT_QUICK_EXIT says. */
    curl_multi_setopt(multi, (CURLMoption)21, 1L);
    /* CURLMOPT_RESOLVE_THREADS_MAX: each lookup takes two threads, and keeps them after it was
     * given up. Without this option there are twenty, and none of them is left when an outage of
     * DNS is over. */
    curl_multi_setopt(multi, (CURLMoption)20, 4 * transfers);
}

/* False with errno. The errno is ENOSYS if libcurl refuses a setting: without it no answer would be
 * noticed. */
static bool open_multi(pomex_net *net)
{
    const pomex_options *o = &net->settings->options;
    /* libcurl must keep as many connections as can be in flight, or every request would connect
     * anew. */
    long connections = o->max_in_flight + o->max_downloads + 4;
    net->multi = curl_multi_init();
    if (!net->multi && errno != EMFILE && errno != ENFILE)
        errno = ENOMEM;
    if (!net->multi)
        return false;
    set_lookups(net->multi, o->max_in_flight + o->max_downloads);
    errno = ENOSYS;
    return curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, pomex_socket_wanted) ==
               CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, connections) == CURLM_OK;
}

/* Reads the base URL; false: no memory, since options.c has read it before. */
static bool read_base(pomex_net *net)
{
    const char *text = net->settings->base_url;
    char *path = NULL;
    net->base = curl_url();
    if (!net->base ||
        curl_url_set(net->base, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK ||
        curl_url_get(net->base, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        return false;
    size_t whole = strlen(text), tail = path[1] ? strlen(path) : 0;
    bool ends_so = tail < whole && strcmp(text + whole - tail, tail ? path : "") == 0;
    net->origin_length = ends_so ? whole - tail : 0;
    curl_free(path);
    return true;
}

bool pomex_net_open(pomex_net *net, int epoll_fd)
{
    pthread_once(&curl_once, start_curl);
    if (curl_ready != CURLE_OK) {
        errno = ENOMEM;
        return false;
    }
    net->epoll_fd = epoll_fd;
    errno = ENOMEM;
    if (!read_base(net))
        return false;
    errno = 0;
    if (!open_multi(net))
        return false;
    net->system_ca_path = has_hashed_certificates(SYSTEM_CA_PATH);
    net->slept =
        net->clock->read(net->clock->user, POMEX_CLOCK_BOOTTIME) - pomex_clock_now(net->clock);
    return true;
}

void pomex_net_close(pomex_net *net, bool foreign)
{
    if (foreign) {
        /* The sockets stay in the epoll set, which is shared with the process that owns it. */
        for (size_t fd = 0; fd < net->socket_count; fd++)
            if (net->sockets[fd].ours)
                close((int)fd);
        net->pool = NULL;
    } else {
        pomex_transfer_free_pool(net);
        if (net->multi)
            curl_multi_cleanup(net->multi);
    }
    curl_url_cleanup(net->base);
    net->base = NULL;
    net->multi = NULL;
    net->socket_count = 0;
}

/* --------------------------------------------------------------------------------- running */

void pomex_net_run_timer(pomex_net *net)
{
    int running;
    if (net->curl_due > pomex_clock_recent(net->clock))
        return;
    net->curl_due = POMEX_NEVER; /* before the call, since libcurl can set it again */
    curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

pomex_transfer *pomex_net_next_ended(pomex_net *net, pomex_outcome *outcome)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(net->multi, &left))) {
        pomex_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        pomex_transfer_body_over(transfer);
        pomex_transfer_outcome(transfer, code, outcome);
        return transfer;
    }
    return NULL;
}
