/*
 * The file format of a log, version 1. Numbers are little-endian; offsets and lengths in bytes.
 *
 * A log is a folder. It holds the file `lock` and one or more segments `<first_seq>.log`, the name
 * being 16 lower-case hex digits; for a moment also `copy` (see Sync points). A segment whose
 * header was damaged is set aside as `*.log.damaged` and looked at no more.
 *
 * A segment begins with a header, which never changes once the file is made:
 *
 *    offset  size
 *         0     8  magic "LLJRNL01"
 *         8     4  version: 1
 *        12     4  length of this header: 64
 *        16     8  sequence of the first record of the segment, as in the file's name
 *        24     8  wall time when it was made, ms since 1970 (signed)
 *        32     8  stream: a random number, new for each segment
 *        40     8  sequence behind the last record before this segment; 0: not known
 *        48    12  zero
 *        60     4  CRC32C of bytes 0 to 59
 *
 * Later versions keep these 64 bytes and the place of the checksum, so that an older program knows
 * a newer file from a damaged one.
 *
 * Records follow without a gap, each at a multiple of 8:
 *
 *         0     4  marker 0xda4e6a1c
 *         4     4  CRC32C of the stream (8 bytes), then of bytes 8 to 31, then of the payload
 *         8     4  length of the payload, at most LL_MAX_JOURNAL_RECORD
 *        12     1  type, the owner's
 *        13     3  zero
 *        16     8  sequence
 *        24     8  time as the owner gave it, ms since 1970 (signed)
 *        32     n  payload, then zeros up to a multiple of 8
 *
 * A record is valid if its marker, its length, its zeros and its checksum are right and its
 * sequence is above that of every record before it. The stream in the checksum keeps bytes of an
 * older file, which may lie in blocks that a file system hands out again, and payloads that look
 * like records, from being taken for records of this segment.
 *
 * The file is preallocated and reads as zeros behind the last record: a zero marker is the end of
 * what was written. When a segment is full its unused end is cut off. A record larger than the
 * segment size has a segment of its own.
 *
 * Writing. Appends are one pwrite behind the last record. The end moves only when the write has
 * succeeded, so what a failed one left is overwritten by the next. A new segment is begun after the
 * old one was synced; its header is on disk (fsync of file and folder) before any record of it.
 *
 * Sync points. fdatasync at journal_sync, at the end of each segment and at close; with
 * JOURNAL_SYNC_ALWAYS before each append or flush returns.
 *
 * A sync that failed. Linux reports it once and takes what it could not write for clean, so that
 * the next sync succeeds and means nothing. PostgreSQL stops then, RocksDB goes on in a new file
 * once it has written there what it still has in memory. Here the kernel has it: the segment is
 * copied, from what can be read, to `copy`, which is synced and renamed to the segment's name; the
 * copy goes on as the segment, with the same header and the same bytes. Until that has succeeded
 * nothing more is written to the log and no sync of it succeeds. What the kernel has dropped
 * meanwhile (btrfs does) stands in the copy as damage that readers skip and count. A process that
 * is killed before it has made the copy leaves no word of it.
 *
 * The file `lock`, on which the process that has the log keeps an flock, has 48 bytes:
 *
 *         0     8  sequence below which no record will be appended again
 *         8    36  boot id of the machine when the log was last opened (random(4))
 *        44     4  CRC32C of bytes 0 to 43
 *
 * Sequences. Others keep sequences of this log on the same disk: checkpoints, cursors, keys in a
 * database. A power cut may keep those and take the records, if these were not synced; were their
 * sequences given out a second time, the new records would be taken for done. So when the log is
 * opened after the machine was started anew, it leaves out more sequences than can have been lost,
 * all of which were in the last segment. A process that was killed has lost nothing that it wrote,
 * and its log goes on without a gap.
 *
 * Recovery. All segments have their headers checked; only the last is read through. Where a record
 * is not valid, the rest of the file is searched in steps of 8 for a valid one. If there is one,
 * the stretch between was damaged after it was written: it stays, and readers skip it in the same
 * way. If there is none, the log ends here; bytes other than zero that follow are a torn write and
 * are cut off, so that they cannot be met again. A file that is nothing but zeros was being made
 * when the power went, and is deleted. Where the last segment has a damaged header or cannot be
 * read, a new one begins, with a sequence that no record of the old one can have reached.
 */
#include "gateway/journal/journal_segment.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/crc32c.h"
#include "gateway/base/cursor.h"
#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/base/rng.h"

#define VERSION       1
#define CHECKSUM_AT   60
#define NAME_DIGITS   16
#define COVERED_FROM  8 /* the first byte of a record that its checksum covers */
#define SEGMENT_PERMS 0640
#define PAGE_BYTES    4096      /* what is lost with one sector that cannot be read */
#define MAX_SEQ       INT64_MAX /* a file name beyond is none of ours */

static const char magic[8] = {'L', 'L', 'J', 'R', 'N', 'L', '0', '1'};
static const char suffix[] = ".log";
static const char copy_name[] = "copy";

static void put_u32(uint8_t *at, uint32_t v)
{
    const uint32_t le = htole32(v);
    memcpy(at, &le, sizeof le);
}

static void put_u64(uint8_t *at, uint64_t v)
{
    const uint64_t le = htole64(v);
    memcpy(at, &le, sizeof le);
}

void segment_name(uint64_t first_seq, char *out)
{
    snprintf(out, SEGMENT_NAME_TEXT, "%016" PRIx64 "%s", first_seq, suffix);
}

bool segment_parse_name(const char *name, uint64_t *first_seq)
{
    if (strlen(name) != NAME_DIGITS + sizeof suffix - 1 ||
        strcmp(name + NAME_DIGITS, suffix) != 0) {
        return false;
    }
    uint64_t seq = 0;
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, name[i]);
        if (digit == NULL) {
            return false;
        }
        seq = seq << 4 | (uint64_t)(digit - digits);
    }
    *first_seq = seq;
    return seq > 0 && seq <= MAX_SEQ;
}

void segment_header_encode(const struct segment_header *h, uint8_t out[SEGMENT_HEADER])
{
    memset(out, 0, SEGMENT_HEADER);
    memcpy(out, magic, sizeof magic);
    put_u32(out + 8, VERSION);
    put_u32(out + 12, SEGMENT_HEADER);
    put_u64(out + 16, h->first_seq);
    put_u64(out + 24, (uint64_t)h->created.ms);
    put_u64(out + 32, h->stream);
    put_u64(out + 40, h->follows);
    put_u32(out + CHECKSUM_AT, crc32c(0, out, CHECKSUM_AT));
}

ll_err segment_header_decode(const void *data, size_t len, struct segment_header *out)
{
    struct cursor c = cursor_over(data, len);
    const uint8_t *start = cursor_bytes(&c, sizeof magic);
    const uint32_t version = cursor_u32(&c);
    const uint32_t header_len = cursor_u32(&c);
    const struct segment_header h = {
        .first_seq = cursor_u64(&c),
        .created = {(int64_t)cursor_u64(&c)},
        .stream = cursor_u64(&c),
        .follows = cursor_u64(&c),
    };
    (void)cursor_bytes(&c, CHECKSUM_AT - 48);
    const uint32_t crc = cursor_u32(&c);
    if (c.bad || memcmp(start, magic, sizeof magic) != 0 || crc != crc32c(0, start, CHECKSUM_AT)) {
        return LL_ECORRUPT;
    }
    if (version != VERSION || header_len != SEGMENT_HEADER) {
        return LL_EVERSION;
    }
    *out = h;
    return LL_OK;
}

uint32_t segment_salt(uint64_t stream)
{
    uint8_t bytes[8];
    put_u64(bytes, stream);
    return crc32c(0, bytes, sizeof bytes);
}

void record_encode(uint32_t salt, const struct journal_record *r, struct buf *out)
{
    static const uint8_t zeros[RECORD_ALIGN];
    assert(r->len <= LL_MAX_JOURNAL_RECORD);
    uint8_t head[RECORD_HEADER] = {0};
    put_u32(head, RECORD_MARKER);
    put_u32(head + 8, (uint32_t)r->len);
    head[12] = r->type;
    put_u64(head + 16, r->seq);
    put_u64(head + 24, (uint64_t)r->time.ms);
    const uint32_t crc = crc32c(salt, head + COVERED_FROM, sizeof head - COVERED_FROM);
    put_u32(head + 4, crc32c(crc, r->data, r->len));
    buf_add(out, head, sizeof head);
    buf_add(out, r->data, r->len);
    buf_add(out, zeros, (size_t)(record_size(r->len) - RECORD_HEADER - r->len));
}

bool record_peek(const void *data, size_t len, struct journal_record *r)
{
    struct cursor c = cursor_over(data, len);
    const uint32_t marker = cursor_u32(&c);
    (void)cursor_u32(&c);
    const uint32_t payload_len = cursor_u32(&c);
    const uint32_t type = cursor_u32(&c); /* the three zeros are its upper bytes */
    const uint64_t seq = cursor_u64(&c);
    const int64_t time_ms = (int64_t)cursor_u64(&c);
    if (c.bad || marker != RECORD_MARKER || payload_len > LL_MAX_JOURNAL_RECORD ||
        type > UINT8_MAX) {
        return false;
    }
    *r = (struct journal_record){.seq = seq,
                                 .time = {time_ms},
                                 .type = (uint8_t)type,
                                 .len = payload_len,
                                 .size = (size_t)record_size(payload_len)};
    return true;
}

bool record_check(uint32_t salt, const void *data, size_t len, struct journal_record *r)
{
    struct cursor c = cursor_over(data, len);
    (void)cursor_u32(&c);
    const uint32_t crc = cursor_u32(&c);
    const uint8_t *covered = cursor_bytes(&c, RECORD_HEADER - COVERED_FROM + r->len);
    if (covered == NULL || crc != crc32c(salt, covered, RECORD_HEADER - COVERED_FROM + r->len)) {
        return false;
    }
    r->data = covered + RECORD_HEADER - COVERED_FROM;
    return true;
}

ll_err segment_reserve(int fd, uint64_t bytes)
{
    if (fs->fallocate(fd, 0, (off_t)bytes) == 0 || errno == EOPNOTSUPP || errno == ENOSYS ||
        errno == EINVAL) {
        return LL_OK;
    }
    return ll_err_from_errno(errno);
}

static bool path_in(const char *dir, const char *name, char out[LL_MAX_PATH])
{
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s", dir, name);
    return n > 0 && n < LL_MAX_PATH;
}

ll_err segment_make(const char *dir, uint64_t bytes, struct segment_header *h, int *fd_out,
                    bool *left_over)
{
    char name[SEGMENT_NAME_TEXT];
    char path[LL_MAX_PATH];
    segment_name(h->first_seq, name);
    if (!path_in(dir, name, path)) {
        return LL_EINVAL;
    }
    /* A file of this name can only be what an earlier attempt left. */
    const int fd = fs->open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, SEGMENT_PERMS);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    if (h->stream == 0) {
        struct rng rng = rng_random();
        h->created = clock_wall();
        h->stream = rng_next(&rng);
    }
    uint8_t head[SEGMENT_HEADER];
    segment_header_encode(h, head);

    ll_err err = segment_reserve(fd, bytes);
    if (err != LL_OK) {
        goto undo;
    }
    err = fs_write_all(fd, head, sizeof head, 0);
    if (err != LL_OK) {
        goto undo;
    }
    if (fs->fsync(fd) != 0) {
        err = ll_err_from_errno(errno);
        goto undo;
    }
    err = fs_sync_dir(dir);
    if (err != LL_OK) {
        goto undo;
    }
    *fd_out = fd;
    return LL_OK;

undo:
    fs->close(fd);
    *left_over = fs->unlink(path) != 0 || fs_sync_dir(dir) != LL_OK;
    return err;
}

/* Pages that cannot be read are left out, which reads as zeros; the header must not be one. */
static ll_err copy_pages(int from, uint64_t end, int to)
{
    char page[PAGE_BYTES];
    for (uint64_t at = 0; at < end; at += sizeof page) {
        const size_t want = end - at < sizeof page ? (size_t)(end - at) : sizeof page;
        size_t got;
        ll_err err = fs_read_some(from, page, want, at, &got);
        if (err == LL_EIO && at > 0) {
            continue;
        }
        if (err == LL_OK) {
            err = fs_write_all(to, page, got, at);
        }
        if (err != LL_OK) {
            return err;
        }
    }
    return LL_OK;
}

ll_err segment_replace(const char *dir, uint64_t first_seq, int fd, uint64_t end, uint64_t bytes,
                       int *fd_out)
{
    char name[SEGMENT_NAME_TEXT];
    char path[LL_MAX_PATH];
    char copy_path[LL_MAX_PATH];
    segment_name(first_seq, name);
    if (!path_in(dir, name, path) || !path_in(dir, copy_name, copy_path)) {
        return LL_EINVAL;
    }
    const int copy = fs->open(copy_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, SEGMENT_PERMS);
    if (copy < 0) {
        return ll_err_from_errno(errno);
    }
    (void)segment_reserve(copy, bytes); /* without it the log goes on until the disk is full */
    ll_err err = copy_pages(fd, end, copy);
    if (err == LL_OK && fs->fsync(copy) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err == LL_OK && fs->rename(copy_path, path) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err != LL_OK) {
        fs->close(copy);
        segment_clear_copy(dir);
        return err;
    }
    *fd_out = copy;
    return fs_sync_dir(dir);
}

void segment_clear_copy(const char *dir)
{
    char path[LL_MAX_PATH];
    if (path_in(dir, copy_name, path)) {
        fs->unlink(path);
    }
}
