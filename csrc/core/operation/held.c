#include "operation/held.h"

#include "base/clock.h"
#include "base/hash.h"

#include <pthread.h>
#include <string.h>

#define KEPT     (300 * POMEX_SECOND)
#define BUCKETS  4096
#define WAYS     16
#define ACCOUNTS 256

struct entry {
    uint64_t hash; /* 0: none */
    int64_t at;    /* when it was last noted */
};

struct account {
    uint64_t hash; /* 0: none */
    unsigned under_way;
    int64_t doubt_at; /* when one ended in doubt; 0: none has */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry ids[BUCKETS][WAYS];
static struct account accounts[ACCOUNTS];
static int64_t overflowed_at; /* when something had no room; 0: never */

/* If a fork happened while another thread held the lock, it would stay taken in the child for
 * ever. */
static void acquire(void)
{
    pthread_mutex_lock(&lock);
}

static void give_back(void)
{
    pthread_mutex_unlock(&lock);
}

static void guard_forks(void)
{
    pthread_atfork(acquire, give_back, give_back);
}

static void enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard_forks);
    acquire();
}

static uint64_t mixed(uint64_t hash, const char *text)
{
    hash = pomex_hash_more(hash, text, strlen(text));
    return hash ? hash : 1;
}

static uint64_t hash_of(const char *text)
{
    return mixed(POMEX_HASH_OF_NOTHING, text);
}

static bool is_recent(int64_t at, int64_t now)
{
    return at && now - at < KEPT;
}

/* ------------------------------------------------------------------------------------- ids */

void pomex_held_note(const char *id, int64_t now)
{
    uint64_t hash = hash_of(id);
    struct entry *bucket = ids[hash % BUCKETS], *place = bucket;
    enter();
    for (int i = 0; i < WAYS && place->hash != hash; i++)
        if (bucket[i].hash == hash || bucket[i].at < place->at)
            place = &bucket[i];
    if (place->hash != hash && is_recent(place->at, now))
        overflowed_at = now;
    *place = (struct entry){hash, now};
    give_back();
}

bool pomex_held_by_nobody(const char *id, int64_t now)
{
    uint64_t hash = hash_of(id);
    const struct entry *bucket = ids[hash % BUCKETS];
    enter();
    bool held = is_recent(overflowed_at, now);
    for (int i = 0; i < WAYS && !held; i++)
        held = bucket[i].hash == hash;
    give_back();
    return !held;
}

/* -------------------------------------------------------------------------------- accounts */

/* The account's row; a new one takes the place of one of which nothing is known any more. NULL: there
 * is no such place. */
static struct account *account_of(uint64_t hash, int64_t now)
{
    struct account *unused = NULL;
    for (int i = 0; i < ACCOUNTS; i++) {
        struct account *a = &accounts[i];
        if (a->hash == hash)
            return a;
        if (!a->under_way && !is_recent(a->doubt_at, now))
            unused = a;
    }
    if (unused)
        *unused = (struct account){.hash = hash};
    return unused;
}

uint64_t pomex_held_begin(const pomex_settings *settings, int64_t now)
{
    uint64_t account = mixed(hash_of(settings->base_url), settings->authorization);
    enter();
    struct account *a = account_of(account, now);
    if (a)
        a->under_way++;
    else
        overflowed_at = now;
    give_back();
    return account;
}

void pomex_held_end(uint64_t account, bool doubt, int64_t now)
{
    enter();
    struct account *a = account_of(account, now);
    if (!a)
        overflowed_at = now;
    if (a && a->under_way) /* 0: it began when there was no room */
        a->under_way--;
    if (a && doubt)
        a->doubt_at = now;
    give_back();
}

bool pomex_held_is_alone(uint64_t account, int64_t now)
{
    enter();
    const struct account *a = account_of(account, now);
    bool alone = a && a->under_way == 1 && !is_recent(a->doubt_at, now) &&
                 !is_recent(overflowed_at, now);
    give_back();
    return alone;
}
