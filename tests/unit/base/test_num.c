#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "gateway/base/num.h"
#include "gateway/base/rng.h"
#include "gateway/model/unit.h"

static void assert_format(double value, const char *expected)
{
    char text[LL_NUM_TEXT];
    const size_t len = num_format(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void everyday_numbers_have_no_more_digits_than_they_need(void **state)
{
    (void)state;
    assert_format(0, "0");
    assert_format(-0.0, "-0");
    assert_format(1, "1");
    assert_format(-1, "-1");
    assert_format(0.1, "0.1");
    assert_format(-0.352, "-0.352");
    assert_format(12.25, "12.25");
    assert_format(0.000000001, "0.000000001");
    assert_format(100, "100");
    assert_format(1764000000123, "1764000000123");
    assert_format(9007199254740991, "9007199254740991");
    assert_format(0.1 + 0.2, "0.30000000000000004");
    assert_format(1.0 / 3, "0.33333333333333331");
}

static void extreme_numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {DBL_MAX,          -DBL_MAX, DBL_MIN,        5e-324,
                                    9007199254740992, 1e22,     1e23,           1e-10,
                                    123456789.123456, 2e-308,   1 + DBL_EPSILON};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[LL_NUM_TEXT];
        double back = 0;
        const size_t len = num_format(values[i], text);
        assert_true(len < LL_NUM_TEXT);
        assert_true(num_parse(text, len, &back));
        assert_memory_equal(&back, &values[i], sizeof back);
    }
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void assert_round_trip(double value)
{
    char text[LL_NUM_TEXT];
    double back = 0;
    const size_t len = num_format(value, text);
    if (len >= LL_NUM_TEXT || !num_parse(text, len, &back) || bits_of(back) != bits_of(value)) {
        fail_msg("%a became '%s'", value, text);
    }
}

static void a_million_random_bit_patterns_read_back(void **state)
{
    (void)state;
    struct rng r = rng_seeded(352);
    for (int i = 0; i < 1000000; i++) {
        const uint64_t bits = rng_next(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_round_trip(value);
        }
    }
}

/* Where the short way is taken: few digits, and their neighbours. */
static void random_decimals_and_their_neighbours_read_back(void **state)
{
    (void)state;
    struct rng r = rng_seeded(353);
    for (int i = 0; i < 100000; i++) {
        const double value = (double)(rng_next(&r) % 100000000) / pow(10, (double)(i % 10));
        assert_round_trip(value);
        assert_round_trip(nextafter(value, INFINITY));
        assert_round_trip(nextafter(value, -INFINITY));
    }
}

static void a_converted_pressure_stays_short(void **state)
{
    (void)state;
    double mpa = 0;
    assert_true(unit_convert(352, unit_find("kPa", 3), unit_find("MPa", 3), &mpa));
    assert_format(mpa, "0.352");
}

static void only_json_numbers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } right[] = {{"0", 0},       {"-0.5", -0.5},     {"12", 12},       {"1e3", 1000},
                 {"1E+3", 1000}, {"1.5e-3", 1.5e-3}, {"0.352", 0.352}, {"1e-400", 0}};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        double v = 4711;
        assert_true(num_parse(right[i].text, strlen(right[i].text), &v));
        assert_memory_equal(&v, &right[i].value, sizeof v);
    }
    static const char *const wrong[] = {
        "",    "-",   "+1",  " 1",  "1 ",    "01",  "-01", "1.", ".5",   "1e", "1e+",
        "0x1", "nan", "inf", "NaN", "1e999", "1,5", "--1", "1-", "1e5.", "１", "Infinity"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        double v = 4711;
        if (num_parse(wrong[i], strlen(wrong[i]), &v)) {
            fail_msg("'%s' was taken for a number", wrong[i]);
        }
        assert_true(v == 4711);
    }
}

static void only_the_given_bytes_are_read(void **state)
{
    (void)state;
    double v = 0;
    assert_true(num_parse("12345", 2, &v));
    assert_true(v == 12);
    assert_false(num_parse("1\0", 2, &v));
    char digits[80];
    memset(digits, '1', sizeof digits);
    assert_true(num_parse(digits, 63, &v));
    assert_false(num_parse(digits, 64, &v));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(everyday_numbers_have_no_more_digits_than_they_need),
    cmocka_unit_test(extreme_numbers_read_back),
    cmocka_unit_test(a_million_random_bit_patterns_read_back),
    cmocka_unit_test(random_decimals_and_their_neighbours_read_back),
    cmocka_unit_test(a_converted_pressure_stays_short),
    cmocka_unit_test(only_json_numbers_are_read),
    cmocka_unit_test(only_the_given_bytes_are_read),
};

UNIT_MAIN(tests)
