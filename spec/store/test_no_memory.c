/* Memory runs out at each allocation of the store's, and at many of SQLite's: what was asked then
 * happened wholly or not at all, and is answered so. */
#include "bed.h"

#include "store/backend.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

static atomic_long own, sqlites; /* so many until one fails; 0: none does */
static atomic_bool failed;

static bool fails(atomic_long *left)
{
    if (atomic_load(left) <= 0 || atomic_fetch_sub(left, 1) != 1)
        return false;
    atomic_store(&failed, true);
    return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(&own) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails(&own) ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    return fails(&own) ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods real;

static void *sqlite_malloc(int size)
{
    return fails(&sqlites) ? NULL : real.xMalloc(size);
}

static void *sqlite_realloc(void *block, int size)
{
    return fails(&sqlites) ? NULL : real.xRealloc(block, size);
}

/* Whether it was carried out, or was so already; false: it was not, for lack of memory. */
static bool done(store_bed *bed, pomex_store_request *request)
{
    char why[256];
    if (!request)
        return false;
    if (!bed->store || !pomex_store_submit(bed->store, request, why, sizeof why)) {
        pomex_store_request_free(request);
        return false;
    }
    bed_wait(bed);
    if (request->answer <= POMEX_STORE_KNOWN)
        return true;
    if (request->answer != POMEX_STORE_BROKEN)
        fail_msg("answer %d (%s) of verb %d", request->answer, request->why, request->verb);
    return false;
}

static pomex_store_request *person(enum pomex_store_verb verb)
{
    pomex_store_request *request = pomex_store_request_new(verb);
    if (request)
        request->get = (pomex_store_get){.queue = "q", .key = "a"};
    return request;
}

/* What was answered with yes, of one run through a job's life. */
typedef struct story {
    bool put, begun, has_id, ended;
} story;

static bool try_put(store_bed *bed)
{
    static char body[9000];
    memset(body, 'x', sizeof body - 1);
    pomex_store_new job = {.key = "a", .line = body, .body = body, .save = "a.mp4"};
    pomex_store_request *put = pomex_store_request_new(POMEX_STORE_PUT);
    if (put)
        put->put = (pomex_store_put){.queue = "q", .jobs = &job, .job_count = 1};
    return done(bed, put);
}

static story live(store_bed *bed)
{
    story told = {.put = try_put(bed)};
    pomex_store_request *join = pomex_store_request_new(POMEX_STORE_JOIN);
    if (join)
        join->join = (pomex_store_join){.base_url = "u", .account = "a", .key_hash = "h"};
    if (!done(bed, join))
        return told;
    pomex_store_request *claim = pomex_store_request_new(POMEX_STORE_CLAIM);
    if (claim)
        claim->claim =
            (pomex_store_claim){.worker = join->join.worker, .queue = "q", .count = 1};
    if (!done(bed, claim) || claim->claim.job_count == 0)
        return told;
    assert_non_null(claim->claim.jobs[0].body);
    int64_t job = claim->claim.jobs[0].id;
    pomex_store_request *begin = pomex_store_request_new(POMEX_STORE_BEGIN);
    if (begin)
        begin->begin = (pomex_store_begin){.worker = join->join.worker,
                                           .job = job,
                                           .fence = claim->claim.jobs[0].fence,
                                           .attempt = 1,
                                           .cost = 500,
                                           .body = "body"};
    told.begun = done(bed, begin);
    for (int end = 0; end < 2 && told.begun; end++) {
        pomex_store_request *fact = pomex_store_request_new(POMEX_STORE_FACT);
        if (fact)
            fact->fact = (pomex_store_fact){.job = job,
                                            .attempt = 1,
                                            .kind = end ? POMEX_STORE_ENDED : POMEX_STORE_TASK,
                                            .task = "t1",
                                            .outcome = POMEX_STORE_SAVING,
                                            .cost = -1};
        bool yes = done(bed, fact);
        *(end ? &told.ended : &told.has_id) = yes;
    }
    /* An answer that reads has all of its texts, or is none. */
    pomex_store_request *get = person(POMEX_STORE_GET);
    if (done(bed, get)) {
        assert_string_equal(get->get.job.key, "a");
        assert_non_null(get->get.job.body);
        if (told.has_id)
            assert_non_null(get->get.job.task);
    }
    pomex_store_request *list = pomex_store_request_new(POMEX_STORE_LIST);
    if (list)
        list->list.queue = "q";
    if (done(bed, list))
        assert_string_equal(list->list.jobs[0].save, "a.mp4");
    done(bed, pomex_store_request_new(POMEX_STORE_EVENTS));
    done(bed, pomex_store_request_new(POMEX_STORE_WORKERS));
    return told;
}

/* One story with one failure in it, and what is left. True: nothing failed any more. */
static bool run(atomic_long *which, long n)
{
    char why[256] = "";
    void *state;
    assert_int_equal(bed_start(&state), 0);
    store_bed *bed = state;
    bed_close(bed);
    atomic_store(&failed, false);
    atomic_store(which, n);
    pomex_store_options options = {.backend = &pomex_store_sqlite, .path = bed->path};
    bed->store = pomex_store_open(&options, why, sizeof why);
    story told = live(bed);
    bed_close(bed);
    atomic_store(which, 0);
    bool over = !atomic_load(&failed);
    bed_open(bed, false);
    pomex_store_counts counts = bed_counts(bed);
    assert_true(!told.put || bed_get(bed, "a").id > 0);
    if (told.begun || counts.videos > 0) {
        pomex_store_job job = bed_get(bed, "a");
        assert_int_equal(counts.videos, job.attempt);
        assert_int_equal(counts.money, 500 * job.attempt);
        assert_true(!told.begun || job.attempt == 1);
        assert_true(!told.has_id || job.task);
        assert_true(!told.ended || job.state == POMEX_STORE_SAVING);
    }
    assert_int_equal(bed_stop(&state), 0);
    return over;
}

static void each_allocation_of_the_store(void **state)
{
    (void)state;
    long n = 1;
    while (!run(&own, n))
        n++;
    printf("%ld allocations\n", n - 1);
    assert_true(n > 20);
}

static void many_allocations_of_sqlite(void **state)
{
    (void)state;
    long n = 1, count = 0;
    while (!run(&sqlites, n)) {
        n += n / 6 + 1;
        count++;
    }
    printf("%ld of %ld allocations\n", count, n);
    assert_true(count > 20);
}

int main(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    sqlite3_mem_methods failing = real;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_the_store),
        cmocka_unit_test(many_allocations_of_sqlite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
