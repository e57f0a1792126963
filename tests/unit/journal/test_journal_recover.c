/* Torn tails, damage, stale bytes: what a log looks like after the worst, and what it makes of it.
 */
#include "tests/unit/journal/journal_tools.h"

#include <dirent.h>

#include "gateway/base/crc32c.h"

#define LEAP (1UL << 25) /* sequences left out after a new start of the machine */

/* A closed log with the records 1 to `count`. */
static const char *closed_log(uint64_t count)
{
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, count);
    journal_close(j);
    return dir;
}

static unsigned files_in(const char *path)
{
    unsigned count = 0;
    DIR *d = opendir(path);
    if (d == NULL) {
        return 0;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        count += e->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

static void a_torn_tail_is_cut_at_every_byte_and_counted(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    const char *path = segment_path(dir, 1);
    const uint64_t start = offset_of(20);
    const size_t len = RECORD + payload_len(20);
    char last[RECORD + 150];
    read_bytes(path, start, last, len);
    static const char zeros[RECORD + 150];

    for (unsigned shorter = 0; shorter < 2; shorter++) {
        for (size_t kept = 0; kept < len; kept++) {
            /* Either the file ends there, or zeros follow since it was preallocated. */
            assert_int_equal(truncate(path, (off_t)(start + (shorter ? kept : 0))), 0);
            overwrite(path, start, last, kept);
            if (!shorter) {
                overwrite(path, start + kept, zeros, len - kept);
            }
            const uint64_t before = counter_get(COUNTER_JOURNAL_TORN);
            struct journal *j = open_log(dir, &small_log);
            assert_int_equal(journal_stats(j).next_seq, 20);
            assert_int_equal(journal_stats(j).torn_tail, kept > 0);
            assert_int_equal(counter_get(COUNTER_JOURNAL_TORN) - before, kept > 0 ? 1 : 0);
            expect_log(j, 1, 19);
            assert_int_equal(put(j, 20), LL_OK);
            expect_log(j, 1, 20);
            assert_int_equal(journal_stats(j).damaged, 0);
            journal_close(j);
        }
    }
}

static void a_last_record_without_its_padding_is_whole(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    assert_int_not_equal(payload_len(20) % 8, 0);
    assert_int_equal(
        truncate(segment_path(dir, 1), (off_t)(offset_of(20) + RECORD + payload_len(20))), 0);
    struct journal *j = open_log(dir, &small_log);
    assert_false(journal_stats(j).torn_tail);
    put_range(j, 21, 25);
    expect_log(j, 1, 25);
    journal_close(j);
}

/* Records 1 to 9 and 11 to `to`, with the loss of 10 met on the way. */
static void expect_all_but_ten(struct journal *j, uint64_t to)
{
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (uint64_t n = 1; n <= to; n++) {
        if (n != 10) {
            assert_int_equal(journal_read(r, &record), LL_OK);
            check_record(&record, n);
        }
    }
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
    journal_reader_close(r);
}

static void a_flipped_bit_in_the_middle_costs_one_record_and_is_counted_once(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    char path[PATH_TEXT + 32];
    snprintf(path, sizeof path, "%s", segment_path(dir, 1));
    const size_t len = RECORD + payload_len(10);
    for (size_t i = 0; i < len; i++) {
        const unsigned char mask = (unsigned char)(1U << (i % 8));
        flip(path, offset_of(10) + i, mask);
        struct journal *j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).next_seq, 21);
        assert_false(journal_stats(j).torn_tail);
        const uint64_t before = counter_get(COUNTER_JOURNAL_DAMAGED);
        expect_all_but_ten(j, 20);
        expect_all_but_ten(j, 20);
        assert_int_equal(journal_stats(j).damaged, 1);
        assert_int_equal(counter_get(COUNTER_JOURNAL_DAMAGED) - before, 1);
        expect_log(j, 11, 20);
        journal_close(j);
        flip(path, offset_of(10) + i, mask);
    }
}

static void damage_is_copied_once_to_where_it_is_set_aside(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    char aside[PATH_TEXT];
    snprintf(aside, sizeof aside, "%s/aside", dir);
    const char *path = segment_path(dir, 1);
    flip(path, offset_of(10) + 3, 0x10);
    char damaged[RECORD + 150];
    const size_t len = (size_t)disk_size(10);
    read_bytes(path, offset_of(10), damaged, len);

    struct journal_options options = small_log;
    options.damaged_dir = aside;
    options.damaged_bytes = SEGMENT;
    for (unsigned again = 0; again < 2; again++) {
        struct journal *j = open_log(dir, &options);
        expect_all_but_ten(j, 20);
        journal_close(j);
        assert_int_equal(files_in(aside), 1);
    }
    char copy[2 * PATH_TEXT];
    snprintf(copy, sizeof copy, "%s/%s-%016x-%" PRIu64 ".bin", aside, strrchr(dir, '/') + 1, 1U,
             offset_of(10));
    assert_int_equal(file_size(copy), len);
    char kept[RECORD + 150];
    read_bytes(copy, 0, kept, len);
    assert_memory_equal(kept, damaged, len);
}

static void segments_that_are_set_aside_stop_at_their_cap_too(void **state)
{
    (void)state;
    const char *dir = new_dir();
    char aside[PATH_TEXT + 16];
    snprintf(aside, sizeof aside, "%s/aside", dir);
    struct journal_options options = small_log;
    options.damaged_dir = aside;
    options.damaged_bytes = 2 * SEGMENT;
    for (uint64_t round = 1; round <= 4; round++) {
        struct journal *j = open_log(dir, &options);
        const uint64_t first = journal_stats(j).first_seq;
        journal_append(j, 1, (struct wall_ms){0}, "x", 1, NULL);
        journal_close(j);
        const uint64_t lost = counter_get(COUNTER_JOURNAL_NOT_KEPT);
        flip(segment_path(dir, first), 20, 0x01);
        j = open_log(dir, &options);
        assert_int_equal(journal_stats(j).damaged, 1);
        journal_close(j);
        assert_false(file_exists(segment_path(dir, first)));
        assert_int_equal(files_in(aside), round < 2 ? round : 2);
        assert_int_equal(counter_get(COUNTER_JOURNAL_NOT_KEPT), lost + (round > 2));
    }
}

static void copies_of_damage_stop_at_their_cap(void **state)
{
    (void)state;
    const char *dir = closed_log(400);
    char aside[PATH_TEXT];
    snprintf(aside, sizeof aside, "%s/aside", dir);
    for (uint64_t n = 2; n < 200; n += 2) {
        flip(segment_path(dir, 1), offset_of(n) + 8, 0x01);
    }
    struct journal_options options = small_log;
    options.damaged_dir = aside;
    options.damaged_bytes = SEGMENT;
    struct journal *j = open_log(dir, &options);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    unsigned count = 0;
    while (journal_read(r, &record) == LL_OK) {
        check_record(&record, record.seq);
        count++;
    }
    assert_int_equal(count, 400 - 99);
    assert_int_equal(journal_stats(j).damaged, 99);
    assert_int_equal(files_in(aside), 64);
    journal_reader_close(r);
    journal_close(j);
}

static void appends_go_on_behind_damage_in_the_last_segment(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    static const char zeros[512];
    overwrite(segment_path(dir, 1), offset_of(10), zeros, (size_t)disk_size(10));
    struct journal *j = open_log(dir, &small_log);
    assert_false(journal_stats(j).torn_tail);
    put_range(j, 21, 900);
    expect_all_but_ten(j, 900);
    assert_int_equal(journal_stats(j).damaged, 1);
    journal_close(j);
}

static void damage_that_a_reader_was_past_is_not_its_business(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    flip(segment_path(dir, 1), offset_of(10), 0xff);
    struct journal *j = open_log(dir, &small_log);
    expect_log(j, 11, 20);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
}

static void damage_under_a_running_log_is_skipped_and_does_not_keep_the_reader_awake(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 20);
    flip(segment_path(dir, 1), offset_of(20) + RECORD, 0x01);
    struct journal_reader *r = open_reader(j, 1);
    expect_range(r, 1, 19);
    assert_int_equal(journal_stats(j).damaged, 1);
    assert_false(journal_wait(r, 0));
    put_range(j, 21, 22);
    assert_true(journal_wait(r, 0));
    expect_range(r, 21, 22);
    assert_int_equal(journal_stats(j).damaged, 1);
    journal_reader_close(r);
    journal_close(j);
}

/* The first sequence of the second segment of a log that put_range made. */
static uint64_t second_segment(const char *dir)
{
    uint64_t n = 2;
    while (!file_exists(segment_path(dir, n))) {
        n++;
        assert_true(n < 100000);
    }
    return n;
}

static void the_lost_end_of_an_earlier_segment_is_counted(void **state)
{
    (void)state;
    const char *dir = closed_log(2000);
    const uint64_t second = second_segment(dir);
    assert_int_equal(truncate(segment_path(dir, 1), (off_t)offset_of(second - 3)), 0);
    struct journal *j = open_log(dir, &small_log);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (uint64_t n = 1; n <= 2000; n = n == second - 4 ? second : n + 1) {
        assert_int_equal(journal_read(r, &record), LL_OK);
        check_record(&record, n);
    }
    assert_int_equal(journal_stats(j).damaged, 1);
    journal_reader_close(r);
    journal_close(j);
}

static void zeros_behind_an_earlier_segment_are_no_damage(void **state)
{
    (void)state;
    const char *dir = closed_log(2000);
    assert_int_equal(truncate(segment_path(dir, 1), (off_t)(2 * SEGMENT)), 0);
    struct journal *j = open_log(dir, &small_log);
    expect_log(j, 1, 2000);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_close(j);
}

static void a_damaged_header_sets_aside_an_earlier_segment(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < HEADER; i++) {
        const char *dir = closed_log(1500);
        const uint64_t second = second_segment(dir);
        flip(segment_path(dir, 1), i, 0x04);
        struct journal *j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).damaged, 1);
        assert_int_equal(journal_stats(j).first_seq, second);
        assert_false(file_exists(segment_path(dir, 1)));
        expect_log(j, second, 1500);
        put_range(j, 1501, 1510);
        assert_int_equal(journal_stats(j).damaged, 1);
        journal_close(j);
    }
}

static void a_damaged_header_of_the_last_segment_begins_a_new_one_far_above(void **state)
{
    (void)state;
    const char *dir = closed_log(1500);
    uint64_t last = second_segment(dir);
    while (true) {
        uint64_t n = last + 1;
        while (n <= 1500 && !file_exists(segment_path(dir, n))) {
            n++;
        }
        if (n > 1500) {
            break;
        }
        last = n;
    }
    flip(segment_path(dir, last), 0, 0xff);
    struct journal *j = open_log(dir, &small_log);
    const uint64_t next = journal_stats(j).next_seq;
    assert_true(next > 1500);
    put_range(j, next, next + 10);
    journal_close(j);

    j = open_log(dir, &small_log);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (uint64_t n = 1; n < last; n++) {
        assert_int_equal(journal_read(r, &record), LL_OK);
        check_record(&record, n);
    }
    expect_range(r, next, next + 10);
    assert_int_equal(journal_stats(j).damaged, 0); /* it was counted when it was found */
    journal_reader_close(r);
    journal_close(j);
    char aside[PATH_TEXT + 64];
    snprintf(aside, sizeof aside, "%s.damaged", segment_path(dir, last));
    assert_true(file_exists(aside));
}

static void a_header_of_a_later_version_is_refused(void **state)
{
    (void)state;
    const char *dir = closed_log(5);
    const char *path = segment_path(dir, 1);
    unsigned char head[HEADER];
    read_bytes(path, 0, head, sizeof head);
    head[8] = 2;
    const uint32_t crc = crc32c(0, head, 60);
    for (unsigned i = 0; i < 4; i++) {
        head[60 + i] = (unsigned char)(crc >> (8 * i));
    }
    overwrite(path, 0, head, sizeof head);
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, &small_log, &j), LL_EVERSION);
    assert_null(j);
    assert_true(file_exists(path));
}

static void a_file_that_was_only_being_made_is_deleted(void **state)
{
    (void)state;
    for (unsigned size = 0; size < 2; size++) {
        const char *dir = closed_log(20);
        const char *path = segment_path(dir, 21);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(truncate(path, (off_t)(size * SEGMENT)), 0);
        struct journal *j = open_log(dir, &small_log);
        assert_int_equal(journal_stats(j).damaged, 0);
        assert_int_equal(journal_stats(j).next_seq, 21);
        assert_false(file_exists(segment_path(dir, 21)));
        put_range(j, 21, 30);
        expect_log(j, 1, 30);
        journal_close(j);
    }
}

static void bytes_of_an_older_file_are_not_taken_for_records(void **state)
{
    (void)state;
    const char *old = closed_log(40);
    char stale[16384];
    read_bytes(segment_path(old, 1), 0, stale, sizeof stale);
    const char *dir = closed_log(20);
    /* What follows record 20 is what an older log had there, its records 21 to 40. */
    const uint64_t at = offset_of(21);
    overwrite(segment_path(dir, 1), at, stale + at, (size_t)(offset_of(41) - at));
    struct journal *j = open_log(dir, &small_log);
    assert_true(journal_stats(j).torn_tail);
    assert_int_equal(journal_stats(j).next_seq, 21);
    put_range(j, 21, 22);
    expect_log(j, 1, 22);
    journal_close(j);
    j = open_log(dir, &small_log);
    assert_false(journal_stats(j).torn_tail);
    expect_log(j, 1, 22);
    journal_close(j);
}

static void a_payload_that_looks_like_a_record_is_not_one(void **state)
{
    (void)state;
    const char *old = closed_log(40);
    char stale[8192];
    read_bytes(segment_path(old, 1), HEADER, stale, sizeof stale);
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    assert_int_equal(journal_append(j, 0, (struct wall_ms){0}, stale, sizeof stale, NULL), LL_OK);
    put_range(j, 2, 5);
    journal_close(j);
    flip(segment_path(dir, 1), HEADER, 0x01); /* the search now goes through the payload */
    j = open_log(dir, &small_log);
    expect_log(j, 2, 5);
    struct journal_reader *r = open_reader(j, 1);
    expect_range(r, 2, 5);
    journal_reader_close(r);
    assert_int_equal(journal_stats(j).damaged, 1);
    journal_close(j);
}

/* Makes the log believe that the machine was started anew since it was last open. */
static void start_machine_anew(const char *dir)
{
    char path[PATH_TEXT + 8];
    unsigned char note[48];
    snprintf(path, sizeof path, "%s/lock", dir);
    read_bytes(path, 0, note, sizeof note);
    memset(note + 8, 'x', 36);
    const uint32_t crc = crc32c(0, note, 44);
    for (unsigned i = 0; i < 4; i++) {
        note[44 + i] = (unsigned char)(crc >> (8 * i));
    }
    overwrite(path, 0, note, sizeof note);
}

static uint64_t next_seq_of(const char *dir)
{
    struct journal *j = open_log(dir, &small_log);
    const uint64_t next = journal_stats(j).next_seq;
    journal_close(j);
    return next;
}

static void after_a_new_start_of_the_machine_no_sequence_is_given_out_twice(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    assert_int_equal(next_seq_of(dir), 21);
    start_machine_anew(dir);
    assert_int_equal(next_seq_of(dir), 21 + LEAP);
    assert_int_equal(next_seq_of(dir), 21 + LEAP); /* though no record says so */
    start_machine_anew(dir);
    assert_int_equal(next_seq_of(dir), 21 + 2 * LEAP);

    struct journal *j = open_log(dir, &small_log);
    put_range(j, 21 + 2 * LEAP, 30 + 2 * LEAP);
    journal_close(j);
    j = open_log(dir, &small_log);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (uint64_t n = 1; n <= 20; n++) {
        assert_int_equal(journal_read(r, &record), LL_OK);
        check_record(&record, n);
    }
    expect_range(r, 21 + 2 * LEAP, 30 + 2 * LEAP);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_reader_close(r);
    expect_log(j, 21 + 2 * LEAP, 30 + 2 * LEAP);
    journal_close(j);
}

static void a_leap_at_the_end_of_a_segment_is_no_damage(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    static const char large[SEGMENT / 2];
    unsigned count = 0;
    for (; count < 6; count++) { /* two do not fit into one segment */
        assert_int_equal(journal_append(j, 1, (struct wall_ms){0}, large, sizeof large, NULL),
                         LL_OK);
        journal_close(j);
        start_machine_anew(dir);
        j = open_log(dir, &small_log);
    }
    assert_true(journal_stats(j).bytes > 5 * sizeof large);
    struct journal_reader *r = open_reader(j, 1);
    struct journal_record record;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(journal_read(r, &record), LL_OK);
        assert_int_equal(record.seq, 1 + i * (LEAP + 1));
    }
    assert_int_equal(journal_read(r, &record), LL_EAGAIN);
    assert_false(journal_wait(r, 0));
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_reader_close(r);
    journal_close(j);
}

static void a_damaged_lock_file_counts_as_a_new_start(void **state)
{
    (void)state;
    const char *dir = closed_log(20);
    char path[PATH_TEXT + 8];
    snprintf(path, sizeof path, "%s/lock", dir);
    flip(path, 20, 0x01);
    assert_int_equal(next_seq_of(dir), 21 + LEAP);
    assert_int_equal(truncate(path, 7), 0);
    assert_int_equal(next_seq_of(dir), 21 + LEAP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(next_seq_of(dir), 21 + LEAP);
    assert_int_equal(next_seq_of(dir), 21 + LEAP);
}

static void any_flipped_bit_anywhere_is_survived(void **state)
{
    (void)state;
    const char *dir = closed_log(60);
    char path[PATH_TEXT + 32];
    snprintf(path, sizeof path, "%s", segment_path(dir, 1));
    for (uint64_t at = HEADER; at < offset_of(61); at += 5) {
        flip(path, at, 0x20);
        struct journal *j = open_log(dir, &small_log);
        struct journal_reader *r = open_reader(j, 1);
        struct journal_record record;
        unsigned count = 0;
        while (journal_read(r, &record) == LL_OK) {
            check_record(&record, record.seq);
            count++;
        }
        assert_in_range(count, 59, 60);
        journal_reader_close(r);
        const bool cut = journal_stats(j).torn_tail;
        journal_close(j);
        if (cut) { /* the flip was in the last record, which is gone now: put another there */
            j = open_log(dir, &small_log);
            assert_int_equal(put(j, 60), LL_OK);
            journal_close(j);
        } else {
            flip(path, at, 0x20);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_tail_is_cut_at_every_byte_and_counted),
        cmocka_unit_test(a_last_record_without_its_padding_is_whole),
        cmocka_unit_test(a_flipped_bit_in_the_middle_costs_one_record_and_is_counted_once),
        cmocka_unit_test(damage_is_copied_once_to_where_it_is_set_aside),
        cmocka_unit_test(segments_that_are_set_aside_stop_at_their_cap_too),
        cmocka_unit_test(copies_of_damage_stop_at_their_cap),
        cmocka_unit_test(appends_go_on_behind_damage_in_the_last_segment),
        cmocka_unit_test(damage_that_a_reader_was_past_is_not_its_business),
        cmocka_unit_test(damage_under_a_running_log_is_skipped_and_does_not_keep_the_reader_awake),
        cmocka_unit_test(the_lost_end_of_an_earlier_segment_is_counted),
        cmocka_unit_test(zeros_behind_an_earlier_segment_are_no_damage),
        cmocka_unit_test(a_damaged_header_sets_aside_an_earlier_segment),
        cmocka_unit_test(a_damaged_header_of_the_last_segment_begins_a_new_one_far_above),
        cmocka_unit_test(a_header_of_a_later_version_is_refused),
        cmocka_unit_test(a_file_that_was_only_being_made_is_deleted),
        cmocka_unit_test(bytes_of_an_older_file_are_not_taken_for_records),
        cmocka_unit_test(a_payload_that_looks_like_a_record_is_not_one),
        cmocka_unit_test(after_a_new_start_of_the_machine_no_sequence_is_given_out_twice),
        cmocka_unit_test(a_leap_at_the_end_of_a_segment_is_no_damage),
        cmocka_unit_test(a_damaged_lock_file_counts_as_a_new_start),
        cmocka_unit_test(any_flipped_bit_anywhere_is_survived),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
