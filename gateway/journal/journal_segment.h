/*
 * The bytes of a segment file: its header and its records, written and checked.
 *
 * For: the other files of this folder. The format is described at the top of journal_segment.c.
 * Threads: any; pure but for segment_make. Failures are returned.
 */
#ifndef LL_JOURNAL_JOURNAL_SEGMENT_H
#define LL_JOURNAL_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/journal/journal.h"

#define SEGMENT_HEADER 64
#define RECORD_HEADER  32
#define RECORD_ALIGN   8
#define RECORD_MARKER  0xda4e6a1cU

#define SEGMENT_NAME_TEXT 32

#define MIN_SEGMENT_BYTES (64UL * 1024)
#define MAX_SEGMENT_BYTES (1024UL * 1024 * 1024)
/* More records than one segment can hold. */
#define PAST_ANY_SEGMENT (MAX_SEGMENT_BYTES / RECORD_HEADER)

struct segment_header {
    uint64_t first_seq;
    struct wall_ms created;
    uint64_t stream;
    uint64_t follows; /* sequence behind the last record before this segment; 0: not known */
};

/* "<first_seq as 16 hex digits>.log" into `out` (SEGMENT_NAME_TEXT bytes), and back. */
void segment_name(uint64_t first_seq, char *out);
bool segment_parse_name(const char *name, uint64_t *first_seq);

void segment_header_encode(const struct segment_header *h, uint8_t out[SEGMENT_HEADER]);
/* LL_ECORRUPT; LL_EVERSION for a header that is whole but of a later version. */
ll_err segment_header_decode(const void *data, size_t len, struct segment_header *out);

/* What the checksum of every record of a stream continues from. */
uint32_t segment_salt(uint64_t stream);

/* A record's bytes on disk, padding included. */
static inline uint64_t record_size(size_t len)
{
    return RECORD_HEADER + (((uint64_t)len + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1));
}

/* Appends the record to `out`, which may fail as a buf does. */
void record_encode(uint32_t salt, const struct journal_record *r, struct buf *out);

/* Reads a record's header. True where `data` may begin a record; *r then has all but the data. */
bool record_peek(const void *data, size_t len, struct journal_record *r);
/* Checks the whole record that record_peek accepted; its data is borrowed from `data`. */
bool record_check(uint32_t salt, const void *data, size_t len, struct journal_record *r);

/* Makes and preallocates the file, on disk when it returns, with a header of which `h` gives the
 * sequences; unless it gives a stream, the rest of *h is filled in. LL_ENOSPC; where it fails,
 * *left_over is set if a file of that name may be there, now or after a power cut. */
ll_err segment_make(const char *dir, uint64_t bytes, struct segment_header *h, int *fd_out,
                    bool *left_over);
/* Replaces the segment's file by a copy of its first `end` bytes, on disk when it returns, with
 * room for `bytes`. *fd_out is set as soon as the copy has the name, also where an error is
 * returned. */
ll_err segment_replace(const char *dir, uint64_t first_seq, int fd, uint64_t end, uint64_t bytes,
                       int *fd_out);
/* Removes what a segment_replace that was cut off has left. */
void segment_clear_copy(const char *dir);
/* Asks for disk space up to `bytes`; file systems that cannot preallocate are fine. */
ll_err segment_reserve(int fd, uint64_t bytes);

#endif
