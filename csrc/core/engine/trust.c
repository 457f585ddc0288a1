#include "engine/trust.h"

#include "base/error.h"
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An empty variable counts as one that is not set. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Whether one of the folders can be read, in a list with colons as OpenSSL takes it. */
static bool is_readable_folder(const char *list)
{
    for (size_t length; *list; list += length + (list[length] == ':')) {
        length = strcspn(list, ":");
        char *folder = strndup(list, length);
        bool readable = folder && access(folder, R_OK | X_OK) == 0;
        if (!folder)
            errno = ENOMEM;
        free(folder);
        if (readable)
            return true;
    }
    return false;
}

static pomex_error *unreadable(const char *name, const char *value)
{
    int problem = errno;
    if (problem == ENOMEM)
        return pomex_error_memory();
    pomex_error *error = pomex_error_new("invalid_request_error", "cannot read %s %s: %s", name,
                                         value, strerror(problem));
    pomex_error_set_client(error);
    return error;
}

pomex_error *pomex_trust_take(pomex_settings *s, const pomex_options *o)
{
    const char *file = o->ca_file, *path = o->ca_path;
    const char *file_name = "ca_file", *path_name = "ca_path";
    if (!file && !path) {
        file = variable("CURL_CA_BUNDLE");
        file_name = "$CURL_CA_BUNDLE";
    }
    if (!file && !path) {
        file = variable("SSL_CERT_FILE");
        path = variable("SSL_CERT_DIR");
        file_name = "$SSL_CERT_FILE";
        path_name = "$SSL_CERT_DIR";
    }
    if (file && access(file, R_OK) != 0)
        return unreadable(file_name, file);
    if (path && !is_readable_folder(path))
        return unreadable(path_name, path);
    s->ca_file = file ? strdup(file) : NULL;
    s->ca_path = path ? strdup(path) : NULL;
    return (file && !s->ca_file) || (path && !s->ca_path) ? pomex_error_memory() : NULL;
}

static pomex_error *without_certificate(const char *name)
{
    pomex_error *error = pomex_error_new("invalid_request_error", "%s needs client_cert", name);
    pomex_error_set_client(error);
    return error;
}

/* Whether it is a file that can be read; else errno says why not. */
static bool is_readable_file(const char *path)
{
    struct stat info;
    if (access(path, R_OK) != 0 || stat(path, &info) != 0)
        return false;
    errno = EISDIR;
    return !S_ISDIR(info.st_mode);
}

pomex_error *pomex_trust_take_own(pomex_settings *s, const pomex_options *o)
{
    const char *key = o->client_key ? o->client_key : o->client_cert;
    const char *password = o->client_key_password ? o->client_key_password : "";
    if (!o->client_cert && o->client_key)
        return without_certificate("client_key");
    if (!o->client_cert && o->client_key_password)
        return without_certificate("client_key_password");
    if (!o->client_cert)
        return NULL;
    if (!is_readable_file(o->client_cert))
        return unreadable("client_cert", o->client_cert);
    if (!is_readable_file(key))
        return unreadable("client_key", key);
    s->client_key_password_size = strlen(password) + 1;
    s->client_cert = strdup(o->client_cert);
    s->client_key = strdup(key);
    s->client_key_password = pomex_secret_new(s->client_key_password_size);
    if (!s->client_cert || !s->client_key || !s->client_key_password)
        return pomex_error_memory();
    memcpy(s->client_key_password, password, s->client_key_password_size);
    return NULL;
}
