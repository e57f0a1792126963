#include "gateway/journal/journal_scan.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/journal/journal_segment.h"

#define BLOCK_BYTES ((size_t)256 * 1024)
#define PAGE_BYTES  4096 /* what is lost with one sector that cannot be read */

static_assert(RECORD_HEADER + LL_MAX_JOURNAL_RECORD < 2 * BLOCK_BYTES,
              "a block grows to hold the largest record");

void scan_begin(struct journal_scan *s, int fd, uint32_t salt, uint64_t first_seq)
{
    s->fd = fd;
    s->salt = salt;
    s->at = SEGMENT_HEADER;
    s->seq = first_seq;
    s->block_at = 0;
    s->block_len = 0;
}

void scan_move(struct journal_scan *s, int fd)
{
    s->fd = fd;
    s->block_len = 0;
}

void scan_free(struct journal_scan *s)
{
    free(s->block);
    *s = (struct journal_scan){.fd = -1};
}

/* Points at the bytes from offset `at` on, of which there are at least `want`, or as many as there
 * are before `end` and in the file. */
static ll_err view(struct journal_scan *s, uint64_t at, size_t want, uint64_t end,
                   const uint8_t **data, size_t *got)
{
    if (want > end - at) {
        want = (size_t)(end - at);
    }
    if (at < s->block_at || at + want > s->block_at + s->block_len) {
        if (want > s->block_cap || s->block == NULL) {
            const size_t cap = want > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
            uint8_t *block = realloc(s->block, cap);
            if (block == NULL) {
                return LL_ENOMEM;
            }
            s->block = block;
            s->block_cap = cap;
        }
        s->block_len = 0;
        s->block_at = at;
        size_t len = s->block_cap < end - at ? s->block_cap : (size_t)(end - at);
        ll_err err = fs_read_some(s->fd, s->block, len, at, &s->block_len);
        while (err == LL_EIO &&
               len > want) { /* what cannot be read may lie behind what is wanted */
            len = len / 2 > want ? len / 2 : want;
            err = fs_read_some(s->fd, s->block, len, at, &s->block_len);
        }
        if (err != LL_OK) {
            return err;
        }
    }
    *data = s->block + (at - s->block_at);
    *got = (size_t)(s->block_at + s->block_len - at);
    return LL_OK;
}

/* The valid record at `at`, or LL_ECORRUPT. */
static ll_err record_at(struct journal_scan *s, uint64_t at, uint64_t end,
                        struct journal_record *out)
{
    const uint8_t *data;
    size_t got;
    ll_err err = view(s, at, RECORD_HEADER, end, &data, &got);
    if (err != LL_OK) {
        return err;
    }
    struct journal_record r;
    if (!record_peek(data, got, &r) || r.seq < s->seq) {
        return LL_ECORRUPT;
    }
    err = view(s, at, RECORD_HEADER + r.len, end, &data, &got);
    if (err != LL_OK) {
        return err;
    }
    if (!record_check(s->salt, data, got, &r)) {
        return LL_ECORRUPT;
    }
    *out = r;
    return LL_OK;
}

ll_err scan_next(struct journal_scan *s, uint64_t end, struct journal_record *out)
{
    if (s->at >= end) {
        return LL_EEND;
    }
    const ll_err err = record_at(s, s->at, end, out);
    if (err == LL_OK) {
        s->at += record_size(out->len);
        s->seq = out->seq + 1;
    }
    return err;
}

/* How far into `data` the next marker is; `len` where there is none. */
static size_t find_marker(const uint8_t *data, size_t len, bool *blank)
{
    size_t i = 0;
    for (; i + RECORD_ALIGN <= len; i += RECORD_ALIGN) {
        uint64_t word;
        memcpy(&word, data + i, sizeof word);
        if (word == 0) {
            continue;
        }
        if ((uint32_t)le64toh(word) == RECORD_MARKER) {
            return i;
        }
        *blank = false;
    }
    for (; i < len; i++) {
        *blank = *blank && data[i] == 0;
    }
    return len;
}

ll_err scan_find(struct journal_scan *s, uint64_t end, uint64_t *found, bool *blank)
{
    uint64_t at = s->at;
    bool zeros = true;
    bool unreadable = false;
    while (at < end) {
        const uint8_t *data;
        size_t got;
        ll_err err = view(s, at, RECORD_ALIGN, end, &data, &got);
        if (err == LL_EIO) {
            unreadable = true;
            zeros = false;
            at = (at / PAGE_BYTES + 1) * PAGE_BYTES;
            continue;
        }
        if (err != LL_OK) {
            return err;
        }
        if (got == 0) { /* the file is shorter than what was written to it */
            zeros = false;
            break;
        }
        const size_t step = find_marker(data, got, &zeros);
        at += step;
        if (step == got) {
            continue;
        }
        struct journal_record r;
        err = record_at(s, at, end, &r);
        if (err == LL_OK) {
            *found = at;
            *blank = zeros;
            return LL_OK;
        }
        if (err != LL_ECORRUPT && err != LL_EIO) {
            return err;
        }
        unreadable = unreadable || err == LL_EIO;
        zeros = false;
        at += RECORD_ALIGN;
    }
    if (unreadable) {
        return LL_EIO;
    }
    *found = end;
    *blank = zeros;
    return LL_OK;
}
