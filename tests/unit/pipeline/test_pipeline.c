/* The whole path in one process: a journal goes in; lines, alarms and books come out. */
#include "gateway/model/counters.h"
#include "tests/unit/pipeline/rig.h"

static void a_reading_becomes_a_line_with_its_tags(void **state)
{
    (void)state;
    struct rig *r = rig_new("line");
    put(r, 0, "dev-1", "{\"seq\":1,\"ts\":1764000000123,\"r\":{\"methane\":4.5,\"door\":true}}", 0);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_lane(r, SPOOL_READINGS,
                "gas_pipe,asset=pipe-1,device=dev-1,district=鲤城区 "
                "methane_pct_lel=4.5,door=t 1764000000123\n");
    rig_free(r);
}

static void every_refusal_is_counted_under_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *device;
        const char *payload;
        uint8_t flags;
        enum reason reason;
    } cases[] = {
        {"dev-1", "{", 0, REASON_MALFORMED},
        {"stranger", "{\"r\":{\"methane\":1}}", 0, REASON_UNKNOWN_DEVICE},
        {"dev-1", "{\"r\":", INTAKE_OVERSIZED, REASON_OVERSIZED},
        {"a/b", "{\"r\":{\"methane\":1}}", 0, REASON_UNKNOWN_TOPIC},
        {"dev-1", "{\"r\":{\"metane\":1}}", 0, REASON_UNKNOWN_CHANNEL},
        {"dev-1", "{\"r\":{\"methane\":101}}", 0, REASON_OUT_OF_RANGE},
        {"dev-1", "{\"r\":{\"methane\":{\"v\":1,\"u\":\"kPa\"}}}", 0, REASON_WRONG_UNIT},
        {"dev-1", "{\"r\":{\"methane\":\"x\"}}", 0, REASON_NOT_A_NUMBER},
        {"dev-1", "{\"r\":{\"door\":0.5}}", 0, REASON_WRONG_TYPE},
        {"dev-keep", "{\"ts\":0,\"r\":{\"methane\":1}}", 0, REASON_TIME_IMPLAUSIBLE},
        {"dev-keep", "{\"ts\":1795536000000,\"r\":{\"methane\":1}}", 0, REASON_TIME_AHEAD},
    };
    const size_t count = sizeof cases / sizeof cases[0];
    struct rig *r = rig_new("refusals");
    for (size_t i = 0; i < count; i++) {
        put(r, (int64_t)i, cases[i].device, cases[i].payload, cases[i].flags);
    }
    put_methane(r, 100, 1, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);

    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(l.rejected[cases[i].reason], 1);
    }
    assert_int_equal(l.messages_taken, count + 1);
    assert_int_equal(l.messages_taken, l.messages_decoded + ledger_rejected(&l, SCOPE_MESSAGE));
    assert_int_equal(l.readings_decoded, l.readings_spooled + ledger_rejected(&l, SCOPE_READING));
    assert_int_equal(l.readings_spooled, 1);

    struct buf b;
    buf_init(&b, 1024 * 1024);
    assert_int_equal(quarantine_list(r->quarantine, 100, &b), LL_OK);
    assert_int_equal(count_text(buf_str(&b), "\"reason\":"), count);
    buf_free(&b);
    rig_free(r);
}

static void a_repeated_sequence_number_is_a_duplicate(void **state)
{
    (void)state;
    struct rig *r = rig_new("duplicate");
    put_methane(r, 0, 7, 1);
    put_methane(r, 0, 7, 1);
    put_methane(r, 10, 8, 2);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_duplicate, 1);
    assert_int_equal(l.messages_decoded, 2);
    assert_int_equal(l.readings_spooled, 2);
    rig_free(r);
}

static void readings_of_one_millisecond_do_not_overwrite_each_other(void **state)
{
    (void)state;
    struct rig *r = rig_new("moved");
    put_methane(r, 0, 1, 1);
    put_methane(r, 0, 2, 2);
    put_methane(r, 0, 3, 3);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct buf b;
    buf_init(&b, 65536);
    read_lane(r, SPOOL_READINGS, &b);
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=1 1764000000000\n"));
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=2 1764000000001\n"));
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=3 1764000000002\n"));
    buf_free(&b);
    rig_free(r);
}

static void a_clock_that_is_set_back_leaves_no_alarm_unraised(void **state)
{
    (void)state;
    struct rig *r = rig_new("set-back");
    put(r, 3600, "dev-1", "{\"r\":{\"methane\":1}}", 0);
    put(r, 0, "dev-1", "{\"r\":{\"methane\":25}}", 0);
    put(r, 0, "dev-1", "{\"r\":{\"methane\":26}}", 0);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    struct buf b;
    buf_init(&b, 65536);
    read_lane(r, SPOOL_READINGS, &b);
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=1 1764003600000\n"));
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=25 1764000000000\n"));
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=26 1764000000001\n"));
    buf_free(&b);
    rig_free(r);
}

/* What waited at the broker comes within a moment. */
static void a_burst_without_times_does_not_overwrite_itself(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    struct rig *r = rig_new("burst");
    for (int i = 0; i < COUNT; i++) {
        put(r, i / (COUNT - 10), "dev-1", "{\"r\":{\"methane\":1}}", 0);
    }
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct buf b;
    buf_init(&b, 1024 * 1024);
    read_lane(r, SPOOL_READINGS, &b);
    for (int i = 0; i < COUNT; i++) {
        char end[32];
        snprintf(end, sizeof end, "=1 %lld\n", START_MS + i);
        assert_int_equal(count_text(buf_str(&b), end), 1);
    }
    buf_free(&b);
    rig_free(r);
}

static void a_late_reading_is_counted_as_late(void **state)
{
    (void)state;
    struct rig *r = rig_new("late");
    put(r, 0, "dev-1", "{\"ts\":1763000000000,\"r\":{\"methane\":1}}", 0);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.readings_late, 1);
    assert_int_equal(l.readings_spooled, 0);
    rig_free(r);
}

/* A leak, acknowledged, over; in the middle the sensor falls silent. */
static void put_incident(struct rig *r)
{
    static const char ack[] = "{\"do\":\"alarm_ack\",\"alarm\":1,\"by\":\"li\",\"note\":\"crew\"}";
    tick(r, 0, 5, 1);
    put_methane(r, 5, 1, 3);
    put_methane(r, 6, 2, 25);
    tick(r, 6, 10, 1);
    assert_int_equal(journal_append(r->intake, INTAKE_COMMAND, (struct wall_ms){START_MS + 10000},
                                    ack, sizeof ack - 1, NULL),
                     LL_OK);
    tick(r, 10, 12, 1);
    put_methane(r, 12, 3, 5);
    tick(r, 12, 300, 1);
    put_methane(r, 300, 4, 4);
    tick(r, 300, 310, 1);
}

static void each_transition_is_told_once_the_archive_has_it(void **state)
{
    (void)state;
    struct rig *r = rig_new("told");
    put_incident(r);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    /* The leak, its acknowledgement and its end; the silence and its end. */
    assert_string_equal(r->told, "1 open, 1 acked, 1 over, 2 open, 2 open, ");
    rig_free(r);
}

static void an_alarm_is_raised_acknowledged_and_cleared(void **state)
{
    (void)state;
    struct rig *r = rig_new("alarm");
    put_incident(r);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1); /* silence: returned, unacknowledged */

    struct buf b;
    list_alarms(r, &b);
    assert_int_equal(count_text(buf_str(&b), "\"condition\":\"high\""), 1);
    assert_int_equal(count_text(buf_str(&b), "\"condition\":\"silence\""), 1);
    assert_non_null(strstr(buf_str(&b), "methane is 25 %LEL, above the limit of 20 %LEL"));
    assert_non_null(strstr(buf_str(&b), "甲烷 25 %LEL，高于限值 20 %LEL"));
    buf_free(&b);

    buf_init(&b, 65536);
    read_lane(r, SPOOL_ALARMS, &b);
    assert_int_equal(count_text(buf_str(&b), "condition=high"), 3);
    assert_int_equal(count_text(buf_str(&b), "condition=silence"), 2);
    buf_free(&b);
    rig_free(r);
}

/* The database keeps one point of a series and time. */
static void an_alarm_that_was_delayed_tells_the_newest_value(void **state)
{
    (void)state;
    struct rig *r = rig_new("delayed");
    struct buf b;
    put(r, 0, "dev-keep", "{\"r\":{\"methane\":95}}", 0);
    tick(r, 0, 20, 1);
    put(r, 20, "dev-keep", "{\"r\":{\"methane\":96.5}}", 0);
    tick(r, 20, 40, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    list_alarms(r, &b);
    assert_non_null(strstr(buf_str(&b), "methane is 96.5 %LEL, above the limit of 90 %LEL"));
    buf_free(&b);
    rig_free(r);
}

static void transitions_of_one_millisecond_have_times_of_their_own(void **state)
{
    (void)state;
    struct rig *r = rig_new("millisecond");
    for (int i = 1; i <= 4; i++) {
        put(r, 5, "dev-1", i % 2 == 1 ? "{\"r\":{\"door\":true}}" : "{\"r\":{\"door\":false}}", 0);
    }
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct buf b;
    buf_init(&b, 65536);
    read_lane(r, SPOOL_ALARMS, &b);
    char last[32] = "";
    int transitions = 0;
    for (const char *line = buf_str(&b); *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n');
        const char *time = end;
        while (*time != ' ') {
            time--;
        }
        assert_true(end - time < (ptrdiff_t)sizeof last);
        char this[32] = "";
        memcpy(this, time, (size_t)(end - time));
        assert_true(strcmp(this, last) > 0);
        memcpy(last, this, sizeof last);
        transitions++;
    }
    assert_int_equal(transitions, 4);
    buf_free(&b);
    rig_free(r);
}

static void the_gateways_own_absence_is_no_silence(void **state)
{
    (void)state;
    struct rig *r = rig_new("absence");
    tick(r, 0, 5, 1);
    put_methane(r, 5, 1, 3);
    tick(r, 5, 1000, 0);      /* cut off from the broker */
    tick(r, 90000, 90100, 1); /* and then a day without the gateway */
    put_methane(r, 90100, 2, 3);
    tick(r, 90100, 90110, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 0);
    rig_free(r);
}

static void the_same_journal_gives_the_same_alarms(void **state)
{
    (void)state;
    struct buf lanes[2];
    for (int i = 0; i < 2; i++) {
        struct rig *r = rig_new(i == 0 ? "same-a" : "same-b");
        put_incident(r);
        assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
        buf_init(&lanes[i], 65536);
        read_lane(r, SPOOL_ALARMS, &lanes[i]);
        rig_free(r);
    }
    assert_true(lanes[0].len > 0);
    assert_string_equal(buf_str(&lanes[0]), buf_str(&lanes[1]));
    buf_free(&lanes[0]);
    buf_free(&lanes[1]);
}

static void after_a_kill_everything_is_done_once(void **state)
{
    (void)state;
    struct rig *r = rig_new("once");
    struct buf readings;
    struct buf alarms_before;
    struct buf alarms_after;
    put_incident(r);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    buf_init(&readings, 65536);
    read_lane(r, SPOOL_READINGS, &readings);
    list_alarms(r, &alarms_before);

    rig_restart(r); /* there is no checkpoint: all of the journal is read again */
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_lane(r, SPOOL_READINGS, buf_str(&readings));
    list_alarms(r, &alarms_after);
    assert_string_equal(buf_str(&alarms_after), buf_str(&alarms_before));
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    buf_free(&readings);
    buf_free(&alarms_before);
    buf_free(&alarms_after);
    rig_free(r);
}

static void a_checkpoint_carries_books_detectors_and_alarms_over(void **state)
{
    (void)state;
    struct rig *r = rig_new("checkpoint");
    tick(r, 0, 5, 1);
    put_methane(r, 5, 1, 25);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline);
    rig_restart(r);
    assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_taken, 1);
    assert_int_equal(pipeline_backlog_at_start(r->pipeline), 1);

    put_methane(r, 5, 1, 25);  /* known as a duplicate */
    put_methane(r, 20, 2, 24); /* the alarm is not raised a second time */
    put_methane(r, 21, 3, 10);
    tick(r, 21, 40, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_duplicate, 1);
    struct buf b;
    list_alarms(r, &b);
    assert_int_equal(count_text(buf_str(&b), "\"condition\":\"high\""), 1);
    assert_non_null(strstr(buf_str(&b), "rtn_unacknowledged"));
    buf_free(&b);
    rig_free(r);
}

/* Ticks of some seconds, each a batch of its own; how many checkpoints that brought. */
static uint64_t checkpoints_over(struct rig *r, int64_t from_s, int64_t to_s)
{
    const uint64_t before = counter_get(COUNTER_CHECKPOINTS);
    for (int64_t s = from_s; s < to_s; s++) {
        tick(r, s, s + 1, 1);
        assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    }
    return counter_get(COUNTER_CHECKPOINTS) - before;
}

static void put_bytes(struct rig *r, int64_t at_s, uint64_t bytes)
{
    char payload[900] = "";
    memset(payload, 'x', sizeof payload - 1);
    for (uint64_t sum = 0; sum < bytes; sum += 960) { /* with topic and header, on the disk */
        put(r, at_s, "dev-1", payload, 0);
    }
}

static void
a_checkpoint_waits_for_its_interval_and_for_intake_of_four_times_its_length(void **state)
{
    (void)state;
    struct rig *r = rig_new("due");
    r->conf.checkpoint_interval_s = 10;
    r->conf.intake_max_mib = 64;
    assert_int_equal(checkpoints_over(r, 0, 1), 1);
    const uint64_t size = r->pipeline->checkpoint_bytes;
    assert_in_range(size, 1000, 100000); /* more than what follows takes at 64 bytes a tick */
    assert_int_equal(checkpoints_over(r, 1, 15), 0);
    put_bytes(r, 15, 2 * size); /* with the ticks, less than three times */
    assert_int_equal(checkpoints_over(r, 15, 16), 0);
    put_bytes(r, 16, 2 * size);
    assert_int_equal(checkpoints_over(r, 16, 17), 1);
    put_bytes(r, 17, 4 * size);
    assert_int_equal(checkpoints_over(r, 17, 26), 0);
    assert_int_equal(checkpoints_over(r, 26, 27), 1);
    rig_free(r);
}

/* With a checkpoint that is so long, the next one waits for so much intake. */
static void expect_worth(struct rig *r, uint64_t checkpoint_kib, uint64_t intake_kib)
{
    r->pipeline->checkpoint_bytes = checkpoint_kib << 10;
    const int64_t at_s = r->pipeline->now.event_ms / 1000 - START_MS / 1000 + 1;
    put_bytes(r, at_s, (intake_kib - 50) << 10);
    assert_int_equal(checkpoints_over(r, at_s, at_s + 5), 0);
    put_bytes(r, at_s + 5, 50 << 10);
    assert_int_equal(checkpoints_over(r, at_s + 5, at_s + 6), 1);
}

static void of_a_large_checkpoint_no_more_is_read_again_than_it_is_long_or_a_segment(void **state)
{
    (void)state;
    struct rig *r = rig_new("large");
    r->conf.checkpoint_interval_s = 1;
    r->conf.segment_mib = 1;
    r->conf.intake_max_mib = 64;
    assert_int_equal(checkpoints_over(r, 0, 1), 1);
    expect_worth(r, 200, 800);
    expect_worth(r, 500, 1024);
    expect_worth(r, 1500, 1500);
    r->conf.intake_max_mib = 2; /* it must not fill up meanwhile */
    expect_worth(r, 1500, 512);
    rig_free(r);
}

static void without_its_checkpoint_it_finds_the_archives_alarms_again(void **state)
{
    (void)state;
    struct rig *r = rig_new("relearn");
    struct buf before;
    struct buf after;
    put_methane(r, 5, 1, 25);
    put_methane(r, 6, 2, 1);
    tick(r, 6, 30, 1);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline); /* with a checkpoint */
    list_alarms(r, &before);
    assert_int_equal(unlink(r->checkpoint), 0);
    rig_restart(r);
    put_methane(r, 40, 3, 30); /* the same alarm again, not yet acknowledged */
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    list_alarms(r, &after);
    assert_non_null(strstr(buf_str(&before), "rtn_unacknowledged"));
    assert_non_null(strstr(buf_str(&after), "\"unacknowledged\""));
    assert_int_equal(count_text(buf_str(&after), "\"id\":1,"), 1);
    assert_int_equal(count_text(buf_str(&after), "\"condition\":"), 1);
    buf_free(&before);
    buf_free(&after);
    rig_free(r);
}

/* Cuts the last record of the alarms lane short, as it is on disk. */
static void tear_alarms(struct rig *r)
{
    char path[400];
    struct buf b;
    path_in(r, "spool/alarms/0000000000000001.log", path, sizeof path);
    buf_init(&b, 2 * 1024 * 1024);
    assert_int_equal(fs_read_file(path, &b), LL_OK);
    while (b.data[b.len - 1] == '\0') {
        b.len--;
    }
    assert_int_equal(truncate(path, (off_t)b.len - 1), 0);
    buf_free(&b);
}

static void an_alarm_that_the_spool_lost_comes_from_the_archive(void **state)
{
    (void)state;
    struct rig *r = rig_new("mended");
    put_incident(r);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline);
    close_parts(r);
    tear_alarms(r);
    open_parts(r);
    start_pipeline(r);
    struct buf b;
    buf_init(&b, 65536);
    read_lane(r, SPOOL_ALARMS, &b);
    assert_int_equal(count_text(buf_str(&b), "condition=high"), 3);
    assert_int_equal(count_text(buf_str(&b), "condition=silence"), 2);
    buf_free(&b);
    rig_free(r);
}

static void a_journal_that_was_taken_away_does_not_swallow_what_comes(void **state)
{
    (void)state;
    struct rig *r = rig_new("taken-away");
    char intake[400];
    for (unsigned i = 1; i <= 20; i++) {
        put_methane(r, (int64_t)i, i, 1);
    }
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline);
    close_parts(r);
    path_in(r, "intake", intake, sizeof intake);
    assert_int_equal(nftw(intake, unit_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    open_parts(r);
    start_pipeline(r);
    put_methane(r, 100, 100, 2);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.readings_spooled, 21);
    struct buf b;
    buf_init(&b, 65536);
    read_lane(r, SPOOL_READINGS, &b);
    assert_non_null(strstr(buf_str(&b), "methane_pct_lel=2 1764000100000\n"));
    buf_free(&b);
    rig_free(r);
}

static void an_alarm_never_takes_the_number_of_an_archived_one(void **state)
{
    (void)state;
    struct rig *r = rig_new("numbers");
    char intake[400];
    struct buf b;
    put_methane(r, 5, 1, 25);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    close_parts(r); /* the journal and the checkpoint are lost, the archive is not */
    path_in(r, "intake", intake, sizeof intake);
    assert_int_equal(nftw(intake, unit_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    open_parts(r);
    start_pipeline(r);
    put_methane(r, 100, 2, 30);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    list_alarms(r, &b);
    assert_non_null(strstr(buf_str(&b), "\"id\":1,"));
    assert_non_null(strstr(buf_str(&b), "\"id\":2,"));
    buf_free(&b);
    rig_free(r);
}

static void a_device_has_books_of_its_own_that_survive_a_restart(void **state)
{
    (void)state;
    struct rig *r = rig_new("device-books");
    struct buf out;
    buf_init(&out, 65536);
    put_methane(r, 0, 1, 1.5);
    put_methane(r, 0, 1, 1.5);
    put_methane(r, 10, 4, 2.5);
    put(r, 20, "dev-1", "{\"seq\":5,\"r\":{\"methane\":101,\"door\":1}}", 0);
    put(r, 21, "dev-1", "{\"ts\":1763000000000,\"r\":{\"methane\":1}}", 0);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline);
    rig_restart(r);
    assert_int_equal(pipeline_device(r->pipeline, "dev-1", &out), LL_OK);
    assert_non_null(strstr(buf_str(&out), "\"messages\":{\"received\":5,\"decoded\":4,"
                                          "\"duplicate\":1,\"missing\":2}"));
    assert_non_null(strstr(buf_str(&out), "\"readings\":{\"decoded\":5,\"accepted\":3,"
                                          "\"duplicate\":0,\"late\":1,\"rejected\":1,"
                                          "\"balanced\":true}"));
    assert_non_null(strstr(buf_str(&out), "\"last_message\":\"2025-11-24T16:00:21.000Z\""));
    assert_non_null(strstr(buf_str(&out), "{\"channel\":\"methane\",\"value\":2.5,"
                                          "\"unit\":\"%LEL\","
                                          "\"time\":\"2025-11-24T16:00:10.000Z\","));
    buf_reset(&out);
    assert_int_equal(pipeline_device(r->pipeline, "nobody", &out), LL_ENOENT);
    buf_free(&out);
    rig_free(r);
}

static struct ledger books_of(struct rig *r, const char *name, struct ledger *sum)
{
    static struct source_list list;
    pipeline_ledger(r->pipeline, sum, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.row[i].name, name) == 0) {
            return list.row[i].ledger;
        }
    }
    fail_msg("there is no source '%s'", name);
    return *sum;
}

static void a_message_stands_in_the_books_of_the_topic_it_came_by(void **state)
{
    (void)state;
    struct rig *r = rig_new("sources");
    struct ledger sum;
    put_methane(r, 1, 1, 3.5);
    put_methane(r, 1, 1, 3.5);
    put(r, 2, "dev-1", "{\"r\":{\"methane\":101,\"door\":1}}", 0);
    put(r, 2, "dev-1", "{\"r\":{\"methane\":1}}", INTAKE_RETAINED);
    put(r, 2, "nobody", "{}", 0);
    put(r, 2, "a/b", "{}", 0); /* matches no filter */
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    const struct ledger l = books_of(r, "lifeline/v1/up/+", &sum);
    assert_int_equal(l.messages_taken, 5);
    assert_int_equal(l.messages_decoded, 2);
    assert_int_equal(l.messages_duplicate, 1);
    assert_int_equal(l.readings_spooled, 2);
    assert_int_equal(l.rejected[REASON_OUT_OF_RANGE], 1);
    assert_int_equal(books_of(r, "+none", &sum).rejected[REASON_UNKNOWN_TOPIC], 1);
    assert_int_equal(sum.messages_taken, 6);

    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    /* The settings change; what had been taken stays where it was counted. */
    snprintf(r->conf.topics[0].filter, sizeof r->conf.topics[0].filter, "lifeline/v1/up/dev-1");
    rig_restart(r);
    put_methane(r, 3, 2, 4.5);
    put(r, 4, "dev-2", "{}", 0);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(books_of(r, "lifeline/v1/up/+", &sum).messages_taken, 5);
    assert_int_equal(books_of(r, "lifeline/v1/up/dev-1", &sum).messages_decoded, 1);
    assert_int_equal(books_of(r, "+none", &sum).rejected[REASON_UNKNOWN_TOPIC], 2);
    assert_int_equal(sum.messages_taken, 8);
    assert_int_equal(sum.readings_spooled, 3);
    rig_free(r);
}

static void a_city_that_falls_silent_at_once_is_told_in_full(void **state)
{
    (void)state;
    const unsigned count = MAX_RECORD_ALARMS + 5000;
    struct rig *r = rig_new("silent-city");
    struct diag *d = calloc(1, sizeof *d);
    struct buf rows;
    size_t taken = 0;
    buf_init(&rows, LL_MAX_HTTP_BODY);
    buf_str_add(&rows, "id,asset,profile\n");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&rows, "silent-%u,pipe-1,chamber\n", i);
    }
    assert_int_equal(
        registry_import_devices(r->registry_db, "devices", rows.data, rows.len, d, &taken), LL_OK);
    assert_int_equal(taken, count);
    free(d);
    buf_free(&rows);
    rig_restart(r);
    tick(r, 0, 200, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_open_alarms(r->pipeline), count + 1);
    assert_int_equal(spool_total(r->spool, SPOOL_ALARMS), count + 1);
    rig_free(r);
}

static void wait_until_stalled(struct rig *r)
{
    struct ledger before;
    struct ledger after;
    pipeline_ledger(r->pipeline, &after, NULL);
    do {
        before = after;
        usleep(300000);
        pipeline_ledger(r->pipeline, &after, NULL);
    } while (before.messages_taken != after.messages_taken || after.messages_taken == 0);
}

static void a_full_spool_holds_nothing_up_but_itself(void **state)
{
    (void)state;
    struct rig *r = rig_new("full");
    r->spool_max = 160 * 1024;
    rig_restart(r);
    for (unsigned i = 1; i <= 4000; i++) {
        put_methane(r, (int64_t)i, i, 1);
    }
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    wait_until_stalled(r);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_true(l.messages_taken < 4000);
    const uint64_t spooled = spool_total(r->spool, SPOOL_READINGS);
    pipeline_stop(r->pipeline);
    rig_restart(r); /* comes up although the spool is still full */
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_true(l.readings_spooled <= spooled + 1);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    pipeline_stop(r->pipeline);
    r->spool_max = 64 * 1024 * 1024; /* and goes on once there is room */
    rig_restart(r);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.readings_spooled, 4000);
    assert_int_equal(spool_total(r->spool, SPOOL_READINGS), 4000);
    rig_free(r);
}

static void a_device_that_begins_anew_is_not_taken_for_its_past(void **state)
{
    (void)state;
    struct rig *r = rig_new("reboot");
    for (unsigned i = 0; i < 10; i++) {
        put_methane(r, (int64_t)i, i, 1);
    }
    for (unsigned i = 0; i < 10; i++) {
        put_methane(r, 100 + (int64_t)i, i, 2);
    }
    put_methane(r, 105, 5, 2); /* this one did come before */
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.readings_spooled, 20);
    assert_int_equal(l.messages_duplicate, 1);
    rig_free(r);
}

static void a_command_is_answered(void **state)
{
    (void)state;
    struct rig *r = rig_new("command");
    struct buf answer;
    buf_init(&answer, 65536);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    static const struct {
        const char *json;
        ll_err err;
        const char *words;
    } cases[] = {
        {"{\"do\":\"alarm_ack\",\"alarm\":9,\"by\":\"li\"}", LL_ENOENT, "no open alarm"},
        {"{\"do\":\"alarm_ack\",\"alarm\":\"9\"}", LL_EINVAL, "must be an alarm's number"},
        {"{\"do\":\"registry_reload\"}", LL_OK, "\"devices\":2"},
        {"{\"do\":\"dance\"}", LL_EINVAL, "unknown command"},
        {"[]", LL_EFORMAT, "JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_reset(&answer);
        assert_int_equal(
            pipeline_command(r->pipeline, cases[i].json, strlen(cases[i].json), &answer),
            cases[i].err);
        assert_non_null(strstr(buf_str(&answer), cases[i].words));
    }
    buf_free(&answer);
    pipeline_stop(r->pipeline);
    rig_free(r);
}

static void explain_says_what_the_pipeline_would_do(void **state)
{
    (void)state;
    struct rig *r = rig_new("explain");
    struct buf out;
    buf_init(&out, 65536);
    const char *good = "{\"ts\":1764000000000,\"r\":{\"methane\":1.25,\"bogus\":1}}";
    assert_int_equal(
        pipeline_explain(r->pipeline, "lifeline/v1/up/dev-1", good, strlen(good), &out), LL_OK);
    assert_non_null(strstr(buf_str(&out), "\"accepted\":"));
    buf_reset(&out);
    assert_int_equal(
        pipeline_explain(r->pipeline, "lifeline/v1/up/nobody", good, strlen(good), &out), LL_OK);
    assert_non_null(strstr(buf_str(&out), "\"reason\":\"unknown_device\""));
    assert_non_null(strstr(buf_str(&out), "\"accepted\":false"));
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    assert_int_equal(l.messages_taken, 0);
    buf_free(&out);
    rig_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_reading_becomes_a_line_with_its_tags),
    cmocka_unit_test(every_refusal_is_counted_under_its_reason),
    cmocka_unit_test(a_repeated_sequence_number_is_a_duplicate),
    cmocka_unit_test(readings_of_one_millisecond_do_not_overwrite_each_other),
    cmocka_unit_test(a_clock_that_is_set_back_leaves_no_alarm_unraised),
    cmocka_unit_test(a_burst_without_times_does_not_overwrite_itself),
    cmocka_unit_test(a_late_reading_is_counted_as_late),
    cmocka_unit_test(an_alarm_that_was_delayed_tells_the_newest_value),
    cmocka_unit_test(transitions_of_one_millisecond_have_times_of_their_own),
    cmocka_unit_test(each_transition_is_told_once_the_archive_has_it),
    cmocka_unit_test(an_alarm_is_raised_acknowledged_and_cleared),
    cmocka_unit_test(the_gateways_own_absence_is_no_silence),
    cmocka_unit_test(the_same_journal_gives_the_same_alarms),
    cmocka_unit_test(after_a_kill_everything_is_done_once),
    cmocka_unit_test(a_checkpoint_carries_books_detectors_and_alarms_over),
    cmocka_unit_test(a_checkpoint_waits_for_its_interval_and_for_intake_of_four_times_its_length),
    cmocka_unit_test(of_a_large_checkpoint_no_more_is_read_again_than_it_is_long_or_a_segment),
    cmocka_unit_test(without_its_checkpoint_it_finds_the_archives_alarms_again),
    cmocka_unit_test(an_alarm_that_the_spool_lost_comes_from_the_archive),
    cmocka_unit_test(a_journal_that_was_taken_away_does_not_swallow_what_comes),
    cmocka_unit_test(an_alarm_never_takes_the_number_of_an_archived_one),
    cmocka_unit_test(a_device_has_books_of_its_own_that_survive_a_restart),
    cmocka_unit_test(a_message_stands_in_the_books_of_the_topic_it_came_by),
    cmocka_unit_test(a_city_that_falls_silent_at_once_is_told_in_full),
    cmocka_unit_test(a_full_spool_holds_nothing_up_but_itself),
    cmocka_unit_test(a_device_that_begins_anew_is_not_taken_for_its_past),
    cmocka_unit_test(a_command_is_answered),
    cmocka_unit_test(explain_says_what_the_pipeline_would_do),
};

UNIT_MAIN(tests)
