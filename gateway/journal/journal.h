/*
 * A segmented append-only log with cursors. The intake journal and the two lanes of the spool are
 * three uses of it.
 *
 * For: bytes that must survive a killed process (append returns after write) and, up to the sync
 * mode, a power cut. Not for: meaning; it does not look into its records.
 * Threads: one journal has any number of appending threads and any number of readers, each reader
 * with one thread. Failures are returned; damage that is skipped is logged, counted and set aside.
 */
#ifndef LL_JOURNAL_JOURNAL_H
#define LL_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"

struct journal;
struct journal_reader;

enum journal_sync {
    JOURNAL_SYNC_INTERVAL, /* the owner calls journal_sync() every so often */
    JOURNAL_SYNC_ALWAYS,   /* each append or flush syncs before it returns */
};

struct journal_options {
    uint64_t segment_bytes; /* preallocated size of a segment file; 64 KiB to 1 GiB */
    uint64_t max_bytes;     /* of all segments together, two at least; an append past it fails with
                             * LL_ELIMIT */
    uint64_t floor_bytes;   /* a new segment must leave so much of the file system free (LL_ENOSPC),
                             * so that what is more urgent than this log can still be written */
    size_t buffer_bytes;    /* 0: append writes at once; else records gather until journal_flush()
                               or until so many bytes wait */
    enum journal_sync sync;
    const char *damaged_dir; /* where damaged stretches are set aside (copied), and whole segments
                              * (moved); NULL: these stay, renamed */
    uint64_t damaged_bytes;  /* of such files in that folder, at most; past it nothing is kept */
    uint64_t seed; /* 0: the segments' marks are drawn by chance; else the same seed, sizes and
                    * records give the same files, for recordings */
};

/* A record as a reader gives it. `data` is borrowed until the reader's next call. */
struct journal_record {
    uint64_t seq;        /* from 1, never given out twice; gaps where records were lost to damage,
                          * and after a new start of the machine */
    struct wall_ms time; /* as given to append */
    uint8_t type;        /* as given to append */
    const void *data;
    size_t len;
    size_t size; /* that it takes on the disk */
};

struct journal_stats {
    uint64_t first_seq; /* the oldest record still held; next_seq where there is none */
    uint64_t next_seq;  /* that the next append will get */
    uint64_t
        second_seq;   /* a trim to here gives up the oldest segment alone; 0: it is the only one */
    uint64_t bytes;   /* on disk, all segments */
    uint64_t damaged; /* damaged stretches met since it was opened */
    bool torn_tail;   /* one was cut when it was opened */
};

/* Opens or makes the log in folder `dir` (made too), takes its lock file, and recovers: a torn tail
 * is cut and counted; damage in the middle is left for the readers to skip. `dir` is copied.
 * LL_EBUSY where another process has it; LL_EVERSION for a later format. A damaged log is never a
 * reason not to start. */
ll_err journal_open(const char *dir, const struct journal_options *options, struct journal **out);
/* Flushes, syncs and closes. All readers must be closed before. NULL is fine. */
void journal_close(struct journal *j);

/* Appends one record of at most LL_MAX_JOURNAL_RECORD bytes and gives its sequence (`seq_out` may
 * be NULL). After an error nothing of the record is in the log. LL_ELIMIT: the log is full. */
ll_err journal_append(struct journal *j, uint8_t type, struct wall_ms time, const void *data,
                      size_t len, uint64_t *seq_out);
/* The next append gets sequence `seq` or a later one. For a log that was taken away by hand while
 * what refers to its sequences was kept: none may be given out again. */
ll_err journal_skip_to(struct journal *j, uint64_t seq);
/* Writes what has gathered. Readers see a record from here on. No-op without a buffer. */
ll_err journal_flush(struct journal *j);
/* fdatasync of all that was written; appends go on meanwhile. After a failure nothing is appended
 * until what it left in doubt is on the disk after all, which each later call tries. */
ll_err journal_sync(struct journal *j);

/* Deletes segments of which every record is below `seq`. Never the one being written. */
ll_err journal_trim(struct journal *j, uint64_t seq);

struct journal_stats journal_stats(struct journal *j);

/* A reader that begins at record `seq`, or at the oldest one held if that is later. */
ll_err journal_reader_open(struct journal *j, uint64_t seq, struct journal_reader **out);
void journal_reader_close(struct journal_reader *r);
/* The next record; LL_EAGAIN at the end of what is written, LL_EIO where the disk fails. Damaged
 * stretches, and those that cannot be read while what follows can, are skipped, set aside, counted
 * (COUNTER_JOURNAL_DAMAGED) and logged. */
ll_err journal_read(struct journal_reader *r, struct journal_record *out);
/* Waits until a record beyond the reader's position is there (true), or `timeout_ms` passed. */
bool journal_wait(struct journal_reader *r, int timeout_ms);
/* Wakes all that wait, now and from now on at once: for the end of the program. */
void journal_wake(struct journal *j);

#endif
