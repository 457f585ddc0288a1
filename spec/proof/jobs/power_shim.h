/* What the files of the preloaded disk share. */
#ifndef POWER_SHIM_H
#define POWER_SHIM_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SHOWN __attribute__((visibility("default")))
/* The function of that name that stands behind ours. */
#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* The followed folder, and where power.h keeps what it says; NULL: nothing is followed. */
extern const char *power_folder, *power_disk;

/* Whether the followed folder is the log of a server of PostgreSQL's; and whether a text is on the disk
 * in it, or in the log of a server that took its place or that it took the place of. */
bool power_is_log(void);
bool power_log_has(const char *text);

/* Among all processes, and the threads of this one. */
void power_lock(void);
void power_unlock(void);

/* The process dies here, if it is told to. */
void power_step(const char *name);

#endif
