#include "service.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

void service_start(service *s, bool tls)
{
    memset(s, 0, sizeof *s);
    assert_true(sandbox_start(&s->sb, NULL));
    harness_start(&s->h, NULL, 0, tls);
    s->h.options.api_key = s->sb.key;
    json_t *made =
        sandbox_ask(&s->sb, "POST", "/_sandbox/assets", json_pack("{s:s}", "status", "active"));
    const json_t *id = json_array_get(json_object_get(made, "ids"), 0);
    assert_non_null(json_string_value(id));
    snprintf(s->asset, sizeof s->asset, "%s", json_string_value(id));
    json_decref(made);
    service_network(s, NULL, 0);
}

void service_stop(service *s)
{
    harness_stop(&s->h);
    assert_true(sandbox_stop(&s->sb));
}

void service_client(service *s)
{
    pomex_client_free(s->h.client);
    harness_client(&s->h);
}

void service_network(service *s, const fault_step *steps, size_t count)
{
    assert_true(count < SERVICE_STEPS);
    if (count)
        memcpy(s->steps, steps, count * sizeof *steps);
    s->steps[count] = (fault_step){.kind = FAULT_RELAY};
    for (size_t i = 0; i <= count; i++)
        s->steps[i].port = s->sb.port;
    harness_script(&s->h, s->steps, count + 1);
}

pomex_operation *service_call(service *s, enum pomex_effect effect)
{
    pomex_call_options options;
    pomex_operation *op = NULL;
    pomex_client *c = s->h.client;
    json_t *payload = NULL;
    char url[96];
    pomex_call_options_init(&options);
    snprintf(s->nonce, sizeof s->nonce, "nonce-%u-", ++s->calls);
    snprintf(url, sizeof url, "https://cdn.example/%s.jpg", s->nonce);
    switch (effect) {
    case POMEX_EFFECT_NONE:
        op = pomex_client_call(c, POMEX_ASSET_GET, s->asset, strlen(s->asset), NULL, &options);
        break;
    case POMEX_EFFECT_SPARE:
        payload = json_pack("{s:s}", "callback_url", url);
        op = pomex_client_call(c, POMEX_SESSION_CREATE, NULL, 0, payload, &options);
        break;
    case POMEX_EFFECT_ASSET:
        payload =
            json_pack("{s:s, s:s, s:s}", "url", url, "asset_type", "Image", "name", s->nonce);
        op = pomex_client_call(c, POMEX_ASSET_CREATE, NULL, 0, payload, &options);
        break;
    default:
        payload = json_pack("{s:[{s:s, s:s}], s:s}", "content", "type", "text", "text",
                            s->nonce, "model", "byteplus/seedance-2.0-fast");
        op = pomex_client_call(c, POMEX_GENERATION_CREATE, NULL, 0, payload, &options);
    }
    json_decref(payload);
    assert_non_null(op);
    return op;
}

static json_t *all_of(const service *s, enum pomex_effect effect, const char **list,
                      const char **mark)
{
    char path[128];
    bool billed = effect == POMEX_EFFECT_BILLED;
    snprintf(path, sizeof path, "/v1/video/assets?limit=100&name=%s", s->nonce);
    json_t *all = sandbox_ask(&s->sb, "GET", billed ? "/_sandbox/ledger" : path, NULL);
    *list = billed ? "entries" : "items";
    *mark = billed ? "prompt" : "url";
    assert_true(json_is_array(json_object_get(all, *list)));
    return all;
}

size_t service_made(service *s, enum pomex_effect effect, char *id)
{
    size_t i, count = 0;
    json_t *item;
    const char *list, *mark;
    id[0] = '\0';
    if (effect != POMEX_EFFECT_ASSET && effect != POMEX_EFFECT_BILLED)
        return 0;
    json_t *all = all_of(s, effect, &list, &mark);
    json_array_foreach(json_object_get(all, list), i, item)
    {
        const char *text = json_string_value(json_object_get(item, mark));
        if (!text || !strstr(text, s->nonce))
            continue;
        count++;
        snprintf(id, 64, "%s", json_string_value(json_object_get(item, "id")));
    }
    json_decref(all);
    return count;
}

const char *service_reply_id(const pomex_operation *op)
{
    static char id[512];
    size_t length;
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s: %s", inside_endpoint(op)->name, error->type, error->message);
    const char *text = pomex_operation_body(op, &length);
    json_t *body = json_loadb(text, length, 0, NULL);
    bool session = inside_endpoint(op)->id == POMEX_SESSION_CREATE;
    const char *found = json_string_value(json_object_get(body, session ? "h5_link" : "id"));
    assert_non_null(found);
    snprintf(id, sizeof id, "%s", found);
    json_decref(body);
    return id;
}
