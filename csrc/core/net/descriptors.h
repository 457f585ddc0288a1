/* When the process runs out of file descriptors: tells whether an attempt failed for that reason,
 * and closes idle connections to make room for new ones. */
#ifndef POMEX_DESCRIPTORS_H
#define POMEX_DESCRIPTORS_H

#include "base/error.h"
#include "net/transfer.h"

/* Whether the transfer ended before it was sent because no descriptor was left. libcurl does not
 * report why it could not connect, resolve a name or read certificates. */
bool pomex_descriptors_missed(const pomex_net *net, const pomex_transfer *transfer,
                              const pomex_outcome *outcome);

/* From now on libcurl closes an idle connection of ours for each new one. Returns whether that can
 * help the transfer: false if no connection is idle, or if the transfer was started while this was
 * in force. */
bool pomex_descriptors_squeeze(pomex_net *net, const pomex_transfer *transfer);

/* The shortage is over: libcurl keeps idle connections again. */
void pomex_descriptors_relax(pomex_net *net);

/* The error to report when something could not begin because of the errno `problem`. */
pomex_error *pomex_descriptors_error(int problem);

#endif
