/*
 * A lane's record, little-endian, inside a record of its journal:
 *
 *   u64  intake sequence it came from
 *   u64  readings in the lane up to and including this record (running total)
 *   u32  readings in this record
 *   ...  line protocol, ending in '\n'
 *
 * What is too large for one record is cut between lines into several of the same intake sequence.
 * The journal's type byte numbers them from 0, and the last one has PART_LAST set; so after a crash
 * in between, the same spool_add goes on where it was cut off.
 *
 * Where the running total and the intake sequence are kept: nowhere but in the records. Opening
 * reads them back from the lane's last one. That is sound only while every lane that ever held a
 * record still holds one. A journal does not promise it: after a roll the segment being written may
 * be empty, and trimming deletes all others. The destinations do promise it: what an uploader says
 * it needs is always one record that it has already sent and that was on the disk, synced, before
 * its cursor was saved (uploader_needs). Nobody trims past that, so the last record stays, and no
 * second file with its own crash cases is needed.
 */
#include "gateway/export/spool.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/base/limits.h"
#include "gateway/base/log.h"
#include "gateway/export/lines.h"

#define HEADER_BYTES 20
#define PART_TEXT    ((size_t)LL_MAX_MESSAGE)
#define PART_LAST    0x80U

const char *const spool_lane_keys[SPOOL_LANES] = {"alarms", "readings"};

struct lane {
    struct journal *journal;
    uint64_t source_seq; /* the last intake record that is in the lane whole */
    uint64_t cut_seq;    /* the one that is there in part; 0: none */
    unsigned cut_parts;  /* and so many of its parts */
    _Atomic uint64_t total;
};

struct spool {
    struct lane lanes[SPOOL_LANES];
    struct buf record; /* scratch of spool_add */
    bool evicting;
    pthread_mutex_t evict_lock; /* one eviction at a time */
    struct log_limit evict_limit;
    uint64_t evicted_untold; /* readings, since the last line that was logged */
    _Atomic uint64_t gone;   /* of the readings lane */
};

/* Takes note of a record that is in the lane. */
static void lane_note(struct lane *l, uint64_t source_seq, unsigned type, uint64_t total)
{
    if ((type & PART_LAST) != 0) {
        l->source_seq = source_seq;
        l->cut_seq = 0;
        l->cut_parts = 0;
    } else {
        l->cut_seq = source_seq;
        l->cut_parts = type + 1;
    }
    atomic_store(&l->total, total);
}

/* Reads on from record `seq` to the end. LL_OK: *found says whether there was a readable one. */
static ll_err lane_read_tail(struct lane *l, uint64_t seq, bool *found)
{
    struct journal_reader *reader;
    ll_err err = journal_reader_open(l->journal, seq, &reader);
    if (err != LL_OK) {
        return err;
    }
    *found = false;
    struct journal_record r;
    while ((err = journal_read(reader, &r)) == LL_OK) {
        struct spool_record s;
        if (spool_parse(&r, &s) != LL_OK) {
            continue;
        }
        if (!*found) {
            /* Everything before the source of a record in the lane is there whole. */
            l->source_seq = s.source_seq - 1;
        }
        lane_note(l, s.source_seq, r.type, s.total);
        *found = true;
    }
    journal_reader_close(reader);
    return err == LL_EAGAIN ? LL_OK : err;
}

/* From the last record; where that one is damaged, from further and further back. */
static ll_err lane_recover(struct lane *l, const char *name)
{
    const struct journal_stats stats = journal_stats(l->journal);
    const uint64_t held = stats.next_seq - stats.first_seq;
    bool found = false;
    for (uint64_t back = 1; !found && back / 2 < held; back *= 2) {
        const uint64_t n = back < held ? back : held;
        const ll_err err = lane_read_tail(l, stats.next_seq - n, &found);
        if (err != LL_OK) {
            return err;
        }
    }
    if (!found && stats.next_seq > 1) {
        log_warn("spool", "totals_lost", "lane=%s next_seq=%" PRIu64, name, stats.next_seq);
    }
    return LL_OK;
}

/* The running total before the first readable record from `seq` on; LL_EAGAIN: there is none. */
static ll_err total_before(struct journal *j, uint64_t seq, uint64_t *out)
{
    struct journal_reader *reader;
    ll_err err = journal_reader_open(j, seq, &reader);
    if (err != LL_OK) {
        return err;
    }
    struct journal_record r;
    while ((err = journal_read(reader, &r)) == LL_OK) {
        struct spool_record s;
        if (spool_parse(&r, &s) == LL_OK) {
            *out = s.total - s.count;
            break;
        }
    }
    journal_reader_close(reader);
    return err;
}

ll_err spool_open(const char *dir, const struct journal_options *options, struct spool **out)
{
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    buf_init(&s->record, HEADER_BYTES + PART_TEXT);
    pthread_mutex_init(&s->evict_lock, NULL);
    ll_err err = LL_OK;
    for (size_t i = 0; i < SPOOL_LANES && err == LL_OK; i++) {
        char path[LL_MAX_PATH];
        const int n = snprintf(path, sizeof path, "%s/%s", dir, spool_lane_keys[i]);
        if (n < 0 || (size_t)n >= sizeof path) {
            err = LL_EINVAL;
            break;
        }
        err = journal_open(path, options, &s->lanes[i].journal);
        if (err == LL_OK) {
            err = lane_recover(&s->lanes[i], spool_lane_keys[i]);
        }
    }
    uint64_t gone = 0;
    if (err == LL_OK) {
        const ll_err first = total_before(s->lanes[SPOOL_READINGS].journal, 0, &gone);
        err = first == LL_EAGAIN ? LL_OK : first;
    }
    if (err != LL_OK) {
        spool_close(s);
        return err;
    }
    atomic_store(&s->gone, gone);
    *out = s;
    return LL_OK;
}

void spool_close(struct spool *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        journal_close(s->lanes[i].journal);
    }
    buf_free(&s->record);
    pthread_mutex_destroy(&s->evict_lock);
    free(s);
}

void spool_set_evicting(struct spool *s, bool evicting)
{
    s->evicting = evicting;
}

static ll_err evict_oldest(struct spool *s, const char *why)
{
    struct journal *j = s->lanes[SPOOL_READINGS].journal;
    const uint64_t second = journal_stats(j).second_seq;
    /* Only where a readable record follows, so that the lane keeps one (see above). */
    uint64_t total = 0;
    ll_err err = second != 0 ? total_before(j, second, &total) : LL_EAGAIN;
    if (err == LL_OK) {
        err = journal_trim(j, second);
    }
    if (err != LL_OK) {
        return err;
    }
    const uint64_t before = atomic_load(&s->gone);
    if (total > before) {
        s->evicted_untold += total - before;
        atomic_store(&s->gone, total);
    }
    uint64_t left_out;
    if (log_limit_pass(&s->evict_limit, &left_out)) {
        log_warn("spool", "evicted",
                 "why=\"%s\" readings=%" PRIu64 " segments=%" PRIu64
                 " hint=\"the oldest went; each destination counts those that it had not sent\"",
                 why, s->evicted_untold, left_out + 1);
        s->evicted_untold = 0;
    }
    return LL_OK;
}

ll_err spool_evict(struct spool *s, const char *why)
{
    pthread_mutex_lock(&s->evict_lock);
    const ll_err err = evict_oldest(s, why);
    pthread_mutex_unlock(&s->evict_lock);
    return err;
}

bool spool_has(const struct spool *s, enum spool_lane lane, uint64_t source_seq)
{
    return source_seq <= s->lanes[lane].source_seq || source_seq < s->lanes[lane].cut_seq;
}

uint64_t spool_source(const struct spool *s, enum spool_lane lane)
{
    return s->lanes[lane].source_seq;
}

/* As many whole lines as one record takes, at least one. */
static struct line_part next_part(struct lines *lines)
{
    struct line_part part;
    if (!lines_next(lines, &part)) {
        return (struct line_part){0};
    }
    for (;;) {
        struct lines ahead = *lines;
        struct line_part line;
        if (!lines_next(&ahead, &line) || part.len + line.len > PART_TEXT) {
            return part;
        }
        part.len += line.len;
        part.readings += line.readings;
        *lines = ahead;
    }
}

/* Whether readings could be given up for what did not fit. A full alarms lane gains nothing by it:
 * each lane has its own limit; a full disk is one for both. */
static bool made_room(struct spool *s, const struct lane *l, ll_err err)
{
    if (err == LL_ELIMIT) {
        return l == &s->lanes[SPOOL_READINGS] && spool_evict(s, "the spool is full") == LL_OK;
    }
    return err == LL_ENOSPC && spool_evict(s, "the disk is full") == LL_OK;
}

static ll_err add_part(struct spool *s, struct lane *l, unsigned type, uint64_t source_seq,
                       struct wall_ms time, const struct line_part *part)
{
    const uint64_t total = atomic_load(&l->total) + part->readings;
    struct buf *b = &s->record;
    buf_reset(b);
    buf_u64(b, source_seq);
    buf_u64(b, total);
    buf_u32(b, part->readings);
    buf_add(b, part->text, part->len);
    if (!buf_ok(b)) {
        return buf_err(b);
    }
    ll_err err = journal_append(l->journal, (uint8_t)type, time, b->data, b->len, NULL);
    /* Once: what a full disk gets back may take a moment, and the caller tries again. */
    if (err != LL_OK && s->evicting && made_room(s, l, err)) {
        err = journal_append(l->journal, (uint8_t)type, time, b->data, b->len, NULL);
    }
    if (err == LL_OK) {
        lane_note(l, source_seq, type, total);
    }
    return err;
}

ll_err spool_add(struct spool *s, enum spool_lane lane, uint64_t source_seq, struct wall_ms time,
                 uint32_t count, const char *text, size_t len)
{
    assert(source_seq > 0 && len > 0 && text[len - 1] == '\n');
    struct lane *l = &s->lanes[lane];
    if (spool_has(s, lane, source_seq)) {
        return LL_OK;
    }
    if (len <= PART_TEXT && l->cut_seq != source_seq) {
        const struct line_part whole = {text, len, count};
        return add_part(s, l, PART_LAST, source_seq, time, &whole);
    }
    const unsigned there = l->cut_seq == source_seq ? l->cut_parts : 0;
    struct lines lines = lines_over(text, len, count);
    for (unsigned nth = 0; lines.left > 0; nth++) {
        const struct line_part part = next_part(&lines);
        const unsigned last = lines.left == 0 ? PART_LAST : 0;
        if (nth >= PART_LAST) {
            return LL_ELIMIT;
        }
        if (nth < there) {
            continue;
        }
        const ll_err err = add_part(s, l, nth | last, source_seq, time, &part);
        if (err != LL_OK) {
            return err;
        }
    }
    return LL_OK;
}

static ll_err each_lane(struct spool *s, ll_err (*call)(struct journal *))
{
    ll_err first = LL_OK;
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        const ll_err err = call(s->lanes[i].journal);
        first = first == LL_OK ? err : first;
    }
    return first;
}

ll_err spool_flush(struct spool *s)
{
    return each_lane(s, journal_flush);
}

ll_err spool_sync(struct spool *s)
{
    return each_lane(s, journal_sync);
}

uint64_t spool_total(const struct spool *s, enum spool_lane lane)
{
    return atomic_load(&s->lanes[lane].total);
}

bool spool_is_cut(const struct spool *s, enum spool_lane lane)
{
    return s->lanes[lane].cut_seq != 0;
}

void spool_pass_total(struct spool *s, enum spool_lane lane, uint64_t total)
{
    struct lane *l = &s->lanes[lane];
    if (atomic_load(&l->total) < total) {
        atomic_store(&l->total, total);
    }
}

uint64_t spool_gone(const struct spool *s)
{
    return atomic_load(&s->gone);
}

struct journal *spool_journal(struct spool *s, enum spool_lane lane)
{
    return s->lanes[lane].journal;
}

ll_err spool_read_from(struct spool *s, enum spool_lane lane, uint64_t source_seq,
                       struct journal_reader **out)
{
    struct journal *j = s->lanes[lane].journal;
    const struct journal_stats stats = journal_stats(j);
    const uint64_t held = stats.next_seq - stats.first_seq;
    for (uint64_t back = 1;; back *= 2) {
        const uint64_t n = back < held ? back : held;
        struct journal_reader *reader;
        struct journal_record r;
        struct spool_record first;
        ll_err err = journal_reader_open(j, stats.next_seq - n, &reader);
        if (err != LL_OK) {
            return err;
        }
        err = journal_read(reader, &r);
        const bool before =
            err == LL_OK && spool_parse(&r, &first) == LL_OK && first.source_seq < source_seq;
        if (n == held) { /* all of it */
            journal_reader_close(reader);
            return journal_reader_open(j, stats.first_seq, out);
        }
        if (before) {
            *out = reader;
            return LL_OK;
        }
        journal_reader_close(reader);
    }
}

ll_err spool_parse(const struct journal_record *r, struct spool_record *out)
{
    struct cursor c = cursor_over(r->data, r->len);
    struct spool_record s;
    s.source_seq = cursor_u64(&c);
    s.total = cursor_u64(&c);
    s.count = cursor_u32(&c);
    s.len = cursor_left(&c);
    s.text = (const char *)cursor_bytes(&c, s.len);
    if (c.bad || s.source_seq == 0 || s.len == 0 || s.text[s.len - 1] != '\n' ||
        s.count > s.total) {
        return LL_ECORRUPT;
    }
    *out = s;
    return LL_OK;
}
