#include "gateway/export/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/limits.h"
#include "gateway/base/log.h"
#include "gateway/export/lines.h"

#define FIRST_ITEMS 64

/* The lane's first record of which readings come after a running total of `total`: its sequence,
 * and the running total before it. Where there is none, the lane's end and total. */
static ll_err find_after(const struct batch *b, uint64_t total, uint64_t lane_total, uint64_t *seq,
                         uint64_t *before)
{
    struct journal_reader *reader;
    ll_err err = journal_reader_open(b->journal, 0, &reader);
    if (err != LL_OK) {
        return err;
    }
    *seq = journal_stats(b->journal).next_seq;
    *before = lane_total;
    struct journal_record r;
    struct spool_record s;
    while ((err = journal_read(reader, &r)) == LL_OK) {
        if (spool_parse(&r, &s) == LL_OK && s.total > total) {
            *seq = r.seq;
            *before = s.total - s.count;
            break;
        }
    }
    journal_reader_close(reader);
    return err == LL_EAGAIN ? LL_OK : err;
}

/* To the oldest record the lane holds. What comes from there on will be counted, again where the
 * cursor had it already; what was before it counts as delivered, since every destination of its
 * time had it. */
static ll_err begin_at_oldest(struct batch *b, uint64_t lane_total)
{
    const ll_err err = find_after(b, 0, lane_total, &b->done.next, &b->done.total);
    struct delivery *d = &b->done.delivery;
    if (d->quarantined + d->rejected + d->evicted > b->done.total) {
        *d = (struct delivery){0};
    }
    d->forwarded = b->done.total - d->quarantined - d->rejected - d->evicted;
    return err;
}

/* The cursor is ahead of the lane, which was cut or wiped. Where the totals go on from the cursor's
 * all the same, what is left of it was delivered, and the books stand. */
static ll_err begin_anew(struct batch *b, uint64_t lane_total)
{
    if (b->done.total <= lane_total) {
        uint64_t seq;
        uint64_t before;
        const ll_err err = find_after(b, b->done.total, lane_total, &seq, &before);
        if (err != LL_OK || before >= b->done.total) {
            b->done.next = err == LL_OK ? seq : b->done.next;
            return err;
        }
    }
    return begin_at_oldest(b, lane_total);
}

ll_err batch_open(struct batch *b, const char *destination, struct spool *spool,
                  enum spool_lane lane, struct batch_limits limits, const struct position *from)
{
    *b = (struct batch){.destination = destination,
                        .lane = spool_lane_keys[lane],
                        .journal = spool_journal(spool, lane),
                        .max_readings = limits.readings,
                        .max_bytes = limits.bytes,
                        .done = *from};
    buf_init(&b->text, limits.bytes + LL_MAX_JOURNAL_RECORD);
    const uint64_t lane_total = spool_total(spool, lane);
    const uint64_t lane_next = journal_stats(b->journal).next_seq;
    ll_err err = LL_OK;
    if (from->next == 0) {
        err = begin_at_oldest(b, lane_total);
    } else if (from->next > lane_next || from->total > lane_total) {
        err = begin_anew(b, lane_total);
        log_warn("export", "cursor_ahead",
                 "name=%s lane=%s cursor=%" PRIu64 " lane_next=%" PRIu64 " begins_at=%" PRIu64,
                 destination, b->lane, from->next, lane_next, b->done.next);
    }
    if (err != LL_OK) {
        return err;
    }
    b->read_total = b->done.total;
    return journal_reader_open(b->journal, b->done.next, &b->reader);
}

void batch_close(struct batch *b)
{
    if (b->reader != NULL) {
        journal_reader_close(b->reader);
    }
    buf_free(&b->text);
    free(b->items);
}

bool batch_empty(const struct batch *b)
{
    return b->at == b->count;
}

static ll_err add_item(struct batch *b, const struct line_part *line)
{
    if (b->count == b->cap) {
        const size_t cap = b->cap > 0 ? b->cap * 2 : FIRST_ITEMS;
        struct batch_item *items = realloc(b->items, cap * sizeof *items);
        if (items == NULL) {
            return LL_ENOMEM;
        }
        b->items = items;
        b->cap = cap;
    }
    const size_t at = b->text.len;
    buf_add(&b->text, line->text, line->len);
    if (!buf_ok(&b->text)) {
        return LL_ENOMEM;
    }
    b->items[b->count++] =
        (struct batch_item){.at = at, .len = (uint32_t)line->len, .readings = line->readings};
    return LL_OK;
}

/* Readings between the reader and this record that the lane no longer has: trimmed, evicted or
 * damaged. A total that went back is a lane that lost its last records and was written on. */
static uint64_t lost_before(const struct batch *b, const struct journal_record *r,
                            const struct spool_record *s)
{
    const uint64_t before = s->total - s->count;
    if (before == b->read_total) {
        return 0;
    }
    const uint64_t lost = before > b->read_total ? before - b->read_total : 0;
    log_warn("export", "gap",
             "name=%s lane=%s seq=%" PRIu64 " readings=%" PRIu64
             " reason=\"trimmed or damaged before they were sent\"",
             b->destination, b->lane, r->seq, lost);
    return lost;
}

/* The whole record or, after an error, nothing of it. */
static ll_err add_record(struct batch *b, const struct journal_record *r,
                         const struct spool_record *s)
{
    const size_t count = b->count;
    const size_t text_len = b->text.len;
    struct lines lines = lines_over(s->text, s->len, s->count);
    struct line_part line;
    while (lines_next(&lines, &line)) {
        const ll_err err = add_item(b, &line);
        if (err != LL_OK) {
            b->count = count;
            buf_cut(&b->text, text_len);
            return err;
        }
    }
    if (count == 0) {
        b->since = clock_mono();
    }
    struct batch_item *last = &b->items[b->count - 1];
    last->next = r->seq + 1;
    last->total = s->total;
    last->lost = lost_before(b, r, s);
    b->lost += last->lost;
    b->read_total = s->total;
    b->readings += s->count;
    return LL_OK;
}

static bool is_full(const struct batch *b, const struct spool_record *next)
{
    return b->count > 0 &&
           (b->readings + next->count > b->max_readings || b->text.len + next->len > b->max_bytes);
}

ll_err batch_fill(struct batch *b)
{
    for (;;) {
        if (!b->has_held) {
            const ll_err err = journal_read(b->reader, &b->held);
            if (err != LL_OK) {
                return err;
            }
            b->has_held = true;
        }
        struct spool_record s;
        if (spool_parse(&b->held, &s) == LL_OK) {
            if (is_full(b, &s)) {
                return LL_OK;
            }
            const ll_err err = add_record(b, &b->held, &s);
            if (err != LL_OK) {
                return err;
            }
        } else {
            /* Its readings show up as a gap at the next record. */
            log_warn("export", "record_unreadable", "name=%s lane=%s seq=%" PRIu64, b->destination,
                     b->lane, b->held.seq);
        }
        b->has_held = false;
    }
}

size_t batch_take(const struct batch *b, size_t max, size_t bytes)
{
    assert(!batch_empty(b) && max > 0);
    size_t n = 0;
    size_t used = 0;
    while (n < max && b->at + n < b->count) {
        used += b->items[b->at + n].len;
        if (used > bytes && n > 0) {
            break;
        }
        n++;
    }
    return n;
}

const char *batch_text(const struct batch *b, size_t n, size_t *len)
{
    const struct batch_item *first = &b->items[b->at];
    const struct batch_item *last = &b->items[b->at + n - 1];
    *len = last->at + last->len - first->at;
    return b->text.data + first->at;
}

void batch_refuse(struct batch *b, const struct batch_refusal *lines, size_t count)
{
    size_t end = b->items[b->at].at;
    size_t nth = 0; /* of those with text */
    size_t next = 0;
    for (size_t i = b->at; i < b->count; i++) {
        struct batch_item *item = &b->items[i];
        if (item->outcome == BATCH_DELIVERED && next < count && lines[next].line == nth++) {
            item->outcome = lines[next++].outcome;
            item->len = 0;
        }
        memmove(b->text.data + end, b->text.data + item->at, item->len);
        item->at = end;
        end += item->len;
    }
    b->text.len = end;
}

uint64_t batch_settle(struct batch *b, size_t n, enum batch_outcome outcome)
{
    assert(n <= b->count - b->at);
    uint64_t *const counters[] = {
        [BATCH_DELIVERED] = &b->pending.forwarded,
        [BATCH_QUARANTINED] = &b->pending.quarantined,
        [BATCH_REJECTED] = &b->pending.rejected,
    };
    uint64_t readings = 0;
    for (; n > 0; n--) {
        const struct batch_item *item = &b->items[b->at++];
        *counters[item->outcome != BATCH_DELIVERED ? item->outcome : outcome] += item->readings;
        readings += item->readings;
        if (item->next != 0) {
            b->done.next = item->next;
            b->done.total = item->total;
            b->done.delivery.forwarded += b->pending.forwarded;
            b->done.delivery.quarantined += b->pending.quarantined;
            b->done.delivery.rejected += b->pending.rejected;
            b->done.delivery.evicted += item->lost;
            b->lost -= item->lost;
            b->pending = (struct delivery){0};
        }
    }
    if (batch_empty(b)) {
        buf_reset(&b->text);
        b->at = 0;
        b->count = 0;
        b->readings = 0;
    }
    return readings;
}
