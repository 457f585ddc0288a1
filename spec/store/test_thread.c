/* The store's thread and its watch over other workers, with a back end that does as the test says:
 * what gathers is carried out in the order of its verbs, nobody waits for it, and close does not hang
 * with it. */
#include "cmocka_all.h"

#include "store/thread.h"

#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 8, MOST = 16 };

/* The back end. The thread writes, the test reads after an answer came. */
static struct {
    sem_t entered, go; /* posted by carry_out as it begins; waited for before it ends */
    int calls;
    size_t counts[CALLS];
    enum pomex_store_verb verbs[CALLS][MOST];
    int64_t entered_at[CALLS];
    int64_t held;
    int open_fails;
    int closed;
} stub;

static bool check(const pomex_store_options *options, char *why, size_t why_size)
{
    (void)options;
    (void)why;
    (void)why_size;
    return true;
}

static void *open_stub(const pomex_store_options *options, const atomic_bool *closing,
                       enum pomex_store_answer *answer, char *why, size_t why_size)
{
    (void)options;
    (void)closing;
    if (stub.open_fails > 0) {
        stub.open_fails--;
        *answer = POMEX_STORE_BUSY;
        strncpy(why, "not now", why_size);
        return NULL;
    }
    return &stub;
}

static void carry_out(void *self, pomex_store_request **requests, size_t count)
{
    (void)self;
    int call = stub.calls++;
    assert_true(call < CALLS && count <= MOST);
    stub.counts[call] = count;
    stub.entered_at[call] = pomex_store_now();
    for (size_t i = 0; i < count; i++)
        stub.verbs[call][i] = requests[i]->verb;
    sem_post(&stub.entered);
    while (sem_wait(&stub.go) != 0)
        continue;
}

static void read_stub(void *self, pomex_store_request *request)
{
    (void)self;
    request->answer = POMEX_STORE_KNOWN;
}

static int64_t held(void *self)
{
    (void)self;
    return stub.held;
}

static void close_stub(void *self)
{
    (void)self;
    stub.closed++;
    sem_post(&stub.entered);
}

static const pomex_store_backend backend = {.name = "stub",
                                            .check = check,
                                            .open = open_stub,
                                            .carry_out = carry_out,
                                            .read = read_stub,
                                            .held = held,
                                            .close = close_stub};

static int set_up(void **state)
{
    char why[64];
    pomex_store_options options = {.backend = &backend, .path = "/nowhere"};
    memset(&stub, 0, sizeof stub);
    sem_init(&stub.entered, 0, 0);
    sem_init(&stub.go, 0, 0);
    *state = pomex_store_open(&options, why, sizeof why);
    return *state ? 0 : -1;
}

static void submit(pomex_store *store, enum pomex_store_verb verb)
{
    char why[64];
    pomex_store_request *request = pomex_store_request_new(verb);
    assert_true(pomex_store_submit(store, request, why, sizeof why));
}

static void await_entry(void)
{
    while (sem_wait(&stub.entered) != 0)
        continue;
}

static enum pomex_store_answer take(pomex_store *store)
{
    pomex_store_request *request;
    while (!(request = pomex_store_take(store))) {
        struct pollfd wait = {.fd = pomex_store_fd(store), .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 30000), 1);
    }
    enum pomex_store_answer answer = request->answer;
    pomex_store_request_free(request);
    return answer;
}

static void what_has_gathered_is_one_call_in_the_order_of_the_verbs(void **state)
{
    pomex_store *store = *state;
    static const enum pomex_store_verb given[] = {
        POMEX_STORE_PUT,  POMEX_STORE_CLAIM, POMEX_STORE_BEGIN, POMEX_STORE_RETRY,
        POMEX_STORE_FACT, POMEX_STORE_LIST,  POMEX_STORE_BEAT,  POMEX_STORE_FACT};
    static const enum pomex_store_verb wanted[] = {
        POMEX_STORE_BEAT,  POMEX_STORE_FACT, POMEX_STORE_FACT, POMEX_STORE_BEGIN,
        POMEX_STORE_CLAIM, POMEX_STORE_PUT,  POMEX_STORE_RETRY};
    submit(store, POMEX_STORE_PUT);
    await_entry();
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        submit(store, given[i]);
    assert_null(pomex_store_take(store));
    sem_post(&stub.go);
    sem_post(&stub.go);
    for (size_t i = 0; i <= sizeof given / sizeof *given; i++)
        take(store);
    assert_int_equal(stub.calls, 2);
    assert_int_equal(stub.counts[1], sizeof wanted / sizeof *wanted);
    assert_memory_equal(stub.verbs[1], wanted, sizeof wanted);
    pomex_store_close(store);
    assert_int_equal(stub.closed, 1);
}

static void after_a_commit_the_store_is_left_alone_for_as_long_as_it_was_held(void **state)
{
    pomex_store *store = *state;
    stub.held = INT64_C(200000000);
    for (int i = 0; i < 2; i++) {
        submit(store, POMEX_STORE_PUT);
        sem_post(&stub.go);
        take(store);
    }
    assert_true(stub.entered_at[1] - stub.entered_at[0] >= stub.held);
    pomex_store_close(store);
}

static void a_store_that_cannot_be_opened_is_tried_again(void **state)
{
    pomex_store *store = *state;
    stub.open_fails = 1;
    submit(store, POMEX_STORE_LIST);
    assert_int_equal(take(store), POMEX_STORE_BUSY);
    submit(store, POMEX_STORE_LIST);
    assert_int_equal(take(store), POMEX_STORE_KNOWN);
    pomex_store_close(store);
}

static void close_leaves_a_thread_that_hangs_on_the_disk(void **state)
{
    pomex_store *store = *state;
    submit(store, POMEX_STORE_PUT);
    await_entry();
    submit(store, POMEX_STORE_PUT);
    int64_t began = pomex_store_now();
    pomex_store_close(store);
    int64_t took = pomex_store_now() - began;
    assert_true(took >= INT64_C(1900000000) && took < INT64_C(10000000000));
    assert_int_equal(stub.closed, 0);
    sem_post(&stub.go); /* the disk comes back: the thread ends by itself, and frees all */
    sem_post(&stub.go);
    await_entry();
    await_entry();
    assert_int_equal(stub.closed, 1);
    usleep(100000); /* only so that a sanitizer sees the memory given back */
}

static void what_was_not_taken_is_freed(void **state)
{
    pomex_store *store = *state;
    sem_post(&stub.go);
    submit(store, POMEX_STORE_PUT);
    submit(store, POMEX_STORE_LIST);
    await_entry();
    sem_post(&stub.go);
    pomex_store_close(store);
    assert_int_equal(stub.closed, 1);
}

static void a_store_that_was_never_used_has_no_thread(void **state)
{
    pomex_store *store = *state;
    assert_int_equal(pomex_store_fd(store), -1);
    assert_null(pomex_store_take(store));
    pomex_store_close(store);
    assert_int_equal(stub.calls, 0);
}

/* ------------------------------------------------------------------------------ beats and watch */

/* A list of one other worker, whose beat stands at `beat`. */
static size_t look(pomex_store_life *life, int64_t beat, int64_t at, int dead)
{
    pomex_store_bury buried[4];
    pomex_store_worker other = {.id = 7, .beat = beat, .dead = dead};
    pomex_store_workers list = {.workers = &other, .worker_count = 1};
    size_t found = pomex_store_life_look(life, &list, at, buried, 4);
    if (found > 0)
        assert_int_equal(buried[0].worker, 7);
    return found;
}

static const int64_t second = INT64_C(1000000000);

static void a_death_is_watched_for_a_minute(void **state)
{
    (void)state;
    pomex_store_options options = {0};
    pomex_store_life life = {0};
    pomex_store_life_init(&life, &options);
    for (int64_t at = 5; at < 65; at += 5)
        assert_int_equal(look(&life, 3, at * second, 0), 0);
    assert_int_equal(look(&life, 3, 65 * second, 0), 1);
    assert_int_equal(look(&life, 4, 70 * second, 0), 0); /* it beats after all */
    assert_int_equal(look(&life, 4, 75 * second, 1), 1); /* its lock is free */
    pomex_store_life_free(&life);
}

static void time_in_which_nobody_looked_is_not_watched(void **state)
{
    (void)state;
    pomex_store_options options = {0};
    pomex_store_life life = {0};
    pomex_store_life_init(&life, &options);
    look(&life, 3, 5 * second, 0);
    /* The machine slept for an hour, or the store was out of reach. */
    assert_int_equal(look(&life, 3, 3605 * second, 0), 0);
    assert_int_equal(look(&life, 3, 3610 * second, 0), 0);
    pomex_store_life_free(&life);
}

static void a_host_that_does_not_step_beats_no_longer(void **state)
{
    (void)state;
    pomex_store_options options = {0};
    pomex_store_life life = {.worker = 1};
    pomex_store_life_init(&life, &options);
    atomic_store(&life.due, 100 * second);
    assert_true(pomex_store_life_tick(&life, 699 * second));
    assert_false(pomex_store_life_tick(&life, 701 * second - second / 2));
    assert_false(pomex_store_life_tick(&life, 710 * second));
    atomic_store(&life.due, POMEX_STORE_NEVER); /* nothing is due: it may sleep */
    assert_true(pomex_store_life_tick(&life, 9000 * second));
    pomex_store_life_free(&life);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_has_gathered_is_one_call_in_the_order_of_the_verbs),
        TEST(after_a_commit_the_store_is_left_alone_for_as_long_as_it_was_held),
        TEST(a_store_that_cannot_be_opened_is_tried_again),
        TEST(close_leaves_a_thread_that_hangs_on_the_disk),
        TEST(what_was_not_taken_is_freed),
        TEST(a_store_that_was_never_used_has_no_thread),
        cmocka_unit_test(a_death_is_watched_for_a_minute),
        cmocka_unit_test(time_in_which_nobody_looked_is_not_watched),
        cmocka_unit_test(a_host_that_does_not_step_beats_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
