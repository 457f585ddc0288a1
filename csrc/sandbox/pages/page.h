/* Pages for people: a template, filled in with data and with the words of a language. */
#ifndef POMEX_SB_PAGE_H
#define POMEX_SB_PAGE_H

#include "sandbox/http/request.h"
#include "sandbox/pages/embed.h"

#define POMEX_SB_STYLE_PATH  "/_web/style.css"
#define POMEX_SB_SCRIPT_PATH "/_web/board.js"

/* Answers with the page made from the template `file`, with the words under `texts` in
 * strings.json. The language is that of ?lang=, which each h5_link has (zh, the document's default,
 * if its session named none); without it the browser's, or English. Takes over the reference to
 * `data`; NULL means that memory ran out. */
void pomex_sb_page(pomex_sb_request *request, int status, enum pomex_sb_file file,
                   const char *texts, json_t *data);

/* The word for `name` under `texts`, in the same language; `name` itself if there is none. */
const char *pomex_sb_page_word(const pomex_sb_request *request, const char *texts,
                               const char *name);

/* Answers with the style sheet. */
void pomex_sb_page_style(pomex_sb_request *request);

/* Answers with the script that renews the dashboard. */
void pomex_sb_page_script(pomex_sb_request *request);

#endif
