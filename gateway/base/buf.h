/*
 * A growable byte buffer with a cap and a sticky failure.
 *
 * For: building text or records whose size is not known beforehand. Append freely and check
 * buf_ok() or buf_err() once at the end: after the cap was hit or memory ran out, appends do
 * nothing. Threads: one at a time. A zero byte always follows the data, so that `data` is a C
 * string.
 */
#ifndef LL_BASE_BUF_H
#define LL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct buf {
    char *data; /* owned; NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;
    ll_err failure;
};

/* `max`: the most bytes it may hold, without the zero that follows them. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empties it and clears the failure; keeps the memory. */
void buf_reset(struct buf *b);
/* Takes back what was appended behind the first `len` bytes, and the failure. */
void buf_cut(struct buf *b, size_t len);

bool buf_ok(const struct buf *b);
/* LL_OK; LL_ELIMIT where the cap was hit, LL_ENOMEM where memory ran out. */
ll_err buf_err(const struct buf *b);
/* The text; "" where nothing was appended. Borrowed. */
const char *buf_str(const struct buf *b);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_str_add(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_json_str(struct buf *b, const char *text, size_t len);
/* Little-endian integers, for records on disk. */
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);

#endif
