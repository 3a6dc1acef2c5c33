/* list.h - an intrusive, circular, doubly linked list. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A head and a member are the same type. A member that is in no list points at itself. */
struct list {
	struct list *next, *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)((uintptr_t)(node)-offsetof(type, member)))

/* Walks; the current entry may be removed (and freed) inside the body. */
#define LIST_EACH(head, node)                                                                                \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                    \
	     node = node##_next, node##_next = node->next)

static inline void list_init(struct list *node)
{
	node->next = node;
	node->prev = node;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
