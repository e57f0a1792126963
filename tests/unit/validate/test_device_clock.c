/* Devices whose clock is off: what is certain, what is only steady, and what is done about it. */
#include "tests/unit/unit.h"

#include "gateway/validate/device_clock.h"

#define NOW_MS   1764000000000LL
#define MIN_MS   60000LL
#define AHEAD_MS 300000LL

static struct profile with(enum clock_policy policy)
{
    return (struct profile){.device_clock = policy, .late_after_s = 1800};
}

static int64_t shift(enum clock_policy policy, int64_t newest_ms)
{
    const struct profile p = with(policy);
    return device_clock_shift(&p, newest_ms, NOW_MS, AHEAD_MS);
}

static void a_clock_that_is_ahead_is_corrected_unless_it_is_to_be_kept(void **state)
{
    (void)state;
    assert_int_equal(shift(CLOCK_CORRECT_AHEAD, NOW_MS + AHEAD_MS), 0);
    assert_int_equal(shift(CLOCK_CORRECT_AHEAD, NOW_MS + AHEAD_MS + 1), -AHEAD_MS - 1);
    assert_int_equal(shift(CLOCK_CORRECT, NOW_MS + 8 * 60 * MIN_MS), -8 * 60 * MIN_MS);
    assert_int_equal(shift(CLOCK_KEEP, NOW_MS + 8 * 60 * MIN_MS), 0);
}

static void a_clock_that_was_never_set_is_corrected_unless_it_is_to_be_kept(void **state)
{
    (void)state;
    assert_int_equal(shift(CLOCK_CORRECT_AHEAD, 5000), NOW_MS - 5000);
    assert_int_equal(shift(CLOCK_CORRECT, 0), NOW_MS);
    assert_int_equal(shift(CLOCK_KEEP, 5000), 0);
}

static void late_data_is_moved_only_where_the_device_sends_at_once(void **state)
{
    (void)state;
    assert_int_equal(shift(CLOCK_CORRECT_AHEAD, NOW_MS - 31 * MIN_MS), 0);
    assert_int_equal(shift(CLOCK_KEEP, NOW_MS - 31 * MIN_MS), 0);
    assert_int_equal(shift(CLOCK_CORRECT, NOW_MS - 30 * MIN_MS), 0);
    assert_int_equal(shift(CLOCK_CORRECT, NOW_MS - 31 * MIN_MS), 31 * MIN_MS);
}

static void what_cannot_be_a_time_is_left_alone(void **state)
{
    (void)state;
    static const int64_t strange[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -1000000000000001LL};
    struct device_clock c = {0};
    const struct profile p = with(CLOCK_CORRECT);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_int_equal(shift(CLOCK_CORRECT, strange[i]), 0);
        assert_true(device_clock_apply(strange[i], INT64_MAX) == strange[i]);
        device_clock_learn(&c, &p, strange[i], NOW_MS);
        assert_int_equal(c.messages, 0);
    }
}

/* `count` messages, a minute apart, whose lag begins at `lag_ms` and changes by `by_ms`. */
static struct device_clock after(unsigned count, int64_t lag_ms, int64_t by_ms)
{
    struct device_clock c = {0};
    const struct profile p = with(CLOCK_CORRECT_AHEAD);
    for (unsigned i = 0; i < count; i++) {
        const int64_t receive_ms = NOW_MS + i * MIN_MS;
        device_clock_learn(&c, &p, receive_ms - lag_ms - i * by_ms, receive_ms);
    }
    return c;
}

static void a_lag_that_stays_the_same_is_the_clocks(void **state)
{
    (void)state;
    assert_int_equal(after(10, 60 * MIN_MS, 1000).behind_ms, 0); /* nine minutes are too few */
    assert_int_equal(after(11, 60 * MIN_MS, 1000).behind_ms, 60 * MIN_MS);
    assert_int_equal(after(30, 60 * MIN_MS, 0).behind_ms, 60 * MIN_MS);
}

static void a_backlog_is_not_taken_for_a_clock(void **state)
{
    (void)state;
    assert_int_equal(after(100, 480 * MIN_MS, -4 * MIN_MS).behind_ms, 0);
    assert_int_equal(after(100, 29 * MIN_MS, 0).behind_ms, 0);
}

static void a_clock_that_was_set_right_is_known_at_once(void **state)
{
    (void)state;
    struct device_clock c = after(20, 60 * MIN_MS, 0);
    const struct profile p = with(CLOCK_CORRECT_AHEAD);
    assert_int_not_equal(c.behind_ms, 0);
    device_clock_learn(&c, &p, NOW_MS, NOW_MS + MIN_MS);
    assert_int_equal(c.behind_ms, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_clock_that_is_ahead_is_corrected_unless_it_is_to_be_kept),
    cmocka_unit_test(a_clock_that_was_never_set_is_corrected_unless_it_is_to_be_kept),
    cmocka_unit_test(late_data_is_moved_only_where_the_device_sends_at_once),
    cmocka_unit_test(what_cannot_be_a_time_is_left_alone),
    cmocka_unit_test(a_lag_that_stays_the_same_is_the_clocks),
    cmocka_unit_test(a_backlog_is_not_taken_for_a_clock),
    cmocka_unit_test(a_clock_that_was_set_right_is_known_at_once),
};

UNIT_MAIN(tests)
