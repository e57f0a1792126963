/* Readers beside writers, trims and one another; waiting. */
#include "tests/unit/journal/journal_tools.h"

#include <pthread.h>

static void a_reader_at_the_end_sees_what_is_appended_later(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    struct journal_reader *r = open_reader(j, 1);
    uint64_t next = 1;
    for (unsigned step = 1; step < 120; step++) {
        put_range(j, next, next + step - 1);
        expect_range(r, next, next + step - 1);
        next += step;
    }
    assert_true(journal_stats(j).bytes > 3 * SEGMENT);
    journal_reader_close(r);
    journal_close(j);
}

static void a_reader_of_a_segment_that_is_trimmed_jumps_to_the_oldest(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    put_range(j, 1, 3000);
    struct journal_reader *inside = open_reader(j, 1);
    struct journal_reader *fresh = open_reader(j, 2);
    struct journal_record record;
    assert_int_equal(journal_read(inside, &record), LL_OK);
    check_record(&record, 1);
    assert_int_equal(journal_trim(j, 2000), LL_OK);
    const uint64_t first = journal_stats(j).first_seq;
    assert_in_range(first, 2, 2000);
    expect_range(inside, first, 3000);
    expect_range(fresh, first, 3000);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_reader_close(inside);
    journal_reader_close(fresh);
    journal_close(j);
}

static void a_reader_that_asks_for_the_future_begins_at_the_end(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    put_range(j, 1, 10);
    struct journal_reader *r = open_reader(j, 500);
    assert_false(journal_wait(r, 0));
    expect_range(r, 11, 10);
    put_range(j, 11, 12);
    assert_true(journal_wait(r, 0));
    expect_range(r, 11, 12);
    journal_reader_close(r);
    journal_close(j);
}

static void a_segment_that_vanished_is_counted_and_passed_over(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct journal *j = open_log(dir, &small_log);
    put_range(j, 1, 2000);
    struct journal_reader *r = open_reader(j, 1);
    assert_int_equal(unlink(segment_path(dir, 1)), 0);
    struct journal_record record;
    assert_int_equal(journal_read(r, &record), LL_OK);
    assert_true(record.seq > 1);
    expect_range(r, record.seq + 1, 2000);
    assert_int_equal(journal_stats(j).damaged, 1);
    journal_reader_close(r);
    journal_close(j);
}

static void a_wait_with_nothing_to_come_ends_at_its_timeout(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    struct journal_reader *r = open_reader(j, 1);
    assert_false(journal_wait(r, 1));
    put_range(j, 1, 1);
    assert_true(journal_wait(r, 1));
    expect_range(r, 1, 1);
    assert_false(journal_wait(r, 1));
    journal_reader_close(r);
    journal_close(j);
}

#define WAIT_MS 60000 /* far longer than the test: only a wake-up ends it in time */

static void *append_one(void *arg)
{
    struct journal *j = arg;
    put_range(j, 1, 1);
    return NULL;
}

static void *wake(void *arg)
{
    struct journal *j = arg;
    journal_wake(j);
    return NULL;
}

static void an_append_ends_a_wait(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    struct journal_reader *r = open_reader(j, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, append_one, j), 0);
    assert_true(journal_wait(r, WAIT_MS));
    expect_range(r, 1, 1);
    pthread_join(thread, NULL);
    journal_reader_close(r);
    journal_close(j);
}

static void a_wake_ends_this_wait_and_those_that_follow(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    struct journal_reader *r = open_reader(j, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake, j), 0);
    assert_false(journal_wait(r, WAIT_MS));
    assert_false(journal_wait(r, WAIT_MS));
    pthread_join(thread, NULL);
    put_range(j, 1, 1);
    assert_true(journal_wait(r, WAIT_MS));
    journal_reader_close(r);
    journal_close(j);
}

#define WRITERS    2
#define EACH       20000
#define IN_ALL     ((uint64_t)WRITERS * EACH)
#define TRIM_BELOW 10000

struct writer {
    struct journal *journal;
    uint32_t id;
    unsigned failed;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (uint32_t i = 0; i < EACH; i++) {
        const uint32_t data[2] = {w->id, i};
        w->failed +=
            journal_append(w->journal, 1, (struct wall_ms){i}, data, sizeof data, NULL) != LL_OK;
        if (i % 64 == 0) {
            w->failed += journal_flush(w->journal) != LL_OK;
        }
        if (i % 1000 == 0) {
            w->failed += journal_sync(w->journal) != LL_OK;
        }
    }
    w->failed += journal_flush(w->journal) != LL_OK;
    return NULL;
}

/* Reads all that the writers append: sequences without a gap, and each writer's own numbers in
 * order. Trims behind itself. */
static void read_beside_writers(struct journal *j)
{
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.journal = j, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    struct journal_reader *r = open_reader(j, 1);
    uint32_t next[WRITERS] = {0};
    for (uint64_t seq = 1; seq <= IN_ALL;) {
        struct journal_record record;
        const ll_err err = journal_read(r, &record);
        if (err == LL_EAGAIN) {
            assert_true(journal_wait(r, WAIT_MS));
            continue;
        }
        assert_int_equal(err, LL_OK);
        assert_int_equal(record.seq, seq);
        uint32_t data[2];
        assert_int_equal(record.len, sizeof data);
        memcpy(data, record.data, sizeof data);
        assert_in_range(data[0], 0, WRITERS - 1);
        assert_int_equal(data[1], next[data[0]]);
        next[data[0]]++;
        if (seq == TRIM_BELOW) {
            assert_int_equal(journal_trim(j, TRIM_BELOW), LL_OK);
        }
        seq++;
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
        assert_int_equal(next[i], EACH);
    }
    assert_true(journal_stats(j).first_seq > 1);
    assert_int_equal(journal_stats(j).damaged, 0);
    journal_reader_close(r);
}

static void a_reader_beside_two_writers_misses_nothing(void **state)
{
    (void)state;
    struct journal *j = open_log(new_dir(), &small_log);
    read_beside_writers(j);
    journal_close(j);
}

static void a_reader_beside_two_writers_that_gather_misses_nothing(void **state)
{
    (void)state;
    struct journal_options options = small_log;
    options.buffer_bytes = 4096;
    struct journal *j = open_log(new_dir(), &options);
    read_beside_writers(j);
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_at_the_end_sees_what_is_appended_later),
        cmocka_unit_test(a_reader_of_a_segment_that_is_trimmed_jumps_to_the_oldest),
        cmocka_unit_test(a_reader_that_asks_for_the_future_begins_at_the_end),
        cmocka_unit_test(a_segment_that_vanished_is_counted_and_passed_over),
        cmocka_unit_test(a_wait_with_nothing_to_come_ends_at_its_timeout),
        cmocka_unit_test(an_append_ends_a_wait),
        cmocka_unit_test(a_wake_ends_this_wait_and_those_that_follow),
        cmocka_unit_test(a_reader_beside_two_writers_misses_nothing),
        cmocka_unit_test(a_reader_beside_two_writers_that_gather_misses_nothing),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
