/* Whether a video can be saved, asked before it is paid for. */
#include "base/error.h"
#include "file/partfile.h"
#include "rules/endpoint.h"

pomex_error *pomex_saving_check(const char *path, bool overwrite)
{
    char why[1024];
    /* Of no task: a part that holds something is looked at, and left as it is. */
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
