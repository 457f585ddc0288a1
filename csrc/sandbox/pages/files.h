/* The files behind signed links: the videos of tasks and the files of assets. */
#ifndef POMEX_SB_FILES_H
#define POMEX_SB_FILES_H

#include "sandbox/http/request.h"

/* Answers GET or HEAD of a path under /files/. */
void pomex_sb_files(pomex_sb_request *request);

#endif
