/*
 * The cursor file, little-endian:
 *
 *   8 bytes   "LLCURSOR"
 *   u32       format, 2
 *   for the alarms lane, then for the readings lane:
 *     u64     next record, u64 running total before it
 *     u64     forwarded, u64 quarantined, u64 evicted, u64 rejected (format 1 had none of these)
 *   u32       CRC32C of all before
 */
#include "gateway/export/position.h"

#include <string.h>

#include "gateway/base/buf.h"
#include "gateway/base/crc32c.h"
#include "gateway/base/cursor.h"
#include "gateway/base/fs.h"

#define MAGIC       "LLCURSOR"
#define MAGIC_BYTES 8
#define FORMAT      2
#define FILE_BYTES  (MAGIC_BYTES + 4 + SPOOL_LANES * 6 * 8 + 4)

static ll_err parse(const struct buf *b, struct position out[SPOOL_LANES])
{
    struct cursor c = cursor_over(b->data, b->len);
    const uint8_t *magic = cursor_bytes(&c, MAGIC_BYTES);
    if (magic == NULL || memcmp(magic, MAGIC, MAGIC_BYTES) != 0) {
        return LL_ECORRUPT;
    }
    const uint32_t format = cursor_u32(&c);
    if (format > FORMAT) {
        return LL_EVERSION;
    }
    struct position p[SPOOL_LANES];
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        p[i].next = cursor_u64(&c);
        p[i].total = cursor_u64(&c);
        p[i].delivery.forwarded = cursor_u64(&c);
        p[i].delivery.quarantined = cursor_u64(&c);
        p[i].delivery.evicted = cursor_u64(&c);
        p[i].delivery.rejected = format > 1 ? cursor_u64(&c) : 0;
    }
    const uint32_t crc = cursor_u32(&c);
    if (c.bad || cursor_left(&c) != 0 || crc != crc32c(0, b->data, b->len - 4)) {
        return LL_ECORRUPT;
    }
    memcpy(out, p, sizeof p);
    return LL_OK;
}

ll_err position_load(const char *path, struct position out[SPOOL_LANES])
{
    struct buf b;
    buf_init(&b, (size_t)2 * FILE_BYTES);
    ll_err err = fs_read_file(path, &b);
    if (err == LL_OK) {
        err = parse(&b, out);
    } else if (err == LL_ELIMIT) {
        err = LL_ECORRUPT;
    }
    buf_free(&b);
    return err;
}

ll_err position_save(const char *path, const struct position in[SPOOL_LANES])
{
    struct buf b;
    buf_init(&b, FILE_BYTES);
    buf_add(&b, MAGIC, MAGIC_BYTES);
    buf_u32(&b, FORMAT);
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        buf_u64(&b, in[i].next);
        buf_u64(&b, in[i].total);
        buf_u64(&b, in[i].delivery.forwarded);
        buf_u64(&b, in[i].delivery.quarantined);
        buf_u64(&b, in[i].delivery.evicted);
        buf_u64(&b, in[i].delivery.rejected);
    }
    buf_u32(&b, crc32c(0, b.data, b.len));
    const ll_err err = buf_ok(&b) ? fs_replace_file(path, b.data, b.len) : LL_ENOMEM;
    buf_free(&b);
    return err;
}
