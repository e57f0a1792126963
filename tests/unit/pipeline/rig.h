/*
 * What the pipeline's tests share: a gateway's parts in a folder, one profile with one device, and
 * hands on the intake journal and the lanes.
 */
#ifndef LL_TESTS_PIPELINE_RIG_H
#define LL_TESTS_PIPELINE_RIG_H

#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/model/intake.h"
#include "gateway/pipeline/pipeline.h"
#include "gateway/pipeline/pipeline_state.h"

#define START_MS 1764000000000LL

/* A gateway's parts in a folder of their own. */
struct rig {
    char dir[300];
    char checkpoint[320];
    struct conf conf;
    struct journal *intake;
    struct intake_log *intake_log;
    struct spool *spool;
    struct quarantine *quarantine;
    struct registry_db *registry_db;
    struct alarm_store *alarms;
    struct pipeline *pipeline;
    uint64_t intake_max; /* bytes; 0: plenty */
    uint64_t spool_max;  /* bytes of a lane; 0: plenty */
    char told[256];      /* "1 open, " for each time that a change of an alarm was told */
};

static const char profile[] =
    "{\"profile\":\"chamber\",\"kind\":\"gas_pipe\",\"title\":{\"en\":\"Chamber\",\"zh\":\"窨井\"},"
    "\"channels\":{"
    "\"methane\":{\"quantity\":\"methane\",\"unit\":\"%LEL\",\"min\":0,\"max\":100,"
    "\"period_s\":60,\"detectors\":["
    "{\"detector\":\"limit\",\"name\":\"high\",\"above\":20,\"dead_band\":2,\"off_delay_s\":10,"
    "\"priority\":\"high\"},"
    "{\"detector\":\"silence\",\"priority\":\"low\"}]},"
    "\"door\":{\"quantity\":\"door\",\"unit\":\"state\",\"type\":\"bool\",\"min\":0,\"max\":1,"
    "\"period_s\":0,\"detectors\":["
    "{\"detector\":\"limit\",\"name\":\"open\",\"above\":0.5,\"priority\":\"low\"}]}}}";
static const char assets[] = "id,kind,name,district\npipe-1,gas_pipe,东街,鲤城区\n";
/* For a device whose own times stand, right or wrong. */
static const char keeping_profile[] =
    "{\"profile\":\"keeping\",\"kind\":\"gas_pipe\",\"device_clock\":\"keep\",\"channels\":{"
    "\"methane\":{\"unit\":\"%LEL\",\"min\":0,\"max\":100,\"detectors\":["
    "{\"detector\":\"limit\",\"above\":90,\"on_delay_s\":30}]}}}";
static const char devices[] = "id,asset,profile\ndev-1,pipe-1,chamber\ndev-keep,pipe-1,keeping\n";

static inline void path_in(const struct rig *r, const char *name, char *out, size_t size)
{
    assert_true(snprintf(out, size, "%s/%s", r->dir, name) < (int)size);
}

static inline void import_registry(struct registry_db *db)
{
    struct diag *d = calloc(1, sizeof *d);
    size_t count;
    assert_non_null(d);
    assert_int_equal(
        registry_import_profiles(db, "profile", profile, sizeof profile - 1, d, &count), LL_OK);
    assert_int_equal(registry_import_profiles(db, "keeping", keeping_profile,
                                              sizeof keeping_profile - 1, d, &count),
                     LL_OK);
    assert_int_equal(registry_import_assets(db, "assets", assets, sizeof assets - 1, d, &count),
                     LL_OK);
    assert_int_equal(registry_import_devices(db, "devices", devices, sizeof devices - 1, d, &count),
                     LL_OK);
    free(d);
}

/* As the archive has it at that moment. */
static inline void note_change(void *ctx, uint64_t alarm)
{
    struct rig *r = ctx;
    const size_t len = strlen(r->told);
    struct buf row;
    buf_init(&row, 4096);
    const ll_err err = alarm_store_open_alarm(r->alarms, alarm, &row);
    const bool acked = strstr(buf_str(&row), "\"acked_ms\":null") == NULL;
    snprintf(r->told + len, sizeof r->told - len, "%llu %s, ", (unsigned long long)alarm,
             err != LL_OK ? "over"
             : acked      ? "acked"
                          : "open");
    buf_free(&row);
}

static inline void start_pipeline(struct rig *r)
{
    const struct pipeline_parts parts = {
        .conf = &r->conf,
        .intake = r->intake,
        .intake_log = r->intake_log,
        .spool = r->spool,
        .quarantine = r->quarantine,
        .alarms = r->alarms,
        .registry_db = r->registry_db,
        .checkpoint_path = r->checkpoint,
        .alarm_changed = note_change,
        .alarm_ctx = r,
    };
    assert_int_equal(pipeline_new(&parts, &r->pipeline), LL_OK);
}

static inline void open_parts(struct rig *r)
{
    char path[400];
    const struct journal_options options = {.segment_bytes = 1024 * 1024,
                                            .max_bytes = 64 * 1024 * 1024};
    struct journal_options intake = options;
    if (r->intake_max > 0) {
        intake.segment_bytes = 64 * 1024;
        intake.max_bytes = r->intake_max;
    }
    path_in(r, "intake", path, sizeof path);
    assert_int_equal(journal_open(path, &intake, &r->intake), LL_OK);
    assert_int_equal(intake_log_new(r->intake, &r->intake_log), LL_OK);
    struct journal_options spool = options;
    if (r->spool_max > 0) {
        spool.segment_bytes = 64 * 1024;
        spool.max_bytes = r->spool_max;
    }
    path_in(r, "spool", path, sizeof path);
    assert_int_equal(spool_open(path, &spool, &r->spool), LL_OK);
    path_in(r, "quarantine", path, sizeof path);
    assert_int_equal(quarantine_open(path, 100, 1024 * 1024, &r->quarantine), LL_OK);
    path_in(r, "lifeline.db", path, sizeof path);
    assert_int_equal(registry_db_open(path, &r->registry_db), LL_OK);
    assert_int_equal(alarm_store_open(path, &r->alarms), LL_OK);
}

static inline void close_parts(struct rig *r)
{
    pipeline_free(r->pipeline);
    alarm_store_close(r->alarms);
    registry_db_close(r->registry_db);
    quarantine_close(r->quarantine);
    spool_close(r->spool);
    intake_log_free(r->intake_log);
    journal_close(r->intake);
    r->pipeline = NULL;
}

static inline struct rig *rig_new(const char *name)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->dir, sizeof r->dir, "%s/%s", unit_tmpdir(), name);
    snprintf(r->checkpoint, sizeof r->checkpoint, "%s/checkpoint", r->dir);
    assert_int_equal(fs_make_dirs(r->dir), LL_OK);
    r->conf.topic_count = 1;
    snprintf(r->conf.topics[0].filter, sizeof r->conf.topics[0].filter, "lifeline/v1/up/+");
    snprintf(r->conf.topics[0].format, sizeof r->conf.topics[0].format, "native");
    r->conf.max_message_bytes = 1000;
    r->conf.max_ahead_s = 300;
    r->conf.segment_mib = 16;
    r->conf.archive_max_alarms = 1000;
    r->conf.archive_max_audit = 1000;
    r->conf.checkpoint_interval_s = 3600;
    open_parts(r);
    import_registry(r->registry_db);
    start_pipeline(r);
    return r;
}

static inline void rig_free(struct rig *r)
{
    close_parts(r);
    free(r);
}

/* As after a kill: what was not in a checkpoint is to be done again. */
static inline void rig_restart(struct rig *r)
{
    close_parts(r);
    open_parts(r);
    start_pipeline(r);
}

static inline void put_ms(struct rig *r, int64_t at_ms, const char *device, const char *payload,
                          uint8_t flags)
{
    char topic[128];
    struct buf b;
    snprintf(topic, sizeof topic, "lifeline/v1/up/%s", device);
    const struct intake_message m = {.topic = topic,
                                     .topic_len = strlen(topic),
                                     .payload = payload,
                                     .payload_len = strlen(payload),
                                     .flags = flags,
                                     .qos = 1};
    buf_init(&b, 65536);
    intake_write(&m, &b);
    assert_int_equal(
        journal_append(r->intake, INTAKE_MESSAGE, (struct wall_ms){at_ms}, b.data, b.len, NULL),
        LL_OK);
    buf_free(&b);
}

/* `at_s` after START_MS. */
static inline void put(struct rig *r, int64_t at_s, const char *device, const char *payload,
                       uint8_t flags)
{
    put_ms(r, START_MS + at_s * 1000, device, payload, flags);
}

static inline void put_methane(struct rig *r, int64_t at_s, unsigned seq, double value)
{
    char payload[128];
    snprintf(payload, sizeof payload, "{\"seq\":%u,\"ts\":%lld,\"r\":{\"methane\":%g}}", seq,
             (long long)(START_MS + at_s * 1000), value);
    put(r, at_s, "dev-1", payload, 0);
}

static inline void tick(struct rig *r, int64_t from_s, int64_t to_s, unsigned char connected)
{
    for (int64_t s = from_s; s < to_s; s++) {
        assert_int_equal(journal_append(r->intake, INTAKE_TICK,
                                        (struct wall_ms){START_MS + s * 1000}, &connected, 1, NULL),
                         LL_OK);
    }
}

/* The whole lane as text. */
static inline void read_lane(struct rig *r, enum spool_lane lane, struct buf *out)
{
    struct journal_reader *reader = NULL;
    struct journal_record rec;
    buf_reset(out);
    assert_int_equal(journal_reader_open(spool_journal(r->spool, lane), 1, &reader), LL_OK);
    while (journal_read(reader, &rec) == LL_OK) {
        struct spool_record s;
        assert_int_equal(spool_parse(&rec, &s), LL_OK);
        buf_add(out, s.text, s.len);
    }
    journal_reader_close(reader);
}

static inline void assert_lane(struct rig *r, enum spool_lane lane, const char *expected)
{
    struct buf b;
    buf_init(&b, 1024 * 1024);
    read_lane(r, lane, &b);
    assert_string_equal(buf_str(&b), expected);
    buf_free(&b);
}

static inline unsigned count_text(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *p = strstr(text, part); p != NULL; p = strstr(p + 1, part)) {
        n++;
    }
    return n;
}

static inline void list_alarms(struct rig *r, struct buf *out)
{
    buf_init(out, 1024 * 1024);
    assert_int_equal(alarm_store_list(r->alarms, false, "", 100, out), LL_OK);
}

#endif
