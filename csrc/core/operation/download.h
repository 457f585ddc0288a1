/* Downloads: a link from the service, then its bytes, into a file that takes its name only when it
 * is whole. The key goes to the service alone. video_url.c finds the link, fetch.c fetches the
 * bytes. */
#ifndef POMEX_DOWNLOAD_H
#define POMEX_DOWNLOAD_H

#include "file/partsum.h"
#include "operation/operation.h"
#include "operation/slice.h"

struct pomex_download {
    bool progress;            /* the caller wants news of bytes */
    bool sync;                /* the file is to be on the disk when it has its name */
    bool hold;                /* the part gets no name when it is whole */
    pomex_partsum summed;     /* … but its sum, */
    char sum[POMEX_SUM_SIZE]; /* which this is in the end */
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

/* See pomex_client_download. NULL: no memory. */
pomex_operation *pomex_download_begin(pomex_context *context, const char *id, size_t id_length,
                                      const char *link, const char *path,
                                      const pomex_call_options *options);

/* Goes over to a stage, with a count of attempts of its own. */
void pomex_download_enter(pomex_operation *operation, const pomex_stage *stage,
                          pomex_endpoint_id endpoint);

/* Ends it with an error, its message made of two parts. */
void pomex_download_fail(pomex_operation *operation, const char *type, const char *message,
                         const char *detail);

/* Both stages' timer. */
void pomex_download_rang(pomex_operation *operation);

#endif
