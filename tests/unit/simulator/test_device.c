/* A device and its link, in a city of one or two assets. */
#include "tests/unit/simulator/run_city.h"

#define HEAD   "{\"scenario\": \"s\", \"districts\": [\"n\"], \"assets\": ["
#define MAIN   "{\"kind\": \"water_main\", \"count\": 1, \"period_s\": 10"
#define GAS    "{\"kind\": \"gas_pipe\", \"profile\": \"gas_chamber\", \"count\": 1, \"period_s\": 10"
#define FAULT  "}], \"faults\": [{\"asset\": \"water_main-0001\", "
#define HOUR   (START_MS + 3600000LL)
#define MAX_MS 4000

struct log {
    size_t count;
    uint64_t seq[MAX_MS];
    int64_t ts_ms[MAX_MS];
    int64_t sent_ms[MAX_MS];
    double value[MAX_MS];
};

/* The messages of a scenario up to then; of the channel, where it is not NULL, the values. */
static struct city *run(struct scenario *s, int64_t until_ms, const char *channel, struct log *log)
{
    struct city *c = new_city(s, 1);
    const struct message *m;
    log->count = 0;
    while ((m = next(c, until_ms)) != NULL) {
        assert_true(log->count < MAX_MS);
        log->seq[log->count] = m->seq;
        log->ts_ms[log->count] = m->ts_ms;
        log->sent_ms[log->count] = m->sent_ms;
        log->value[log->count] = channel != NULL ? reading_of(m, channel) : 0;
        log->count++;
    }
    return c;
}

static struct log a;
static struct log b;

static void done(struct scenario *s, struct city *c)
{
    city_free(c);
    scenario_free(s);
}

static void a_batch_goes_when_it_is_full(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(HEAD MAIN ", \"batch\": 6}]}");
    struct city *c = run(s, HOUR, NULL, &a);
    assert_int_equal(a.count, 60);
    for (size_t i = 0; i < a.count; i++) {
        assert_int_equal(a.seq[i], i + 1);
        assert_int_equal(a.sent_ms[i], a.ts_ms[i]);
        assert_true(i == 0 || a.ts_ms[i] == a.ts_ms[i - 1] + 60000);
    }
    done(s, c);
}

/* Methane of a sound chamber is noise below 1 %LEL: 100 steps. */
static void a_report_on_change_comes_with_a_change_or_the_heartbeat(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(
        HEAD GAS
        ", \"dead_band\": 200, \"heartbeat_s\": 600}], \"faults\": [{\"kind\": "
        "\"gas_leak\", \"asset\": \"gas_pipe-0001\", \"at_s\": 1800, \"magnitude\": 20}]}");
    struct city *c = run(s, HOUR, "methane", &a);
    assert_int_equal(a.ts_ms[1], a.ts_ms[0] + 600000);
    assert_int_equal(a.ts_ms[2], a.ts_ms[0] + 1200000);
    assert_true(a.ts_ms[3] - (START_MS + 1800000) < 20000);
    assert_true(a.value[3] > 2 && a.value[2] < 1);
    for (size_t i = 1; i < a.count; i++) {
        assert_int_equal(a.seq[i], a.seq[i - 1] + 1);
        assert_true(fabs(a.value[i] - a.value[i - 1]) > 2 || a.ts_ms[i] == a.ts_ms[i - 1] + 600000);
    }
    done(s, c);
}

static void a_silent_device_sends_nothing_until_it_is_back(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"silent\", \"at_s\": 600, \"for_s\": 900}]}");
    struct city *c = run(s, HOUR, NULL, &a);
    assert_int_equal(a.count, 360 - 90);
    for (size_t i = 0; i < a.count; i++) {
        assert_true(a.sent_ms[i] < START_MS + 600000 || a.sent_ms[i] >= START_MS + 1500000);
    }
    const double seen = truth_of(c, 0, "observable_from") - (START_MS + 600000);
    assert_true(seen >= 0 && seen < 10000);
    done(s, c);
}

static void what_an_offline_device_kept_comes_in_order_and_with_its_times(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"backfill\", \"at_s\": 600, \"for_s\": 900}]}");
    struct city *c = run(s, HOUR, NULL, &a);
    assert_int_equal(a.count, 360);
    size_t late = 0;
    for (size_t i = 0; i < a.count; i++) {
        assert_int_equal(a.seq[i], i + 1);
        assert_true(i == 0 || a.ts_ms[i] == a.ts_ms[i - 1] + 10000);
        assert_true(a.sent_ms[i] < START_MS + 600000 || a.sent_ms[i] >= START_MS + 1500000);
        late += a.sent_ms[i] > a.ts_ms[i];
    }
    assert_in_range(late, 90, 93);
    done(s, c);
}

static void a_buffer_that_is_full_gives_up_its_oldest(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"backfill\", \"at_s\": 0, \"for_s\": 6000}]}");
    struct city *c = run(s, START_MS + 7200000, NULL, &a);
    assert_int_equal(a.count, 500 + 120);
    assert_int_equal(a.seq[0], 101);
    assert_int_equal(a.seq[a.count - 1], 720);
    done(s, c);
}

/* 1,440 messages of which 60 % are lost: 864, give or take three times 65, in bursts of ten. */
static void dropouts_come_in_bursts_and_in_their_share(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"dropout\", \"at_s\": 0, \"magnitude\": 60}]}");
    struct city *c = run(s, START_MS + 14400000, NULL, &a);
    const size_t lost = 1440 - a.count;
    size_t bursts = 0;
    for (size_t i = 1; i < a.count; i++) {
        bursts += a.seq[i] != a.seq[i - 1] + 1;
    }
    assert_in_range(lost, 669, 1059);
    assert_in_range(lost, 5 * bursts, 20 * bursts);
    done(s, c);
}

static void doubles_have_the_same_number_and_follow(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"duplicates\", \"at_s\": 0, \"magnitude\": 25}]}");
    struct city *c = run(s, HOUR, "flow", &a);
    size_t doubles = 0;
    for (size_t i = 1; i < a.count; i++) {
        if (a.seq[i] == a.seq[i - 1]) {
            assert_true(a.value[i] == a.value[i - 1] && a.ts_ms[i] == a.ts_ms[i - 1]);
            doubles++;
        }
    }
    assert_in_range(doubles, 60, 120);
    assert_int_equal(a.count, 360 + doubles);
    done(s, c);
}

static void disorder_puts_messages_behind_their_successors_and_loses_none(void **state)
{
    (void)state;
    struct scenario *s =
        scenario_of(HEAD MAIN FAULT "\"kind\": \"disorder\", \"at_s\": 0, \"for_s\": 3000,"
                                    "\"magnitude\": 25}]}");
    struct city *c = run(s, HOUR, NULL, &a);
    size_t behind = 0;
    for (size_t i = 1; i < a.count; i++) {
        behind += a.seq[i] < a.seq[i - 1];
        assert_true(a.sent_ms[i] >= a.sent_ms[i - 1]);
    }
    assert_int_equal(a.count, 360);
    assert_in_range(behind, 30, 90);
    done(s, c);
}

static void a_clock_runs_fast_or_stands_off(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(
        HEAD MAIN FAULT "\"kind\": \"clock_skew\", \"at_s\": 0, \"magnitude\": 1000},"
                        "{\"asset\": \"water_main-0001\", \"kind\": \"clock_step\", \"at_s\": 1800,"
                        "\"magnitude\": -3600}]}");
    struct city *c = run(s, HOUR, NULL, &a);
    for (size_t i = 0; i < a.count; i++) {
        const int64_t since_ms = a.sent_ms[i] - START_MS;
        const int64_t step_ms = since_ms >= 1800000 ? -3600000 : 0;
        assert_int_equal(a.ts_ms[i] - a.sent_ms[i], llround((double)since_ms * 1e-3) + step_ms);
    }
    /* A second after 1,000 s. */
    const double seen = truth_of(c, 0, "observable_from") - (START_MS + 1000000);
    assert_true(seen >= 0 && seen < 10000);
    done(s, c);
}

/* The same city with and without a fault of the sensor. */
static struct city *run_both(const char *fault, const char *channel, struct scenario **out)
{
    char text[600];
    struct scenario *s = scenario_of(HEAD MAIN "}]}");
    city_free(run(s, HOUR, channel, &b));
    scenario_free(s);
    snprintf(text, sizeof text, HEAD MAIN FAULT "%s}]}", fault);
    *out = scenario_of(text);
    struct city *c = run(*out, HOUR, channel, &a);
    assert_int_equal(a.count, b.count);
    return c;
}

static void a_stuck_sensor_repeats_itself(void **state)
{
    (void)state;
    struct scenario *s;
    struct city *c = run_both("\"kind\": \"stuck\", \"channel\": \"flow\", \"at_s\": 1200,"
                              "\"for_s\": 1200",
                              "flow", &s);
    double held = NAN;
    for (size_t i = 0; i < a.count; i++) {
        const int64_t since_ms = a.sent_ms[i] - START_MS;
        const bool stuck = since_ms >= 1200000 && since_ms < 2400000;
        held = stuck && isnan(held) ? b.value[i] : held;
        assert_true(a.value[i] == (stuck ? held : b.value[i]));
    }
    assert_true(truth_of(c, 0, "observable_from") >= START_MS + 1200000);
    done(s, c);
}

/* 10,000 steps of 0.0001 MPa are 1 MPa; 50 % of that in a month of 720 hours. */
static void a_drift_grows_with_the_time(void **state)
{
    (void)state;
    struct scenario *s;
    struct city *c =
        run_both("\"kind\": \"drift\", \"channel\": \"pressure\", \"at_s\": 0, \"magnitude\": 50",
                 "pressure", &s);
    for (size_t i = 0; i < a.count; i++) {
        const double hours = (double)(a.sent_ms[i] - START_MS) / 3600000;
        if (fabs(a.value[i] - b.value[i] - hours * 0.5 / 720) > 1.01e-4) {
            fail_msg("after %.2f h: %g instead of %g", hours, a.value[i], b.value[i]);
        }
    }
    done(s, c);
}

static void spikes_are_as_many_as_they_should_be_and_high(void **state)
{
    (void)state;
    struct scenario *s;
    struct city *c =
        run_both("\"kind\": \"spike\", \"channel\": \"pressure\", \"at_s\": 0, \"magnitude\": 10",
                 "pressure", &s);
    size_t spikes = 0;
    for (size_t i = 0; i < a.count; i++) {
        const double height = fabs(a.value[i] - b.value[i]);
        assert_true(height == 0 || (height > 0.0499 && height < 0.5001));
        spikes += height > 0;
    }
    assert_in_range(spikes, 18, 54);
    done(s, c);
}

static double spread(const struct log *log)
{
    double sum = 0;
    for (size_t i = 1; i < log->count; i++) {
        const double d = log->value[i] - log->value[i - 1];
        sum += d * d;
    }
    return sqrt(sum / (double)(2 * (log->count - 1)));
}

/* Of a gas chamber, whose methane is 0 and noise; the sensor reads no less than 0. */
static void noise_grows_by_its_factor(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(HEAD GAS "}]}");
    city_free(run(s, HOUR, "temperature", &b));
    scenario_free(s);
    s = scenario_of(HEAD GAS "}], \"faults\": [{\"asset\": \"gas_pipe-0001\", \"kind\": \"noise\","
                             "\"channel\": \"temperature\", \"at_s\": 0, \"magnitude\": 10}]}");
    struct city *c = run(s, HOUR, "temperature", &a);
    const double factor = spread(&a) / spread(&b);
    if (factor < 7 || factor > 13) {
        fail_msg("expected ten times, got %.2f times", factor);
    }
    done(s, c);
}

static void a_battery_sags_to_the_end(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(
        HEAD GAS "}], \"faults\": [{\"asset\": \"gas_pipe-0001\", \"kind\": \"low_battery\","
                 "\"at_s\": 0, \"for_s\": 3600, \"magnitude\": 0.8}]}");
    struct city *c = run(s, HOUR, "bat", &a);
    const double sagged = a.value[0] - a.value[a.count - 1];
    if (sagged < 0.75 || sagged > 0.82) {
        fail_msg("expected 0.8 V less, got %g", sagged);
    }
    done(s, c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_batch_goes_when_it_is_full),
    cmocka_unit_test(a_report_on_change_comes_with_a_change_or_the_heartbeat),
    cmocka_unit_test(a_silent_device_sends_nothing_until_it_is_back),
    cmocka_unit_test(what_an_offline_device_kept_comes_in_order_and_with_its_times),
    cmocka_unit_test(a_buffer_that_is_full_gives_up_its_oldest),
    cmocka_unit_test(dropouts_come_in_bursts_and_in_their_share),
    cmocka_unit_test(doubles_have_the_same_number_and_follow),
    cmocka_unit_test(disorder_puts_messages_behind_their_successors_and_loses_none),
    cmocka_unit_test(a_clock_runs_fast_or_stands_off),
    cmocka_unit_test(a_stuck_sensor_repeats_itself),
    cmocka_unit_test(a_drift_grows_with_the_time),
    cmocka_unit_test(spikes_are_as_many_as_they_should_be_and_high),
    cmocka_unit_test(noise_grows_by_its_factor),
    cmocka_unit_test(a_battery_sags_to_the_end),
};

UNIT_MAIN(tests)
