/* Readers: each walks the chain of segments with a file descriptor and a block of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/base/fs.h"
#include "gateway/journal/journal_internal.h"
#include "gateway/journal/journal_segment.h"

struct journal_reader {
    struct journal *journal;
    struct segment *seg; /* holds a reference */
    int fd;              /* of `seg`; -1 until it is read */
    unsigned copies;     /* the segment's, when it was opened */
    uint64_t want;       /* records below are passed over */
    struct journal_scan scan;
    uint64_t tail_at; /* where the unusable end of `seg` begins, or its end */
    bool tail_blank;
};

static void close_segment(struct journal_reader *r)
{
    if (r->fd >= 0) {
        fs->close(r->fd);
        r->fd = -1;
    }
}

/* Moves to `seg`, giving up the segment before. The lock is held. */
static void enter(struct journal_reader *r, struct segment *seg)
{
    journal_unref(r->seg);
    seg->refs++;
    r->seg = seg;
    close_segment(r);
    r->tail_at = 0;
    r->tail_blank = true;
    scan_begin(&r->scan, -1, seg->salt, seg->first_seq);
}

static ll_err open_segment(struct journal_reader *r)
{
    char name[SEGMENT_NAME_TEXT];
    char path[LL_MAX_PATH];
    segment_name(r->seg->first_seq, name);
    const ll_err err = journal_path(r->journal->dir, name, path);
    if (err != LL_OK) {
        return err;
    }
    r->copies = atomic_load(&r->seg->copies);
    r->fd = fs->open(path, O_RDONLY | O_CLOEXEC, 0);
    if (r->fd < 0) {
        return ll_err_from_errno(errno);
    }
    scan_move(&r->scan, r->fd);
    return LL_OK;
}

/* From a segment that is sealed or gone to the one that follows. Whether anything was lost at its
 * end is known only now, by the sequence that the next one follows. */
static void next_segment(struct journal_reader *r)
{
    struct journal *j = r->journal;
    struct segment *old = r->seg;
    pthread_mutex_lock(&j->lock);
    const bool gone = atomic_load(&old->state) == SEGMENT_GONE;
    struct segment *next = gone ? j->first : old->next;
    next->refs++;
    pthread_mutex_unlock(&j->lock);

    const bool known = next->follows > 0;
    const uint64_t expected = known ? next->follows : next->first_seq;
    if (!gone && expected > r->scan.seq && expected > r->want && (known || !r->tail_blank)) {
        const uint64_t end = atomic_load(&old->end);
        const uint64_t at = r->tail_at > 0 ? r->tail_at : end;
        journal_report_damage(j, old, r->fd, at, end - at, expected - r->scan.seq);
    }
    pthread_mutex_lock(&j->lock);
    enter(r, next);
    journal_unref(next);
    pthread_mutex_unlock(&j->lock);
}

/* Whether the disk reads at all: asks it for another file, which the kernel is told to forget. */
static bool disk_reads(const struct journal *j)
{
    char byte;
    size_t got;
    (void)posix_fadvise(j->lock_fd, 0, 0, POSIX_FADV_DONTNEED);
    return fs_read_some(j->lock_fd, &byte, 1, 0, &got) == LL_OK;
}

/* Past a stretch without a valid record, up to the next one, of which the sequence tells how many
 * were lost. `visible`: what that is where the stretch reaches to the end of the live segment. */
static ll_err skip_damage(struct journal_reader *r, int state, uint64_t end, uint64_t visible)
{
    struct journal_scan *s = &r->scan;
    const uint64_t start = s->at;
    const uint64_t expected = s->seq;
    uint64_t found;
    bool blank;
    ll_err err = scan_find(s, end, &found, &blank);
    if (err == LL_EIO && state == SEGMENT_SEALED && disk_reads(r->journal)) {
        found = end; /* it is the segment's own end that cannot be read */
        blank = false;
        err = LL_OK;
    }
    if (err != LL_OK || found == start) { /* it could be read the second time */
        return err;
    }
    s->at = found;
    if (found == end && state == SEGMENT_SEALED) {
        r->tail_at = start;
        r->tail_blank = blank;
        return LL_OK;
    }
    uint64_t next_seq = visible > expected ? visible : expected;
    if (found < end) {
        struct journal_record record;
        err = scan_next(s, end, &record);
        s->at = err == LL_OK ? found : start;
        if (err != LL_OK) {
            return err;
        }
        next_seq = record.seq;
    }
    s->seq = next_seq;
    if (next_seq > r->want) { /* else it lies before the records that were asked for */
        journal_report_damage(r->journal, r->seg, r->fd, start, found - start, next_seq - expected);
    }
    return LL_OK;
}

ll_err journal_read(struct journal_reader *r, struct journal_record *out)
{
    for (;;) {
        /* In the order opposite to the appender's: all below `visible` stands before `end`, and
         * the end of a sealed segment is final. */
        const uint64_t visible = atomic_load(&r->journal->visible);
        const int state = atomic_load(&r->seg->state);
        const uint64_t end = atomic_load(&r->seg->end);
        if (state == SEGMENT_GONE || (state == SEGMENT_SEALED && r->scan.at >= end)) {
            next_segment(r);
            continue;
        }
        if (r->scan.at >= end) {
            r->scan.seq = visible > r->scan.seq ? visible : r->scan.seq;
            return LL_EAGAIN;
        }
        if (r->copies != atomic_load(&r->seg->copies)) {
            close_segment(r); /* what stands before `end` may be in the copy alone */
        }
        ll_err err = r->fd < 0 ? open_segment(r) : LL_OK;
        if (err == LL_ENOENT && state == SEGMENT_SEALED) {
            r->scan.at = end; /* deleted behind our back, or trimmed just now */
            continue;
        }
        if (err != LL_OK) {
            return err;
        }
        struct journal_record record;
        err = scan_next(&r->scan, end, &record);
        if (err == LL_OK && record.seq >= r->want) {
            *out = record;
            return LL_OK;
        }
        if (err == LL_ECORRUPT || err == LL_EIO) {
            err = skip_damage(r, state, end, visible);
        }
        if (err != LL_OK) {
            return err;
        }
    }
}

static bool has_more(const struct journal_reader *r)
{
    const uint64_t position = r->want > r->scan.seq ? r->want : r->scan.seq;
    return atomic_load(&r->journal->visible) > position;
}

bool journal_wait(struct journal_reader *r, int timeout_ms)
{
    struct journal *j = r->journal;
    if (has_more(r) || atomic_load(&j->woken)) {
        return has_more(r);
    }
    const int64_t until_ns = clock_mono().ns + (int64_t)timeout_ms * LL_NS_PER_MS;
    const int64_t ns_per_s = (int64_t)LL_MS_PER_S * LL_NS_PER_MS;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / ns_per_s),
                                   .tv_nsec = (long)(until_ns % ns_per_s)};
    pthread_mutex_lock(&j->wait_lock);
    atomic_fetch_add(&j->waiters, 1);
    int rc = 0;
    while (rc == 0 && !has_more(r) && !atomic_load(&j->woken)) {
        rc = pthread_cond_timedwait(&j->wait_cond, &j->wait_lock, &until);
    }
    atomic_fetch_sub(&j->waiters, 1);
    pthread_mutex_unlock(&j->wait_lock);
    return has_more(r);
}

ll_err journal_reader_open(struct journal *j, uint64_t seq, struct journal_reader **out)
{
    struct journal_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    r->journal = j;
    r->fd = -1;
    pthread_mutex_lock(&j->lock);
    /* A position beyond the end, which only a log that was put back from a copy can have, must not
     * hide the records to come. */
    r->want = seq < j->next_seq ? seq : j->next_seq;
    struct segment *seg = j->first;
    while (seg->next != NULL && seg->next->first_seq <= r->want) {
        seg = seg->next;
    }
    enter(r, seg);
    pthread_mutex_unlock(&j->lock);
    *out = r;
    return LL_OK;
}

void journal_reader_close(struct journal_reader *r)
{
    if (r == NULL) {
        return;
    }
    close_segment(r);
    pthread_mutex_lock(&r->journal->lock);
    journal_unref(r->seg);
    pthread_mutex_unlock(&r->journal->lock);
    scan_free(&r->scan);
    free(r);
}
