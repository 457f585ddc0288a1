#include "sandbox/http/post.h"

#include "base/url.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define TRIES      3
#define TIMEOUT_MS 2000L

struct item {
    struct item *next;
    char *url;
    char *body;
};

struct pomex_sb_post {
    pthread_t thread;
    pthread_mutex_t lock;   /* of all that follows */
    pthread_cond_t changed; /* an item came or went, or the thread is to end */
    struct item *first;     /* the one that is being sent stays first until it is over */
    struct item *last;
    bool stopping;
};

bool pomex_sb_post_may(const char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    bool may = parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
               curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
               curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
               curl_strequal(scheme, "http") && pomex_url_is_loopback(host);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parsed);
    return may;
}

static void free_item(struct item *item)
{
    free(item->url);
    free(item->body);
    free(item);
}

static bool is_stopping(pomex_sb_post *post)
{
    pthread_mutex_lock(&post->lock);
    bool stopping = post->stopping;
    pthread_mutex_unlock(&post->lock);
    return stopping;
}

/* Ends an exchange when the thread is to end. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return is_stopping(user);
}

static size_t drop(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    (void)user;
    return size * count;
}

static bool send_once(pomex_sb_post *post, const struct item *item)
{
    long status = 0;
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (easy && headers) {
        curl_easy_setopt(easy, CURLOPT_URL, item->url);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, item->body);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, post);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
        if (curl_easy_perform(easy) == CURLE_OK)
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return status >= 200 && status < 300;
}

/* The next item, which stays in the list; NULL: the thread is to end. */
static struct item *await_item(pomex_sb_post *post)
{
    pthread_mutex_lock(&post->lock);
    while (!post->first && !post->stopping)
        pthread_cond_wait(&post->changed, &post->lock);
    struct item *item = post->stopping ? NULL : post->first;
    pthread_mutex_unlock(&post->lock);
    return item;
}

static void *run(void *user)
{
    pomex_sb_post *post = user;
    struct item *item;
    while ((item = await_item(post))) {
        int tries = 0;
        while (tries++ < TRIES && !send_once(post, item) && !is_stopping(post))
            continue;
        pthread_mutex_lock(&post->lock);
        post->first = item->next;
        pthread_cond_broadcast(&post->changed);
        pthread_mutex_unlock(&post->lock);
        free_item(item);
    }
    return NULL;
}

pomex_sb_post *pomex_sb_post_start(void)
{
    pomex_sb_post *post = calloc(1, sizeof *post);
    if (!post)
        return NULL;
    pthread_mutex_init(&post->lock, NULL);
    pthread_cond_init(&post->changed, NULL);
    if (pthread_create(&post->thread, NULL, run, post) == 0)
        return post;
    free(post);
    return NULL;
}

void pomex_sb_post_send(pomex_sb_post *post, char *url, char *body)
{
    struct item *item = post && url && body ? calloc(1, sizeof *item) : NULL;
    if (!item) {
        free(url);
        free(body);
        return;
    }
    *item = (struct item){.url = url, .body = body};
    pthread_mutex_lock(&post->lock);
    *(post->first ? &post->last->next : &post->first) = item;
    post->last = item;
    pthread_cond_broadcast(&post->changed);
    pthread_mutex_unlock(&post->lock);
}

void pomex_sb_post_wait(pomex_sb_post *post, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&post->lock);
    while (post->first && pthread_cond_timedwait(&post->changed, &post->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&post->lock);
}

void pomex_sb_post_stop(pomex_sb_post *post)
{
    if (!post)
        return;
    pthread_mutex_lock(&post->lock);
    post->stopping = true;
    pthread_cond_broadcast(&post->changed);
    pthread_mutex_unlock(&post->lock);
    pthread_join(post->thread, NULL);
    while (post->first) {
        struct item *item = post->first;
        post->first = item->next;
        free_item(item);
    }
    pthread_cond_destroy(&post->changed);
    pthread_mutex_destroy(&post->lock);
    free(post);
}
