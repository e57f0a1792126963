/*
 * A bounded reader over foreign bytes, with a sticky failure: read on, and check once at the end.
 *
 * For: all parsing of bytes that came from a disk or a network. A read past the end gives zero
 * (or NULL) and sets `bad`; it never touches memory outside the range.
 * Threads: one at a time. The bytes are borrowed.
 */
#ifndef LL_BASE_CURSOR_H
#define LL_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct cursor cursor_over(const void *data, size_t len)
{
    const uint8_t *p = data;
    /* cppcheck-suppress pointerOutOfBoundsCond ; `len` is the size of `data` */
    return (struct cursor){.at = p, .end = len > 0 ? p + len : p};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next `len` bytes, borrowed, or NULL. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t len)
{
    if (c->bad || len > cursor_left(c)) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += len;
    return p;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 1);
    return p != NULL ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 2);
    return p != NULL ? (uint16_t)(p[0] | (unsigned)p[1] << 8) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 4);
    return p == NULL
               ? 0
               : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
    const uint64_t low = cursor_u32(c);
    return low | (uint64_t)cursor_u32(c) << 32;
}

#endif
