/*
 * Compresses request bodies (RFC 1952). Internal.
 * Threads: one at a time for each struct. Fails with LL_ENOMEM or LL_ELIMIT (`out` is full).
 */
#ifndef LL_EXPORT_GZIP_H
#define LL_EXPORT_GZIP_H

#include <stddef.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

struct gzip;

ll_err gzip_new(struct gzip **out);
void gzip_free(struct gzip *g);

/* Empties `out`, then writes one whole member to it. */
ll_err gzip_pack(struct gzip *g, const void *data, size_t len, struct buf *out);

#endif
