/* The command line, and the API key in the environment. */
#ifndef POMEX_SB_OPTIONS_H
#define POMEX_SB_OPTIONS_H

#include "sandbox/control/config.h"

typedef struct pomex_sb_options {
    const char *host;
    int port;
    const char *key;      /* NULL: the key in the database, or else a new one */
    const char *database; /* NULL: in memory */
    pomex_sb_config config;
    unsigned idle_seconds;  /* how long a connection may carry no byte either way */
    double request_seconds; /* how long from one response to the end of the next request */
    bool json;
    bool watch_stdin;
    bool quiet;
} pomex_sb_options;

/* Sets the defaults. */
void pomex_sb_options_init(pomex_sb_options *options);

/* Reads the command line and the environment. Returns -1 if the program is to go on, or its exit
 * code; everything that has to be printed has been. */
int pomex_sb_options_read(pomex_sb_options *options, int argc, char **argv);

#endif
