/* A doubly linked list whose nodes are members of other structures. Zeroed memory is a node
 * that is in no list. */
#ifndef POMEX_LIST_H
#define POMEX_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pomex_node {
    struct pomex_node *previous;
    struct pomex_node *next;
} pomex_node;

/* The structure that holds `node` as its member. */
#define POMEX_HOLDER(node, type, member) ((type *)pomex_holder(node, offsetof(type, member)))

static inline void *pomex_holder(const void *node, size_t offset)
{
    return (void *)((uintptr_t)node - offset);
}

static inline void pomex_list_init(pomex_node *list)
{
    list->previous = list->next = list;
}

static inline bool pomex_list_empty(const pomex_node *list)
{
    return list->next == list;
}

static inline bool pomex_list_linked(const pomex_node *node)
{
    return node->next != NULL;
}

static inline void pomex_list_append(pomex_node *list, pomex_node *node)
{
    node->previous = list->previous;
    node->next = list;
    list->previous->next = node;
    list->previous = node;
}

static inline void pomex_list_prepend(pomex_node *list, pomex_node *node)
{
    pomex_list_append(list->next, node); /* before the first */
}

static inline void pomex_list_remove(pomex_node *node)
{
    if (!node->next)
        return;
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->previous = node->next = NULL;
}

#endif
