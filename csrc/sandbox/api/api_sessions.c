#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"

#include <stdio.h>

void pomex_sb_api_sessions_create(pomex_sb_request *request, const json_t *body)
{
    pomex_sb *sandbox = request->sandbox;
    const json_t *url = json_object_get(body, "callback_url");
    const char *lang = json_string_value(json_object_get(body, "lang"));
    if (!lang)
        lang = "zh";
    char token[POMEX_SB_SECRET];
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    pomex_sb_text callback = {json_string_value(url), json_string_length(url)};
    if (!pomex_sb_secret_make(token) ||
        pomex_sb_store_sessions_add(
            sandbox->store, request->account, token, callback, lang, now,
            pomex_sb_clock_after(now, sandbox->config.h5_seconds)) < 0) {
        pomex_sb_response_unavailable(&request->response);
        return;
    }
    char link[256];
    snprintf(link, sizeof link, "http://%.80s/h5?session=%s&lang=%s",
             pomex_sb_guard_host(request), token, lang);
    pomex_sb_response_json(&request->response, 200,
                           json_pack("{s:s, s:s, s:s}", "object", request->endpoint->object,
                                     "status", "pending", "h5_link", link));
}
