#include "tests/unit/unit.h"

#include "gateway/base/clock.h"

static void assert_format(int64_t ms, const char *expected)
{
    char text[LL_TIME_TEXT];
    assert_string_equal(wall_format((struct wall_ms){ms}, text), expected);
}

static void times_are_iso_8601_in_utc(void **state)
{
    (void)state;
    assert_format(0, "1970-01-01T00:00:00.000Z");
    assert_format(-1, "1969-12-31T23:59:59.999Z");
    assert_format(951782400000, "2000-02-29T00:00:00.000Z");
    assert_format(1764000000123, "2025-11-24T16:00:00.123Z");
    assert_format(253402300799999, "9999-12-31T23:59:59.999Z");
}

static void early_years_have_four_digits(void **state)
{
    (void)state;
    assert_format(-62135596800000, "0001-01-01T00:00:00.000Z");
    assert_format(-62167219200000, "0000-01-01T00:00:00.000Z");
}

static void years_out_of_range_are_shown_as_milliseconds(void **state)
{
    (void)state;
    assert_format(253402300800000, "253402300800000ms");
    assert_format(-62167219200001, "-62167219200001ms");
    assert_format(INT64_MIN, "-9223372036854775808ms");
}

static void days_are_counted_from_1970(void **state)
{
    (void)state;
    assert_int_equal(clock_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(clock_days_from_civil(1969, 12, 31), -1);
    assert_int_equal(clock_days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(clock_days_from_civil(2000, 2, 29), 11016);
    assert_int_equal(clock_days_from_civil(1900, 3, 1), -25508); /* no leap day in 1900 */
    assert_int_equal(clock_days_from_civil(1900, 2, 28), -25509);
}

/* Day by day over 400 years, after which the calendar repeats. */
static void every_day_follows_the_one_before(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = clock_days_from_civil(1800, 1, 1);
    for (int64_t y = 1800; y < 2200; y++) {
        const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        for (unsigned m = 1; m <= 12; m++) {
            const unsigned days = lengths[m - 1] + (m == 2 && leap ? 1U : 0U);
            for (unsigned d = 1; d <= days; d++) {
                assert_int_equal(clock_days_from_civil(y, m, d), expected);
                expected++;
            }
        }
    }
    assert_int_equal(expected - clock_days_from_civil(1800, 1, 1), 146097);
}

static void only_real_dates_are_read(void **state)
{
    (void)state;
    int64_t days = 4711;
    assert_true(clock_parse_date("2024-02-29", &days));
    assert_int_equal(days, 19782);
    static const char *const wrong[] = {"2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01",
                                        "2024-01-00", "2024-04-31", "2024-1-01",  "2024-01-01 ",
                                        "",           "2024/01/01", "20240-1-01", "+024-01-01"};
    days = 4711;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (clock_parse_date(wrong[i], &days)) {
            fail_msg("'%s' was taken for a date", wrong[i]);
        }
    }
    assert_int_equal(days, 4711);
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    const struct mono_ns a = clock_mono();
    const struct mono_ns b = clock_mono();
    assert_true(b.ns >= a.ns);
    assert_int_equal(mono_elapsed_ms((struct mono_ns){1000000}, (struct mono_ns){3999999}), 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(times_are_iso_8601_in_utc),
    cmocka_unit_test(early_years_have_four_digits),
    cmocka_unit_test(years_out_of_range_are_shown_as_milliseconds),
    cmocka_unit_test(days_are_counted_from_1970),
    cmocka_unit_test(every_day_follows_the_one_before),
    cmocka_unit_test(only_real_dates_are_read),
    cmocka_unit_test(the_monotonic_clock_does_not_go_back),
};

UNIT_MAIN(tests)
