/* The descriptors that libcurl uses, and their place in the loop's epoll set. */
#ifndef POMEX_SOCKET_H
#define POMEX_SOCKET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct pomex_net;
struct pomex_transfer;

typedef struct pomex_socket {
    uint8_t wanted;     /* what libcurl wants: EPOLLIN, EPOLLOUT */
    uint8_t registered; /* what the epoll set has; 0: nothing */
    bool in_set;
    bool ours;  /* opened by our callback, so closed by ours too */
    CURL *easy; /* the handle that wants it; NULL: none */
} pomex_socket;

/* libcurl's callbacks; `user` is the pomex_net. */
int pomex_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *private);
curl_socket_t pomex_socket_open(void *user, curlsocktype purpose,
                                struct curl_sockaddr *address);
int pomex_socket_close(void *user, curl_socket_t fd);

/* Puts a descriptor into an epoll set; `known`: it is thought to be in there. False with errno. */
bool pomex_socket_watch(int epoll_fd, int fd, uint32_t events, bool known);

/* Tries again to watch the sockets that the epoll set had no room for, if it is time. */
void pomex_socket_watch_again(struct pomex_net *net);

/* The epoll set says that a socket is ready: libcurl reads or writes. */
void pomex_socket_ready(struct pomex_net *net, int fd, uint32_t events);

/* Reads the bytes that have come for a transfer whose time is up. */
void pomex_socket_read_now(struct pomex_net *net, const struct pomex_transfer *transfer);

/* Shuts down idle connections if the machine slept: the other side has perhaps dropped them. */
void pomex_socket_note_sleep(struct pomex_net *net);

#endif
