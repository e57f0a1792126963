/*
 * One destination's place in one lane: the reader, the lines read but not yet delivered, and the
 * books of those that are. Internal.
 *
 * For: knowing what to send next and what the outcome means for the cursor. Not for: sending.
 * Threads: one at a time.
 */
#ifndef LL_EXPORT_BATCH_H
#define LL_EXPORT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/export/position.h"
#include "gateway/export/spool.h"
#include "gateway/model/ledger.h"

/* What became of a line. */
enum batch_outcome {
    BATCH_DELIVERED,
    BATCH_QUARANTINED, /* refused, and kept in quarantine */
    BATCH_REJECTED,    /* refused, and not kept */
};

/* A line that waits. Those of one record stand together. */
struct batch_item {
    size_t at; /* in batch.text */
    uint32_t len;
    uint32_t readings;
    uint64_t next;  /* 0, or, in a record's last line, the position behind that record */
    uint64_t total; /* likewise */
    uint64_t lost;  /* likewise: readings that were lost from the lane before that record */
    enum batch_outcome outcome; /* other than DELIVERED: the database named it as refused, and it
                                 * has no text any more */
};

struct batch {
    const char *destination; /* for the log; borrowed */
    const char *lane;
    struct journal *journal;
    struct journal_reader *reader;
    size_t max_readings; /* so many of them, or */
    size_t max_bytes;    /* so many bytes, make a batch full */

    uint64_t read_total;        /* the running total at the reader */
    uint64_t lost;              /* sum of the waiting items' `lost` */
    struct journal_record held; /* read, but not yet in the batch */
    bool has_held;

    struct buf text;
    struct batch_item *items; /* owned */
    size_t count;
    size_t cap;
    size_t at; /* the first line that is not settled */
    size_t readings;
    struct mono_ns since; /* when the first line came in */

    struct position done;
    struct delivery pending; /* settled lines of a record that is not settled whole */
};

struct batch_limits {
    size_t readings;
    size_t bytes;
};

/* Begins at `from`, or with from->next 0 at the oldest record held. A cursor that is ahead of the
 * lane, which was cut or wiped, begins where the totals say that it was, or else at the oldest
 * record too; its books go back as far. Then b->done.next is not `from->next`, and must be saved
 * before the lane grows: it gives those sequences out again. */
ll_err batch_open(struct batch *b, const char *destination, struct spool *spool,
                  enum spool_lane lane, struct batch_limits limits, const struct position *from);
void batch_close(struct batch *b);

/* Reads on until the batch is full (LL_OK) or the lane is at its end (LL_EAGAIN). After an error
 * nothing is lost: the next call goes on from there. */
ll_err batch_fill(struct batch *b);
bool batch_empty(const struct batch *b);

/* A line that the database named, by its number among the waiting lines that have text. */
struct batch_refusal {
    size_t line;
    enum batch_outcome outcome;
};
/* Takes out the text of these, which are in ascending order: whatever becomes of the others, they
 * are settled so in their turn. */
void batch_refuse(struct batch *b, const struct batch_refusal *lines, size_t count);

/* How many of the waiting lines, at most `max`, fit into `bytes`; at least one. */
size_t batch_take(const struct batch *b, size_t max, size_t bytes);
/* The text of the first `n` waiting lines; borrowed until the next fill. */
const char *batch_text(const struct batch *b, size_t n, size_t *len);
/* The first `n` waiting lines are settled, those that were named aside; the cursor moves past each
 * record settled whole. Returns their readings. */
uint64_t batch_settle(struct batch *b, size_t n, enum batch_outcome outcome);

#endif
