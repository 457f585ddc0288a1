/* A file server for the download benchmark: GET /v1/video/generations/ID names /file, which is
 * SIZE bytes of a sparse file. Usage: files SIZE -> prints its port, ends with its stdin. */
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct files {
    int fd;
    uint64_t size;
    uint16_t port;
};

static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *length, void **state)
{
    struct files *f = user;
    struct MHD_Response *response;
    char text[256];
    (void)method;
    (void)version;
    (void)body;
    (void)length;
    (void)state;
    if (strcmp(url, "/file") == 0) {
        response = MHD_create_response_from_fd64(f->size, dup(f->fd));
        MHD_add_response_header(response, "Content-Type", "video/mp4");
    } else {
        int n = snprintf(text, sizeof text,
                         "{\"id\":\"big\",\"status\":\"succeeded\","
                         "\"content\":{\"video_url\":\"http://127.0.0.1:%u/file\"}}",
                         f->port);
        response = MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
        MHD_add_response_header(response, "Content-Type", "application/json");
    }
    enum MHD_Result done = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return done;
}

int main(int argc, char **argv)
{
    struct files f = {.size = argc == 2 ? strtoull(argv[1], NULL, 10) : 0};
    char name[] = "/tmp/pomex-bench-XXXXXX";
    f.fd = mkstemp(name);
    if (f.fd < 0 || unlink(name) != 0 || ftruncate(f.fd, (off_t)f.size) != 0)
        return 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, &f,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (!daemon)
        return 1;
    f.port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    printf("%u\n", f.port);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    MHD_stop_daemon(daemon);
    close(f.fd);
    return 0;
}
