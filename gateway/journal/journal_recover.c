/* Opening: what to make of the files that are there. The rules stand in journal_segment.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/crc32c.h"
#include "gateway/base/cursor.h"
#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/journal/journal_internal.h"
#include "gateway/journal/journal_segment.h"
#include "gateway/model/counters.h"

/* The first sequences of the files in the folder, in order. */
struct names {
    uint64_t *seq;
    size_t count;
    size_t cap;
};

/* What opening knows so far. */
struct recovery {
    bool gap;           /* a segment was lost since the last one put into the chain */
    uint64_t past_lost; /* none of its records can have reached this sequence */
};

#define BOOT_TEXT 36
#define NOTE_CRC  (8 + BOOT_TEXT)

/* What the lock file holds. */
struct note {
    uint64_t floor;
    char boot[BOOT_TEXT];
};

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static ll_err add_name(struct names *n, uint64_t seq)
{
    if (n->count == LL_MAX_SEGMENTS) {
        return LL_ELIMIT;
    }
    if (n->count == n->cap) {
        const size_t cap = n->cap > 0 ? 2 * n->cap : 64;
        uint64_t *grown = realloc(n->seq, cap * sizeof *grown);
        if (grown == NULL) {
            return LL_ENOMEM;
        }
        n->seq = grown;
        n->cap = cap;
    }
    n->seq[n->count++] = seq;
    return LL_OK;
}

static ll_err list_segments(const char *dir, struct names *out)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        return ll_err_from_errno(errno);
    }
    ll_err err = LL_OK;
    for (const struct dirent *e = readdir(d); e != NULL && err == LL_OK; e = readdir(d)) {
        uint64_t seq;
        if (segment_parse_name(e->d_name, &seq)) {
            err = add_name(out, seq);
        }
    }
    closedir(d);
    if (out->count > 0) {
        qsort(out->seq, out->count, sizeof *out->seq, by_value);
    }
    return err;
}

/* Whether the file holds nothing but zeros. */
static bool is_blank(int fd, uint64_t size)
{
    struct journal_scan s = {.fd = fd};
    uint64_t found;
    bool blank;
    const ll_err err = scan_find(&s, size, &found, &blank);
    scan_free(&s);
    return err == LL_OK && found == size && blank;
}

/* Checks the header of one file and puts the segment into the chain. */
static ll_err take_segment(struct journal *j, uint64_t first_seq, struct recovery *rec)
{
    char name[SEGMENT_NAME_TEXT];
    char path[LL_MAX_PATH];
    segment_name(first_seq, name);
    ll_err err = journal_path(j->dir, name, path);
    if (err != LL_OK) {
        return err;
    }
    const int fd = fs->open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    uint8_t head[SEGMENT_HEADER];
    size_t got = 0;
    struct segment_header h = {0};
    struct stat st;
    if (fstat(fd, &st) != 0) {
        err = ll_err_from_errno(errno);
        goto done;
    }
    const uint64_t size = (uint64_t)st.st_size;
    err = fs_read_some(fd, head, sizeof head, 0, &got);
    if (err == LL_OK) {
        err = segment_header_decode(head, got, &h);
    }
    if (err == LL_OK && h.first_seq == first_seq) {
        h.follows = rec->gap ? 0 : h.follows; /* what is missing there was counted just now */
        rec->gap = false;
        struct segment *seg = journal_chain(j, &h);
        if (seg == NULL) {
            err = LL_ENOMEM;
            goto done;
        }
        seg->size = size;
        j->bytes += size;
        atomic_store(&seg->end, size);
        atomic_store(&seg->state, SEGMENT_SEALED);
    } else if (err != LL_EVERSION) {
        if (!is_blank(fd, size) || fs->unlink(path) != 0) {
            journal_set_segment_aside(j, path, first_seq, size);
            rec->past_lost = first_seq + PAST_ANY_SEGMENT;
            rec->gap = true;
        }
        err = LL_OK;
    }
done:
    fs->close(fd);
    return err;
}

/* Reads the last segment through. *end is behind its last valid record, *seq the sequence that
 * follows it, *torn whether anything but zeros comes after. */
static ll_err find_end(struct journal_scan *s, uint64_t size, uint64_t *end, uint64_t *seq,
                       bool *torn)
{
    *end = s->at;
    *seq = s->seq;
    *torn = false;
    for (;;) {
        struct journal_record r;
        ll_err err = scan_next(s, size, &r);
        if (err == LL_OK) {
            *end = s->at;
            *seq = s->seq;
            continue;
        }
        if (err == LL_EEND) {
            return LL_OK;
        }
        uint64_t found = size;
        bool blank = true;
        if (err == LL_ECORRUPT || err == LL_EIO) {
            err = scan_find(s, size, &found, &blank);
        }
        if (err != LL_OK) {
            return err;
        }
        if (found == size) {
            *torn = !blank;
            return LL_OK;
        }
        s->at = found; /* the stretch before it is for the readers to skip */
    }
}

/* Makes the file end at `end` and reserves what a full segment needs. */
static ll_err mend_tail(struct journal *j, uint64_t end, bool torn)
{
    struct segment *seg = j->live;
    if (torn || end > seg->size) { /* the last record's padding may be missing */
        if (fs->ftruncate(j->fd, (off_t)end) != 0 || fs->fdatasync(j->fd) != 0) {
            return ll_err_from_errno(errno);
        }
        j->bytes = j->bytes - seg->size + end;
        seg->size = end;
    }
    if (seg->size < j->options.segment_bytes) {
        /* Without it the log goes on all the same, until the disk is full. */
        (void)segment_reserve(j->fd, j->options.segment_bytes);
        j->bytes += j->options.segment_bytes - seg->size;
        seg->size = j->options.segment_bytes;
    }
    return LL_OK;
}

/* Takes the last segment of the chain for writing. LL_EAGAIN: the disk does not give all of it, so
 * it ends where it can be read, and a new one must begin. */
static ll_err take_live(struct journal *j)
{
    struct segment *seg = j->live;
    char name[SEGMENT_NAME_TEXT];
    char path[LL_MAX_PATH];
    segment_name(seg->first_seq, name);
    ll_err err = journal_path(j->dir, name, path);
    if (err != LL_OK) {
        return err;
    }
    const int fd = fs->open(path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    struct journal_scan s = {.fd = -1};
    scan_begin(&s, fd, seg->salt, seg->first_seq);
    uint64_t end;
    bool torn;
    err = find_end(&s, seg->size, &end, &j->next_seq, &torn);
    scan_free(&s);
    if (err == LL_EIO) {
        j->damaged++;
        counter_add(COUNTER_JOURNAL_DAMAGED, 1);
        log_error("journal", "segment_unreadable", "file=%s offset=%" PRIu64, path, end);
        atomic_store(&seg->end, end);
        fs->close(fd);
        return LL_EAGAIN;
    }
    j->fd = fd; /* journal_open closes it if it fails */
    if (err == LL_OK) {
        err = mend_tail(j, end, torn);
    }
    if (err != LL_OK) {
        return err;
    }
    if (torn) {
        j->torn_tail = true;
        counter_add(COUNTER_JOURNAL_TORN, 1);
        log_warn("journal", "torn_tail", "file=%s offset=%" PRIu64 " next_seq=%" PRIu64, path, end,
                 j->next_seq);
    }
    atomic_store(&seg->end, end);
    atomic_store(&seg->state, SEGMENT_LIVE);
    j->writes = 1; /* of a process that was killed: nobody knows whether they were synced */
    return LL_OK;
}

/* False where the machine does not say: then every opening counts as the first since its start. */
static bool read_boot(char out[BOOT_TEXT])
{
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t n = read(fd, out, BOOT_TEXT);
    close(fd);
    return n == BOOT_TEXT;
}

static bool read_note(int fd, struct note *out)
{
    uint8_t bytes[NOTE_CRC + 4];
    size_t got;
    if (fs_read_some(fd, bytes, sizeof bytes, 0, &got) != LL_OK) {
        return false;
    }
    struct cursor c = cursor_over(bytes, got);
    out->floor = cursor_u64(&c);
    const uint8_t *boot = cursor_bytes(&c, BOOT_TEXT);
    const uint32_t crc = cursor_u32(&c);
    if (c.bad || crc != crc32c(0, bytes, NOTE_CRC)) {
        return false;
    }
    memcpy(out->boot, boot, BOOT_TEXT);
    return true;
}

static ll_err write_note(int fd, const struct note *note)
{
    struct buf b;
    buf_init(&b, NOTE_CRC + 4);
    buf_u64(&b, note->floor);
    buf_add(&b, note->boot, BOOT_TEXT);
    buf_u32(&b, crc32c(0, b.data, b.len));
    ll_err err = buf_ok(&b) ? fs_write_all(fd, b.data, b.len, 0) : LL_ENOMEM;
    buf_free(&b);
    if (err == LL_OK && fs->fsync(fd) != 0) {
        err = ll_err_from_errno(errno);
    }
    return err;
}

/* Moves next_seq past all that were ever given out. */
static ll_err settle_sequence(struct journal *j, bool fresh)
{
    struct note last;
    struct note now = {0};
    const bool noted = read_note(j->lock_fd, &last);
    const bool same_start =
        read_boot(now.boot) && noted && memcmp(now.boot, last.boot, BOOT_TEXT) == 0;
    if (noted && j->next_seq < last.floor) {
        j->next_seq = last.floor;
    }
    if (same_start) {
        return LL_OK;
    }
    if (!fresh || noted) {
        j->next_seq += PAST_ANY_SEGMENT;
    }
    now.floor = j->next_seq;
    return write_note(j->lock_fd, &now);
}

ll_err journal_recover(struct journal *j)
{
    struct names names = {0};
    struct recovery rec = {0};
    segment_clear_copy(j->dir);
    ll_err err = list_segments(j->dir, &names);
    for (size_t i = 0; i < names.count && err == LL_OK; i++) {
        err = take_segment(j, names.seq[i], &rec);
    }
    free(names.seq);
    if (err != LL_OK) {
        return err;
    }
    const bool fresh = j->live == NULL && !rec.gap;
    j->next_seq = rec.gap ? rec.past_lost : 1;
    if (j->live != NULL && !rec.gap) {
        err = take_live(j);
        if (err == LL_EAGAIN) {
            j->next_seq = j->live->first_seq + PAST_ANY_SEGMENT;
            rec.gap = true;
        } else if (err != LL_OK) {
            return err;
        }
    }
    atomic_store(&j->visible, j->next_seq);
    err = settle_sequence(j, fresh);
    if (err == LL_OK && j->fd < 0) {
        err = journal_begin_segment(j, rec.gap ? 0 : j->next_seq);
    }
    return err;
}
