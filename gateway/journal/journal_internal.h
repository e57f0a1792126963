/*
 * What the files of this folder share: the journal with its chain of segments.
 *
 * For: journal*.c only. Locks: `lock` guards everything without a note of its own; `wait_lock` may
 * be taken under it, never the other way round. Readers take `lock` only to move from one
 * segment to the next; what they may read is in the atomics.
 */
#ifndef LL_JOURNAL_JOURNAL_INTERNAL_H
#define LL_JOURNAL_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"
#include "gateway/journal/journal.h"
#include "gateway/journal/journal_scan.h"
#include "gateway/journal/journal_segment.h"

enum segment_state {
    SEGMENT_LIVE,   /* the last one, being written */
    SEGMENT_SEALED, /* full; its end is final and another follows */
    SEGMENT_GONE,   /* trimmed */
};

struct segment {
    struct segment *next;
    uint64_t first_seq;   /* constant */
    uint64_t follows;     /* constant; as in the segment's header */
    uint32_t salt;        /* constant */
    unsigned refs;        /* one of the chain, one of each reader that is in it */
    uint64_t size;        /* that counts against max_bytes */
    _Atomic uint64_t end; /* what was written and may be read */
    _Atomic int state;
    _Atomic unsigned copies; /* so often the file was replaced by a copy */
};

struct journal {
    char dir[LL_MAX_PATH];          /* constant */
    char damaged_dir[LL_MAX_PATH];  /* constant; "": none */
    struct journal_options options; /* constant, but for the sizes that opening mends */
    int lock_fd;

    pthread_mutex_t lock;
    struct segment *first;
    struct segment *live; /* the last of the chain; never NULL once opened */
    int fd;               /* of `live` */
    struct buf gathered;  /* records that follow live->end and are not yet written */
    uint64_t next_seq;
    uint64_t bytes;  /* sum of the segments' sizes */
    uint64_t writes; /* so many were made or tried */
    uint64_t synced; /* and of so many we know that they are on disk */
    bool syncing; /* a sync is under way without the lock: of two, one alone learns of a failure */
    pthread_cond_t sync_ended;
    bool doubtful;  /* a sync failed: `live` must be written anew before anything follows */
    bool must_roll; /* a file of the next segment's name was left behind: no append may pass it */
    bool torn_tail;
    uint64_t damaged;
    /* Where damage was reported, so that several readers that meet it count it once. */
    struct {
        uint64_t first_seq;
        uint64_t at;
    } reported[LL_MAX_DAMAGED_FILES];

    _Atomic uint64_t visible; /* the sequence behind the last record that readers may see */
    _Atomic bool woken;
    _Atomic unsigned waiters;
    pthread_mutex_t wait_lock;
    pthread_cond_t wait_cond;
};

/* journal.c */

/* Puts a segment at the end of the chain; its size counts. NULL without memory. */
struct segment *journal_chain(struct journal *j, const struct segment_header *h);
void journal_unref(struct segment *seg);
/* Makes the file of a new live segment that begins with `next_seq`; the old one must be sealed by
 * the caller. `follows`: as in the segment's header. */
ll_err journal_begin_segment(struct journal *j, uint64_t follows);
/* "<dir>/<name>" into `out` (LL_MAX_PATH bytes). */
ll_err journal_path(const char *dir, const char *name, char *out);

/* journal_recover.c */

/* Reads the folder: the chain, the live segment, next_seq, visible. */
ll_err journal_recover(struct journal *j);

/* journal_damage.c */

/* Takes the file of a segment that is no part of the log any more out of its way. */
void journal_set_segment_aside(struct journal *j, const char *path, uint64_t first_seq,
                               uint64_t size);

/* A stretch of a segment (len 0: a whole one is missing) that a reader could not use: counted,
 * logged and copied once. Takes the lock. `fd`: the segment, or -1. */
void journal_report_damage(struct journal *j, const struct segment *seg, int fd, uint64_t at,
                           uint64_t len, uint64_t lost);

#endif
