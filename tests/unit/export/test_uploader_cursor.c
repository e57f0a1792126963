/* What a restart goes on from, and what is counted where the spool has lost or given up records. */
#include "gateway/base/crc32c.h"
#include "tests/unit/export/uploader_fixture.h"

static void nothing_is_sent_twice_after_a_clean_stop(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=1i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_until_sent(f);
    stop(f);
    const unsigned requests = stub_requests(&f->stub);

    start(f);
    assert_int_equal(status(f).in_flight, 0);
    assert_int_equal(status(f).alarms_in_flight, 0);
    expect_books(f, 200, 0, 0);
    assert_int_equal(status(f).alarms_delivered, 1);
    buf_reset(&f->stub.taken);
    buf_reset(&f->sent);
    spool_many(f, 3, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_int_equal(stub_requests(&f->stub), requests + 1);
    expect_books(f, 206, 0, 0);
}

static void copy_cursor(struct fixture *f, const char *from, const char *to)
{
    char path[LL_MAX_PATH];
    struct buf b;
    buf_init(&b, 4096);
    snprintf(path, sizeof path, "%.200s/%s", f->dir, from);
    assert_int_equal(fs_read_file(path, &b), LL_OK);
    snprintf(path, sizeof path, "%.200s/%s", f->dir, to);
    assert_int_equal(fs_replace_file(path, b.data, b.len), LL_OK);
    buf_free(&b);
}

static void nothing_is_missing_after_a_kill_and_each_reading_is_counted_once(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    copy_cursor(f, "influx.cursor", "older");
    buf_reset(&f->sent);
    spool_many(f, 50, 0);
    start(f);
    wait_until_sent(f);
    stop(f);

    /* A kill between the delivery and the saving of the cursor leaves the older file. */
    copy_cursor(f, "older", "influx.cursor");
    spool_many(f, 20, 0);
    buf_reset(&f->stub.taken);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 340, 0, 0);
}

/* Format 1 had one counter less for each lane. */
static void a_cursor_file_of_the_first_format_is_read(void **state)
{
    struct fixture *f = *state;
    static const uint64_t lanes[2][5] = {{1, 0, 0, 0, 0}, {101, 200, 170, 20, 10}};
    spool_many(f, 100, 0);
    buf_reset(&f->sent);
    spool_many(f, 3, 0);
    char path[LL_MAX_PATH];
    struct buf b;
    buf_init(&b, 4096);
    buf_str_add(&b, "LLCURSOR");
    buf_u32(&b, 1);
    for (size_t i = 0; i < 10; i++) {
        buf_u64(&b, lanes[i / 5][i % 5]);
    }
    buf_u32(&b, crc32c(0, b.data, b.len));
    snprintf(path, sizeof path, "%.200s/influx.cursor", f->dir);
    assert_int_equal(fs_replace_file(path, b.data, b.len), LL_OK);
    buf_free(&b);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 176, 20, 10);
    assert_int_equal(status(f).delivery.rejected, 0);
}

static void a_cursor_file_that_is_damaged_means_all_is_sent_again(void **state)
{
    struct fixture *f = *state;
    char path[LL_MAX_PATH];
    write_file(f, "influx.cursor", "LLCURSOR and no more", path, sizeof path);
    spool_many(f, 5, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
}

static void a_spool_that_was_wiped_is_sent_from_its_beginning(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    spool_close(f->spool);
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/spool2", f->dir);
    assert_int_equal(spool_open(path, &options, &f->spool), LL_OK);
    spool_pass_total(f->spool, SPOOL_READINGS, 200);
    buf_reset(&f->stub.taken);
    buf_reset(&f->sent);
    spool_many(f, 3, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 206, 0, 0);
}

/* A power cut, or damage: the cursor is ahead of what the lane still holds, and the sequences are
 * given out again. */
static void a_spool_that_lost_what_was_sent_goes_on_behind_it(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    spool_close(f->spool);
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/spool2", f->dir);
    assert_int_equal(spool_open(path, &options, &f->spool), LL_OK);
    spool_many(f, 90, 0);
    spool_pass_total(f->spool, SPOOL_READINGS, 200);
    buf_reset(&f->stub.taken);
    buf_reset(&f->sent);

    start(f);
    copy_cursor(f, "influx.cursor", "opened");
    spool_many(f, 20, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 240, 0, 0);
    stop(f);

    /* So it is after a kill, when the lane has grown past the place where the cursor was first. */
    copy_cursor(f, "opened", "influx.cursor");
    buf_reset(&f->stub.taken);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 240, 0, 0);
}

static void what_was_trimmed_unsent_is_counted_as_evicted(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 10, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    spool_many(f, 5000, 0);
    struct journal *j = spool_journal(f->spool, SPOOL_READINGS);
    assert_int_equal(journal_trim(j, 4000), LL_OK);
    const uint64_t first = journal_stats(j).first_seq;
    assert_in_range(first, 12, 4000);
    start(f);
    wait_until_sent(f);
    const uint64_t evicted = 2 * (first - 11);
    expect_books(f, 10020 - evicted, 0, evicted);
}

/* More than the lane takes, while the database is away; what was read before it left is not lost.
 */
static void fill_an_evicting_spool(struct fixture *f)
{
    spool_close(f->spool);
    struct journal_options small = options;
    small.max_bytes = 4 * options.segment_bytes;
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/small", f->dir);
    assert_int_equal(spool_open(path, &small, &f->spool), LL_OK);
    spool_set_evicting(f->spool, true);
    f->stub.fail_first = UINT_MAX;
    f->stub.fail_status = 503;
    spool_many(f, 10, 0);
    start(f);
    wait_for_failure(f);
    spool_many(f, 5000, 0);
}

static void expect_lost_and_taken(struct fixture *f)
{
    pthread_mutex_lock(&f->stub.lock);
    f->stub.fail_first = 0;
    pthread_mutex_unlock(&f->stub.lock);
    wait_until_sent(f);
    const struct uploader_status s = status(f);
    assert_int_equal(s.delivery.forwarded + s.delivery.evicted, 10020);
    assert_true(s.delivery.evicted > 0);
    assert_int_equal(s.delivered_total, 10020);
}

static void what_is_given_up_is_counted_before_the_database_is_back(void **state)
{
    struct fixture *f = *state;
    fill_an_evicting_spool(f);
    const struct uploader_status away = status(f);
    assert_true(away.delivery.evicted > 0);
    assert_int_equal(away.delivery.forwarded, 0);
    assert_int_equal(away.in_flight + away.delivery.evicted, 10020);
    assert_int_equal(away.delivered_total, away.delivery.evicted);
    expect_lost_and_taken(f);
    assert_true(status(f).delivery.evicted <= away.delivery.evicted);
}

static void what_is_given_up_is_counted_by_one_that_never_had_an_answer(void **state)
{
    struct fixture *f = *state;
    fill_an_evicting_spool(f);
    stop(f);
    start(f);
    const struct uploader_status away = status(f);
    assert_int_equal(away.in_flight + away.delivery.evicted, 10020);
    expect_lost_and_taken(f);
}

static void the_record_before_the_cursor_is_never_given_up(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_READINGS), 1);
    spool_many(f, 10, 0);
    wait_until_sent(f);
    stop(f); /* with which the cursor file is written */
    start(f);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_READINGS), 10);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_ALARMS), 1);
}

static void the_cursor_file_is_written_as_soon_as_that_frees_a_segment(void **state)
{
    struct fixture *f = *state;
    start(f);
    spool_many(f, 10, 0);
    wait_until_sent(f);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_READINGS), 1);
    spool_many(f, 5000, 0);
    const uint64_t second = journal_stats(spool_journal(f->spool, SPOOL_READINGS)).second_seq;
    assert_true(second > 10);
    for (int i = 0; i < GIVE_UP && uploader_needs(f->uploader, SPOOL_READINGS) < second; i++) {
        nap();
    }
    assert_true(uploader_needs(f->uploader, SPOOL_READINGS) >= second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(nothing_is_sent_twice_after_a_clean_stop),
    TEST(nothing_is_missing_after_a_kill_and_each_reading_is_counted_once),
    TEST(a_cursor_file_of_the_first_format_is_read),
    TEST(a_cursor_file_that_is_damaged_means_all_is_sent_again),
    TEST(a_spool_that_was_wiped_is_sent_from_its_beginning),
    TEST(a_spool_that_lost_what_was_sent_goes_on_behind_it),
    TEST(what_was_trimmed_unsent_is_counted_as_evicted),
    TEST(what_is_given_up_is_counted_before_the_database_is_back),
    TEST(what_is_given_up_is_counted_by_one_that_never_had_an_answer),
    TEST(the_record_before_the_cursor_is_never_given_up),
    TEST(the_cursor_file_is_written_as_soon_as_that_frees_a_segment),
};

UNIT_MAIN(tests)
