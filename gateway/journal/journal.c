/* Appending, syncing and trimming. journal_segment.c has the file format; a log is opened by
 * journal_recover.c and read by journal_reader.c. */
#include "gateway/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/base/rng.h"
#include "gateway/journal/journal_internal.h"
#include "gateway/journal/journal_segment.h"
#include "gateway/model/counters.h"

ll_err journal_path(const char *dir, const char *name, char *out)
{
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s", dir, name);
    return n > 0 && n < LL_MAX_PATH ? LL_OK : LL_EINVAL;
}

struct segment *journal_chain(struct journal *j, const struct segment_header *h)
{
    struct segment *seg = calloc(1, sizeof *seg);
    if (seg == NULL) {
        return NULL;
    }
    seg->first_seq = h->first_seq;
    seg->follows = h->follows;
    seg->salt = segment_salt(h->stream);
    seg->refs = 1;
    atomic_init(&seg->end, SEGMENT_HEADER);
    atomic_init(&seg->state, SEGMENT_LIVE);
    if (j->live != NULL) {
        j->live->next = seg;
    } else {
        j->first = seg;
    }
    j->live = seg;
    return seg;
}

void journal_unref(struct segment *seg)
{
    if (seg != NULL && --seg->refs == 0) {
        free(seg);
    }
}

ll_err journal_begin_segment(struct journal *j, uint64_t follows)
{
    int fd;
    struct segment_header h = {.first_seq = j->next_seq, .follows = follows};
    if (j->options.seed != 0) {
        struct rng rng = rng_seeded(j->options.seed ^ j->next_seq);
        h.stream = rng_next(&rng) | 1;
    }
    const ll_err err = segment_make(j->dir, j->options.segment_bytes, &h, &fd, &j->must_roll);
    if (err != LL_OK) {
        return err;
    }
    struct segment *seg = journal_chain(j, &h);
    if (seg == NULL) {
        fs->close(fd);
        j->must_roll = true;
        return LL_ENOMEM;
    }
    seg->size = j->options.segment_bytes;
    j->bytes += seg->size;
    j->fd = fd;
    j->must_roll = false;
    return LL_OK;
}

static ll_err sync_file(int fd)
{
    if (fs->fdatasync(fd) == 0) {
        return LL_OK;
    }
    counter_add(COUNTER_JOURNAL_SYNC_FAILED, 1);
    return ll_err_from_errno(errno);
}

/* Before a sync under the lock. Others may have taken the lock meanwhile. */
static void await_sync(struct journal *j)
{
    while (j->syncing) {
        pthread_cond_wait(&j->sync_ended, &j->lock);
    }
}

/* Of all that was written by now, when `writes` was so many. */
static void note_sync(struct journal *j, ll_err err, uint64_t writes)
{
    if (err == LL_OK) {
        j->synced = writes;
    } else {
        j->doubtful = true;
    }
}

static ll_err sync_live(struct journal *j)
{
    const ll_err err = sync_file(j->fd);
    note_sync(j, err, j->writes);
    return err;
}

/* Writes the live segment anew after a sync of it failed; journal_segment.c says why. */
static ll_err mend_doubt(struct journal *j)
{
    struct segment *seg = j->live;
    int fd = -1;
    if (!j->doubtful) {
        return LL_OK;
    }
    const ll_err err = segment_replace(j->dir, seg->first_seq, j->fd, atomic_load(&seg->end),
                                       j->options.segment_bytes, &fd);
    if (fd >= 0) {
        fs->close(j->fd);
        j->fd = fd;
        atomic_fetch_add(&seg->copies, 1); /* before its end moves on: see journal_read */
    }
    if (err == LL_OK) {
        j->synced = j->writes;
        j->doubtful = false;
        log_warn("journal", "segment_replaced",
                 "log=%s segment=%016" PRIx64 " bytes=%" PRIu64 " hint=\"a sync of it failed\"",
                 j->dir, seg->first_seq, atomic_load(&seg->end));
    }
    return err;
}

/* Lets readers see what was written up to `end`. */
static void publish(struct journal *j, uint64_t end)
{
    struct segment *seg = j->live;
    if (end > seg->size) { /* a record larger than the segment size */
        j->bytes += end - seg->size;
        seg->size = end;
    }
    atomic_store(&seg->end, end);
    atomic_store(&j->visible, j->next_seq);
    /* Both sides store before they load, so that either we see the waiter or it sees the record. */
    if (atomic_load(&j->waiters) > 0) {
        pthread_mutex_lock(&j->wait_lock);
        pthread_cond_broadcast(&j->wait_cond);
        pthread_mutex_unlock(&j->wait_lock);
    }
}

/* Writes what has gathered; after a failure it is still gathered, and written again next time. */
static ll_err write_gathered(struct journal *j)
{
    struct buf *b = &j->gathered;
    if (b->len == 0) {
        return LL_OK;
    }
    ll_err err = mend_doubt(j);
    if (err != LL_OK) {
        return err;
    }
    const uint64_t at = atomic_load(&j->live->end);
    j->writes++;
    err = fs_write_all(j->fd, b->data, b->len, at);
    if (err == LL_OK && j->options.sync == JOURNAL_SYNC_ALWAYS) {
        err = sync_live(j);
    }
    if (err != LL_OK) {
        return err;
    }
    publish(j, at + b->len);
    buf_reset(b);
    return LL_OK;
}

/* Goes on in a new segment. Nothing has changed after a failure. */
static ll_err roll(struct journal *j)
{
    struct segment *old = j->live;
    const uint64_t end = atomic_load(&old->end);
    const uint64_t cut = old->size - end;
    if (j->bytes - cut + j->options.segment_bytes > j->options.max_bytes) {
        return LL_ELIMIT;
    }
    uint64_t free_bytes;
    if (j->options.floor_bytes > 0 && fs_free_bytes(j->dir, &free_bytes) == LL_OK &&
        free_bytes < j->options.segment_bytes + j->options.floor_bytes) {
        return LL_ENOSPC;
    }
    ll_err err = mend_doubt(j);
    if (err == LL_OK && j->synced < j->writes) {
        err = sync_live(j);
    }
    const int old_fd = j->fd;
    if (err == LL_OK) {
        err = journal_begin_segment(j, atomic_load(&j->visible));
    }
    if (err != LL_OK) {
        return err;
    }
    /* Zeros behind the last record do no harm, so it does not matter if they cannot be cut off. */
    if (fs->ftruncate(old_fd, (off_t)end) == 0) {
        old->size = end;
        j->bytes -= cut;
    }
    fs->close(old_fd);
    atomic_store(&old->state, SEGMENT_SEALED);
    return LL_OK;
}

/* Whether a record of `size` bytes can follow what has gathered. */
static bool has_room(const struct journal *j, uint64_t size)
{
    const uint64_t at = atomic_load(&j->live->end) + j->gathered.len;
    return !j->must_roll && (at + size <= j->options.segment_bytes || at == SEGMENT_HEADER);
}

static ll_err make_room(struct journal *j, uint64_t size)
{
    if (j->options.sync == JOURNAL_SYNC_ALWAYS || !has_room(j, size)) {
        await_sync(j);
    }
    if (has_room(j, size)) {
        return LL_OK;
    }
    const ll_err err = write_gathered(j);
    return err == LL_OK ? roll(j) : err;
}

/* Removes the record that begins `before` bytes into what has gathered. The failed write may have
 * put it on disk whole, where a start after a crash would find it. */
static void take_back(struct journal *j, size_t before)
{
    static const char zeros[RECORD_HEADER];
    fs->pwrite(j->fd, zeros, sizeof zeros, (off_t)(atomic_load(&j->live->end) + before));
    buf_cut(&j->gathered, before);
    j->next_seq--;
}

static ll_err append(struct journal *j, struct journal_record *r)
{
    ll_err err = make_room(j, record_size(r->len));
    if (err != LL_OK) {
        return err;
    }
    const size_t before = j->gathered.len;
    r->seq = j->next_seq;
    record_encode(j->live->salt, r, &j->gathered);
    if (!buf_ok(&j->gathered)) {
        buf_cut(&j->gathered, before);
        return LL_ENOMEM;
    }
    j->next_seq++;
    if (j->gathered.len < j->options.buffer_bytes) {
        return LL_OK;
    }
    err = write_gathered(j);
    if (err != LL_OK) {
        take_back(j, before);
    }
    return err;
}

ll_err journal_append(struct journal *j, uint8_t type, struct wall_ms time, const void *data,
                      size_t len, uint64_t *seq_out)
{
    if (len > LL_MAX_JOURNAL_RECORD) {
        return LL_EINVAL;
    }
    struct journal_record r = {.time = time, .type = type, .data = data, .len = len};
    pthread_mutex_lock(&j->lock);
    const ll_err err = append(j, &r);
    pthread_mutex_unlock(&j->lock);
    if (err == LL_OK && seq_out != NULL) {
        *seq_out = r.seq;
    }
    return err;
}

ll_err journal_skip_to(struct journal *j, uint64_t seq)
{
    pthread_mutex_lock(&j->lock);
    ll_err err = LL_OK;
    await_sync(j);
    if (seq > j->next_seq) {
        err = write_gathered(j);
        if (err == LL_OK) {
            const uint64_t before = j->next_seq;
            j->next_seq = seq;
            err =
                roll(j); /* so that the gap stands between two segments, where readers expect it */
            if (err != LL_OK) {
                j->next_seq = before;
            }
        }
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}

ll_err journal_flush(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    if (j->options.sync == JOURNAL_SYNC_ALWAYS) {
        await_sync(j);
    }
    const ll_err err = write_gathered(j);
    pthread_mutex_unlock(&j->lock);
    return err;
}

/* Lets appends go on meanwhile; what would close the descriptor waits. */
static ll_err sync_apart(struct journal *j)
{
    const uint64_t writes = j->writes;
    const int fd = j->fd;
    j->syncing = true;
    pthread_mutex_unlock(&j->lock);
    const ll_err err = sync_file(fd);
    pthread_mutex_lock(&j->lock);
    j->syncing = false;
    note_sync(j, err, writes);
    pthread_cond_broadcast(&j->sync_ended);
    return err;
}

ll_err journal_sync(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    await_sync(j);
    ll_err err = mend_doubt(j);
    if (err == LL_OK && j->synced < j->writes) {
        err = sync_apart(j);
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}

ll_err journal_trim(struct journal *j, uint64_t seq)
{
    ll_err err = LL_OK;
    bool deleted = false;
    pthread_mutex_lock(&j->lock);
    while (j->first != j->live && j->first->next->first_seq <= seq) {
        struct segment *seg = j->first;
        char name[SEGMENT_NAME_TEXT];
        char path[LL_MAX_PATH];
        segment_name(seg->first_seq, name);
        err = journal_path(j->dir, name, path);
        if (err == LL_OK && fs->unlink(path) != 0 && errno != ENOENT) {
            err = ll_err_from_errno(errno);
        }
        if (err != LL_OK) {
            break;
        }
        deleted = true;
        j->first = seg->next;
        j->bytes -= seg->size;
        atomic_store(&seg->state, SEGMENT_GONE);
        journal_unref(seg);
    }
    pthread_mutex_unlock(&j->lock);
    if (deleted) {
        const ll_err synced = fs_sync_dir(j->dir);
        err = err == LL_OK ? synced : err;
    }
    return err;
}

struct journal_stats journal_stats(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    const bool empty =
        j->first == j->live && j->gathered.len == 0 && atomic_load(&j->live->end) == SEGMENT_HEADER;
    const struct journal_stats stats = {
        .first_seq = empty ? j->next_seq : j->first->first_seq,
        .next_seq = j->next_seq,
        .second_seq = j->first != j->live ? j->first->next->first_seq : 0,
        .bytes = j->bytes,
        .damaged = j->damaged,
        .torn_tail = j->torn_tail,
    };
    pthread_mutex_unlock(&j->lock);
    return stats;
}

void journal_wake(struct journal *j)
{
    atomic_store(&j->woken, true);
    pthread_mutex_lock(&j->wait_lock);
    pthread_cond_broadcast(&j->wait_cond);
    pthread_mutex_unlock(&j->wait_lock);
}

static ll_err take_lock(struct journal *j)
{
    char path[LL_MAX_PATH];
    ll_err err = journal_path(j->dir, "lock", path);
    if (err != LL_OK) {
        return err;
    }
    const int fd = fs->open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? LL_EBUSY : ll_err_from_errno(errno);
        fs->close(fd);
        return err;
    }
    j->lock_fd = fd;
    return LL_OK;
}

/* Frees what there is; nothing is written. */
static void free_journal(struct journal *j)
{
    if (j->fd >= 0) {
        fs->close(j->fd);
    }
    if (j->lock_fd >= 0) {
        fs->close(j->lock_fd);
    }
    for (struct segment *seg = j->first; seg != NULL;) {
        struct segment *next = seg->next;
        free(seg);
        seg = next;
    }
    buf_free(&j->gathered);
    pthread_cond_destroy(&j->wait_cond);
    pthread_cond_destroy(&j->sync_ended);
    pthread_mutex_destroy(&j->wait_lock);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* Two segments at least: with one, nothing could ever be trimmed. */
static uint64_t at_least_two(const struct journal_options *o)
{
    return o->max_bytes > 2 * o->segment_bytes ? o->max_bytes : 2 * o->segment_bytes;
}

ll_err journal_open(const char *dir, const struct journal_options *options, struct journal **out)
{
    const char *damaged_dir = options->damaged_dir != NULL ? options->damaged_dir : "";
    if (options->segment_bytes < MIN_SEGMENT_BYTES || options->segment_bytes > MAX_SEGMENT_BYTES ||
        strlen(dir) >= LL_MAX_PATH || strlen(damaged_dir) >= LL_MAX_PATH) {
        return LL_EINVAL;
    }
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return LL_ENOMEM;
    }
    memcpy(j->dir, dir, strlen(dir) + 1);
    memcpy(j->damaged_dir, damaged_dir, strlen(damaged_dir) + 1);
    j->options = *options;
    j->options.damaged_dir = NULL;
    j->options.max_bytes = at_least_two(options);
    j->fd = -1;
    j->lock_fd = -1;
    /* What has gathered stays below buffer_bytes before the record that causes the write. */
    buf_init(&j->gathered, options->buffer_bytes + record_size(LL_MAX_JOURNAL_RECORD));
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->wait_lock, NULL);
    clock_cond_init(&j->wait_cond);
    pthread_cond_init(&j->sync_ended, NULL);

    ll_err err = fs_make_dirs(dir);
    if (err == LL_OK) {
        err = take_lock(j);
    }
    if (err == LL_OK) {
        err = journal_recover(j);
    }
    if (err != LL_OK) {
        free_journal(j);
        return err;
    }
    *out = j;
    return LL_OK;
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    pthread_mutex_lock(&j->lock);
    if (write_gathered(j) == LL_OK && mend_doubt(j) == LL_OK && j->synced < j->writes) {
        (void)sync_live(j); /* counted; there is no one left to tell */
    }
    pthread_mutex_unlock(&j->lock);
    free_journal(j);
}
