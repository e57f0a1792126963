/*
 * Memory that is given out piece by piece and freed at once.
 *
 * For: the strings and small arrays of a registry snapshot. Not for: anything that grows.
 * Threads: one at a time. NULL where memory is out.
 */
#ifndef LL_REGISTRY_ARENA_H
#define LL_REGISTRY_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* A zeroed struct is an empty one. */
struct arena {
    struct arena_chunk *chunks; /* the newest first */
};

/* Zeroed, aligned for pointers. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of the text. */
char *arena_str(struct arena *a, const char *text);
void arena_free(struct arena *a);

#endif
