/* Stands between a store and its PostgreSQL server, and breaks in between as a test asks: one
 * connection at a time is enough, each in a thread of its own. */
#ifndef POMEX_SPEC_STORE_RELAY_H
#define POMEX_SPEC_STORE_RELAY_H

typedef struct relay relay;

enum relay_mode {
    RELAY_PASS, /* all goes through */
    RELAY_CUT,  /* the next message with a COMMIT reaches the server, its answer nobody */
    RELAY_HOLD, /* it reaches the server only with relay_let_go; its sender loses the connection */
    RELAY_REFUSE, /* nobody is let in, and who was in is out */
    RELAY_SILENT  /* nothing goes through any more, and nobody is told */
};

/* Before the server on that port of 127.0.0.1. */
relay *relay_start(int server_port);
int relay_port(const relay *relay);

/* What happens from now on. After one message was cut or held, all goes through again. */
void relay_set(relay *relay, enum relay_mode mode);

/* How many messages were cut or held so far. */
int relay_count(relay *relay);

/* Sends the held message to the server, and waits until that has answered all of it. */
void relay_let_go(relay *relay);

void relay_stop(relay *relay);

#endif
