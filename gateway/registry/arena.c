#include "gateway/registry/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)256 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    char data[];
};

static char *take(struct arena *a, size_t size, size_t align)
{
    struct arena_chunk *c = a->chunks;
    size_t at = c != NULL ? (c->used + align - 1) & ~(align - 1) : 0;
    if (c == NULL || at > c->size || size > c->size - at) {
        const size_t bytes = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        c = calloc(1, sizeof *c + bytes);
        if (c == NULL) {
            return NULL;
        }
        c->size = bytes;
        c->next = a->chunks;
        a->chunks = c;
        at = 0;
    }
    c->used = at + size;
    return c->data + at;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return take(a, size, sizeof(void *));
}

char *arena_str(struct arena *a, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = take(a, size, 1);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void arena_free(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        free(c);
    }
}
