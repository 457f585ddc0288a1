/* A doubly linked list of what lives elsewhere. Zeroed memory is a link that is in no list. */
#ifndef POMEX_LIST_H
#define POMEX_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pomex_link {
    struct pomex_link *previous;
    struct pomex_link *next;
} pomex_link;

/* The structure that holds `link` as its member. */
#define POMEX_HOLDER(link, type, member)                                                       \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void pomex_list_init(pomex_link *list)
{
    list->previous = list->next = list;
}

static inline bool pomex_list_empty(const pomex_link *list)
{
    return list->next == list;
}

static inline bool pomex_link_used(const pomex_link *link)
{
    return link->next != NULL;
}

static inline void pomex_list_append(pomex_link *list, pomex_link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

static inline void pomex_list_prepend(pomex_link *list, pomex_link *link)
{
    pomex_list_append(list->next, link); /* before the first */
}

static inline void pomex_link_remove(pomex_link *link)
{
    if (!link->next)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link->next = NULL;
}

#endif
