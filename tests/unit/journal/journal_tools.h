/*
 * What the journal's tests share: folders, logs with known records, and hands on the files.
 *
 * Record number n has type n % 200 and a payload that depends on n alone, so that what is read can
 * be checked without being remembered.
 */
#ifndef LL_TESTS_JOURNAL_TOOLS_H
#define LL_TESTS_JOURNAL_TOOLS_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/journal/journal.h"
#include "gateway/model/counters.h"

#define SEGMENT   (64UL * 1024)
#define HEADER    64
#define RECORD    32
#define PATH_TEXT 400

static const struct journal_options small_log = {.segment_bytes = SEGMENT,
                                                 .max_bytes = 64ULL * SEGMENT};

/* A new folder's name each time. */
static inline const char *new_dir(void)
{
    static unsigned count;
    static char path[PATH_TEXT];
    snprintf(path, sizeof path, "%s/log%u", unit_tmpdir(), count++);
    return path;
}

static inline struct journal *open_log(const char *dir, const struct journal_options *options)
{
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, options, &j), LL_OK);
    assert_non_null(j);
    return j;
}

static inline size_t payload_len(uint64_t n)
{
    return (size_t)(n * 37 % 150);
}

static inline void fill_payload(uint64_t n, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)(n * 7 + i * 13 + 1);
    }
}

static inline ll_err put(struct journal *j, uint64_t n)
{
    char data[150];
    const size_t len = payload_len(n);
    fill_payload(n, data, len);
    uint64_t seq = 0;
    const ll_err err = journal_append(
        j, (uint8_t)(n % 200), (struct wall_ms){1700000000000 + (int64_t)n}, data, len, &seq);
    if (err == LL_OK) {
        assert_int_equal(seq, n);
    }
    return err;
}

/* Appends the records `from` to `to`. */
static inline void put_range(struct journal *j, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        assert_int_equal(put(j, n), LL_OK);
    }
}

static inline void check_record(const struct journal_record *r, uint64_t n)
{
    char data[150];
    assert_int_equal(r->seq, n);
    assert_int_equal(r->type, n % 200);
    assert_int_equal(r->time.ms, 1700000000000 + (int64_t)n);
    assert_int_equal(r->len, payload_len(n));
    fill_payload(n, data, r->len);
    assert_memory_equal(r->data, data, r->len);
}

static inline struct journal_reader *open_reader(struct journal *j, uint64_t seq)
{
    struct journal_reader *r = NULL;
    assert_int_equal(journal_reader_open(j, seq, &r), LL_OK);
    return r;
}

/* Reads exactly the records `from` to `to` and then the end. */
static inline void expect_range(struct journal_reader *r, uint64_t from, uint64_t to)
{
    struct journal_record record;
    for (uint64_t n = from; n <= to; n++) {
        assert_int_equal(journal_read(r, &record), LL_OK);
        check_record(&record, n);
    }
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
}

/* The same with a reader of its own that begins at `from`. */
static inline void expect_log(struct journal *j, uint64_t from, uint64_t to)
{
    struct journal_reader *r = open_reader(j, from);
    expect_range(r, from, to);
    journal_reader_close(r);
}

static inline const char *segment_path(const char *dir, uint64_t first_seq)
{
    static char path[PATH_TEXT + 32];
    snprintf(path, sizeof path, "%s/%016" PRIx64 ".log", dir, first_seq);
    return path;
}

static inline bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static inline uint64_t file_size(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

/* Puts bytes into a file behind the log's back. */
static inline void overwrite(const char *path, uint64_t at, const void *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
    close(fd);
}

static inline void read_bytes(const char *path, uint64_t at, void *data, size_t len)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, data, len, (off_t)at), len);
    close(fd);
}

static inline void flip(const char *path, uint64_t at, unsigned char mask)
{
    unsigned char byte;
    read_bytes(path, at, &byte, 1);
    byte ^= mask;
    overwrite(path, at, &byte, 1);
}

/* Bytes of record n on disk, and where it begins if 1 to n stand in the first segment. */
static inline uint64_t disk_size(uint64_t n)
{
    return RECORD + ((payload_len(n) + 7) & ~(uint64_t)7);
}

static inline uint64_t offset_of(uint64_t n)
{
    uint64_t at = HEADER;
    for (uint64_t i = 1; i < n; i++) {
        at += disk_size(i);
    }
    return at;
}

#endif
