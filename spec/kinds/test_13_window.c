/* 13: the limiter earns no 429 where the way to the service is now longer and now shorter. The
 * sandbox keeps its window of one second; between it and us is a wire that holds every request
 * up for another time. */
#include "cmocka_all.h"

#include "fault_wire.h"
#include "harness.h"
#include "sandbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LISTS  45
#define A_TIME 10 /* the documented lists in a second */
#define HELD   30 /* ms at most that the wire holds a request up */
#define TRIES  5

/* Of the window's margin of 50 ms; where the machine itself adds more, nothing is learnt. */
#define MARGIN (POMEX_SECOND / 1000 * 45)

static struct {
    pthread_mutex_t lock;
    uint64_t state;
    int port;
    size_t sent, come, answered, refused;
    int64_t sent_at[LISTS], come_at[LISTS], answered_at[LISTS];
} wire = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool __real_pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now);
bool __wrap_pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now);

bool __wrap_pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now)
{
    bool sent = __real_pomex_limiter_sent(limiter, slot, now);
    if (sent && wire.sent < LISTS)
        wire.sent_at[wire.sent++] = fault_wire_now();
    return sent;
}

static bool hold_up(void *user, const fault_request *request, fault_step *step)
{
    (void)user;
    if (!request)
        return false;
    pthread_mutex_lock(&wire.lock);
    wire.state = wire.state * UINT64_C(6364136223846793005) + 1;
    long held = (long)(wire.state >> 33) % HELD;
    pthread_mutex_unlock(&wire.lock);
    nanosleep(&(struct timespec){.tv_nsec = held * 1000000}, NULL);
    pthread_mutex_lock(&wire.lock);
    if (wire.come < LISTS)
        wire.come_at[wire.come++] = fault_wire_now();
    pthread_mutex_unlock(&wire.lock);
    *step = (fault_step){.kind = FAULT_RELAY, .port = wire.port};
    return true;
}

static void count_refused(void *user, const fault_request *request, const fault_step *step,
                          const fault_result *result)
{
    (void)user;
    (void)request;
    (void)step;
    pthread_mutex_lock(&wire.lock);
    wire.refused += result->status == 429;
    if (wire.answered < LISTS)
        wire.answered_at[wire.answered++] = fault_wire_now();
    pthread_mutex_unlock(&wire.lock);
}

/* By how much more, at most, one request was held up than the one that came a window after it: the
 * sandbox counts each after it has passed the wire and before its answer has. */
static int64_t uneven(void)
{
    int64_t most = 0;
    for (size_t i = 0; i + A_TIME < LISTS; i++) {
        int64_t first = wire.answered_at[i] - wire.sent_at[i];
        int64_t later = wire.come_at[i + A_TIME] - wire.sent_at[i + A_TIME];
        most = first - later > most ? first - later : most;
    }
    return most;
}

/* 45 lists as soon as they may go; how uneven their way was. */
static int64_t ask_for_lists(const sandbox *sb, const fault_chooser *chooser)
{
    pomex_operation *ops[LISTS];
    pomex_call_options options;
    harness h;
    wire.sent = wire.come = wire.answered = wire.refused = 0;
    harness_start(&h, NULL, 0, false);
    fault_server_choose(h.server, chooser);
    h.options.api_key = sb->key;
    h.options.clock = NULL;
    h.options.rate_limits[POMEX_ASSET_LIST] = A_TIME;
    harness_client(&h);
    pomex_call_options_init(&options);
    for (size_t i = 0; i < LISTS; i++)
        ops[i] = pomex_client_call(h.client, POMEX_ASSET_LIST, NULL, 0, NULL, &options);
    for (size_t i = 0; i < LISTS; i++) {
        harness_finish(&h, ops[i]);
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
    return uneven();
}

TEST_CASE(no_list_is_refused)
{
    static char *const arguments[] = {"--rate-limits", "on", NULL};
    const fault_chooser chooser = {hold_up, count_refused, NULL};
    bool learnt = false;
    for (int i = 0; i < TRIES && !learnt; i++) {
        sandbox sb; /* a new one: what an earlier try sent stands in no window of its */
        assert_true(sandbox_start(&sb, arguments));
        wire.port = sb.port;
        int64_t way = ask_for_lists(&sb, &chooser);
        print_message("%zu refused; a way uneven by %.1f ms\n", wire.refused,
                      pomex_clock_seconds(way) * 1000);
        learnt = way < MARGIN;
        assert_true(sandbox_stop(&sb));
    }
    size_t refused = wire.refused;
    if (!learnt)
        tests_skip("the way to the sandbox is too uneven on this machine");
    assert_int_equal(refused, 0);
}
