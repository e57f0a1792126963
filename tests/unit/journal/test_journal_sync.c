/* A disk that fails at a sync, as Linux has it: what the sync was to write is not on the disk, and
 * the kernel takes it for written from then on. */
#include "tests/unit/journal/journal_tools.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gateway/base/fs.h"

#define MAX_STRETCHES 4096

/* Bytes that were written to a file and are not on the disk. */
struct stretch {
    ino_t file;
    uint64_t at;
    uint64_t len;
    bool lost; /* the kernel has forgotten it */
};

static struct stretch stretches[MAX_STRETCHES];
static size_t stretch_count;
static unsigned syncs_to_fail; /* so many from now on do */
static unsigned syncs;

static ino_t file_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* A file that is made or emptied: its number may be one that was used before. */
static int kernel_open(const char *path, int flags, mode_t mode)
{
    const int fd = fs_system_calls.open(path, flags, mode);
    if (fd >= 0 && (flags & O_TRUNC) != 0) {
        size_t kept = 0;
        for (size_t i = 0; i < stretch_count; i++) {
            if (stretches[i].file != file_of(fd)) {
                stretches[kept++] = stretches[i];
            }
        }
        stretch_count = kept;
    }
    return fd;
}

static ssize_t kernel_pwrite(int fd, const void *data, size_t len, off_t at)
{
    assert_true(stretch_count < MAX_STRETCHES);
    stretches[stretch_count++] =
        (struct stretch){.file = file_of(fd), .at = (uint64_t)at, .len = len};
    return fs_system_calls.pwrite(fd, data, len, at);
}

static int kernel_sync(int fd)
{
    const ino_t file = file_of(fd);
    const bool fails = syncs_to_fail > 0;
    size_t kept = 0;
    syncs++;
    for (size_t i = 0; i < stretch_count; i++) {
        struct stretch s = stretches[i];
        if (s.file != file || s.lost || fails) {
            s.lost = s.lost || s.file == file;
            stretches[kept++] = s;
        }
    }
    stretch_count = kept;
    if (fails) {
        syncs_to_fail--;
        errno = EIO;
        return -1;
    }
    return 0;
}

static int kernel_fsync(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return S_ISDIR(st.st_mode) ? 0 : kernel_sync(fd);
}

static void begin_kernel(void)
{
    static struct fs_calls calls;
    calls = fs_system_calls;
    calls.open = kernel_open;
    calls.pwrite = kernel_pwrite;
    calls.fdatasync = kernel_sync;
    calls.fsync = kernel_fsync;
    stretch_count = 0;
    syncs_to_fail = 0;
    syncs = 0;
    fs_replace(&calls);
}

/* The process is killed and the power cut, so that what is not on the disk reads as zeros. */
static void cut_power(struct journal *j, const char *dir)
{
    static const char zeros[1 << 16];
    const struct stretch *s;
    const size_t count = stretch_count;
    syncs_to_fail = UINT32_MAX;
    journal_close(j);
    fs_replace(NULL);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[PATH_TEXT + 300];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        for (s = stretches; s < stretches + count; s++) {
            if (s->file == e->d_ino) {
                assert_in_range(s->len, 0, sizeof zeros);
                overwrite(path, s->at, zeros, s->len);
            }
        }
    }
    closedir(d);
}

/* Opened again it has the records 1 to `last`, and takes more. */
static void expect_kept(const char *dir, const struct journal_options *options, uint64_t last)
{
    struct journal *j = open_log(dir, options);
    assert_int_equal(journal_stats(j).next_seq, last + 1);
    put_range(j, last + 1, last + 5);
    assert_int_equal(journal_flush(j), LL_OK);
    expect_log(j, 1, last + 5);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
}

static void what_a_failed_sync_left_out_the_next_one_brings_to_the_disk(void **state)
{
    (void)state;
    const char *dir = new_dir();
    begin_kernel();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 3);
    assert_int_equal(journal_sync(j), LL_OK);
    put_range(j, 4, 6);
    const uint64_t before = counter_get(COUNTER_JOURNAL_SYNC_FAILED);
    syncs_to_fail = 1;
    assert_int_equal(journal_sync(j), LL_EIO);
    assert_int_equal(counter_get(COUNTER_JOURNAL_SYNC_FAILED), before + 1);
    assert_int_equal(journal_sync(j), LL_OK);
    cut_power(j, dir);
    expect_kept(dir, &small_log, 6);
}

static void nothing_is_written_while_what_came_before_is_in_doubt(void **state)
{
    (void)state;
    const char *dir = new_dir();
    begin_kernel();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 3);
    syncs_to_fail = 4;
    assert_int_equal(journal_sync(j), LL_EIO);
    assert_int_equal(put(j, 4), LL_EIO); /* these try to make a copy */
    assert_int_equal(put(j, 4), LL_EIO);
    assert_int_equal(journal_sync(j), LL_EIO);
    put_range(j, 4, 6);
    assert_int_equal(journal_sync(j), LL_OK);
    expect_log(j, 1, 6);
    cut_power(j, dir);
    expect_kept(dir, &small_log, 6);
}

static void a_segment_whose_last_sync_failed_is_not_left_behind(void **state)
{
    (void)state;
    const char *dir = new_dir();
    begin_kernel();
    struct journal *j = open_log(dir, &small_log);
    uint64_t n = 1;
    syncs_to_fail = 1;
    while (put(j, n) == LL_OK) {
        n++;
    }
    put_range(j, n, n + 5); /* in the next one */
    assert_int_equal(file_exists(segment_path(dir, n)), true);
    assert_int_equal(journal_sync(j), LL_OK);
    cut_power(j, dir);
    expect_kept(dir, &small_log, n + 5);
}

static void a_record_whose_own_sync_failed_is_refused(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.sync = JOURNAL_SYNC_ALWAYS;
    const char *dir = new_dir();
    begin_kernel();
    struct journal *j = open_log(dir, &options);
    put_range(j, 1, 3);
    syncs_to_fail = 2;
    assert_int_equal(put(j, 4), LL_EIO);
    expect_log(j, 1, 3);
    assert_int_equal(put(j, 4), LL_EIO);
    put_range(j, 4, 6);
    cut_power(j, dir);
    expect_kept(dir, &options, 6);
}

static void what_has_gathered_survives_it_too(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.buffer_bytes = 4096;
    const char *dir = new_dir();
    begin_kernel();
    struct journal *j = open_log(dir, &options);
    put_range(j, 1, 10);
    assert_int_equal(journal_flush(j), LL_OK);
    put_range(j, 11, 20);
    syncs_to_fail = 2;
    assert_int_equal(journal_sync(j), LL_EIO);
    assert_int_equal(journal_flush(j), LL_EIO);
    assert_int_equal(journal_flush(j), LL_OK);
    assert_int_equal(journal_sync(j), LL_OK);
    cut_power(j, dir);
    expect_kept(dir, &options, 20);
}

static void readers_go_on_in_the_copy(void **state)
{
    (void)state;
    begin_kernel();
    struct journal *j = open_log(new_dir(), &small_log);
    put_range(j, 1, 20);
    struct journal_reader *early = open_reader(j, 1); /* has not opened the file yet */
    struct journal_reader *midway = open_reader(j, 1);
    struct journal_reader *at_end = open_reader(j, 1);
    struct journal_record record;
    assert_int_equal(journal_read(midway, &record), LL_OK);
    check_record(&record, 1);
    expect_range(at_end, 1, 20);
    for (uint64_t n = 20; n < 200; n += 20) {
        syncs_to_fail = 1;
        assert_int_equal(journal_sync(j), LL_EIO);
        put_range(j, n + 1, n + 20);
        expect_range(at_end, n + 1, n + 20);
    }
    expect_range(early, 1, 200);
    expect_range(midway, 2, 200);
    assert_int_equal(journal_stats(j).damaged, 0);
    fs_replace(NULL);
    journal_reader_close(early);
    journal_reader_close(midway);
    journal_reader_close(at_end);
    journal_close(j);
}

static void a_copy_that_was_cut_off_is_cleared_away(void **state)
{
    (void)state;
    const char *dir = new_dir();
    char path[PATH_TEXT + 16];
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 3);
    journal_close(j);
    snprintf(path, sizeof path, "%s/copy", dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    expect_kept(dir, &small_log, 3);
    assert_false(file_exists(path));
}

static void what_a_killed_process_wrote_is_synced_at_the_first_occasion(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 3);
    journal_close(j);
    begin_kernel();
    j = open_log(dir, &small_log);
    syncs = 0;
    assert_int_equal(journal_sync(j), LL_OK);
    assert_int_equal(syncs, 1);
    assert_int_equal(journal_sync(j), LL_OK); /* nothing is dirty: no call */
    assert_int_equal(syncs, 1);
    fs_replace(NULL);
    journal_close(j);
}

/* --- two at once ----------------------------------------------------------------------------- */

static struct journal *shared;
static pthread_t second;
static ll_err second_got;

static void *sync_again(void *arg)
{
    (void)arg;
    second_got = journal_sync(shared);
    return NULL;
}

/* Another sync is asked for while the first is under way; the kernel tells one alone. */
static int sync_twice(int fd)
{
    syncs++;
    if (syncs == 1) {
        assert_int_equal(pthread_create(&second, NULL, sync_again, NULL), 0);
        usleep(20000);
        errno = EIO;
        return -1;
    }
    return fs_system_calls.fdatasync(fd);
}

static void a_sync_does_not_rely_on_one_that_has_not_ended(void **state)
{
    (void)state;
    shared = open_log(new_dir(), &small_log);
    put_range(shared, 1, 3);
    struct fs_calls calls = fs_system_calls;
    calls.fdatasync = sync_twice;
    fs_replace(&calls);
    syncs = 0;
    assert_int_equal(journal_sync(shared), LL_EIO);
    assert_int_equal(pthread_join(second, NULL), 0);
    fs_replace(NULL);
    assert_int_equal(second_got, LL_OK);
    assert_int_equal(syncs, 1); /* the second made a copy instead */
    expect_log(shared, 1, 3);
    journal_close(shared);
}

#define APPENDERS      2
#define APPENDS        600
#define FAILS_ONE_IN   3
#define RECORDS_IN_ALL (APPENDERS * APPENDS)

static atomic_uint nth_sync;
static atomic_bool done;

static int fail_now_and_then(int fd)
{
    (void)fd;
    errno = EIO;
    return atomic_fetch_add(&nth_sync, 1) % FAILS_ONE_IN == 0 ? -1 : 0;
}

static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

static void *append_many(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < APPENDS; i++) {
        while (journal_append(shared, 1, (struct wall_ms){0}, "0123456789", 10, NULL) != LL_OK) {
            sched_yield();
        }
        if (i % 10 == 0) {
            usleep(100); /* so that the others have their turn */
        }
    }
    return NULL;
}

static void *sync_for_ever(void *arg)
{
    (void)arg;
    while (!atomic_load(&done)) {
        (void)journal_sync(shared); /* one in three is to fail */
    }
    return NULL;
}

static void syncs_that_fail_amid_appends_take_nothing_from_readers(void **state)
{
    (void)state;
    pthread_t appenders[APPENDERS];
    pthread_t syncer;
    const char *dir = new_dir();
    shared = open_log(dir, &small_log);
    struct journal_reader *r = open_reader(shared, 1);
    struct fs_calls calls = fs_system_calls;
    calls.fdatasync = fail_now_and_then;
    calls.fsync = no_sync;
    fs_replace(&calls);
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&syncer, NULL, sync_for_ever, NULL), 0);
    for (size_t i = 0; i < APPENDERS; i++) {
        assert_int_equal(pthread_create(&appenders[i], NULL, append_many, NULL), 0);
    }
    for (uint64_t seq = 1; seq <= RECORDS_IN_ALL;) {
        struct journal_record record;
        if (journal_read(r, &record) == LL_OK) {
            assert_int_equal(record.seq, seq);
            seq++;
        }
    }
    for (size_t i = 0; i < APPENDERS; i++) {
        assert_int_equal(pthread_join(appenders[i], NULL), 0);
    }
    atomic_store(&done, true);
    assert_int_equal(pthread_join(syncer, NULL), 0);
    fs_replace(NULL);
    assert_int_equal(journal_stats(shared).damaged, 0);
    journal_reader_close(r);
    journal_close(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_failed_sync_left_out_the_next_one_brings_to_the_disk),
        cmocka_unit_test(nothing_is_written_while_what_came_before_is_in_doubt),
        cmocka_unit_test(a_segment_whose_last_sync_failed_is_not_left_behind),
        cmocka_unit_test(a_record_whose_own_sync_failed_is_refused),
        cmocka_unit_test(what_has_gathered_survives_it_too),
        cmocka_unit_test(readers_go_on_in_the_copy),
        cmocka_unit_test(a_copy_that_was_cut_off_is_cleared_away),
        cmocka_unit_test(what_a_killed_process_wrote_is_synced_at_the_first_occasion),
        cmocka_unit_test(a_sync_does_not_rely_on_one_that_has_not_ended),
        cmocka_unit_test(syncs_that_fail_amid_appends_take_nothing_from_readers),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
