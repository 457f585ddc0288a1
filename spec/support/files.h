/* Small files of a test. */
#ifndef FILES_H
#define FILES_H

/* Writes `text` to the file `name`, in place of what it held. */
void files_put(const char *name, const char *text);

/* Fails the test unless the file `name` holds `text` (fewer than 256 bytes) and nothing more. */
void files_hold(const char *name, const char *text);

#endif
