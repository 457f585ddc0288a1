/* The script of a fault server, and the requests that met it. Any thread may ask. */
#ifndef FAULT_SCRIPT_H
#define FAULT_SCRIPT_H

#include "fault_server.h"

typedef struct fault_script fault_script;

fault_script *fault_script_new(void);
void fault_script_free(fault_script *script);

/* New steps; forgets the requests. */
void fault_script_set(fault_script *script, const fault_step *steps, size_t count);

/* Takes the first step for a request (NULL: for a fresh connection) into *step; false: none. */
bool fault_script_take(fault_script *script, const char *line, fault_step *step);

void fault_script_keep(fault_script *script, const fault_request *request);

/* One that was kept has been followed by its answer. */
void fault_script_followed(fault_script *script, const fault_request *request);

/* See fault_server_count, fault_server_answered, fault_server_request. */
size_t fault_script_count(fault_script *script, const char *match, bool followed);
bool fault_script_request(fault_script *script, const char *match, size_t index,
                          fault_request *request);

#endif
