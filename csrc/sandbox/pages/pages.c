#include "sandbox/pages/pages.h"

#include "sandbox/pages/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Nothing from elsewhere, no script, no frame. A form may lead to any https site, since its
 * answer redirects to the callback. */
static const char policy[] =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self' https:; frame-ancestors 'none'";

static const char *const langs[] = {"zh", "zh-Hant", "en"};

static const char *known_lang(const char *lang)
{
    for (size_t i = 0; i < sizeof langs / sizeof *langs; i++) {
        if (strcmp(lang, langs[i]) == 0)
            return langs[i];
    }
    return NULL;
}

/* The first of the browser's languages that we speak. */
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
    return "zh";
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

static void style_page(pomex_sb_answer *answer)
{
    pomex_sb_answer_header(answer, "Content-Security-Policy", policy);
    pomex_sb_answer_header(answer, "X-Content-Type-Options", "nosniff");
    pomex_sb_answer_header(answer, "X-Frame-Options", "DENY");
    /* Not "no-referrer": the browser would then post our own form with a null Origin. */
    pomex_sb_answer_header(answer, "Referrer-Policy", "same-origin");
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
        bytes =
            pomex_sb_render(pomex_sb_embedded(file), data, words_of(request, texts), &length);
    json_decref(data);
    pomex_sb_answer_own(&request->answer, status, "text/html; charset=utf-8", bytes, length);
    pomex_sb_answer_header(&request->answer, "Content-Language", lang);
    style_page(&request->answer);
}

void pomex_sb_page_style(pomex_sb_request *request)
{
    pomex_sb_blob style = pomex_sb_embedded(POMEX_SB_STYLE);
    pomex_sb_answer_fixed(&request->answer, 200, "text/css; charset=utf-8", style.bytes,
                          style.length);
    pomex_sb_answer_header(&request->answer, "X-Content-Type-Options", "nosniff");
}
