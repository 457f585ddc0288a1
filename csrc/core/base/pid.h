/* The number of this process. A client asks for it several times in each call, to find out whether
 * it is used in a child of the process that owns it. */
#ifndef POMEX_PID_H
#define POMEX_PID_H

#include <sys/types.h>

/* As getpid, without its system call: the number is kept in a page that a fork wipes. */
pid_t pomex_pid(void);

#endif
