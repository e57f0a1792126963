/* What the pipeline makes of parts that fail or were damaged. */
#include "tests/unit/pipeline/rig.h"

#include "gateway/base/db.h"
#include "gateway/model/counters.h"
#include "gateway/self.h"
#include "gateway/store/checkpoint.h"

/* --- the checkpoint -------------------------------------------------------------------------- */

/* Puts the checkpoint's sections together anew, the last `cut` bytes of the given one left out. */
static void cut_section(struct rig *r, enum checkpoint_tag damaged, size_t cut)
{
    struct checkpoint *c = NULL;
    struct buf out;
    assert_int_equal(checkpoint_load(r->checkpoint, &c), LL_OK);
    buf_init(&out, 1 << 20);
    checkpoint_begin(&out, checkpoint_seq(c));
    for (int tag = CHECKPOINT_LEDGER; tag <= CHECKPOINT_ALARMS; tag++) {
        uint32_t version;
        struct cursor in;
        assert_int_equal(checkpoint_section(c, (enum checkpoint_tag)tag, &version, &in), LL_OK);
        const size_t len = cursor_left(&in) - (tag == (int)damaged ? cut : 0);
        const size_t start = checkpoint_section_open(&out, (enum checkpoint_tag)tag, version);
        buf_add(&out, cursor_bytes(&in, len), len);
        checkpoint_section_close(&out, start);
    }
    assert_int_equal(checkpoint_end(&out), LL_OK);
    assert_int_equal(fs_replace_file(r->checkpoint, out.data, out.len), LL_OK);
    buf_free(&out);
    checkpoint_free(c);
}

static void of_a_checkpoint_that_is_damaged_in_part_nothing_is_used(void **state)
{
    (void)state;
    for (int tag = CHECKPOINT_LEDGER; tag <= CHECKPOINT_ALARMS; tag++) {
        char name[32];
        snprintf(name, sizeof name, "section%d", tag);
        struct rig *r = rig_new(name);
        tick(r, 0, 5, 1);
        put_methane(r, 5, 1, 25);
        put_methane(r, 6, 2, 30);
        assert_int_equal(pipeline_start(r->pipeline), LL_OK);
        pipeline_stop(r->pipeline);
        cut_section(r, (enum checkpoint_tag)tag, 3);
        rig_restart(r); /* the spool has all of it: it is caught up with at once */
        struct ledger l;
        pipeline_ledger(r->pipeline, &l, NULL);
        assert_int_equal(l.messages_taken, 2);
        assert_int_equal(l.messages_decoded, 2);
        assert_int_equal(l.messages_duplicate, 0);
        assert_int_equal(l.readings_decoded, 2);
        assert_int_equal(l.readings_spooled, 2);
        assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
        struct buf b;
        list_alarms(r, &b);
        assert_int_equal(count_text(buf_str(&b), "\"condition\":\"high\""), 1);
        buf_free(&b);
        rig_free(r);
    }
}

/* --- the journal ----------------------------------------------------------------------------- */

static void segment_of_intake(struct rig *r, char *out, size_t size)
{
    path_in(r, "intake/0000000000000001.log", out, size);
}

/* The gateway as a device of its own, and a report of it. */
static void register_gateway(struct rig *r)
{
    static const char gateway_profile[] =
        "{\"profile\":\"gw\",\"kind\":\"lifeline_gateway\",\"title\":{\"en\":\"G\",\"zh\":\"网关\"}"
        ","
        "\"channels\":{\"memory\":{\"unit\":\"1\",\"min\":0,\"max\":100}}}";
    static const char gateway_asset[] = "id,kind\ngw:g,lifeline_gateway\n";
    static const char gateway_device[] = "id,asset,profile\ngw:g,gw:g,gw\n";
    struct diag *d = calloc(1, sizeof *d);
    size_t count;
    assert_non_null(d);
    assert_int_equal(registry_import_profiles(r->registry_db, "p", gateway_profile,
                                              sizeof gateway_profile - 1, d, &count),
                     LL_OK);
    assert_int_equal(registry_import_assets(r->registry_db, "a", gateway_asset,
                                            sizeof gateway_asset - 1, d, &count),
                     LL_OK);
    assert_int_equal(registry_import_devices(r->registry_db, "d", gateway_device,
                                             sizeof gateway_device - 1, d, &count),
                     LL_OK);
    free(d);
    rig_restart(r);
}

static void put_own_report(struct rig *r, int64_t at_s)
{
    static const char payload[] = "{\"r\":{\"memory\":1}}";
    struct buf b;
    buf_init(&b, 4096);
    const struct intake_message m = {.topic = SELF_TOPIC_PREFIX "gw:g",
                                     .topic_len = sizeof SELF_TOPIC_PREFIX "gw:g" - 1,
                                     .payload = payload,
                                     .payload_len = sizeof payload - 1};
    intake_write(&m, &b);
    assert_int_equal(journal_append(r->intake, INTAKE_SELF,
                                    (struct wall_ms){START_MS + at_s * 1000}, b.data, b.len, NULL),
                     LL_OK);
    buf_free(&b);
}

/* As where a power cut took what was not synced yet of the journal, but was of the spool. */
static void messages_that_the_spool_alone_has_are_counted(void **state)
{
    (void)state;
    for (unsigned with_checkpoint = 0; with_checkpoint < 2; with_checkpoint++) {
        struct rig *r = rig_new(with_checkpoint ? "spool-alone" : "spool-alone-too");
        char path[400];
        struct buf before;
        buf_init(&before, 1 << 22);
        register_gateway(r);
        for (unsigned i = 1; i <= 10; i++) {
            put_methane(r, (int64_t)i, i, 1);
        }
        assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
        if (with_checkpoint) {
            assert_int_equal(pipeline_save(r->pipeline), LL_OK);
        }
        put_methane(r, 11, 11, 1);
        segment_of_intake(r, path, sizeof path);
        assert_int_equal(fs_read_file(path, &before), LL_OK);
        for (unsigned i = 12; i <= 15; i++) {
            put_methane(r, (int64_t)i, i, 1);
        }
        put(r, 16, "nobody", "{}", 0); /* leaves no trace in the spool */
        put_own_report(r, 17);         /* is no message */
        assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
        close_parts(r);
        assert_int_equal(fs_replace_file(path, before.data, before.len), LL_OK);
        buf_free(&before);
        open_parts(r);
        start_pipeline(r);
        for (unsigned again = 0; again < 2; again++) {
            struct ledger l;
            assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
            pipeline_ledger(r->pipeline, &l, NULL);
            assert_int_equal(l.messages_decoded, 15);
            assert_int_equal(l.messages_taken, 15);
            assert_int_equal(pipeline_backlog_at_start(r->pipeline), 15);
            assert_int_equal(l.readings_decoded, 16);
            assert_int_equal(l.readings_spooled, 16);
            if (again == 0) {
                assert_int_equal(pipeline_save(r->pipeline), LL_OK);
                rig_restart(r);
            }
        }
        rig_free(r);
    }
}

/* --- the archive ----------------------------------------------------------------------------- */

/* From now on SQLite refuses each transition, or takes them again. */
static void refuse_transitions(struct rig *r, bool refuse)
{
    char path[400];
    sqlite3 *db = NULL;
    path_in(r, "lifeline.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(db_exec(db, refuse ? "CREATE TRIGGER refusal BEFORE INSERT ON alarm_transition"
                                          " BEGIN SELECT RAISE(ABORT, 'in the test''s words'); END"
                                        : "DROP TRIGGER refusal"),
                     LL_OK);
    sqlite3_close(db);
}

/* The door is opened and closed: a transition each time. */
static void use_door(struct rig *r, unsigned first, unsigned last)
{
    for (unsigned n = first; n <= last; n++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"seq\":%u,\"r\":{\"door\":%u}}", n, n % 2);
        put(r, (int64_t)n, "dev-1", payload, 0);
    }
}

/* The first alarm as the archive has it, with its transitions. */
static void show_alarm(struct rig *r, struct buf *out)
{
    buf_init(out, 1 << 20);
    assert_int_equal(alarm_store_show(r->alarms, 1, out), LL_OK);
}

static unsigned alarms_total(struct rig *r)
{
    struct buf b;
    list_alarms(r, &b);
    const unsigned count = count_text(buf_str(&b), "\"condition\":");
    buf_free(&b);
    return count;
}

static void expect_archive_of_a_gateway_left_alone(struct rig *r, const char *name, unsigned last)
{
    struct rig *witness = rig_new(name);
    struct buf ours;
    struct buf theirs;
    use_door(witness, 1, last);
    assert_int_equal(pipeline_drain(witness->pipeline), LL_OK);
    show_alarm(witness, &theirs);
    show_alarm(r, &ours);
    assert_string_equal(buf_str(&ours), buf_str(&theirs));
    buf_free(&ours);
    buf_free(&theirs);
    rig_free(witness);
}

static void
transitions_that_the_archive_refuses_wait_in_order_and_hold_up_the_checkpoint(void **state)
{
    (void)state;
    struct rig *r = rig_new("refused");
    struct buf b;
    use_door(r, 1, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    refuse_transitions(r, true);
    use_door(r, 2, 50);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_not_equal(pipeline_save(r->pipeline), LL_OK);
    buf_init(&b, 1 << 20);
    read_lane(r, SPOOL_ALARMS, &b);
    assert_int_equal(count_text(buf_str(&b), "lifeline_alarm,"), 50); /* people are told */
    buf_free(&b);
    assert_string_equal(r->told, "1 open, "); /* but not of what they would not find */

    refuse_transitions(r, false);
    use_door(r, 51, 60);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    tick(r, 61, 62, 1);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_true(strlen(r->told) > strlen("1 open, "));
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    expect_archive_of_a_gateway_left_alone(r, "refused-witness", 60);
    rig_free(r);
}

static void where_too_many_wait_the_journal_keeps_them_for_the_next_start(void **state)
{
    (void)state;
    const unsigned last = LL_MAX_UNARCHIVED + 10;
    struct rig *r = rig_new("too-many");
    refuse_transitions(r, true);
    use_door(r, 1, last);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    refuse_transitions(r, false);
    tick(r, last, last + 1, 1);
    use_door(r, last + 1, last + 6);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_save(r->pipeline), LL_ESTATE);
    rig_restart(r);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    expect_archive_of_a_gateway_left_alone(r, "too-many-witness", last + 6);
    rig_free(r);
}

static void the_archive_is_trimmed_once_a_checkpoint_covers_what_goes(void **state)
{
    (void)state;
    struct rig *r = rig_new("trimmed");
    struct buf b;
    r->conf.archive_max_alarms = 10;
    for (unsigned n = 1; n <= 24; n += 2) { /* each is raised, clears and is acknowledged */
        char ack[64];
        use_door(r, n, n + 1);
        const int len = snprintf(ack, sizeof ack,
                                 "{\"do\":\"alarm_ack\",\"alarm\":%u,\"by\":\"li\"}", (n + 1) / 2);
        assert_int_equal(journal_append(r->intake, INTAKE_COMMAND, (struct wall_ms){START_MS}, ack,
                                        (size_t)len, NULL),
                         LL_OK);
    }
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_equal(alarms_total(r), 12);
    refuse_transitions(r, true); /* no checkpoint, then */
    use_door(r, 25, 25);
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    assert_int_not_equal(pipeline_save(r->pipeline), LL_OK);
    assert_int_equal(alarms_total(r), 12);
    refuse_transitions(r, false);
    const uint64_t trimmed = counter_get(COUNTER_ALARMS_TRIMMED);
    assert_int_equal(pipeline_save(r->pipeline), LL_OK);
    assert_int_equal(alarms_total(r), 9);
    assert_int_equal(counter_get(COUNTER_ALARMS_TRIMMED), trimmed + 4);
    list_alarms(r, &b);
    rig_restart(r);
    struct buf after;
    assert_int_equal(pipeline_drain(r->pipeline), LL_OK);
    list_alarms(r, &after);
    assert_string_equal(buf_str(&after), buf_str(&b));
    buf_free(&after);
    buf_free(&b);
    rig_free(r);
}

/* --- a full intake --------------------------------------------------------------------------- */

static void a_full_intake_is_trimmed_although_no_tick_gets_in(void **state)
{
    (void)state;
    struct rig *r = rig_new("full-intake");
    const unsigned char connected = 1;
    char temporary[400];
    r->intake_max = 128 * 1024;
    rig_restart(r);
    path_in(r, "checkpoint.tmp", temporary, sizeof temporary);
    assert_int_equal(fs_make_dirs(temporary), LL_OK); /* for now, none can be written */
    ll_err err = LL_OK;
    for (int64_t s = 0; err == LL_OK; s++) {
        err = journal_append(r->intake, INTAKE_TICK, (struct wall_ms){START_MS + s}, &connected, 1,
                             NULL);
    }
    assert_int_equal(err, LL_ELIMIT);
    const uint64_t failed = counter_get(COUNTER_CHECKPOINTS_FAILED);
    assert_int_equal(pipeline_start(r->pipeline), LL_OK);
    while (counter_get(COUNTER_CHECKPOINTS_FAILED) < failed + 2) {
        usleep(10000); /* the runner's limit ends a wait that is in vain */
    }
    assert_int_equal(rmdir(temporary), 0);
    do {
        usleep(10000);
        assert_int_equal(journal_trim(r->intake, pipeline_checkpointed(r->pipeline)), LL_OK);
        err =
            journal_append(r->intake, INTAKE_TICK, (struct wall_ms){START_MS}, &connected, 1, NULL);
    } while (err != LL_OK);
    pipeline_stop(r->pipeline);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_that_the_spool_alone_has_are_counted),
        cmocka_unit_test(of_a_checkpoint_that_is_damaged_in_part_nothing_is_used),
        cmocka_unit_test(
            transitions_that_the_archive_refuses_wait_in_order_and_hold_up_the_checkpoint),
        cmocka_unit_test(where_too_many_wait_the_journal_keeps_them_for_the_next_start),
        cmocka_unit_test(the_archive_is_trimmed_once_a_checkpoint_covers_what_goes),
        cmocka_unit_test(a_full_intake_is_trimmed_although_no_tick_gets_in),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
