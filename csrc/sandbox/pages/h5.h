/* The page on which a person would show their face. It offers the possible outcomes instead. */
#ifndef POMEX_SB_H5_H
#define POMEX_SB_H5_H

#include "sandbox/http/request.h"

/* Answers /h5: a GET with the page, a POST with what its buttons lead to. */
void pomex_sb_h5(pomex_sb_request *request);

#endif
