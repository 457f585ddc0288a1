#include "operation/shortage.h"

#include "net/descriptors.h"
#include "operation/attempt.h"

#include <errno.h>

static void fail(pomex_operation *op)
{
    pomex_error *error =
        op->stage->starved ? op->stage->starved(op) : pomex_descriptors_error(EMFILE);
    if (!pomex_error_is_static(error) && !error->endpoint) {
        error->endpoint = op->endpoint->name;
        error->attempts = op->attempts;
        pomex_error_set_id(error, op->object_id);
    }
    pomex_operation_finish(op, error);
}

/* An attempt of ours found its descriptors, so one more attempt can try. */
static void relax(pomex_context *c)
{
    const pomex_options *o = &c->settings->options;
    if (c->queue.room && ++c->queue.room > (size_t)(o->max_in_flight + o->max_downloads))
        c->queue.room = 0;
    pomex_descriptors_relax(c->net);
}

bool pomex_shortage_met(pomex_operation *op, const pomex_transfer *t, const pomex_outcome *o)
{
    pomex_context *c = op->context;
    if (!pomex_descriptors_missed(c->net, t, o)) {
        if (o->sent)
            relax(c);
        return false;
    }
    size_t others = c->queue.in_flight + c->queue.downloads;
    bool made = pomex_descriptors_squeeze(c->net, t);
    c->queue.room = others ? others : made;
    if (c->queue.room)
        pomex_attempt_put_back(op);
    else
        fail(op);
    return true;
}
