/*
 * A hash map from byte strings to pointers (open addressing, linear probing).
 *
 * For: looking up ids. Keys are borrowed and must outlive the map; there is no removal, since the
 * registries that use it are built once and replaced whole. Only known ids are inserted: a
 * stranger's id is looked up, never stored. Threads: one writer; any number of readers once it is
 * no longer written.
 */
#ifndef LL_BASE_MAP_H
#define LL_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct map_slot {
    const char *key;
    void *value;
    uint32_t key_len;
    uint32_t hash;
};

struct map {
    struct map_slot *slots; /* owned; NULL while empty */
    size_t count;
    size_t cap; /* a power of two, or 0 */
};

/* A zeroed struct map is an empty one. */
void map_free(struct map *m);

/* LL_EEXIST where the key is there already (its value stays), LL_ENOMEM. */
ll_err map_put(struct map *m, const char *key, size_t key_len, void *value);

/* The value, or NULL. */
void *map_get(const struct map *m, const char *key, size_t key_len);

#endif
