/* What a broker tells again: shown where nothing is newer, and nothing else comes of it. */
#include "tests/unit/pipeline/rig.h"

#include "gateway/base/db.h"

#define DAY_S (24 * 3600)

static void drain(struct rig *r)
{
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
}

/* As a device said it at `ts_s` after START_MS; told again an hour after START_MS. */
static void retain(struct rig *r, int64_t ts_s, double value)
{
    char payload[128];
    snprintf(payload, sizeof payload, "{\"seq\":5,\"ts\":%lld,\"r\":{\"methane\":%g}}",
             (long long)(START_MS + ts_s * 1000), value);
    put(r, 3600, "dev-1", payload, INTAKE_RETAINED);
}

/* The start of what is known of dev-1's channel, which is its first or second. */
static void assert_shown(struct rig *r, const char *channel)
{
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(pipeline_device(r->pipeline, "dev-1", &b), LL_OK);
    if (strstr(buf_str(&b), channel) == NULL) {
        fail_msg("no %s in %s", channel, buf_str(&b));
    }
    buf_free(&b);
}

static void assert_methane(struct rig *r, const char *value, const char *time, const char *retained)
{
    char text[200];
    snprintf(text, sizeof text,
             "{\"channel\":\"methane\",\"value\":%s,\"unit\":\"%%LEL\",\"time\":%s,"
             "\"retained\":%s}",
             value, time, retained);
    assert_shown(r, text);
}

static unsigned shown_in_recent(struct rig *r, const char *part)
{
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(pipeline_recent(r->pipeline, 0, "", 100, &b), LL_OK);
    const unsigned n = count_text(buf_str(&b), part);
    buf_free(&b);
    return n;
}

static void a_retained_message_is_shown_and_no_more(void **state)
{
    (void)state;
    struct rig *r = rig_new("shown");
    retain(r, 10, 50);
    drain(r);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_retained, 1);
    assert_int_equal(l.messages_taken, 1);
    assert_int_equal(l.readings_decoded, 0);
    assert_true(source_messages_balance(&l));
    assert_lane(r, SPOOL_READINGS, "");
    assert_int_equal(pipeline_open_alarms(r->pipeline), 0);
    assert_shown(r, "\"messages\":{\"received\":0,");
    assert_shown(r, "\"last_message\":null");
    assert_methane(r, "50", "\"2025-11-24T16:00:10.000Z\"", "true");
    assert_int_equal(shown_in_recent(r, "\"flags\":[\"retained\"]"), 1);
    rig_free(r);
}

static void the_same_message_is_a_reading_when_it_comes_itself(void **state)
{
    (void)state;
    struct rig *r = rig_new("itself");
    retain(r, 0, 50);
    put_methane(r, 0, 5, 50);
    drain(r);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_decoded, 1);
    assert_int_equal(l.readings_spooled, 1);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    assert_methane(r, "50", "\"2025-11-24T16:00:00.000Z\"", "false");
    rig_free(r);
}

static void what_is_no_news_is_not_shown(void **state)
{
    (void)state;
    struct rig *r = rig_new("news");
    put_methane(r, 100, 1, 1);
    retain(r, 100, 2); /* as old as the reading */
    retain(r, 99, 3);
    drain(r);
    assert_methane(r, "1", "\"2025-11-24T16:01:40.000Z\"", "false");
    retain(r, 102, 4);
    retain(r, 102, 4); /* at the next subscription */
    retain(r, 101, 5); /* by another broker */
    drain(r);
    assert_methane(r, "4", "\"2025-11-24T16:01:42.000Z\"", "true");
    assert_int_equal(shown_in_recent(r, "retained"), 1);
    put_methane(r, 103, 2, 6);
    drain(r);
    assert_methane(r, "6", "\"2025-11-24T16:01:43.000Z\"", "false");
    rig_free(r);
}

static void without_a_time_each_reading_is_newer(void **state)
{
    (void)state;
    struct rig *r = rig_new("timeless");
    static const char payload[] = "{\"r\":{\"methane\":7}}";
    put(r, 0, "dev-1", payload, INTAKE_RETAINED);
    drain(r);
    assert_methane(r, "7", "null", "true");
    assert_int_equal(shown_in_recent(r, "\"flags\":[\"time_from_receive\",\"retained\"]"), 1);
    put_methane(r, -1000, 1, 8);
    put(r, 1, "dev-1", payload, INTAKE_RETAINED);
    drain(r);
    assert_methane(r, "8", "\"2025-11-24T15:43:20.000Z\"", "false");
    rig_free(r);
}

static void late_values_are_shown_and_those_that_cannot_be_are_not(void **state)
{
    (void)state;
    struct rig *r = rig_new("values");
    retain(r, -30 * DAY_S, 9); /* long past late_limit_s */
    drain(r);
    assert_methane(r, "9", "\"2025-10-25T16:00:00.000Z\"", "true");
    retain(r, 0, 101);
    retain(r, DAY_S, 1);
    put(r, 0, "dev-1", "{\"ts\":0,\"r\":{\"methane\":1}}", INTAKE_RETAINED);
    put(r, 0, "dev-1", "{", INTAKE_RETAINED);
    put(r, 0, "stranger", "{\"r\":{\"methane\":1}}", INTAKE_RETAINED);
    drain(r);
    assert_methane(r, "9", "\"2025-10-25T16:00:00.000Z\"", "true");
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_retained, 6);
    assert_int_equal(ledger_rejected(&l, SCOPE_MESSAGE), 0);
    rig_free(r);
}

static void what_is_shown_survives_a_checkpoint_and_a_reload(void **state)
{
    (void)state;
    struct rig *r = rig_new("survives");
    put_methane(r, 0, 1, 1);
    retain(r, 10, 2);
    put(r, 0, "dev-1", "{\"r\":{\"door\":true}}", INTAKE_RETAINED);
    drain(r);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    rig_restart(r);
    assert_methane(r, "2", "\"2025-11-24T16:00:10.000Z\"", "true");
    assert_shown(r, "{\"channel\":\"door\",\"value\":1,\"unit\":\"state\",\"time\":null,");
    assert_int_equal(pipeline_reload(r->pipeline), LL_OK);
    assert_methane(r, "2", "\"2025-11-24T16:00:10.000Z\"", "true");
    put_methane(r, 11, 2, 3);
    drain(r);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    rig_restart(r);
    assert_methane(r, "3", "\"2025-11-24T16:00:11.000Z\"", "false");
    rig_free(r);
}

static void while_the_time_is_not_known_it_raises_no_alarm_either(void **state)
{
    (void)state;
    struct rig *r = rig_new("clock");
    const struct intake_tick t = {.connected = true, .up_ms = 1000, .boot = 1};
    struct buf b;
    r->conf.clock_wait_s = 300;
    buf_init(&b, 64);
    intake_tick_write(&t, &b);
    assert_int_equal(
        journal_append(r->intake, INTAKE_TICK, (struct wall_ms){1000}, b.data, b.len, NULL), LL_OK);
    buf_free(&b);
    put_ms(r, 1500, "dev-1", "{\"r\":{\"methane\":50}}", INTAKE_RETAINED);
    drain(r);
    assert_false(pipeline_time_known(r->pipeline));
    assert_int_equal(pipeline_open_alarms(r->pipeline), 0);
    rig_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_retained_message_is_shown_and_no_more),
    cmocka_unit_test(the_same_message_is_a_reading_when_it_comes_itself),
    cmocka_unit_test(what_is_no_news_is_not_shown),
    cmocka_unit_test(without_a_time_each_reading_is_newer),
    cmocka_unit_test(late_values_are_shown_and_those_that_cannot_be_are_not),
    cmocka_unit_test(what_is_shown_survives_a_checkpoint_and_a_reload),
    cmocka_unit_test(while_the_time_is_not_known_it_raises_no_alarm_either),
};
UNIT_MAIN(tests)
