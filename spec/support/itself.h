/* A test program that runs itself again as another process. Where an emulator runs it, as CMake was
 * told when it cross-compiled, the emulator runs that process too. */
#ifndef POMEX_SPEC_ITSELF_H
#define POMEX_SPEC_ITSELF_H

#include <stdbool.h>

/* The process becomes the program's, with these words (NULL ends them) after its name. Returns only if
 * it failed. Allocates nothing: it may follow a vfork. */
void itself_become(const char *const words[]);

/* Whether an emulator runs this program: what it shows of the kernel is then its own. */
bool itself_is_emulated(void);

#endif
