#include "gateway/base/map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

/* FNV-1a (Fowler, Noll, Vo), folded to 32 bits. */
static uint32_t hash_bytes(const char *key, size_t len)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)key[i]) * 0x100000001b3U;
    }
    return (uint32_t)(h ^ (h >> 32));
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds the key, or the free one where it belongs. The map is never full. */
static struct map_slot *find_slot(const struct map *m, const char *key, size_t len, uint32_t hash)
{
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->key == NULL ||
            (s->hash == hash && s->key_len == len && memcmp(s->key, key, len) == 0)) {
            return s;
        }
    }
}

static bool grow(struct map *m)
{
    struct map bigger = {.cap = m->cap > 0 ? m->cap * 2 : FIRST_CAP, .count = m->count};
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < m->cap; i++) {
        const struct map_slot *s = &m->slots[i];
        if (s->key != NULL) {
            *find_slot(&bigger, s->key, s->key_len, s->hash) = *s;
        }
    }
    free(m->slots);
    *m = bigger;
    return true;
}

ll_err map_put(struct map *m, const char *key, size_t key_len, void *value)
{
    if (key_len > UINT32_MAX) {
        return LL_EINVAL;
    }
    if (m->count + m->count / 2 >= m->cap && !grow(m)) {
        return LL_ENOMEM;
    }
    const uint32_t hash = hash_bytes(key, key_len);
    struct map_slot *s = find_slot(m, key, key_len, hash);
    if (s->key != NULL) {
        return LL_EEXIST;
    }
    *s = (struct map_slot){key, value, (uint32_t)key_len, hash};
    m->count++;
    return LL_OK;
}

void *map_get(const struct map *m, const char *key, size_t key_len)
{
    if (m->cap == 0) {
        return NULL;
    }
    return find_slot(m, key, key_len, hash_bytes(key, key_len))->value;
}
