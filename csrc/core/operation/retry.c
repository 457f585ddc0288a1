#include "operation/retry.h"

bool pomex_retry_turned_away(const pomex_outcome *o)
{
    return o->ending == POMEX_ANSWERED &&
           (o->status == 429 || (o->status == 503 && (o->envelope || o->retry_after >= 0)));
}

bool pomex_retry_certificate_unread(const pomex_outcome *o)
{
    /* 8.23 says of a key that cannot be read that an argument is bad. */
    return o->ending == POMEX_NETWORK && !o->sent &&
           (o->code == CURLE_SSL_CERTPROBLEM || o->code == CURLE_BAD_FUNCTION_ARGUMENT);
}

bool pomex_retry_transient(const pomex_outcome *o)
{
    if (o->refused_there)
        return false;
    switch (o->ending) {
    case POMEX_ANSWERED:
        return o->status == 408 || o->status == 429 || o->status >= 500;
    case POMEX_NETWORK:
    case POMEX_TIMED_OUT:
    case POMEX_STALLED:
        /* After sending, libcurl reports an unsupported protocol for an answer that is no HTTP. */
        return o->sent ||
               (o->code != CURLE_URL_MALFORMAT && o->code != CURLE_UNSUPPORTED_PROTOCOL &&
                !pomex_retry_certificate_unread(o));
    default:
        return false;
    }
}

/* A 4xx by which the service says for certain that it did nothing. */
static bool is_plain_refusal(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 409 && status != 425;
}

enum pomex_verdict pomex_retry_verdict(enum pomex_effect effect, const pomex_outcome *o,
                                       bool usable, bool unsent_only)
{
    bool harmless = effect == POMEX_EFFECT_NONE || effect == POMEX_EFFECT_SPARE;
    bool success = o->ending == POMEX_ANSWERED && o->status >= 200 && o->status < 300;
    if (success && usable)
        return POMEX_ACCEPT;
    if (harmless)
        return pomex_retry_transient(o) ? POMEX_AGAIN : POMEX_FINAL;
    if (!o->sent) /* the caller's own request is never repeated, sent or not */
        return effect != POMEX_EFFECT_UNKNOWN && pomex_retry_transient(o) ? POMEX_AGAIN
                                                                          : POMEX_FINAL;
    if (pomex_retry_turned_away(o)) {
        if (effect == POMEX_EFFECT_UNKNOWN || effect == POMEX_EFFECT_CANCEL)
            return POMEX_FINAL;
        return effect == POMEX_EFFECT_BILLED && unsent_only ? POMEX_AMBIGUOUS : POMEX_AGAIN;
    }
    return o->ending == POMEX_ANSWERED && is_plain_refusal(o->status) ? POMEX_FINAL
                                                                      : POMEX_AMBIGUOUS;
}

double pomex_retry_pause(int attempts, double retry_after, double random)
{
    double base = 8;
    if (attempts < 5)
        base = 0.5 * (double)(1 << (attempts > 0 ? attempts - 1 : 0));
    double pause = base * (0.5 + 0.5 * random);
    return pause < retry_after ? retry_after : pause;
}

double pomex_retry_obeyed(double retry_after)
{
    return retry_after < POMEX_MAX_RETRY_AFTER ? retry_after : POMEX_MAX_RETRY_AFTER;
}
