/* A download as its two files see it: video_url.c finds the link, download.c fetches the bytes. */
#ifndef POMEX_DOWNLOAD_H
#define POMEX_DOWNLOAD_H

#include "operation/operation.h"
#include "operation/slice.h"

struct pomex_download {
    pomex_partfile *file;
    char *video_url;   /* of the service's answer */
    char *redirect;    /* where the link has redirected to; NULL: nowhere */
    bool went_back;    /* from a target that was refused, since bytes last came */
    bool http;         /* the link is http: so are its redirects */
    bool renewed;      /* a refused link was asked for anew */
    bool whole_only;   /* the server contradicted a range: it is asked for all from now on */
    bool contradicted; /* … or itself, in this answer */
    char why[512];     /* why its bytes could not be taken */
    const char *unfit; /* why this answer is not taken */
    const char *looks_like;
    int redirects;
    int looks;          /* at a video that was not there yet */
    int64_t missing_at; /* when the first of those was answered; 0: none was */
    int slices;         /* answers that brought some of the video, as they say */
    enum pomex_slice_kind kind;
    pomex_slice slice; /* what this answer brings */
    int64_t resume;
    int64_t total;
    int64_t saved;
    int64_t best;         /* as far as an attempt has come */
    int64_t window_bytes; /* what had come when the stall window began */
};

extern const pomex_stage pomex_video_url_stage, pomex_download_stage;

/* Goes over to a stage, with a count of attempts of its own. */
void pomex_download_enter(pomex_operation *operation, const pomex_stage *stage,
                          pomex_endpoint_id endpoint);

/* Ends it with an error, its message made of two parts. */
void pomex_download_fail(pomex_operation *operation, const char *type, const char *message,
                         const char *detail);

/* Both stages' timer. */
void pomex_download_rang(pomex_operation *operation);

/* Goes on to the bytes of this link. */
void pomex_video_url_take(pomex_operation *operation, const char *link);

/* The answer leads elsewhere: goes on there. */
void pomex_video_url_redirect(pomex_operation *operation, const pomex_outcome *outcome);

/* The next request goes to the link again, whose targets may be signed for a short while. */
void pomex_video_url_go_back(struct pomex_download *download);

#endif
