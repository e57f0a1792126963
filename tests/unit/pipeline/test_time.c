/* A machine that does not know the time: readings wait for it, alarms do not. */
#include "tests/unit/pipeline/rig.h"

#include "gateway/base/db.h"

#define WAIT_S  300
#define DAY_MS  (24 * 3600 * 1000LL)
#define HOUR_MS (3600 * 1000LL)

static struct rig *machine(const char *name)
{
    struct rig *r = rig_new(name);
    r->conf.clock_wait_s = WAIT_S;
    return r;
}

static void put_tick(struct rig *r, uint64_t boot, int64_t up_s, int64_t wall_ms, bool synchronised)
{
    struct buf b;
    const struct intake_tick t = {
        .connected = true, .synchronised = synchronised, .up_ms = up_s * 1000, .boot = boot};
    buf_init(&b, 64);
    intake_tick_write(&t, &b);
    assert_int_equal(
        journal_append(r->intake, INTAKE_TICK, (struct wall_ms){wall_ms}, b.data, b.len, NULL),
        LL_OK);
    buf_free(&b);
}

/* A reading without a time, `ms` after 1970 by the wall clock. */
static void put_early(struct rig *r, int64_t ms, double methane)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"r\":{\"methane\":%g}}", methane);
    put_ms(r, ms, "dev-1", payload, 0);
}

static uint64_t taken(struct rig *r)
{
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    return l.messages_taken;
}

static void drain(struct rig *r)
{
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
}

static void readings_wait_and_get_the_time_at_which_they_came(void **state)
{
    (void)state;
    struct rig *r = machine("wait");
    put_tick(r, 1, 35, 35000, false);
    put_early(r, 35250, 5);
    put_early(r, 35750, 6);
    drain(r);
    assert_false(pipeline_time_known(r->pipeline));
    assert_int_equal(taken(r), 0);
    assert_lane(r, SPOOL_READINGS, "");

    put_tick(r, 1, 100, START_MS, false); /* it was set */
    put_ms(r, START_MS + 1, "dev-1", "{\"r\":{\"methane\":7}}", 0);
    drain(r);
    assert_true(pipeline_time_known(r->pipeline));
    assert_int_equal(taken(r), 3);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=5 "
                "1763999935250\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=6 "
                "1763999935750\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=7 "
                "1764000000001\n");
    rig_free(r);
}

/* Before the machine went down it was START_MS; then a leak, while it is 1970. */
static void put_leak(struct rig *r, int step)
{
    switch (step) {
    case 0:
        put_tick(r, 1, 1000, START_MS, true);
        break;
    case 1:
        put_methane(r, 0, 1, 3);
        break;
    case 2:
        put_tick(r, 2, 10, 10000, false);
        break;
    case 3:
        put_early(r, 11000, 30);
        break;
    case 4:
        put_tick(r, 2, 12, 12000, false);
        break;
    case 5:
        put_early(r, 12500, 31);
        break;
    case 6:
        put_tick(r, 2, 40, START_MS + HOUR_MS, true);
        break;
    default:
        put_methane(r, 3601, 2, 32);
        break;
    }
}
#define LEAK_STEPS 8

static const char leak_lines[] =
    "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=3 1764000000000\n"
    "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=30 1764003571000\n"
    "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=31 1764003572500\n"
    "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=32 1764003601000\n";

static void assert_leak(struct rig *r)
{
    struct buf b;
    buf_init(&b, 1024 * 1024);
    assert_lane(r, SPOOL_READINGS, leak_lines);
    read_lane(r, SPOOL_ALARMS, &b);
    assert_int_equal(count_text(buf_str(&b), "lifeline_alarm"), 1);
    assert_non_null(strstr(buf_str(&b), "raised_ms=1764003571000i 1764003571000\n"));
    buf_reset(&b);
    assert_int_equal(alarm_store_show(r->alarms, 1, &b), LL_OK);
    assert_non_null(strstr(buf_str(&b), "\"at_ms\":1764003571000,\"raised_ms\":1764003571000,"));
    assert_non_null(strstr(buf_str(&b), "\"transitions\":[{\"at_ms\":1764003571000,"));
    assert_non_null(strstr(buf_str(&b), "\"time_estimated\":0}"));
    buf_free(&b);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_taken, 4);
    assert_int_equal(l.readings_spooled, 4);
}

static void an_alarm_does_not_wait_and_is_corrected(void **state)
{
    (void)state;
    struct rig *r = machine("leak");
    struct buf b;
    buf_init(&b, 1024 * 1024);
    for (int i = 0; i <= 5; i++) {
        put_leak(r, i);
    }
    drain(r);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    assert_lane(r, SPOOL_ALARMS, "");
    assert_int_equal(alarm_store_show(r->alarms, 1, &b), LL_OK);
    /* A second after the last time known: the machine was off for an unknown while. */
    assert_non_null(strstr(buf_str(&b), "\"raised_ms\":1764000001000,"));
    assert_non_null(strstr(buf_str(&b), "\"time_estimated\":1}"));
    buf_free(&b);
    put_leak(r, 6);
    put_leak(r, 7);
    drain(r);
    assert_leak(r);
    rig_free(r);
}

/* Killed behind each step, with and without a checkpoint there. */
static void a_kill_at_any_moment_changes_nothing(void **state)
{
    (void)state;
    for (int at = 0; at < LEAK_STEPS * 2; at++) {
        char name[40];
        snprintf(name, sizeof name, "kill-%d", at);
        struct rig *r = machine(name);
        for (int i = 0; i < LEAK_STEPS; i++) {
            put_leak(r, i);
            drain(r);
            if (i == at / 2) {
                if (at % 2 == 1) {
                    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
                }
                rig_restart(r);
                assert_int_equal(pipeline_backlog_at_start(r->pipeline), (i + 1) / 2);
            }
        }
        drain(r);
        assert_leak(r);
        rig_free(r);
    }
}

static void run_sql(struct rig *r, const char *sql)
{
    char path[400];
    sqlite3 *db = NULL;
    path_in(r, "lifeline.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(db_exec(db, sql), LL_OK);
    sqlite3_close(db);
}

static void an_archive_that_refuses_true_times_is_asked_again(void **state)
{
    (void)state;
    for (int restarted = 0; restarted < 2; restarted++) {
        struct rig *r = machine(restarted ? "asked-after-restart" : "asked");
        for (int i = 0; i < 6; i++) {
            put_leak(r, i);
        }
        drain(r);
        run_sql(r, "CREATE TRIGGER refusal BEFORE UPDATE ON alarm_transition"
                   " BEGIN SELECT RAISE(ABORT, 'no'); END");
        put_leak(r, 6);
        put_leak(r, 7);
        drain(r);
        assert_false(pipeline_time_known(r->pipeline));
        assert_lane(r, SPOOL_ALARMS, "");
        if (restarted) {
            assert_int_equal(pipeline_save(r->pipeline), LL_OK);
            rig_restart(r);
        }
        run_sql(r, "DROP TRIGGER refusal");
        put_tick(r, 2, 42, START_MS + HOUR_MS + 2000, false);
        drain(r);
        assert_true(pipeline_time_known(r->pipeline));
        assert_leak(r);
        rig_free(r);
    }
}

static void the_release_goes_on_where_it_was_killed(void **state)
{
    (void)state;
    for (int part = 0; part < 4; part++) {
        char name[40];
        int count = 0;
        snprintf(name, sizeof name, "part-%d", part);
        struct rig *r = machine(name);
        for (int i = 0; i < 6; i++) {
            put_leak(r, i);
        }
        drain(r);
        put_leak(r, 6);
        assert_int_equal(pipeline_take_batch(r->pipeline, UINT64_MAX), LL_OK); /* the tick */
        assert_true(pipeline_releases(r->pipeline));
        assert_int_equal(pipeline_release(r->pipeline, part, &count), LL_OK);
        assert_int_equal(count, part);
        assert_int_equal(pipeline_save(r->pipeline), LL_OK);
        rig_restart(r);
        put_leak(r, 7);
        drain(r);
        assert_leak(r);
        rig_free(r);
    }
}

static void what_waits_is_not_trimmed(void **state)
{
    (void)state;
    struct rig *r = machine("trim");
    put_tick(r, 1, 35, 35000, false);
    put_early(r, 36000, 5);
    put_early(r, 37000, 6);
    drain(r);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    assert_int_equal(pipeline_checkpointed(r->pipeline), 1);
    put_tick(r, 1, 40, START_MS, true);
    drain(r);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    assert_int_equal(pipeline_checkpointed(r->pipeline), 5);
    rig_free(r);
}

static void of_an_earlier_start_times_stay_estimates(void **state)
{
    (void)state;
    struct rig *r = machine("starts");
    put_tick(r, 1, 1000, START_MS, true);
    put_tick(r, 2, 10, 10000, false);
    put_early(r, 11000, 5);
    put_tick(r, 2, 20, 20000, false);
    put_tick(r, 3, 8, 8000, false);
    put_early(r, 9000, 6);
    put_tick(r, 3, 18, START_MS + HOUR_MS, true);
    drain(r);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=5,time_quality=\"estimated\" 1764000001000\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=6 "
                "1764003591000\n");
    rig_free(r);
}

static void a_devices_own_time_is_judged_by_the_true_one(void **state)
{
    (void)state;
    struct rig *r = machine("own");
    char payload[100];
    put_tick(r, 1, 35, 35000, false);
    snprintf(payload, sizeof payload, "{\"ts\":%lld,\"r\":{\"methane\":4}}",
             (long long)(START_MS - 65000));
    put_ms(r, 35000, "dev-1", payload, 0);
    put_tick(r, 1, 100, START_MS, true);
    drain(r);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=4 "
                "1763999935000\n");
    rig_free(r);
}

struct start {
    int64_t up_s;
    int64_t wall_ms;
    bool synchronised;
    bool believed;
};

static void which_clocks_are_believed_after_a_start(void **state)
{
    (void)state;
    static const struct start starts[] = {
        {20, START_MS + HOUR_MS, false, false}, /* as good as any; NTP may come */
        {20, START_MS + HOUR_MS, true, true},
        {20, START_MS - HOUR_MS, true, true},
        {WAIT_S, START_MS + HOUR_MS, false, true}, /* it will not come */
        {WAIT_S, START_MS - HOUR_MS, false, true}, /* a battery clock may be slow */
        {WAIT_S, START_MS - 2 * DAY_MS, false, false},
        {WAIT_S, START_MS - 2 * DAY_MS, true, true},
        {20, 20000, true, false},
        {WAIT_S, 20000, false, false},
    };
    struct rig *r = machine("believed");
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        const struct start *s = &starts[i];
        put_tick(r, 2 * i + 1, 1000, START_MS, true);
        put_tick(r, 2 * i + 2, s->up_s, s->wall_ms, s->synchronised);
        drain(r);
        assert_int_equal(pipeline_time_known(r->pipeline), s->believed);
    }
    rig_free(r);
}

static void a_clock_that_is_set_is_believed_at_once(void **state)
{
    (void)state;
    struct rig *r = machine("set");
    put_tick(r, 1, 1000, START_MS, true);
    put_tick(r, 2, 20, START_MS - 400 * DAY_MS, false);
    drain(r);
    assert_false(pipeline_time_known(r->pipeline));
    put_tick(r, 2, 30, START_MS - 400 * DAY_MS + 10000, false);
    drain(r);
    assert_false(pipeline_time_known(r->pipeline));
    put_tick(r, 2, 40, START_MS + DAY_MS, false);
    drain(r);
    assert_true(pipeline_time_known(r->pipeline));
    put_tick(r, 2, 50, START_MS, false); /* and so is whoever sets it while it runs */
    drain(r);
    assert_true(pipeline_time_known(r->pipeline));
    rig_free(r);
}

static void a_clock_that_loses_the_time_while_it_runs_is_not_believed(void **state)
{
    (void)state;
    struct rig *r = machine("lost");
    put_tick(r, 1, 1000, START_MS, true);
    put_tick(r, 1, 1001, 5000, false);
    put_early(r, 5500, 5);
    put_tick(r, 1, 1010, START_MS + 10000, true);
    drain(r);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=5 "
                "1764000001500\n");
    rig_free(r);
}

/* --- devices whose clock is off --------------------------------------------------------------- */

static void put_own(struct rig *r, int64_t at_s, int64_t ts_s, double methane)
{
    char payload[100];
    snprintf(payload, sizeof payload, "{\"ts\":%lld,\"r\":{\"methane\":%g}}",
             (long long)(START_MS + ts_s * 1000), methane);
    put(r, at_s, "dev-1", payload, 0);
}

static void a_device_that_is_ahead_gets_its_receive_time_and_is_watched(void **state)
{
    (void)state;
    struct rig *r = machine("ahead");
    put_own(r, 0, 299, 5); /* may be */
    put_own(r, 10, 28810, 30);
    put_own(r, 20, 28820, 31);
    drain(r);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 methane_pct_lel=5 "
                "1764000299000\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=30,time_quality=\"corrected\" 1764000010000\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=31,time_quality=\"corrected\" 1764000020000\n");
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    rig_free(r);
}

static void a_batch_keeps_its_distances(void **state)
{
    (void)state;
    struct rig *r = machine("batch");
    put(r, 100, "dev-1",
        "{\"batch\":[{\"ts\":60000,\"r\":{\"methane\":1}},{\"ts\":120000,\"r\":{\"methane\":2}}]}",
        0);
    drain(r);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=1,time_quality=\"corrected\" 1764000040000\n"
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=2,time_quality=\"corrected\" 1764000100000\n");
    rig_free(r);
}

static void a_device_that_is_steadily_behind_is_marked_also_after_a_restart(void **state)
{
    (void)state;
    struct rig *r = machine("behind");
    struct buf b;
    buf_init(&b, 1024 * 1024);
    for (int i = 0; i < 8; i++) {
        put_own(r, i * 90, i * 90 - 3600, 5);
    }
    drain(r);
    read_lane(r, SPOOL_READINGS, &b);
    assert_int_equal(count_text(buf_str(&b), "time_quality=\"late\""), 7);
    assert_int_equal(count_text(buf_str(&b), "time_quality=\"behind\""), 1);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    rig_restart(r);
    put_own(r, 8 * 90, 8 * 90 - 3600, 5);
    drain(r);
    read_lane(r, SPOOL_READINGS, &b);
    assert_int_equal(count_text(buf_str(&b), "time_quality=\"behind\""), 2);
    buf_reset(&b);
    assert_int_equal(pipeline_device(r->pipeline, "dev-1", &b), LL_OK);
    assert_non_null(strstr(buf_str(&b), "\"clock_behind_s\":3600,"));
    buf_free(&b);
    rig_free(r);
}

static void eight_hours_of_backfill_are_kept_marked_and_raise_nothing_again(void **state)
{
    (void)state;
    struct rig *r = machine("backfill");
    struct buf b;
    buf_init(&b, 1024 * 1024);
    /* A leak, told live, and over; the device could not tell of the eight hours between. */
    put_own(r, 0, 0, 30);
    tick(r, 0, 5, 1);
    put_own(r, 8 * 3600, 8 * 3600, 1);
    tick(r, 8 * 3600, 8 * 3600 + 20, 1);
    drain(r);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1); /* returned, not acknowledged */
    for (int i = 1; i < 96; i++) {
        put_own(r, 8 * 3600 + 30 + i, i * 300, i < 48 ? 30 : 1);
    }
    tick(r, 8 * 3600 + 200, 8 * 3600 + 220, 1);
    drain(r);
    read_lane(r, SPOOL_READINGS, &b);
    assert_int_equal(count_text(buf_str(&b), "time_quality=\"late\""), 95);
    read_lane(r, SPOOL_ALARMS, &b);
    assert_int_equal(count_text(buf_str(&b), "state=\"unacknowledged\""), 1);
    assert_int_equal(count_text(buf_str(&b), "lifeline_alarm"), 2);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.readings_spooled, 97);
    assert_int_equal(l.readings_late, 0);
    buf_free(&b);
    rig_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(readings_wait_and_get_the_time_at_which_they_came),
    cmocka_unit_test(an_alarm_does_not_wait_and_is_corrected),
    cmocka_unit_test(a_kill_at_any_moment_changes_nothing),
    cmocka_unit_test(an_archive_that_refuses_true_times_is_asked_again),
    cmocka_unit_test(the_release_goes_on_where_it_was_killed),
    cmocka_unit_test(what_waits_is_not_trimmed),
    cmocka_unit_test(of_an_earlier_start_times_stay_estimates),
    cmocka_unit_test(a_devices_own_time_is_judged_by_the_true_one),
    cmocka_unit_test(which_clocks_are_believed_after_a_start),
    cmocka_unit_test(a_clock_that_is_set_is_believed_at_once),
    cmocka_unit_test(a_clock_that_loses_the_time_while_it_runs_is_not_believed),
    cmocka_unit_test(a_device_that_is_ahead_gets_its_receive_time_and_is_watched),
    cmocka_unit_test(a_batch_keeps_its_distances),
    cmocka_unit_test(a_device_that_is_steadily_behind_is_marked_also_after_a_restart),
    cmocka_unit_test(eight_hours_of_backfill_are_kept_marked_and_raise_nothing_again),
};

UNIT_MAIN(tests)
