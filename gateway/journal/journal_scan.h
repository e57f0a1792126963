/*
 * Walks the records of one segment in a file, a block at a time.
 *
 * For: recovery and readers, which treat a damaged stretch differently but find it in the same way.
 * Threads: one at a time for each walk. Failures are returned.
 */
#ifndef LL_JOURNAL_JOURNAL_SCAN_H
#define LL_JOURNAL_JOURNAL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/journal/journal.h"

struct journal_scan {
    int fd;        /* borrowed */
    uint32_t salt; /* of the segment */
    uint64_t at;   /* offset of the next record */
    uint64_t seq;  /* the lowest sequence it may have */
    uint8_t *block;
    size_t block_cap;
    uint64_t block_at;
    size_t block_len;
};

/* Begins at the first record of a segment; the block of an earlier walk is kept. A zeroed struct
 * is an ended walk. */
void scan_begin(struct journal_scan *s, int fd, uint32_t salt, uint64_t first_seq);
/* Goes on at the same place of a copy of the file. */
void scan_move(struct journal_scan *s, int fd);
void scan_free(struct journal_scan *s);

/* The record at `at`, borrowed until the next call; then `at` is behind it. Bytes from `end` on are
 * not looked at. LL_EEND at the end, LL_ECORRUPT where there is no valid record. */
ll_err scan_next(struct journal_scan *s, uint64_t end, struct journal_record *out);

/* Looks for the next valid record from `at` on: its offset, or `end` where there is none. *blank:
 * all that was passed over is zero. Does not move `at`. Pages that cannot be read are passed over
 * where a valid record follows; else it is LL_EIO, since the whole disk may be away. */
ll_err scan_find(struct journal_scan *s, uint64_t end, uint64_t *found, bool *blank);

#endif
