#include "sandbox/pages/page.h"

#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/pages/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Nothing from elsewhere, no script but the dashboard's own, no frame; "data:" is the empty icon. A
 * form can lead to any https site, because the response to it redirects to the callback. */
static const char policy[] =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self' https:; frame-ancestors 'none'";

static const char *const langs[] = {"zh", "zh-Hant", "en"};

static const char *known_lang(const char *lang)
{
    for (size_t i = 0; i < sizeof langs / sizeof *langs; i++) {
        if (strcmp(lang, langs[i]) == 0)
            return langs[i];
    }
    return NULL;
}

/* The first of the browser's languages in which there are words; English if there is none. */
static const char *browser_lang(const char *accepted)
{
    while (accepted && *accepted) {
        accepted += strspn(accepted, ", ");
        size_t length = strcspn(accepted, ",; ");
        if (strncasecmp(accepted, "en", 2) == 0 && (length == 2 || accepted[2] == '-'))
            return "en";
        if (strncasecmp(accepted, "zh", 2) == 0 && (length == 2 || accepted[2] == '-')) {
            bool hant = length > 3 && (strncasecmp(accepted + 3, "hant", 4) == 0 ||
                                       strncasecmp(accepted + 3, "tw", 2) == 0 ||
                                       strncasecmp(accepted + 3, "hk", 2) == 0 ||
                                       strncasecmp(accepted + 3, "mo", 2) == 0);
            return hant ? "zh-Hant" : "zh";
        }
        accepted += strcspn(accepted, ",");
    }
    return "en";
}

static const char *lang_of(const pomex_sb_request *request)
{
    char asked[16];
    const char *lang = pomex_sb_form_value(request->query, "lang", asked, sizeof asked)
                           ? known_lang(asked)
                           : NULL;
    return lang ? lang : browser_lang(pomex_sb_request_header(request, "Accept-Language"));
}

static const json_t *words_of(const pomex_sb_request *request, const char *texts)
{
    return json_object_get(json_object_get(request->sandbox->strings, texts), lang_of(request));
}

const char *pomex_sb_page_word(const pomex_sb_request *request, const char *texts,
                               const char *name)
{
    const char *word = json_string_value(json_object_get(words_of(request, texts), name));
    return word ? word : name;
}

static void style_page(pomex_sb_response *response)
{
    pomex_sb_response_header(response, "Content-Security-Policy", policy);
    pomex_sb_response_header(response, "X-Content-Type-Options", "nosniff");
    pomex_sb_response_header(response, "X-Frame-Options", "DENY");
    /* Not "no-referrer": with it the browser would send the form with the Origin "null", which
     * the guard turns away. */
    pomex_sb_response_header(response, "Referrer-Policy", "same-origin");
}

void pomex_sb_page(pomex_sb_request *request, int status, enum pomex_sb_file file,
                   const char *texts, json_t *data)
{
    const char *lang = lang_of(request);
    char *bytes = NULL;
    size_t length = 0;
    char spoken[24];
    snprintf(spoken, sizeof spoken, "is_%s", lang);
    if (data && json_object_set_new(data, "lang", json_string(lang)) == 0 &&
        json_object_set_new(data, spoken, json_true()) == 0)
        bytes = pomex_sb_template_render(pomex_sb_embed(file), data, words_of(request, texts),
                                         &length);
    json_decref(data);
    pomex_sb_response_own(&request->response, status, "text/html; charset=utf-8", bytes,
                          length);
    pomex_sb_response_header(&request->response, "Content-Language", lang);
    style_page(&request->response);
}

static void answer_with(pomex_sb_request *request, enum pomex_sb_file file, const char *type)
{
    pomex_sb_blob blob = pomex_sb_embed(file);
    pomex_sb_response_fixed(&request->response, 200, type, blob.bytes, blob.length);
    pomex_sb_response_header(&request->response, "X-Content-Type-Options", "nosniff");
}

void pomex_sb_page_style(pomex_sb_request *request)
{
    answer_with(request, POMEX_SB_STYLE, "text/css; charset=utf-8");
}

void pomex_sb_page_script(pomex_sb_request *request)
{
    answer_with(request, POMEX_SB_SCRIPT, "text/javascript; charset=utf-8");
}
