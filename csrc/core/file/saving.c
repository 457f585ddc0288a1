/* Whether a video can be saved, asked before it is paid for. */
#include "base/error.h"
#include "file/partfile.h"
#include "rules/endpoint.h"

pomex_error *pomex_saving_check(const char *path, bool overwrite)
{
    char why[1024];
    /* The empty name is no task's, so that bytes in a part are kept. */
    pomex_partfile *file = pomex_partfile_open(path, "", overwrite, why, sizeof why);
    if (file) {
        pomex_partfile_close(file);
        return NULL;
    }
    pomex_error *error = pomex_error_new("file_error", "%s", why);
    pomex_error_set_client(error);
    pomex_error_set_endpoint(error, pomex_endpoint_of(POMEX_DOWNLOAD)->name);
    return error;
}
