/* Appending, rolling, trimming, limits and the lock. */
#include "tests/unit/journal/journal_tools.h"

#include <sys/wait.h>

#include "gateway/base/limits.h"

static void an_empty_folder_becomes_an_empty_log(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    const struct journal_stats s = journal_stats(j);
    assert_int_equal(s.first_seq, 1);
    assert_int_equal(s.next_seq, 1);
    assert_int_equal(s.bytes, SEGMENT);
    assert_false(s.torn_tail);
    struct journal_reader *r = open_reader(j, 0);
    struct journal_record record;
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
    journal_reader_close(r);
    journal_close(j);
}

static void what_was_appended_is_read_back_across_segments(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    put_range(j, 1, 5000);
    assert_true(journal_stats(j).bytes > 5 * SEGMENT);
    assert_int_equal(journal_stats(j).next_seq, 5001);
    expect_log(j, 1, 5000);
    expect_log(j, 2500, 5000);
    expect_log(j, 5000, 5000);
    journal_close(j);
}

static void a_log_opened_again_goes_on_where_it_ended(void **state)
{
    (void)state;
    const char *dir = new_dir();
    uint64_t next = 1;
    for (unsigned round = 0; round < 12; round++) {
        struct journal *j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).next_seq, next);
        assert_false(journal_stats(j).torn_tail);
        put_range(j, next, next + 300);
        next += 301;
        journal_close(j);
    }
    struct journal *j = open_log(dir, &small_log);
    expect_log(j, 1, next - 1);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
}

static void a_record_larger_than_a_segment_has_one_of_its_own(void **state)
{
    (void)state;
    const char *dir = new_dir();
    static char large[LL_MAX_JOURNAL_RECORD + 1];
    memset(large, 'x', sizeof large);
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 10);
    assert_int_equal(journal_append(j, 1, (struct wall_ms){0}, large, sizeof large, NULL),
                     LL_EINVAL);
    assert_int_equal(journal_append(j, 1, (struct wall_ms){0}, large, sizeof large - 1, NULL),
                     LL_OK);
    put_range(j, 12, 20);
    for (int again = 0; again < 2; again++) {
        struct journal_reader *r = open_reader(j, 11);
        struct journal_record record;
        assert_int_equal(journal_read(r, &record), LL_OK);
        assert_int_equal(record.len, sizeof large - 1);
        assert_memory_equal(record.data, large, sizeof large - 1);
        expect_range(r, 12, 20);
        journal_reader_close(r);
        journal_close(j);
        j = open_log(dir, &small_log);
    }
    journal_close(j);
}

static void a_log_leaves_the_disk_its_floor(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.floor_bytes = UINT64_MAX / 2; /* more than any disk has */
    struct journal *j = open_log(new_dir(), &options);
    ll_err err = LL_OK;
    uint64_t count = 0;
    while (count < 10000 && (err = put(j, count + 1)) == LL_OK) {
        count++;
    }
    assert_int_equal(err, LL_ENOSPC);
    assert_true(count > 100);
    assert_int_equal(journal_stats(j).next_seq, count + 1);
    journal_close(j);
}

static void a_full_log_refuses_until_it_is_trimmed(void **state)
{
    (void)state;
    const struct journal_options options = {.segment_bytes = SEGMENT, .max_bytes = 3ULL * SEGMENT};
    struct journal *j = open_log(new_dir(), &options);
    uint64_t n = 1;
    ll_err err;
    while ((err = put(j, n)) == LL_OK) {
        n++;
    }
    assert_int_equal(err, LL_ELIMIT);
    assert_true(journal_stats(j).bytes <= options.max_bytes);
    assert_int_equal(journal_stats(j).next_seq, n);
    expect_log(j, 1, n - 1);

    assert_int_equal(journal_trim(j, n), LL_OK);
    put_range(j, n, n + 100);
    const uint64_t first = journal_stats(j).first_seq;
    assert_true(first > 1 && first <= n);
    expect_log(j, first, n + 100);
    journal_close(j);
}

static void trim_deletes_only_segments_of_which_all_is_below(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    uint64_t n = 1;
    while (journal_stats(j).bytes <= 2 * SEGMENT) { /* the third segment begins with n - 1 */
        put_range(j, n, n);
        n++;
    }
    const uint64_t third = n - 1;
    assert_true(file_exists(segment_path(dir, third)));
    assert_int_equal(journal_trim(j, 1), LL_OK);
    assert_int_equal(journal_stats(j).first_seq, 1);
    assert_int_equal(journal_trim(j, third - 1), LL_OK);
    const uint64_t second = journal_stats(j).first_seq;
    assert_true(second > 1 && second < third);
    assert_false(file_exists(segment_path(dir, 1)));
    assert_true(file_exists(segment_path(dir, second)));
    const uint64_t before = journal_stats(j).bytes;
    assert_int_equal(journal_trim(j, n + 1000), LL_OK);
    assert_int_equal(journal_stats(j).first_seq, third);
    assert_true(journal_stats(j).bytes < before);
    expect_log(j, third, third);
    journal_close(j);

    j = open_log(dir, &small_log);
    assert_int_equal(journal_stats(j).next_seq, n);
    expect_log(j, third, third);
    journal_close(j);
}

static void a_log_that_is_open_is_busy_for_others(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    struct journal *other = NULL;
    assert_int_equal(journal_open(dir, &small_log, &other), LL_EBUSY);
    assert_null(other);
    journal_close(j);
    journal_close(open_log(dir, &small_log));
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct journal *j = NULL;
    const struct journal_options tiny = {.segment_bytes = 1024, .max_bytes = 1 << 20};
    assert_int_equal(journal_open(new_dir(), &tiny, &j), LL_EINVAL);
    assert_null(j);
    journal_close(NULL);
}

static void gathered_records_are_seen_only_after_a_flush(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal_options options = small_log;
    options.buffer_bytes = 32768;
    struct journal *j = open_log(dir, &options);
    struct journal_reader *r = open_reader(j, 1);
    put_range(j, 1, 50);
    expect_range(r, 1, 0);
    assert_false(journal_wait(r, 0));
    assert_int_equal(journal_stats(j).next_seq, 51);
    assert_int_equal(journal_flush(j), LL_OK);
    assert_true(journal_wait(r, 0));
    expect_range(r, 1, 50);
    assert_int_equal(journal_flush(j), LL_OK);
    expect_range(r, 1, 0);

    put_range(j, 51, 3000); /* a full buffer is written without being asked to */
    struct journal_record record;
    assert_int_equal(journal_read(r, &record), LL_OK);
    check_record(&record, 51);
    journal_reader_close(r);
    journal_close(j); /* writes the rest */

    j = open_log(dir, &options);
    expect_log(j, 1, 3000);
    journal_close(j);
}

static void an_append_that_syncs_always_can_be_read(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.sync = JOURNAL_SYNC_ALWAYS;
    struct journal *j = open_log(new_dir(), &options);
    put_range(j, 1, 20);
    assert_int_equal(journal_sync(j), LL_OK);
    expect_log(j, 1, 20);
    journal_close(j);
}

/* Appends for ever and tells through the pipe how many appends have returned. */
static void append_until_killed(const char *dir, int pipe_fd)
{
    struct journal *j = NULL;
    if (journal_open(dir, &small_log, &j) != LL_OK) {
        _exit(1);
    }
    for (uint64_t n = journal_stats(j).next_seq;; n++) {
        char data[150];
        const size_t len = payload_len(n);
        fill_payload(n, data, len);
        if (journal_append(j, (uint8_t)(n % 200), (struct wall_ms){1700000000000 + (int64_t)n},
                           data, len, NULL) != LL_OK ||
            write(pipe_fd, &n, sizeof n) != (ssize_t)sizeof n) {
            _exit(1);
        }
    }
}

static void a_killed_process_has_lost_no_record_of_which_the_append_returned(void **state)
{
    (void)state;
    const char *dir = new_dir();
    uint64_t next = 1;
    for (unsigned round = 0; round < 8; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            append_until_killed(dir, ends[1]);
        }
        close(ends[1]);
        uint64_t told = 0;
        uint64_t n = 0;
        for (unsigned i = 0; i < 100 + round * 57; i++) {
            assert_int_equal(read(ends[0], &n, sizeof n), sizeof n);
            told = n;
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(ends[0], &n, sizeof n) == (ssize_t)sizeof n) {
            told = n;
        }
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));

        struct journal *j = open_log(dir, &small_log);
        next = journal_stats(j).next_seq;
        assert_in_range(next, told + 1, told + 2);
        expect_log(j, 1, next - 1);
        journal_close(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_folder_becomes_an_empty_log),
        cmocka_unit_test(what_was_appended_is_read_back_across_segments),
        cmocka_unit_test(a_log_opened_again_goes_on_where_it_ended),
        cmocka_unit_test(a_record_larger_than_a_segment_has_one_of_its_own),
        cmocka_unit_test(a_log_leaves_the_disk_its_floor),
        cmocka_unit_test(a_full_log_refuses_until_it_is_trimmed),
        cmocka_unit_test(trim_deletes_only_segments_of_which_all_is_below),
        cmocka_unit_test(a_log_that_is_open_is_busy_for_others),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(gathered_records_are_seen_only_after_a_flush),
        cmocka_unit_test(an_append_that_syncs_always_can_be_read),
        cmocka_unit_test(a_killed_process_has_lost_no_record_of_which_the_append_returned),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
