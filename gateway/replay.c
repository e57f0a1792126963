#include "gateway/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline.h"

#define MIB               (1024 * 1024)
#define PROGRESS_MS       500
#define MAX_REGISTRY_FILE (256 * MIB)
#define MAX_LINE          8192

struct replay {
    const struct conf *conf;
    const struct replay_options *o;
    struct journal *intake;
    struct quarantine *quarantine;
    struct registry_db *registry_db;
    struct alarm_store *alarms;
    struct pipeline *pipeline;
    uint64_t records; /* that the journal holds, about */
    uint64_t transitions;
    struct mono_ns began;
};

static ll_err failed(const char *name, ll_err err)
{
    fprintf(stderr, "%s: %s\n", name, ll_err_str(err));
    return err;
}

static bool path_in(const char *dir, const char *name, char out[LL_MAX_PATH])
{
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s", dir, name);
    return n > 0 && n < LL_MAX_PATH;
}

/* --- what goes in ---------------------------------------------------------------------------- */

static void print_faults(const struct diag *d)
{
    for (size_t i = 0; i < diag_kept(d); i++) {
        fprintf(stderr, "%s\n", d->text[i]);
    }
    if (d->count > LL_MAX_DIAGS) {
        fprintf(stderr, "and %zu more\n", d->count - LL_MAX_DIAGS);
    }
}

typedef ll_err (*importer)(struct registry_db *db, const char *name, const char *text, size_t len,
                           struct diag *d, size_t *count);

static ll_err import_file(struct replay *r, const char *name, importer import)
{
    char path[LL_MAX_PATH];
    struct buf text;
    size_t count = 0;
    if (!path_in(r->o->registry, name, path)) {
        return failed(r->o->registry, LL_ELIMIT);
    }
    struct diag *d = calloc(1, sizeof *d);
    buf_init(&text, MAX_REGISTRY_FILE);
    ll_err err = d != NULL ? fs_read_file(path, &text) : LL_ENOMEM;
    if (err == LL_OK) {
        err = import(r->registry_db, path, buf_str(&text), text.len, d, &count);
        print_faults(d);
    }
    if (err != LL_OK && (d == NULL || d->count == 0)) {
        failed(path, err);
    }
    buf_free(&text);
    free(d);
    return err;
}

static ll_err import_registry(struct replay *r)
{
    size_t count = 0;
    struct diag *d = calloc(1, sizeof *d);
    ll_err err =
        d == NULL ? LL_ENOMEM
                  : registry_import_profile_dir(r->registry_db, r->conf->profiles_dir, d, &count);
    if (d != NULL) {
        print_faults(d);
    }
    if (err != LL_OK && (d == NULL || d->count == 0)) {
        failed(r->conf->profiles_dir, err);
    } else if (err == LL_OK && d->count > 0) {
        err = LL_EFORMAT;
    }
    free(d);
    if (err == LL_OK) {
        err = import_file(r, "assets.csv", registry_import_assets);
    }
    return err == LL_OK ? import_file(r, "devices.csv", registry_import_devices) : err;
}

static ll_err open_intake(struct replay *r)
{
    struct stat st;
    if (stat(r->o->intake, &st) != 0) { /* it would be made */
        return failed(r->o->intake, ll_err_from_errno(errno));
    }
    const struct journal_options options = {
        .segment_bytes = (uint64_t)r->conf->segment_mib * MIB,
        .max_bytes = UINT64_MAX / 2,
    };
    const ll_err err = journal_open(r->o->intake, &options, &r->intake);
    if (err != LL_OK) {
        return failed(r->o->intake, err);
    }
    const struct journal_stats s = journal_stats(r->intake);
    r->records = s.next_seq - s.first_seq;
    return LL_OK;
}

static ll_err open_out(struct replay *r, char db[LL_MAX_PATH])
{
    char quarantine[LL_MAX_PATH];
    if (!path_in(r->o->out, "lifeline.db", db) || !path_in(r->o->out, "quarantine", quarantine)) {
        return failed(r->o->out, LL_ELIMIT);
    }
    ll_err err = fs_make_dirs(r->o->out);
    if (err == LL_OK && access(db, F_OK) == 0) {
        fprintf(stderr, "%s: holds an earlier replay; name a new folder\n", r->o->out);
        return LL_EEXIST;
    }
    if (err == LL_OK) {
        err = quarantine_open(quarantine, (uint64_t)r->conf->quarantine_max_files,
                              (uint64_t)r->conf->quarantine_max_mib * MIB, &r->quarantine);
    }
    if (err == LL_OK) {
        err = registry_db_open(db, &r->registry_db);
    }
    if (err == LL_OK) {
        err = alarm_store_open(db, &r->alarms);
    }
    return err == LL_OK ? LL_OK : failed(r->o->out, err);
}

/* --- on its way ------------------------------------------------------------------------------ */

static double seconds_since(struct mono_ns began)
{
    return (double)mono_elapsed_ms(began, clock_mono()) / LL_MS_PER_S;
}

/* A line that grows over itself; nothing where nobody looks. */
static void show_progress(const struct replay *r, struct mono_ns *next, bool last)
{
    const struct mono_ns now = clock_mono();
    if ((now.ns < next->ns && !last) || !isatty(STDERR_FILENO)) {
        return;
    }
    next->ns = now.ns + (int64_t)PROGRESS_MS * LL_NS_PER_MS;
    const uint64_t taken = counter_get(COUNTER_PIPELINE_RECORDS);
    const double done = r->records > 0 ? fmin((double)taken / (double)r->records, 1) : 1;
    const double elapsed_s = seconds_since(r->began);
    fprintf(stderr, "\r%3.0f %%  %" PRIu64 " records, %.0f/s, %u alarms open  %s", 100 * done,
            taken, (double)taken / fmax(elapsed_s, 0.001), pipeline_open_alarms(r->pipeline),
            last ? "\n" : "");
}

static ll_err take_all(struct replay *r)
{
    struct mono_ns next = {0};
    ll_err err;
    while ((err = pipeline_take(r->pipeline)) == LL_OK) {
        show_progress(r, &next, false);
    }
    show_progress(r, &next, true);
    return err == LL_EAGAIN ? LL_OK : failed(r->o->intake, err);
}

/* --- what comes out -------------------------------------------------------------------------- */

struct lines {
    struct replay *replay;
    FILE *file;
};

static void add_text(struct buf *b, const char *key, const char *text)
{
    buf_printf(b, ",\"%s\":", key);
    buf_json_str(b, text, strlen(text));
}

static void write_transition(void *ctx, const struct alarm_record *a)
{
    struct lines *l = ctx;
    struct buf b;
    buf_init(&b, MAX_LINE);
    buf_printf(&b,
               "{\"alarm\":%" PRIu64 ",\"at_ms\":%" PRId64 ",\"from\":\"%s\",\"to\":\"%s\""
               ",\"priority\":\"%s\",\"raised_ms\":%" PRId64,
               a->id, a->at_ms, alarm_state_keys[a->from], alarm_state_keys[a->state],
               alarm_priority_keys[a->priority], a->raised_ms);
    add_text(&b, "asset", a->asset);
    add_text(&b, "kind", a->kind);
    add_text(&b, "district", a->district);
    add_text(&b, "device", a->device);
    add_text(&b, "channel", a->channel);
    add_text(&b, "condition", a->condition);
    if (isfinite(a->value)) {
        buf_printf(&b, ",\"value\":%.12g", a->value);
    }
    add_text(&b, "text_en", a->text_en);
    add_text(&b, "text_zh", a->text_zh);
    buf_str_add(&b, "}\n");
    fwrite(b.data, 1, b.len, l->file);
    buf_free(&b);
    l->replay->transitions++;
}

static ll_err write_transitions(struct replay *r)
{
    char path[LL_MAX_PATH];
    if (!path_in(r->o->out, "transitions.jsonl", path)) {
        return failed(r->o->out, LL_ELIMIT);
    }
    struct lines l = {.replay = r, .file = fopen(path, "w")};
    if (l.file == NULL) {
        return failed(path, ll_err_from_errno(errno));
    }
    ll_err err = alarm_store_each(r->alarms, 0, INT64_MAX, write_transition, &l);
    const bool written = ferror(l.file) == 0;
    if ((fclose(l.file) != 0 || !written) && err == LL_OK) {
        err = LL_EIO;
    }
    return err == LL_OK ? LL_OK : failed(path, err);
}

static ll_err write_ledger(struct replay *r, const struct ledger *l)
{
    char path[LL_MAX_PATH];
    struct buf b;
    if (!path_in(r->o->out, "ledger.json", path)) {
        return failed(r->o->out, LL_ELIMIT);
    }
    buf_init(&b, MAX_LINE);
    buf_printf(&b,
               "{\"messages\":{\"received\":%" PRIu64 ",\"decoded\":%" PRIu64
               ",\"duplicate\":%" PRIu64 ",\"rejected\":%" PRIu64 "},"
               "\"readings\":{\"decoded\":%" PRIu64 ",\"kept\":%" PRIu64 ",\"duplicate\":%" PRIu64
               ",\"late\":%" PRIu64 ",\"rejected\":%" PRIu64 "}}\n",
               l->messages_taken, l->messages_decoded, l->messages_duplicate,
               ledger_rejected(l, SCOPE_MESSAGE), l->readings_decoded, l->readings_kept,
               l->readings_duplicate, l->readings_late, ledger_rejected(l, SCOPE_READING));
    const ll_err err = buf_ok(&b) ? fs_replace_file(path, b.data, b.len) : LL_ELIMIT;
    buf_free(&b);
    return err == LL_OK ? LL_OK : failed(path, err);
}

/* --- the whole ------------------------------------------------------------------------------- */

static ll_err run(struct replay *r)
{
    char db[LL_MAX_PATH];
    ll_err err = open_intake(r);
    if (err == LL_OK) {
        err = open_out(r, db);
    }
    if (err == LL_OK) {
        err = import_registry(r);
    }
    if (err != LL_OK) {
        return err;
    }
    const struct pipeline_parts parts = {
        .conf = r->conf,
        .intake = r->intake,
        .quarantine = r->quarantine,
        .alarms = r->alarms,
        .registry_db = r->registry_db,
    };
    err = pipeline_new(&parts, &r->pipeline);
    if (err != LL_OK) {
        return failed("pipeline", err);
    }
    r->began = clock_mono();
    err = take_all(r);
    const double elapsed_s = seconds_since(r->began);
    if (err == LL_OK) {
        err = write_transitions(r);
    }
    struct ledger l;
    pipeline_ledger(r->pipeline, &l, NULL);
    if (err == LL_OK) {
        err = write_ledger(r, &l);
    }
    if (err == LL_OK) {
        printf("%" PRIu64 " messages, %" PRIu64 " readings, %" PRIu64
               " alarm transitions in %.1f s; %s\n",
               l.messages_taken, l.readings_decoded, r->transitions, elapsed_s, r->o->out);
    }
    return err;
}

ll_err replay_run(const struct conf *conf, const struct replay_options *o)
{
    struct replay r = {.conf = conf, .o = o};
    log_setup(LOG_WARN, ""); /* an alarm is told once, in what comes out */
    const ll_err err = run(&r);
    pipeline_free(r.pipeline);
    alarm_store_close(r.alarms);
    registry_db_close(r.registry_db);
    quarantine_close(r.quarantine);
    journal_close(r.intake);
    return err;
}
