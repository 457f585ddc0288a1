/* File descriptors used up: whether that is why an attempt failed, and how idle connections make
 * room for new ones. */
#ifndef POMEX_DESCRIPTORS_H
#define POMEX_DESCRIPTORS_H

#include "base/error.h"
#include "net/transfer.h"

/* Whether the transfer ended before it was sent because it got no descriptor: libcurl does not say
 * why it could not connect, resolve a name or read certificates. */
bool pomex_descriptors_missed(const pomex_net *net, const pomex_transfer *transfer,
                              const pomex_outcome *outcome);

/* Has libcurl close an idle connection of ours for each new one, from now on. Whether that can
 * help the transfer: false if nothing is idle, or if it was started with this in force. */
bool pomex_descriptors_squeeze(pomex_net *net, const pomex_transfer *transfer);

/* The shortage is over. */
void pomex_descriptors_relax(pomex_net *net);

/* The error of whoever could not begin for this errno. */
pomex_error *pomex_descriptors_error(int problem);

#endif
