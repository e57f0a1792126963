/* Every storage call failing once, in turn: what was acknowledged stays readable, what was refused
 * is not in the log, and the log goes on as soon as the disk does. */
#include "tests/unit/journal/journal_tools.h"

#include <errno.h>

#include "gateway/base/fs.h"

enum call {
    CALL_OPEN,
    CALL_PREAD,
    CALL_PWRITE,
    CALL_PWRITE_SHORT,
    CALL_PWRITE_LATE,
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_FTRUNCATE,
    CALL_FALLOCATE,
    CALL_UNLINK,
    CALL_RENAME, /* of none but a segment that is written anew */
    CALL_COUNT
};

static const char *const call_names[CALL_COUNT] = {
    "open",      "pread", "pwrite",    "pwrite (half)", "pwrite (all, then an error)",
    "fdatasync", "fsync", "ftruncate", "fallocate",     "unlink",
    "rename"};

/* The call that is to fail: the `left`th of its kind; 0: none any more. */
static enum call failing;
static unsigned left;

static bool fails(enum call call)
{
    return call == failing && left > 0 && --left == 0;
}

static int fail_open(const char *path, int flags, mode_t mode)
{
    if (fails(CALL_OPEN)) {
        errno = EMFILE;
        return -1;
    }
    return fs_system_calls.open(path, flags, mode);
}

static ssize_t fail_pread(int fd, void *data, size_t len, off_t at)
{
    if (fails(CALL_PREAD)) {
        errno = EIO;
        return -1;
    }
    return fs_system_calls.pread(fd, data, len, at);
}

static ssize_t fail_pwrite(int fd, const void *data, size_t len, off_t at)
{
    errno = ENOSPC;
    if (fails(CALL_PWRITE)) {
        return -1;
    }
    if (fails(CALL_PWRITE_SHORT)) {
        left = 1; /* what is still to be written fails then */
        failing = CALL_PWRITE;
        return fs_system_calls.pwrite(fd, data, len / 2, at);
    }
    if (fails(CALL_PWRITE_LATE)) {
        (void)fs_system_calls.pwrite(fd, data, len, at);
        errno = EIO;
        return -1;
    }
    return fs_system_calls.pwrite(fd, data, len, at);
}

/* Without the disk: there are thousands of them. */
static int fail_fdatasync(int fd)
{
    (void)fd;
    errno = EIO;
    return fails(CALL_FDATASYNC) ? -1 : 0;
}

static int fail_fsync(int fd)
{
    (void)fd;
    errno = EIO;
    return fails(CALL_FSYNC) ? -1 : 0;
}

#define FAIL_OR(name, call, params, args) \
    static int fail_##name params         \
    {                                     \
        if (fails(call)) {                \
            errno = EIO;                  \
            return -1;                    \
        }                                 \
        return fs_system_calls.name args; \
    }

FAIL_OR(ftruncate, CALL_FTRUNCATE, (int fd, off_t len), (fd, len))
FAIL_OR(fallocate, CALL_FALLOCATE, (int fd, off_t at, off_t len), (fd, at, len))
FAIL_OR(rename, CALL_RENAME, (const char *from, const char *to), (from, to))
FAIL_OR(unlink, CALL_UNLINK, (const char *path), (path))

static struct fs_calls failing_calls(void)
{
    struct fs_calls calls = fs_system_calls;
    calls.open = fail_open;
    calls.pread = fail_pread;
    calls.pwrite = fail_pwrite;
    calls.fdatasync = fail_fdatasync;
    calls.fsync = fail_fsync;
    calls.ftruncate = fail_ftruncate;
    calls.fallocate = fail_fallocate;
    calls.rename = fail_rename;
    calls.unlink = fail_unlink;
    return calls;
}

#define STEPS 220 /* records of about 1 KiB: four segments */

static size_t big_len(uint64_t n)
{
    return (size_t)(700 + n * 37 % 900);
}

static ll_err put_big(struct journal *j, uint64_t n)
{
    char data[1600];
    fill_payload(n, data, big_len(n));
    uint64_t seq = 0;
    const ll_err err = journal_append(j, 7, (struct wall_ms){(int64_t)n}, data, big_len(n), &seq);
    if (err == LL_OK) {
        assert_int_equal(seq, n);
    }
    return err;
}

/* Reads all from `first` to `last`; a read that fails is tried again. */
static void expect_big(struct journal *j, uint64_t first, uint64_t last)
{
    struct journal_reader *r = open_reader(j, first);
    for (uint64_t n = first; n <= last;) {
        struct journal_record record;
        const ll_err err = journal_read(r, &record);
        if (err != LL_OK) {
            assert_int_equal(left, 0);
            assert_int_not_equal(err, LL_EAGAIN);
            continue;
        }
        char data[1600];
        fill_payload(n, data, big_len(n));
        assert_int_equal(record.seq, n);
        assert_int_equal(record.len, big_len(n));
        assert_memory_equal(record.data, data, record.len);
        n++;
    }
    struct journal_record record;
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
    journal_reader_close(r);
}

/* Appends, syncs, trims and reads. Every refusal is tried again; only one call fails, so twice (a
 * full roll's worth of calls) must be enough. */
static void run(const char *dir, const struct journal_options *options)
{
    struct journal *j = NULL;
    if (journal_open(dir, options, &j) != LL_OK) {
        assert_int_equal(left, 0);
        assert_null(j);
        assert_int_equal(journal_open(dir, options, &j), LL_OK);
    }
    for (uint64_t n = 1; n <= STEPS; n++) {
        if (put_big(j, n) != LL_OK) {
            assert_int_equal(left, 0);
            assert_int_equal(put_big(j, n), LL_OK);
        }
        if (n % 20 == 0 && journal_sync(j) != LL_OK) {
            assert_int_equal(journal_sync(j), LL_OK);
        }
    }
    if (journal_flush(j) != LL_OK) {
        assert_int_equal(journal_flush(j), LL_OK);
    }
    expect_big(j, 1, STEPS);
    if (journal_trim(j, STEPS / 2) != LL_OK) {
        assert_int_equal(journal_trim(j, STEPS / 2), LL_OK);
    }
    const uint64_t first = journal_stats(j).first_seq;
    assert_in_range(first, 2, STEPS / 2);
    expect_big(j, first, STEPS);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
}

static void fail_each_call_in_turn(const struct journal_options *options)
{
    const struct fs_calls calls = failing_calls();
    for (unsigned call = 0; call < CALL_RENAME; call++) {
        bool failed = true;
        unsigned nth = 0;
        /* Past the first dozen, one in 23 is enough: the loop of appends repeats itself. */
        while (failed) {
            nth += nth < 12 ? 1 : 23;
            const char *dir = new_dir();
            failing = (enum call)call;
            left = nth;
            fs_replace(&calls);
            run(dir, options);
            fs_replace(NULL);
            failed = left == 0;

            struct journal *j = open_log(dir, options);
            assert_int_equal(journal_stats(j).next_seq, STEPS + 1);
            assert_int_equal(journal_stats(j).damaged, 0);
            expect_big(j, journal_stats(j).first_seq, STEPS);
            journal_close(j);
        }
        print_message("%s: failed up to call %u\n", call_names[call], nth);
        assert_true(nth > 1);
    }
}

static void any_call_may_fail_once_while_records_are_appended_one_by_one(void **state)
{
    (void)state;
    fail_each_call_in_turn(&small_log);
}

static void any_call_may_fail_once_while_records_are_gathered(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.buffer_bytes = 8192;
    fail_each_call_in_turn(&options);
}

static void any_call_may_fail_once_while_every_append_syncs(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.sync = JOURNAL_SYNC_ALWAYS;
    fail_each_call_in_turn(&options);
}

/* A sync has failed, then the nth such call does. Returns whether there was one. */
static bool fail_while_written_anew(enum call call, unsigned nth)
{
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    struct journal_reader *r = open_reader(j, 1);
    const struct fs_calls calls = failing_calls();
    fs_replace(&calls);
    put_range(j, 1, 500);
    failing = CALL_FDATASYNC;
    left = 1;
    assert_int_equal(journal_sync(j), LL_EIO);
    failing = call;
    left = nth;
    if (put(j, 501) != LL_OK) {
        assert_int_equal(left, 0);
        assert_int_equal(put(j, 501), LL_OK);
    }
    const bool failed = left == 0;
    left = 0;
    assert_int_equal(journal_sync(j), LL_OK);
    fs_replace(NULL);
    expect_range(r, 1, 501);
    journal_reader_close(r);
    journal_close(j);
    j = open_log(dir, &small_log);
    expect_log(j, 1, 501);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
    return failed;
}

static void any_call_may_fail_while_a_segment_is_written_anew(void **state)
{
    (void)state;
    static const enum call calls[] = {CALL_OPEN,        CALL_PWRITE, CALL_PWRITE_SHORT,
                                      CALL_PWRITE_LATE, CALL_FSYNC,  CALL_FALLOCATE,
                                      CALL_RENAME};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        unsigned nth = 1;
        while (fail_while_written_anew(calls[i], nth)) {
            nth++;
        }
        print_message("%s: failed up to call %u\n", call_names[calls[i]], nth - 1);
        assert_true(nth > 1);
    }
}

static void a_refused_record_is_not_there_after_a_crash(void **state)
{
    (void)state;
    const struct fs_calls calls = failing_calls();
    static const enum call kinds[] = {CALL_PWRITE, CALL_PWRITE_SHORT, CALL_PWRITE_LATE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *dir = new_dir();
        struct journal *j = open_log(dir, &small_log);
        put_range(j, 1, 10);
        fs_replace(&calls);
        failing = kinds[i];
        left = 1;
        assert_int_not_equal(put(j, 11), LL_OK);
        fs_replace(NULL);
        assert_int_equal(journal_stats(j).next_seq, 11);
        expect_log(j, 1, 10);

        /* What a crash leaves, and what closing leaves, is the same: the file as it is now. */
        journal_close(j);
        j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).next_seq, 11);
        put_range(j, 11, 12);
        expect_log(j, 1, 12);
        journal_close(j);
    }
}

/* A disk that is full for good, as fallocate and pwrite see it. */
static int full_fallocate(int fd, off_t at, off_t len)
{
    (void)fd;
    (void)at;
    (void)len;
    errno = ENOSPC;
    return -1;
}

static void a_full_disk_refuses_at_the_end_of_a_segment_and_leaves_no_file(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    struct fs_calls calls = fs_system_calls;
    calls.fallocate = full_fallocate;
    fs_replace(&calls);
    uint64_t n = 1;
    ll_err err;
    while ((err = put(j, n)) == LL_OK) {
        n++;
    }
    assert_int_equal(err, LL_ENOSPC);
    assert_int_equal(put(j, n), LL_ENOSPC);
    assert_false(file_exists(segment_path(dir, n)));
    expect_log(j, 1, n - 1);
    fs_replace(NULL);
    put_range(j, n, n + 10);
    expect_log(j, 1, n + 10);
    journal_close(j);
}

static int no_fallocate(int fd, off_t at, off_t len)
{
    (void)fd;
    (void)at;
    (void)len;
    errno = EOPNOTSUPP;
    return -1;
}

static void a_file_system_that_cannot_preallocate_is_fine(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct fs_calls calls = fs_system_calls;
    calls.fallocate = no_fallocate;
    fs_replace(&calls);
    uint64_t next = 1;
    for (unsigned round = 0; round < 4; round++) {
        struct journal *j = open_log(dir, &small_log);
        put_range(j, next, next + 700);
        next += 701;
        expect_log(j, 1, next - 1);
        journal_close(j);
    }
    fs_replace(NULL);
    assert_true(file_size(segment_path(dir, 1)) <= SEGMENT);
}

/* One page of one file that cannot be read. */
static ino_t bad_file;
static off_t bad_at;
#define BAD_PAGE 4096

static ssize_t bad_page_pread(int fd, void *data, size_t len, off_t at)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    if (st.st_ino == bad_file && at < bad_at + BAD_PAGE && at + (off_t)len > bad_at) {
        if (at >= bad_at) {
            errno = EIO;
            return -1;
        }
        len = (size_t)(bad_at - at); /* the kernel gives what stands before it */
    }
    return fs_system_calls.pread(fd, data, len, at);
}

/* Records 1 to `last`, but for those of which a part stands in the bad page of the first segment,
 * which ends before record `second`. */
static void expect_all_but_the_bad_page(struct journal *j, uint64_t second, uint64_t last)
{
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (uint64_t n = 1; n <= last; n++) {
        if (n < second && offset_of(n) < (uint64_t)bad_at + BAD_PAGE &&
            offset_of(n + 1) > (uint64_t)bad_at) {
            continue;
        }
        assert_int_equal(journal_read(r, &record), LL_OK);
        check_record(&record, n);
    }
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
    journal_reader_close(r);
}

/* In the last segment, and in one before it. */
static void a_page_that_cannot_be_read_costs_its_own_records_alone(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {400, 2000};
    struct fs_calls calls = fs_system_calls;
    calls.pread = bad_page_pread;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *dir = new_dir();
        struct journal *j = open_log(dir, &small_log);
        put_range(j, 1, sizes[i]);
        journal_close(j);
        assert_int_equal(file_exists(segment_path(dir, 1)), true);
        struct stat st;
        assert_int_equal(stat(segment_path(dir, 1), &st), 0);
        bad_file = st.st_ino;
        bad_at = 4 * BAD_PAGE;
        fs_replace(&calls);
        j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).next_seq, sizes[i] + 1);
        put_range(j, sizes[i] + 1, sizes[i] + 5);
        expect_all_but_the_bad_page(j, UINT64_MAX, sizes[i] + 5);
        assert_int_equal(journal_stats(j).damaged, 1);
        fs_replace(NULL);
        journal_close(j);
    }
}

static void an_end_that_cannot_be_read_does_not_hide_the_segments_that_follow(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 2000);
    struct stat st;
    assert_int_equal(stat(segment_path(dir, 1), &st), 0);
    bad_file = st.st_ino;
    bad_at = (st.st_size - 1) / BAD_PAGE * BAD_PAGE;
    struct fs_calls calls = fs_system_calls;
    calls.pread = bad_page_pread;
    fs_replace(&calls);
    expect_all_but_the_bad_page(j, journal_stats(j).second_seq, 2000);
    assert_int_equal(journal_stats(j).damaged, 1);
    fs_replace(NULL);
    journal_close(j);
}

static ssize_t broken_pread(int fd, void *data, size_t len, off_t at)
{
    if (at >= HEADER) {
        errno = EIO;
        return -1;
    }
    return fs_system_calls.pread(fd, data, len, at);
}

static ssize_t no_pread(int fd, void *data, size_t len, off_t at)
{
    (void)fd;
    (void)data;
    (void)len;
    (void)at;
    errno = EIO;
    return -1;
}

static void a_disk_that_was_away_loses_nothing(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    put_range(j, 1, 2000);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    struct fs_calls calls = fs_system_calls;
    calls.pread = no_pread;
    fs_replace(&calls);
    assert_int_equal(journal_read(r, &record), LL_EIO);
    assert_int_equal(journal_read(r, &record), LL_EIO);
    fs_replace(NULL);
    expect_range(r, 1, 2000);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_reader_close(r);
    journal_close(j);
}

static void a_last_segment_that_cannot_be_read_does_not_stop_the_start(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 100);
    journal_close(j);
    struct fs_calls calls = fs_system_calls;
    calls.pread = broken_pread;
    fs_replace(&calls);
    j = open_log(dir, &small_log);
    fs_replace(NULL);
    assert_int_equal(journal_stats(j).damaged, 1);
    const uint64_t next = journal_stats(j).next_seq;
    assert_true(next > 100);
    put_range(j, next, next + 5);
    expect_log(j, next, next + 5);
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_may_fail_once_while_records_are_appended_one_by_one),
        cmocka_unit_test(any_call_may_fail_once_while_records_are_gathered),
        cmocka_unit_test(any_call_may_fail_once_while_every_append_syncs),
        cmocka_unit_test(any_call_may_fail_while_a_segment_is_written_anew),
        cmocka_unit_test(a_refused_record_is_not_there_after_a_crash),
        cmocka_unit_test(a_full_disk_refuses_at_the_end_of_a_segment_and_leaves_no_file),
        cmocka_unit_test(a_file_system_that_cannot_preallocate_is_fine),
        cmocka_unit_test(a_page_that_cannot_be_read_costs_its_own_records_alone),
        cmocka_unit_test(an_end_that_cannot_be_read_does_not_hide_the_segments_that_follow),
        cmocka_unit_test(a_disk_that_was_away_loses_nothing),
        cmocka_unit_test(a_last_segment_that_cannot_be_read_does_not_stop_the_start),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
