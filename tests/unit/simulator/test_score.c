/* Scores counted by hand. */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "simulator/score/score.h"

#define T0     1767225600000LL
#define MIN_MS 60000LL
#define DAY    (24 * 60 * MIN_MS)

static struct score score; /* too large for a stack of many tests */

static struct score_fault leak(const char *asset, int64_t at_min, int64_t for_min, double magnitude)
{
    struct score_fault f = {.onset_ms = T0 + at_min * MIN_MS,
                            .end_ms = for_min > 0 ? T0 + (at_min + for_min) * MIN_MS : INT64_MAX,
                            .observable_ms = T0 + (at_min + 1) * MIN_MS,
                            .magnitude = magnitude};
    snprintf(f.asset, sizeof f.asset, "%s", asset);
    snprintf(f.device, sizeof f.device, "%s-1", asset);
    snprintf(f.channel, sizeof f.channel, "flow");
    snprintf(f.kind, sizeof f.kind, "leak");
    return f;
}

static struct score_event event(const char *asset, int64_t at_ms, bool raised)
{
    struct score_event e = {.at_ms = T0 + at_ms, .raised = raised, .returned = !raised};
    snprintf(e.asset, sizeof e.asset, "%s", asset);
    snprintf(e.device, sizeof e.device, "%s-1", asset);
    snprintf(e.channel, sizeof e.channel, "flow");
    snprintf(e.condition, sizeof e.condition, "high");
    return e;
}

static void run(struct score_fault *faults, size_t fault_count, struct score_event *events,
                size_t event_count)
{
    struct score_input in = {.faults = faults,
                             .fault_count = fault_count,
                             .events = events,
                             .event_count = event_count,
                             .assets = 500,
                             .start_ms = T0,
                             .end_ms = T0 + 2 * DAY};
    assert_int_equal(score_run(&in, &score), LL_OK);
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-9);
}

static void what_was_found_and_how_soon(void **state)
{
    (void)state;
    struct score_fault faults[] = {leak("c", 10, 60, 3), leak("a", 10, 60, 1), leak("b", 10, 60, 2),
                                   leak("d", 10, 60, 4), leak("e", 10, 60, 9)};
    faults[4].observable_ms = SCORE_NEVER;
    struct score_event events[] = {
        event("c", 13 * MIN_MS, true),  /* two minutes after it showed */
        event("b", 131 * MIN_MS, true), /* more than an hour after its end: no */
        event("a", 9 * MIN_MS, true),   /* before it: no */
        event("d", 15 * MIN_MS, true),  /* four minutes */
        event("d", 115 * MIN_MS, true), /* its aftermath */
        event("other", 1 * MIN_MS, true),
    };
    run(faults, 5, events, 6);
    assert_int_equal(score.kind_count, 1);
    const struct score_kind *k = &score.kinds[0];
    assert_string_equal(k->kind, "leak");
    assert_int_equal(k->faults, 5);
    assert_int_equal(k->observable, 4);
    assert_int_equal(k->found, 2);
    assert_near(k->recall, 0.5);
    assert_near(k->delay_s, 120);
    assert_near(k->delay_p95_s, 240);
    assert_near(k->half_found_at, 2.5);
    assert_int_equal(score.alarms, 6);
    assert_int_equal(score.false_alarms, 3);
    assert_near(score.false_per_1000_asset_days, 3);
    assert_near(score.alarms_per_hour, 6.0 / 48);
}

static void a_fault_that_stays_has_no_end(void **state)
{
    (void)state;
    struct score_fault faults[] = {leak("a", 10, 0, 1)};
    struct score_event events[] = {event("a", DAY, true)};
    run(faults, 1, events, 1);
    assert_int_equal(score.kinds[0].found, 1);
    assert_int_equal(score.false_alarms, 0);
    assert_true(isnan(score.kinds[0].half_found_at)); /* all were found */
}

static void a_flood_begins_above_ten_and_ends_below_five(void **state)
{
    (void)state;
    /* In the intervals of ten minutes: 11, 5, 11, 4, 11. */
    static const int counts[] = {11, 5, 11, 4, 11};
    struct score_event events[64];
    size_t count = 0;
    for (size_t i = 0; i < 5; i++) {
        for (int k = 0; k < counts[i]; k++) {
            char asset[32];
            snprintf(asset, sizeof asset, "a%zu-%d", i, k);
            events[count++] = event(asset, (int64_t)i * 10 * MIN_MS + k * 1000, true);
        }
    }
    run(NULL, 0, events, count);
    assert_int_equal(score.floods, 2);
    assert_near(score.busy_share, 3.0 / (2 * 144));
}

static void chattering_fleeting_and_stale_alarms_are_counted(void **state)
{
    (void)state;
    struct score_event events[] = {
        event("chat", 0, true),       event("chat", 60000, false),   event("chat", 120000, true),
        event("chat", 180000, false), event("chat", 240000, true),   event("chat", 300000, false),
        event("calm", 0, true),       event("calm", 60001, false),   event("calm", 120001, true),
        event("calm", 180001, false), event("calm", 240001, true),   event("calm", 300001, false),
        event("fleet", 0, true),      event("fleet", 9999, false),   event("still", DAY - 1, true),
        event("long", 0, true),       event("long", DAY + 1, false),
    };
    events[11].at_ms++; /* its six within five minutes and a bit */
    run(NULL, 0, events, sizeof events / sizeof events[0]);
    assert_int_equal(score.chattering, 1);
    assert_int_equal(score.fleeting, 1);
    assert_int_equal(score.stale, 2); /* "still" by a millisecond: it never returned */
}

static void write_file(const char *name, const char *text, char path[300])
{
    snprintf(path, 300, "%s/%s", unit_tmpdir(), name);
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
}

static void the_files_are_read_and_what_is_wrong_is_named(void **state)
{
    (void)state;
    char path[300];
    struct score_input in = {0};
    struct diag *d = calloc(1, sizeof *d);
    assert_non_null(d);
    write_file("truth.jsonl",
               "{\"asset\":\"a\",\"device\":\"a-1\",\"channel\":\"flow\",\"kind\":\"leak\","
               "\"onset\":5,\"end\":null,\"magnitude\":2.5,\"observable_from\":null}\n",
               path);
    assert_int_equal(score_read_truth(path, &in, d), LL_OK);
    assert_int_equal(in.fault_count, 1);
    assert_true(in.faults[0].end_ms == INT64_MAX && in.faults[0].observable_ms == SCORE_NEVER);
    assert_near(in.faults[0].magnitude, 2.5);
    write_file("alarms.jsonl",
               "{\"asset\":\"a\",\"device\":\"a-1\",\"channel\":\"flow\",\"condition\":\"high\","
               "\"at_ms\":7,\"from\":\"normal\",\"to\":\"unacknowledged\"}\n"
               "{\"asset\":\"a\",\"device\":\"a-1\",\"channel\":\"flow\",\"condition\":\"high\","
               "\"at_ms\":8,\"from\":\"unacknowledged\",\"to\":\"rtn_unacknowledged\"}\n"
               "{\"asset\":\"a\",\"device\":\"a-1\",\"channel\":\"flow\",\"condition\":\"high\","
               "\"at_ms\":9,\"from\":\"rtn_unacknowledged\",\"to\":\"normal\"}\n",
               path);
    assert_int_equal(score_read_transitions(path, &in, d), LL_OK);
    assert_int_equal(in.event_count, 3);
    assert_true(in.events[0].raised && !in.events[0].returned);
    assert_true(!in.events[1].raised && in.events[1].returned);
    assert_true(!in.events[2].raised && !in.events[2].returned);

    write_file("bad.jsonl", "[1]\n{\"asset\":\"a\",\"at_ms\":\"x\"}\n", path);
    assert_int_equal(score_read_transitions(path, &in, d), LL_EFORMAT);
    assert_non_null(strstr(d->text[0], "bad.jsonl:1: line: expected a JSON object"));
    assert_non_null(strstr(d->text[1], "bad.jsonl:2: device: expected a text"));
    score_input_free(&in);
    free(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_found_and_how_soon),
    cmocka_unit_test(a_fault_that_stays_has_no_end),
    cmocka_unit_test(a_flood_begins_above_ten_and_ends_below_five),
    cmocka_unit_test(chattering_fleeting_and_stale_alarms_are_counted),
    cmocka_unit_test(the_files_are_read_and_what_is_wrong_is_named),
};

UNIT_MAIN(tests)
