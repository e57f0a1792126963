#include "gateway/app.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api.h"
#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/loop/loop.h"
#include "gateway/model/counters.h"
#include "gateway/notify/publisher.h"
#include "gateway/pipeline/judge.h"
#include "gateway/reloader.h"
#include "gateway/self.h"

#define INGEST_TIMER_MS   250
#define HOUSEKEEPING_MS   1000
#define SPOOL_BUFFER      (256 * 1024)
#define SPOOL_SEGMENT_MIB 16 /* or an eighth of the lane, which is what is given up at once */
/* Free space that a new segment must leave: the intake stops first, so that the spool can still go
 * on to a new segment and be given back, and both stop while a checkpoint can still be written. */
#define INTAKE_FLOOR_MIB (2 * SPOOL_SEGMENT_MIB + 32)
#define SPOOL_FLOOR_MIB  16
#define MIB              (1024 * 1024)

struct app {
    struct conf *conf;
    const char *conf_path;
    char checkpoint[LL_MAX_PATH]; /* the pipeline borrows it */
    struct loop *loop;
    struct journal *intake;
    struct intake_log *intake_log;
    struct spool *spool; /* NULL: no destination */
    struct quarantine *quarantine;
    struct registry_db *registry_db; /* the pipeline's */
    struct alarm_store *alarms;      /* the pipeline's */
    struct pipeline *pipeline;
    struct uploader *uploaders[LL_MAX_DESTINATIONS];
    size_t uploader_count;
    struct api api;
    struct console *console;
    struct reloader *reloader;
    struct ingest *ingest;
    struct publisher *publisher; /* NULL: alarms are not published */
    struct self *self;           /* NULL: it does not report on itself */
    pthread_t syncer;
    bool syncing;
    atomic_bool stopping;
};

/* A path in the data folder; false where it is too long. */
static bool data_path(const struct app *app, const char *name, char out[LL_MAX_PATH])
{
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s", app->conf->data_dir, name);
    return n > 0 && n < LL_MAX_PATH;
}

static ll_err failed(const char *what, const char *name, ll_err err)
{
    log_error("app", "start_failed", "what=%s name=%s reason=\"%s\"", what, name, ll_err_str(err));
    return err;
}

/* --- disk ------------------------------------------------------------------------------------ */

static ll_err open_logs(struct app *app)
{
    const struct conf *c = app->conf;
    char intake[LL_MAX_PATH];
    char spool[LL_MAX_PATH];
    char quarantine[LL_MAX_PATH];
    if (!data_path(app, "intake", intake) || !data_path(app, "spool", spool) ||
        !data_path(app, "quarantine", quarantine)) {
        return failed("data_dir", c->data_dir, LL_ELIMIT);
    }
    ll_err err = fs_make_dirs(c->data_dir);
    if (err != LL_OK) {
        return failed("data_dir", c->data_dir, err);
    }
    err = quarantine_open(quarantine, (uint64_t)c->quarantine_max_files,
                          (uint64_t)c->quarantine_max_mib * MIB, &app->quarantine);
    if (err != LL_OK) {
        return failed("quarantine", quarantine, err);
    }
    struct journal_options options = {
        .segment_bytes = (uint64_t)c->segment_mib * MIB,
        .max_bytes = (uint64_t)c->intake_max_mib * MIB,
        .floor_bytes = (uint64_t)INTAKE_FLOOR_MIB * MIB,
        .sync = c->sync_always ? JOURNAL_SYNC_ALWAYS : JOURNAL_SYNC_INTERVAL,
        .damaged_dir = quarantine,
        .damaged_bytes = (uint64_t)c->quarantine_max_damaged_mib * MIB,
    };
    err = journal_open(intake, &options, &app->intake);
    if (err == LL_OK) {
        err = intake_log_new(app->intake, &app->intake_log);
    }
    if (err != LL_OK) {
        return failed("intake", intake, err);
    }
    if (c->destination_count == 0) {
        log_info("app", "no_destination", "hint=\"readings stay in the recent-readings store\"");
        return LL_OK;
    }
    /* The spool can be made again from the intake journal until a checkpoint syncs it. */
    const int64_t eighth_mib = c->spool_max_mib > 8 ? c->spool_max_mib / 8 : 1;
    options.segment_bytes =
        (uint64_t)(eighth_mib < SPOOL_SEGMENT_MIB ? eighth_mib : SPOOL_SEGMENT_MIB) * MIB;
    options.max_bytes = (uint64_t)c->spool_max_mib * MIB;
    options.floor_bytes = (uint64_t)SPOOL_FLOOR_MIB * MIB;
    options.buffer_bytes = SPOOL_BUFFER;
    options.sync = JOURNAL_SYNC_INTERVAL;
    err = spool_open(spool, &options, &app->spool);
    if (err != LL_OK) {
        return failed("spool", spool, err);
    }
    spool_set_evicting(app->spool, !c->spool_hold);
    return LL_OK;
}

static ll_err open_databases(struct app *app)
{
    char path[LL_MAX_PATH];
    if (!data_path(app, "lifeline.db", path)) {
        return failed("data_dir", app->conf->data_dir, LL_ELIMIT);
    }
    ll_err err = registry_db_open(path, &app->registry_db);
    if (err == LL_OK) {
        err = alarm_store_open(path, &app->alarms);
    }
    if (err == LL_OK) {
        err = api_db_open(path, &app->api.reading);
    }
    if (err == LL_OK) {
        err = api_db_open(path, &app->api.writing);
    }
    if (err != LL_OK) {
        return failed("database", path, err);
    }
    reloader_import_profiles(app->registry_db, app->conf->profiles_dir);
    if (app->conf->self_report_s > 0) {
        err = self_register(app->registry_db, app->conf->gateway_id);
    }
    if (err != LL_OK) {
        log_warn("app", "no_self_report",
                 "reason=\"%s\" hint=\"the profile lifeline_gateway is needed\"", ll_err_str(err));
        app->conf->self_report_s = 0;
    }
    return LL_OK;
}

/* Every sync_interval_ms: what a power cut may take is what came since. */
static void *sync_journal(void *arg)
{
    struct app *app = arg;
    const int64_t ms = app->conf->sync_interval_ms;
    const struct timespec interval = {.tv_sec = ms / LL_MS_PER_S,
                                      .tv_nsec = ms % LL_MS_PER_S * LL_NS_PER_MS};
    struct log_limit limit = {0};
    while (!atomic_load(&app->stopping)) {
        nanosleep(&interval, NULL);
        const ll_err err = journal_sync(app->intake);
        uint64_t left_out;
        if (err != LL_OK && log_limit_pass(&limit, &left_out)) {
            log_error("journal", "sync_failed", "reason=\"%s\" suppressed=%" PRIu64,
                      ll_err_str(err), left_out);
        }
    }
    return NULL;
}

/* --- stages ---------------------------------------------------------------------------------- */

static bool keep_refused(void *ctx, const char *destination, const char *words, const char *text,
                         size_t len)
{
    struct app *app = ctx;
    const struct quarantine_item item = {
        .time = clock_wall(),
        .source = destination,
        .topic = "",
        .reason = reason_info(REASON_REFUSED_BY_DATABASE)->key,
        .detail = words,
        .payload = text,
        .payload_len = len,
    };
    return quarantine_add(app->quarantine, &item);
}

static ll_err start_publisher(struct app *app)
{
    char db[LL_MAX_PATH];
    if (app->conf->alarms_topic[0] == '\0') {
        return LL_OK;
    }
    const ll_err err = data_path(app, "lifeline.db", db)
                           ? publisher_start(app->conf, db, &app->publisher)
                           : LL_ELIMIT;
    return err == LL_OK ? err : failed("publisher", app->conf->alarms_topic, err);
}

static void alarm_changed(void *ctx, uint64_t alarm)
{
    const struct app *app = ctx;
    publisher_changed(app->publisher, alarm);
}

static ll_err make_pipeline(struct app *app)
{
    if (!data_path(app, "checkpoint", app->checkpoint)) {
        return failed("data_dir", app->conf->data_dir, LL_ELIMIT);
    }
    const struct pipeline_parts parts = {
        .conf = app->conf,
        .intake = app->intake,
        .intake_log = app->intake_log,
        .spool = app->spool,
        .quarantine = app->quarantine,
        .alarms = app->alarms,
        .registry_db = app->registry_db,
        .checkpoint_path = app->checkpoint,
        .alarm_changed = app->publisher != NULL ? alarm_changed : NULL,
        .alarm_ctx = app,
    };
    const ll_err err = pipeline_new(&parts, &app->pipeline);
    return err == LL_OK ? LL_OK : failed("pipeline", app->checkpoint, err);
}

static ll_err start_uploaders(struct app *app)
{
    char state[LL_MAX_PATH];
    if (!data_path(app, "spool", state)) {
        return failed("data_dir", app->conf->data_dir, LL_ELIMIT);
    }
    for (size_t i = 0; i < app->conf->destination_count; i++) {
        const struct conf_destination *d = &app->conf->destinations[i];
        const ll_err err = uploader_start(d, state, app->spool, keep_refused, app,
                                          &app->uploaders[app->uploader_count]);
        if (err != LL_OK) {
            return failed("destination", d->name, err);
        }
        app->uploader_count++;
    }
    return LL_OK;
}

static ll_err start_pipeline(struct app *app)
{
    const ll_err err = pipeline_start(app->pipeline);
    if (err != LL_OK) {
        return failed("pipeline", "thread", err);
    }
    const int rc = pthread_create(&app->syncer, NULL, sync_journal, app);
    if (rc != 0) {
        return failed("syncer", "thread", ll_err_from_errno(rc));
    }
    app->syncing = true;
    return LL_OK;
}

static ll_err start_console(struct app *app)
{
    char socket_path[LL_MAX_PATH];
    const struct conf *c = app->conf;
    if (c->http_socket[0] != '\0') {
        snprintf(socket_path, sizeof socket_path, "%s", c->http_socket);
    } else if (!data_path(app, "lifelined.sock", socket_path)) {
        return failed("data_dir", c->data_dir, LL_ELIMIT);
    }
    struct api *api = &app->api;
    api->conf = c;
    api->started = clock_mono();
    api->pipeline = app->pipeline;
    api->ingest = app->ingest;
    api->publisher = app->publisher;
    api->intake = app->intake;
    api->quarantine = app->quarantine;
    api->uploaders = app->uploaders;
    api->uploader_count = app->uploader_count;
    const ll_err err = console_start(c->http_listen, socket_path, c->http_socket_group, api_routes,
                                     api_route_count, api, &app->console);
    if (err != LL_OK) {
        return failed("http", c->http_listen, err);
    }
    api->http_port = console_port(app->console);
    log_info("app", "listening", "socket=%s http_port=%u", socket_path, console_port(app->console));
    return LL_OK;
}

/* --- the main thread's work ------------------------------------------------------------------ */

static void on_ingest_timer(void *ctx)
{
    struct app *app = ctx;
    ingest_timer(app->ingest, clock_mono());
    if (app->publisher != NULL) {
        struct ingest_status s;
        ingest_status(app->ingest, &s);
        publisher_follow(app->publisher, s.connected ? s.uri : NULL, s.mqtt_version);
    }
}

static void on_self_timer(void *ctx)
{
    struct app *app = ctx;
    const ll_err err = self_report(app->self, clock_mono());
    if (err != LL_OK) {
        log_warn("app", "self_report_lost", "reason=\"%s\"", ll_err_str(err));
    }
}

static ll_err start_self(struct app *app)
{
    if (app->conf->self_report_s == 0) {
        return LL_OK;
    }
    const struct self_parts parts = {
        .conf = app->conf,
        .intake = app->intake,
        .intake_log = app->intake_log,
        .spool = app->spool,
        .pipeline = app->pipeline,
        .ingest = app->ingest,
        .uploaders = app->uploaders,
        .uploader_count = app->uploader_count,
    };
    const ll_err err = self_new(&parts, &app->self);
    return err == LL_OK
               ? loop_every(app->loop, app->conf->self_report_s * LL_MS_PER_S, on_self_timer, app)
               : failed("self", "report", err);
}

static void trim(struct journal *j, uint64_t needed)
{
    static struct log_limit limit;
    uint64_t left_out;
    const ll_err err = journal_trim(j, needed);
    if (err != LL_OK && log_limit_pass(&limit, &left_out)) {
        log_warn("app", "trim_failed", "reason=\"%s\" suppressed=%" PRIu64, ll_err_str(err),
                 left_out);
    }
}

/* With too little space left on the disk, gives up as much of the oldest readings. */
static void keep_free(const struct app *app)
{
    const uint64_t floor = (uint64_t)app->conf->spool_min_free_mib * MIB;
    uint64_t free_bytes;
    if (app->spool == NULL || app->conf->spool_hold ||
        fs_free_bytes(app->conf->data_dir, &free_bytes) != LL_OK || free_bytes >= floor) {
        return;
    }
    struct journal *j = spool_journal(app->spool, SPOOL_READINGS);
    const uint64_t before = journal_stats(j).bytes;
    while (before - journal_stats(j).bytes < floor - free_bytes) {
        if (spool_evict(app->spool, "too little free disk space") != LL_OK) {
            break;
        }
    }
}

/* Gives back the segments that nobody needs any more. */
static void on_housekeeping(void *ctx)
{
    struct app *app = ctx;
    trim(app->intake, pipeline_checkpointed(app->pipeline));
    for (int lane = 0; app->spool != NULL && lane < SPOOL_LANES; lane++) {
        uint64_t needed = UINT64_MAX;
        for (size_t i = 0; i < app->uploader_count; i++) {
            const uint64_t own = uploader_needs(app->uploaders[i], (enum spool_lane)lane);
            needed = own < needed ? own : needed;
        }
        trim(spool_journal(app->spool, (enum spool_lane)lane), needed);
    }
    keep_free(app);
    reloader_timer(app->reloader);
}

static void on_signal(void *ctx, int signal_number)
{
    struct app *app = ctx;
    if (signal_number == SIGHUP) {
        reloader_run(app->reloader);
    } else {
        log_info("app", "stopping", "signal=%s", strsignal(signal_number));
        loop_stop(app->loop);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static ll_err start(struct app *app)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    ll_err err = loop_new(signals, sizeof signals / sizeof signals[0], on_signal, app, &app->loop);
    if (err != LL_OK) {
        return failed("loop", "signals", err);
    }
    err = open_logs(app);
    if (err == LL_OK) {
        err = open_databases(app);
    }
    if (err == LL_OK) {
        err = start_publisher(app);
    }
    if (err == LL_OK) {
        err = make_pipeline(app);
    }
    if (err == LL_OK) {
        err = start_uploaders(app); /* before the spool grows, see uploader.h */
    }
    if (err == LL_OK) {
        err = start_pipeline(app);
    }
    if (err == LL_OK) {
        err = ingest_start(app->conf, app->intake_log, &app->ingest);
        if (err != LL_OK) {
            failed("ingest", app->conf->uris[0], err);
        }
    }
    if (err == LL_OK) {
        err = start_console(app);
    }
    if (err == LL_OK) {
        err = loop_every(app->loop, INGEST_TIMER_MS, on_ingest_timer, app);
    }
    if (err == LL_OK) {
        err = reloader_new(app->conf, app->conf_path, &app->api, &app->reloader);
    }
    if (err == LL_OK) {
        err = start_self(app);
    }
    if (err == LL_OK) {
        err = loop_every(app->loop, HOUSEKEEPING_MS, on_housekeeping, app);
    }
    return err;
}

ll_err app_init(struct conf *conf, const char *conf_path, struct app **out)
{
    struct app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        free(conf);
        return failed("app", conf_path, LL_ENOMEM);
    }
    app->conf = conf;
    app->conf_path = conf_path;
    reloader_apply_log(conf);
    log_info("app", "starting", "version=%s gateway=%s data_dir=%s", LL_VERSION, conf->gateway_id,
             conf->data_dir);
    const ll_err err = start(app);
    if (err != LL_OK) {
        app_fini(app);
        return err;
    }
    *out = app;
    return LL_OK;
}

ll_err app_run(struct app *app)
{
    return loop_run(app->loop);
}

void app_fini(struct app *app)
{
    if (app == NULL) {
        return;
    }
    console_stop(app->console);
    reloader_free(app->reloader);
    self_free(app->self);
    ingest_stop(app->ingest);
    pipeline_stop(app->pipeline);
    publisher_stop(app->publisher); /* before what it tells of is gone */
    atomic_store(&app->stopping, true);
    if (app->syncing) {
        pthread_join(app->syncer, NULL);
    }
    for (size_t i = 0; i < app->uploader_count; i++) {
        uploader_stop(app->uploaders[i]);
    }
    pipeline_free(app->pipeline);
    api_db_close(&app->api.reading);
    api_db_close(&app->api.writing);
    registry_db_close(app->registry_db);
    alarm_store_close(app->alarms);
    spool_close(app->spool);
    intake_log_free(app->intake_log);
    journal_close(app->intake);
    quarantine_close(app->quarantine);
    loop_free(app->loop);
    free(app->conf);
    free(app);
    log_info("app", "stopped", "clean=yes");
}
