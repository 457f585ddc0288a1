#include "net/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Tells accounts apart without the key: 128 bits of SipHash over base URL, key, rates and clock,
 * with a salt that this process has drawn. */
typedef struct digest {
    uint64_t halves[2];
} digest;

typedef struct account {
    struct account *next;
    digest who;
    pomex_limiter *limiter;
    size_t clients;
} account;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static account *accounts;
static uint64_t salt[4];

static uint64_t turned(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turned(v[1], 13) ^ v[0];
    v[0] = turned(v[0], 32);
    v[2] += v[3];
    v[3] = turned(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turned(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turned(v[1], 17) ^ v[2];
    v[2] = turned(v[2], 32);
}

static void mix(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

/* The length goes first, so that no two lists of parts look alike. */
static void mix_part(uint64_t v[4], const void *part, size_t length)
{
    const unsigned char *bytes = part;
    mix(v, length);
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, length - i < 8 ? length - i : 8);
        mix(v, word);
    }
}

static uint64_t half(const uint64_t key[2], const pomex_settings *s)
{
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    mix_part(v, s->base_url, strlen(s->base_url));
    mix_part(v, s->authorization, strlen(s->authorization));
    mix_part(v, s->options.rate_limits, sizeof s->options.rate_limits);
    /* A time of one clock says nothing by another: a slot could be taken for hours. */
    mix_part(v, &s->options.clock, sizeof s->options.clock);
    mix_part(v, &s->options.clock_user, sizeof s->options.clock_user);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static bool is_salted(void)
{
    static const uint64_t none[4];
    return memcmp(salt, none, sizeof salt) != 0 ||
           getrandom(salt, sizeof salt, 0) == (ssize_t)sizeof salt;
}

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

static pomex_limiter *join(const digest *who, const double *rates)
{
    account *a = accounts;
    while (a && memcmp(&a->who, who, sizeof *who) != 0)
        a = a->next;
    if (a) {
        a->clients++;
        return a->limiter;
    }
    a = malloc(sizeof *a);
    pomex_limiter *limiter = a ? pomex_limiter_new(rates) : NULL;
    if (!limiter) {
        free(a);
        return NULL;
    }
    *a = (account){.next = accounts, .who = *who, .limiter = limiter, .clients = 1};
    return (accounts = a)->limiter;
}

pomex_limiter *pomex_account_limiter(const pomex_settings *settings)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pomex_limiter *limiter = NULL;
    pthread_once(&once, guard_forks);
    acquire();
    if (is_salted()) {
        digest who = {{half(salt, settings), half(salt + 2, settings)}};
        limiter = join(&who, settings->options.rate_limits);
    }
    give_back();
    return limiter;
}

void pomex_account_release(pomex_limiter *limiter)
{
    acquire();
    account **at = &accounts;
    while (*at && (*at)->limiter != limiter)
        at = &(*at)->next;
    account *a = *at;
    if (a && --a->clients > 0) {
        limiter = NULL;
    } else if (a) {
        *at = a->next;
        free(a);
    }
    give_back();
    pomex_limiter_free(limiter);
}
