/* Pages for people: a template, the texts of a language, and what is to be shown. */
#ifndef POMEX_SB_PAGES_H
#define POMEX_SB_PAGES_H

#include "sandbox/http/request.h"
#include "sandbox/pages/embed.h"

#define POMEX_SB_STYLE_PATH "/_web/style.css"

/* Answers with a page in the language that the request asks for (?lang=, else the browser's,
 * else zh, as the document has it). `texts` names its part of strings.json. Takes `data` over;
 * NULL counts as memory that ran out. */
void pomex_sb_page(pomex_sb_request *request, int status, enum pomex_sb_file file,
                   const char *texts, json_t *data);

/* The word for `name` in that language and part of strings.json; `name` if there is none. */
const char *pomex_sb_page_word(const pomex_sb_request *request, const char *texts,
                               const char *name);

/* Answers with the style sheet. */
void pomex_sb_page_style(pomex_sb_request *request);

#endif
