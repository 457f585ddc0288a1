/* Downloads: the service gives a link, and the bytes behind it go into a file that takes its name
 * only when it is whole. The key is sent to the service alone. video_url.c gets the link, fetch.c
 * fetches the bytes. */
#ifndef POMEX_DOWNLOAD_H
#define POMEX_DOWNLOAD_H

#include "file/partsum.h"
#include "operation/operation.h"
#include "operation/slice.h"

/* What is saved, where the service says its link, and what errors call it. */
typedef struct pomex_saved {
    pomex_endpoint_id endpoint; /* whose answer has the link */
    const char *object,
        *field; /* the link is that field of that object; object NULL: of the answer */
    const char *noun, *a_noun;
    const char *owner;     /* what has it: "task" */
    const char *on_absent; /* a hint for when the service says no link; or NULL */
} pomex_saved;

struct pomex_download {
    const pomex_saved *of;
    enum pomex_what what;
    bool progress;            /* the caller wants news of progress */
    bool sync;                /* the file is on the disk before it gets its name */
    bool hold;                /* the part keeps no other name than PATH.part, and is summed */
    pomex_partsum summed;     /* the sum of the part, as it grows */
    char sum[POMEX_SUM_SIZE]; /* the sum of the whole part, in the end */
    pomex_partfile *file;
    char *video_url;   /* the link in the service's answer */
    char *redirect;    /* where the link redirects to; NULL: nowhere */
    bool went_back;    /* the link was asked again; false once bytes come */
    bool http;         /* the link is http: so are its redirects */
    bool renewed;      /* the service was asked for a new link after a refusal */
    bool whole_only;   /* the server broke a range: all is asked for from now on */
    bool contradicted; /* this answer contradicts the request or itself */
    char why[512];     /* why its bytes could not be taken */
    const char *unfit; /* why this answer is not taken */
    const char *looks_like;
    int redirects;
    int looks;          /* requests for a video that was not there yet */
    int64_t missing_at; /* when the first of those was answered; 0: never */
    int slices;         /* answers that said to bring a part of the video */
    enum pomex_slice_kind kind;
    pomex_slice slice; /* what this answer brings */
    int64_t resume;
    int64_t total;
    int64_t saved;
    int64_t best;         /* the furthest byte that any attempt has reached */
    int64_t window_bytes; /* bytes received when the stall window began */
};

/* See pomex_client_download. NULL: no memory. */
pomex_operation *pomex_download_begin(pomex_context *context, const char *id, size_t id_length,
                                      const char *link, const char *path,
                                      const pomex_call_options *options);

/* Goes over to another stage, which counts its attempts from zero. */
void pomex_download_enter(pomex_operation *operation, const pomex_stage *stage,
                          pomex_endpoint_id endpoint);

/* Ends the download with an error, whose message is made of two parts. */
void pomex_download_fail(pomex_operation *operation, const char *type, const char *message,
                         const char *detail);

/* The timer of both stages rang. */
void pomex_download_rang(pomex_operation *operation);

#endif
