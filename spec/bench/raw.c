/* What pomex is measured against: GETs by libcurl's multi interface, handles reused, nothing
 * read of the answers. Usage: raw URL KEY REQUESTS IN_FLIGHT -> "requests/s CPU-µs/request". */
#include "measure.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t swallow(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    *(size_t *)user += size * count;
    return size * count;
}

static void prepare(CURL *easy, const char *url, struct curl_slist *headers, size_t *bytes)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, bytes);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    char line[512];
    long total = atol(argv[3]), flight = atol(argv[4]), started = 0, ended = 0, failed = 0;
    size_t bytes = 0;
    snprintf(line, sizeof line, "Authorization: Bearer %s", argv[2]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, flight + 8);
    double begin = measure_now(), used = measure_cpu();
    for (; started < flight && started < total; started++) {
        CURL *easy = curl_easy_init();
        prepare(easy, argv[1], headers, &bytes);
        curl_multi_add_handle(multi, easy);
    }
    while (ended < total) {
        int running, left;
        CURLMsg *message;
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            failed += message->data.result != CURLE_OK || status != 200;
            ended++;
            curl_multi_remove_handle(multi, easy);
            if (started < total) {
                started++;
                curl_multi_add_handle(multi, easy);
            } else {
                curl_easy_cleanup(easy);
            }
        }
        if (ended < total)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double seconds = measure_now() - begin;
    used = measure_cpu() - used;
    printf("%.1f %.2f\n", (double)total / seconds, used * 1e6 / (double)total);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return failed ? 1 : 0;
}
