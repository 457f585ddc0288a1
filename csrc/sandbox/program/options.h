/* The command line, and the key of the environment. */
#ifndef POMEX_SB_OPTIONS_H
#define POMEX_SB_OPTIONS_H

#include "sandbox/control/config.h"

typedef struct pomex_sb_options {
    const char *host;
    int port;
    const char *key;      /* NULL: the one in the database, or a new one */
    const char *database; /* NULL: memory */
    pomex_sb_config config;
    unsigned idle_seconds;  /* that a connection may go without a byte either way */
    double request_seconds; /* from one answer to the end of the next request */
    bool json;
    bool watch_stdin;
    bool quiet;
} pomex_sb_options;

/* Everything as it is without a command line. */
void pomex_sb_options_init(pomex_sb_options *options);

/* Reads them. -1: go on; else the exit code, with all said that is to be said. */
int pomex_sb_options_read(pomex_sb_options *options, int argc, char **argv);

#endif
