#include "gateway/export/gzip.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define BLOCK 16384
/* The fastest: line protocol repeats itself so much that a higher level hardly gains, and the
 * gateway runs on small processors. */
#define LEVEL       1
#define WINDOW_GZIP (15 + 16)

struct gzip {
    z_stream z;
};

ll_err gzip_new(struct gzip **out)
{
    struct gzip *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return LL_ENOMEM;
    }
    if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(g);
        return LL_ENOMEM;
    }
    *out = g;
    return LL_OK;
}

void gzip_free(struct gzip *g)
{
    if (g != NULL) {
        deflateEnd(&g->z);
        free(g);
    }
}

ll_err gzip_pack(struct gzip *g, const void *data, size_t len, struct buf *out)
{
    assert(len <= UINT_MAX);
    unsigned char block[BLOCK];
    buf_reset(out);
    deflateReset(&g->z);
    g->z.next_in = (z_const Bytef *)data;
    g->z.avail_in = (uInt)len;
    int rc;
    do {
        g->z.next_out = block;
        g->z.avail_out = sizeof block;
        rc = deflate(&g->z, Z_FINISH);
        buf_add(out, block, sizeof block - g->z.avail_out);
    } while (rc == Z_OK);
    assert(rc == Z_STREAM_END);
    return buf_err(out);
}
