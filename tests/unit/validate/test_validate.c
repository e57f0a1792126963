/* Units, types, ranges, times and sequence numbers. */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/validate/validate.h"

#define NOW_MS 1764000000000LL
#define DAY_MS 86400000LL

static struct channel_spec channel(const char *unit, enum field_type type, double min, double max)
{
    return (struct channel_spec){
        .unit = unit_find(unit, strlen(unit)), .type = type, .min = min, .max = max};
}

static struct uplink_value value_in(double value, const char *unit)
{
    return (struct uplink_value){
        .value = value, .unit = unit, .unit_len = unit != NULL ? strlen(unit) : 0};
}

static void a_unit_of_the_same_dimension_is_converted(void **state)
{
    (void)state;
    const struct channel_spec c = channel("MPa", FIELD_FLOAT, 0, 1);
    const struct uplink_value v = value_in(352, "kPa");
    double out = -1;
    assert_int_equal(validate_value(&v, &c, &out), REASON_NONE);
    const double expected = 0.352;
    assert_memory_equal(&out, &expected, sizeof out);
}

static void a_wrong_or_unknown_unit_is_refused(void **state)
{
    (void)state;
    const struct channel_spec c = channel("MPa", FIELD_FLOAT, 0, 1);
    static const char *const units[] = {"m3/h", "kpa", "", "MPaX"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const struct uplink_value v = value_in(0.5, units[i]);
        double out = -1;
        assert_int_equal(validate_value(&v, &c, &out), REASON_WRONG_UNIT);
        assert_true(out == -1);
    }
}

static void the_range_includes_its_ends_and_nothing_beyond(void **state)
{
    (void)state;
    const struct channel_spec c = channel("%LEL", FIELD_FLOAT, 0, 100);
    static const struct {
        double value;
        enum reason reason;
    } cases[] = {{0, REASON_NONE},
                 {100, REASON_NONE},
                 {-0.001, REASON_OUT_OF_RANGE},
                 {100.001, REASON_OUT_OF_RANGE},
                 {NAN, REASON_OUT_OF_RANGE},
                 {INFINITY, REASON_OUT_OF_RANGE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct uplink_value v = value_in(cases[i].value, NULL);
        double out;
        assert_int_equal(validate_value(&v, &c, &out), cases[i].reason);
    }
}

static void a_value_must_fit_the_type_of_its_field(void **state)
{
    (void)state;
    const struct channel_spec integer = channel("1", FIELD_INT, 0, 1e17);
    const struct channel_spec truth = channel("state", FIELD_BOOL, 0, 1);
    double out;
    struct uplink_value v = value_in(3, NULL);
    assert_int_equal(validate_value(&v, &integer, &out), REASON_NONE);
    v.value = 3.5;
    assert_int_equal(validate_value(&v, &integer, &out), REASON_WRONG_TYPE);
    v.value = 1e16;
    assert_int_equal(validate_value(&v, &integer, &out), REASON_WRONG_TYPE);
    v.value = 1;
    assert_int_equal(validate_value(&v, &truth, &out), REASON_NONE);
    v.value = 2;
    assert_int_equal(validate_value(&v, &truth, &out), REASON_WRONG_TYPE);
}

static void what_the_decoder_refused_stays_refused(void **state)
{
    (void)state;
    const struct channel_spec c = channel("MPa", FIELD_FLOAT, 0, 1);
    const struct uplink_value v = {.value = 0.5, .reason = REASON_NOT_A_NUMBER};
    double out;
    assert_int_equal(validate_value(&v, &c, &out), REASON_NOT_A_NUMBER);
}

static void a_time_is_good_late_or_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t ts_ms;
        enum time_verdict verdict;
        enum reason reason;
    } cases[] = {
        {NOW_MS, TIME_GOOD, REASON_NONE},
        {NOW_MS + 300000, TIME_GOOD, REASON_NONE},
        {NOW_MS + 300001, TIME_REFUSED, REASON_TIME_AHEAD},
        {NOW_MS - 7 * DAY_MS, TIME_GOOD, REASON_NONE},
        {NOW_MS - 7 * DAY_MS - 1, TIME_LATE, REASON_NONE},
        {VALIDATE_EPOCH_MS - 1, TIME_REFUSED, REASON_TIME_IMPLAUSIBLE},
        {0, TIME_REFUSED, REASON_TIME_IMPLAUSIBLE},
        {INT64_MIN, TIME_REFUSED, REASON_TIME_IMPLAUSIBLE},
        {INT64_MAX, TIME_REFUSED, REASON_TIME_AHEAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct uplink_value v = {.ts_ms = cases[i].ts_ms, .has_ts = true};
        int64_t ts = 0;
        uint32_t flags = 0;
        enum reason reason = REASON_NONE;
        assert_int_equal(validate_time(&v, NOW_MS, 300000, 7 * DAY_MS, &ts, &flags, &reason),
                         cases[i].verdict);
        assert_int_equal(reason, cases[i].reason);
        assert_int_equal(flags, 0);
        if (cases[i].verdict != TIME_REFUSED) {
            assert_int_equal(ts, cases[i].ts_ms);
        }
    }
}

static void without_a_time_the_receive_time_stands_in_and_is_flagged(void **state)
{
    (void)state;
    const struct uplink_value v = {0};
    int64_t ts = 0;
    uint32_t flags = 0;
    enum reason reason = REASON_NONE;
    assert_int_equal(validate_time(&v, NOW_MS, 0, 0, &ts, &flags, &reason), TIME_GOOD);
    assert_int_equal(ts, NOW_MS);
    assert_int_equal(flags, READING_TIME_FROM_RECEIVE);
}

static void expect_entered(struct seq_window *w, uint64_t seq, enum seq_verdict verdict,
                           int64_t missing)
{
    int64_t found;
    assert_int_equal(seq_window_enter(w, seq, &found), verdict);
    assert_int_equal(found, missing);
}

static void a_sequence_number_counts_once(void **state)
{
    (void)state;
    struct seq_window w = {0};
    expect_entered(&w, 10, SEQ_NEW, 0);
    expect_entered(&w, 10, SEQ_REPEATED, 0);
    expect_entered(&w, 12, SEQ_NEW, 1);
    expect_entered(&w, 12, SEQ_REPEATED, 0);
    expect_entered(&w, 75, SEQ_NEW, 62);
    expect_entered(&w, 12, SEQ_REPEATED, 0); /* 63 back: still known */
}

static void a_number_that_comes_late_is_no_longer_missing(void **state)
{
    (void)state;
    struct seq_window w = {0};
    expect_entered(&w, 10, SEQ_NEW, 0);
    expect_entered(&w, 13, SEQ_NEW, 2);
    expect_entered(&w, 11, SEQ_NEW, -1);
    expect_entered(&w, 11, SEQ_REPEATED, 0);
    expect_entered(&w, 9, SEQ_NEW, 0); /* before the first: never counted */
    expect_entered(&w, 200, SEQ_NEW, 186);
    expect_entered(&w, 137, SEQ_NEW, -1); /* 63 back */
    expect_entered(&w, 203, SEQ_NEW, 2);
    expect_entered(&w, 140, SEQ_NEW, -1);
    expect_entered(&w, 200, SEQ_REPEATED, 0);
}

static void of_a_number_below_the_window_nothing_is_known(void **state)
{
    (void)state;
    struct seq_window w = {0};
    expect_entered(&w, 5000, SEQ_NEW, 0);
    expect_entered(&w, 4936, SEQ_BELOW, 0);
    expect_entered(&w, 5001, SEQ_NEW, 0);
    w = seq_window_from(1);
    expect_entered(&w, 1, SEQ_REPEATED, 0);
    expect_entered(&w, UINT64_MAX, SEQ_NEW, INT64_MAX);
    expect_entered(&w, UINT64_MAX, SEQ_REPEATED, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_unit_of_the_same_dimension_is_converted),
    cmocka_unit_test(a_wrong_or_unknown_unit_is_refused),
    cmocka_unit_test(the_range_includes_its_ends_and_nothing_beyond),
    cmocka_unit_test(a_value_must_fit_the_type_of_its_field),
    cmocka_unit_test(what_the_decoder_refused_stays_refused),
    cmocka_unit_test(a_time_is_good_late_or_refused),
    cmocka_unit_test(without_a_time_the_receive_time_stands_in_and_is_flagged),
    cmocka_unit_test(a_sequence_number_counts_once),
    cmocka_unit_test(a_number_that_comes_late_is_no_longer_missing),
    cmocka_unit_test(of_a_number_below_the_window_nothing_is_known),
};

UNIT_MAIN(tests)
