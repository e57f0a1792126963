/*
 * One thread a destination. It owns the two batches, the connection and the cursor file; what
 * others may ask for is copied under the lock after each step.
 *
 * After a crash the cursor file may be up to a minute old: then points that the database has
 * already are sent again, which changes nothing there (same series, time and value), and the books
 * are those of the cursor file, so that each reading is counted once.
 */
#include "gateway/export/uploader.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/base/rng.h"
#include "gateway/export/http.h"
#include "gateway/export/lane.h"
#include "gateway/export/lines.h"
#include "gateway/export/position.h"
#include "gateway/export/refusal.h"
#include "gateway/export/sink.h"
#include "gateway/export/verdict.h"
#include "gateway/model/counters.h"

#define TICK_MS         100
#define SAVE_EVERY_MS   60000 /* each costs a few dozen KiB of writes, the file system's included */
#define SAVE_SOONEST_MS 1000
/* So many requests after a 413 the size it taught is doubled: a server's limit may be raised, and
 * to find out that it was not costs one request in so many. */
#define GROW_AFTER 256

struct uploader {
    struct conf_destination conf;
    char cursor_path[LL_MAX_PATH];
    struct spool *spool;
    uploader_refuse refuse;
    void *refuse_ctx;
    pthread_t thread;
    atomic_bool stopping;

    /* Of the thread alone. */
    struct lane lanes[SPOOL_LANES];
    struct sink *sink;
    struct http_answer answer;
    struct refusal refusal; /* what the answer says of lines */
    size_t max_body;        /* what the server takes, as far as 413 taught it */
    unsigned grow_in;       /* requests until it is tried with more */
    struct rng rng;
    struct mono_ns saved_at;
    bool unsaved;
    struct log_limit limit_failed, limit_refused, limit_disk;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* Under the lock. */
    struct position done[SPOOL_LANES];
    uint64_t read_total; /* of the readings lane's batch, with `lost` */
    uint64_t lost;
    uint64_t saved_next[SPOOL_LANES];
    bool reachable;
    bool refused;
    char last_error[CONF_TEXT];
    struct wall_ms last_success;
    struct mono_ns retry_at; /* ns 0: no retry waits */
};

/* --- the cursor file ------------------------------------------------------------------------- */

/* The lanes are synced first, so that a power cut never leaves a cursor ahead of its lane. */
static void save(struct uploader *u)
{
    struct position done[SPOOL_LANES];
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        done[i] = u->lanes[i].batch.done;
    }
    ll_err err = LL_OK;
    for (size_t i = 0; i < SPOOL_LANES && err == LL_OK; i++) {
        err = journal_sync(spool_journal(u->spool, (enum spool_lane)i));
    }
    if (err == LL_OK) {
        err = position_save(u->cursor_path, done);
    }
    u->saved_at = clock_mono();
    if (err != LL_OK) {
        uint64_t left_out;
        if (log_limit_pass(&u->limit_disk, &left_out)) {
            log_error("export", "cursor_not_saved",
                      "name=%s file=%s reason=\"%s\" left_out=%" PRIu64, u->conf.name,
                      u->cursor_path, ll_err_str(err), left_out);
        }
        return;
    }
    u->unsaved = false;
    pthread_mutex_lock(&u->lock);
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        u->saved_next[i] = done[i].next;
    }
    pthread_mutex_unlock(&u->lock);
}

/* Whether there is a segment that only the cursor file's age keeps. */
static bool keeps_a_segment(const struct uploader *u)
{
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        const struct journal_stats s = journal_stats(spool_journal(u->spool, (enum spool_lane)i));
        const uint64_t next = u->lanes[i].batch.done.next;
        if (s.second_seq != 0 && u->saved_next[i] <= s.second_seq && next > s.second_seq) {
            return true;
        }
    }
    return false;
}

static bool save_is_due(const struct uploader *u)
{
    const int64_t age_ms = mono_elapsed_ms(u->saved_at, clock_mono());
    if (!u->unsaved || age_ms < SAVE_SOONEST_MS) {
        return false;
    }
    /* Lines sent again would stand in a file twice. */
    return age_ms >= SAVE_EVERY_MS || u->conf.type == DESTINATION_FILE || keeps_a_segment(u);
}

/* A destination that begins anew has a file at once, so that at the next start it is known what it
 * missed. Where memory alone is out the file is as good as before: LL_ENOMEM. */
static ll_err load(struct uploader *u, struct position out[SPOOL_LANES])
{
    const ll_err err = position_load(u->cursor_path, out);
    if (err == LL_OK || err == LL_ENOMEM) {
        return err;
    }
    u->unsaved = true;
    memset(out, 0, SPOOL_LANES * sizeof *out);
    if (err != LL_ENOENT) {
        log_error("export", "cursor_unreadable",
                  "name=%s file=%s reason=\"%s\" effect=\"sends all that the spool still holds\"",
                  u->conf.name, u->cursor_path, ll_err_str(err));
    }
    return LL_OK;
}

/* --- one request ----------------------------------------------------------------------------- */

/* Of the last answer. */
static struct meaning meaning_of(const struct uploader *u)
{
    const bool influxdb =
        u->conf.type == DESTINATION_INFLUXDB1 || u->conf.type == DESTINATION_INFLUXDB2;
    return verdict_meaning(u->answer.status, u->answer.text, influxdb);
}

/* `error`: NULL where the step says nothing about the database's health, "" for a success. */
static void publish(struct uploader *u, const char *error)
{
    struct mono_ns retry_at = {0};
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        const struct lane *l = &u->lanes[i];
        if (l->failures > 0 && (retry_at.ns == 0 || l->not_before.ns < retry_at.ns)) {
            retry_at = l->not_before;
        }
    }
    pthread_mutex_lock(&u->lock);
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        u->done[i] = u->lanes[i].batch.done;
    }
    u->read_total = u->lanes[SPOOL_READINGS].batch.read_total;
    u->lost = u->lanes[SPOOL_READINGS].batch.lost;
    u->retry_at = retry_at;
    if (error != NULL) {
        u->reachable = error[0] == '\0';
        snprintf(u->last_error, sizeof u->last_error, "%s", error);
        if (u->reachable) {
            u->last_success = clock_wall();
            u->refused = false;
        } else if (u->answer.status != 0) {
            u->refused = meaning_of(u).verdict == NO_ACCESS;
        }
    }
    pthread_mutex_unlock(&u->lock);
}

/* The database takes again what it did not: alarms must not wait out a longer pause than readings
 * did. Their failures stay counted, in case it is the lines that it does not like. */
static void end_pauses(struct uploader *u)
{
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        u->lanes[i].not_before = clock_mono();
    }
}

static void on_done(struct uploader *u, struct lane *l, size_t lines, size_t bytes)
{
    const uint64_t readings = batch_settle(&l->batch, lines, BATCH_DELIVERED);
    if (l->failures > 0) {
        end_pauses(u);
    }
    l->failures = 0;
    if (u->max_body <= SIZE_MAX / 2 && --u->grow_in == 0) {
        u->max_body *= 2;
        u->grow_in = GROW_AFTER;
    }
    const bool grows = !batch_empty(&l->batch) && l->try_lines <= SIZE_MAX / 2;
    l->try_lines = grows ? l->try_lines * 2 : SIZE_MAX;
    u->unsaved = true;
    counter_add(COUNTER_UPLOAD_BYTES, bytes);
    log_debug("export", "sent", "name=%s lane=%s lines=%zu readings=%" PRIu64 " bytes=%zu",
              u->conf.name, l->batch.lane, lines, readings, bytes);
    publish(u, "");
}

/* A line that the database will not have goes to quarantine. */
static enum batch_outcome keep_refused(struct uploader *u, const struct lane *l, const char *words,
                                       const char *text, size_t len)
{
    uint64_t left_out;
    if (log_limit_pass(&u->limit_refused, &left_out)) {
        log_warn("export", "refused",
                 "name=%s lane=%s status=%ld answer=\"%.200s\" line=\"%.*s\" left_out=%" PRIu64,
                 u->conf.name, l->batch.lane, u->answer.status, words,
                 (int)(len < 200 ? len - 1 : 200), text, left_out);
    }
    return u->refuse(u->refuse_ctx, u->conf.name, words, text, len) ? BATCH_QUARANTINED
                                                                    : BATCH_REJECTED;
}

/* All of them are. */
static void on_refused(struct uploader *u, struct lane *l, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        size_t len;
        const char *text = batch_text(&l->batch, 1, &len);
        /* One without text was named before, and is settled as that said. */
        const enum batch_outcome outcome =
            len > 0 ? keep_refused(u, l, u->answer.text, text, len) : BATCH_REJECTED;
        batch_settle(&l->batch, 1, outcome);
    }
    l->failures = 0;
    if (batch_empty(&l->batch)) {
        l->try_lines = SIZE_MAX;
    }
    u->unsaved = true;
    publish(u, NULL);
}

/* Those that the answer names are. Whether the others were taken it does not say for certain, so
 * they are sent again without these. */
static void on_named(struct uploader *u, struct lane *l, const char *text, size_t len)
{
    const struct refusal *r = &u->refusal;
    struct batch_refusal refused[REFUSAL_MAX];
    struct lines lines = lines_over(text, len, 0);
    struct line_part line;
    size_t count = 0;
    for (size_t nth = 0; count < r->count && lines_next(&lines, &line); nth++) {
        if (r->named[count].line == nth) {
            refused[count].line = nth;
            refused[count].outcome = keep_refused(u, l, r->named[count].words, line.text, line.len);
            count++;
        }
    }
    batch_refuse(&l->batch, refused, count);
    l->failures = 0;
    counter_add(COUNTER_UPLOAD_FAILED, 1);
}

static void on_kept(struct uploader *u, struct lane *l, const struct meaning *m)
{
    const struct http_answer *a = &u->answer;
    const int64_t wait_ms = lane_back_off(l, &u->rng, a->retry_after_ms);
    counter_add(COUNTER_UPLOAD_FAILED, 1);
    uint64_t left_out;
    if (log_limit_pass(&u->limit_failed, &left_out)) {
        log_warn("export", "failed",
                 "name=%s lane=%s status=%ld reason=\"%s\" answer=\"%.300s\" retry_in_ms=%" PRId64
                 " left_out=%" PRIu64,
                 u->conf.name, l->batch.lane, a->status, m->text, a->text, wait_ms, left_out);
    }
    char code[16] = "";
    char error[CONF_TEXT];
    if (a->status != 0) {
        snprintf(code, sizeof code, "%ld ", a->status);
    }
    const char *what = u->conf.type == DESTINATION_FILE ? "not written" : m->text;
    snprintf(error, sizeof error, "%s%s: %.160s", code, what, a->text);
    publish(u, error);
}

/* Halves what is tried next. 413 also teaches the size for all later requests. */
static void on_halved(struct uploader *u, struct lane *l, const struct meaning *m, size_t lines,
                      size_t bytes)
{
    l->try_lines = lines / 2;
    if (m->verdict == TOO_LARGE) {
        u->max_body = bytes / 2;
        u->grow_in = GROW_AFTER;
    }
    counter_add(COUNTER_UPLOAD_FAILED, 1);
    log_debug("export", "halved", "name=%s lane=%s status=%ld lines=%zu answer=\"%.300s\"",
              u->conf.name, l->batch.lane, u->answer.status, lines, u->answer.text);
}

/* What was sent was answered with 400, 413 or the like. */
static void on_not_taken(struct uploader *u, struct lane *l, const struct meaning *m, size_t lines,
                         const char *text, size_t len)
{
    u->refusal.count = 0;
    u->refusal.all = lines == 1;
    if (lines > 1 && m->verdict == REFUSED) {
        refusal_read(u->answer.text, text, len, &u->refusal);
    }
    if (u->refusal.all) {
        on_refused(u, l, lines);
    } else if (u->refusal.count > 0) {
        on_named(u, l, text, len);
    } else {
        on_halved(u, l, m, lines, len);
    }
}

static void send_some(struct uploader *u, struct lane *l)
{
    const size_t lines = batch_take(&l->batch, lane_most(l), u->max_body);
    size_t len;
    const char *text = batch_text(&l->batch, lines, &len);
    if (len == 0) { /* each of them was named as refused */
        batch_settle(&l->batch, lines, BATCH_REJECTED);
        u->unsaved = true;
        publish(u, NULL);
        return;
    }
    counter_add(COUNTER_UPLOAD_REQUESTS, 1);
    lane_pace(l, lines);
    sink_send(u->sink, text, len, &u->answer);
    if (u->answer.stopped) {
        return;
    }
    const struct meaning m = meaning_of(u);
    if (m.verdict == DONE) {
        on_done(u, l, lines, len);
    } else if (m.verdict == KEEP || m.verdict == NO_ACCESS) {
        on_kept(u, l, &m);
    } else {
        on_not_taken(u, l, &m, lines, text, len);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Finds the lane to send from now, alarms before readings; where there is none (false) *rest_ms
 * says how long to rest. */
static bool next_lane(struct uploader *u, enum spool_lane *lane, int64_t *rest_ms)
{
    *rest_ms = TICK_MS;
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        struct lane *l = &u->lanes[i];
        const uint64_t before = l->batch.read_total;
        const ll_err err = batch_fill(&l->batch);
        if (l->batch.read_total != before) {
            publish(u, NULL);
        }
        uint64_t left_out;
        if (err != LL_OK && err != LL_EAGAIN && log_limit_pass(&u->limit_disk, &left_out)) {
            log_error("export", "spool_unreadable",
                      "name=%s lane=%s reason=\"%s\" left_out=%" PRIu64, u->conf.name,
                      l->batch.lane, ll_err_str(err), left_out);
        }
        const int64_t ms = lane_due_ms(l, err == LL_OK, clock_mono());
        if (ms == 0) {
            *lane = (enum spool_lane)i;
            return true;
        }
        if (ms > 0 && ms < *rest_ms) {
            *rest_ms = ms;
        }
    }
    return false;
}

/* Until the time is up or an alarm comes in or the end. */
static void rest(struct uploader *u, int64_t ms)
{
    struct batch *alarms = &u->lanes[SPOOL_ALARMS].batch;
    const struct mono_ns start = clock_mono();
    /* With alarms waiting already, more of them change nothing. */
    if (batch_empty(alarms) && !alarms->has_held && journal_wait(alarms->reader, (int)ms)) {
        return;
    }
    /* journal_wait returns at once while the journals are being ended. */
    const struct mono_ns until = mono_after(start, ms);
    const struct timespec deadline = {.tv_sec = until.ns / 1000000000,
                                      .tv_nsec = until.ns % 1000000000};
    pthread_mutex_lock(&u->lock);
    int rc = 0;
    while (!atomic_load(&u->stopping) && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&u->wake, &u->lock, &deadline);
    }
    pthread_mutex_unlock(&u->lock);
}

static void *run(void *arg)
{
    struct uploader *u = arg;
    while (!atomic_load(&u->stopping)) {
        enum spool_lane lane;
        int64_t rest_ms;
        if (next_lane(u, &lane, &rest_ms)) {
            send_some(u, &u->lanes[lane]);
        } else {
            rest(u, rest_ms);
        }
        if (save_is_due(u)) {
            save(u);
        }
    }
    if (u->unsaved) {
        save(u);
    }
    return NULL;
}

/* --- from outside ---------------------------------------------------------------------------- */

/* Both lanes from the cursor file. */
static ll_err open_lanes(struct uploader *u)
{
    struct position from[SPOOL_LANES];
    bool moved = false;
    ll_err err = load(u, from);
    if (err != LL_OK) {
        return err;
    }
    const struct batch_limits limits = {.readings = (size_t)u->conf.batch_lines,
                                        .bytes = (size_t)u->conf.batch_bytes};
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        struct lane *l = &u->lanes[i];
        err = batch_open(&l->batch, u->conf.name, u->spool, (enum spool_lane)i, limits, &from[i]);
        if (err != LL_OK) {
            return err;
        }
        moved = moved || (from[i].next != 0 && l->batch.done.next != from[i].next);
        l->try_lines = SIZE_MAX;
        l->wait_ms = i == SPOOL_ALARMS ? 0 : u->conf.batch_wait_ms;
        u->done[i] = l->batch.done;
        u->saved_next[i] = l->batch.done.next;
    }
    u->lanes[SPOOL_READINGS].rate = (size_t)u->conf.rate_lines_s;
    u->read_total = u->lanes[SPOOL_READINGS].batch.read_total;
    if (moved || u->unsaved) {
        save(u);
    }
    return LL_OK;
}

static void free_all(struct uploader *u)
{
    for (size_t i = 0; i < SPOOL_LANES; i++) {
        batch_close(&u->lanes[i].batch);
    }
    sink_free(u->sink);
    pthread_mutex_destroy(&u->lock);
    pthread_cond_destroy(&u->wake);
    free(u);
}

ll_err uploader_start(const struct conf_destination *conf, const char *state_dir,
                      struct spool *spool, uploader_refuse refuse, void *refuse_ctx,
                      struct uploader **out)
{
    struct uploader *u = calloc(1, sizeof *u);
    if (u == NULL) {
        return LL_ENOMEM;
    }
    pthread_mutex_init(&u->lock, NULL);
    clock_cond_init(&u->wake);
    u->conf = *conf;
    u->spool = spool;
    u->refuse = refuse;
    u->refuse_ctx = refuse_ctx;
    u->max_body = SIZE_MAX;
    u->reachable = true;
    u->rng = rng_random();
    u->saved_at = clock_mono();
    const int n =
        snprintf(u->cursor_path, sizeof u->cursor_path, "%s/%s.cursor", state_dir, conf->name);
    ll_err err = n > 0 && (size_t)n < sizeof u->cursor_path ? fs_make_dirs(state_dir) : LL_EINVAL;
    if (err == LL_OK) {
        err = sink_new(&u->conf, &u->stopping, &u->sink);
    }
    if (err == LL_OK) {
        err = open_lanes(u);
    }
    if (err == LL_OK && pthread_create(&u->thread, NULL, run, u) != 0) {
        err = LL_ENOMEM;
    }
    if (err != LL_OK) {
        free_all(u);
        return err;
    }
    *out = u;
    return LL_OK;
}

void uploader_stop(struct uploader *u)
{
    if (u == NULL) {
        return;
    }
    pthread_mutex_lock(&u->lock);
    atomic_store(&u->stopping, true);
    pthread_cond_signal(&u->wake);
    pthread_mutex_unlock(&u->lock);
    pthread_join(u->thread, NULL);
    free_all(u);
}

static uint64_t behind(const struct uploader *u, enum spool_lane lane, const struct position *p)
{
    const uint64_t total = spool_total(u->spool, lane);
    return total > p->total ? total - p->total : 0;
}

void uploader_status(struct uploader *u, struct uploader_status *out)
{
    struct uploader_status s = {0};
    snprintf(s.name, sizeof s.name, "%s", u->conf.name);
    pthread_mutex_lock(&u->lock);
    const struct position alarms = u->done[SPOOL_ALARMS];
    struct position readings = u->done[SPOOL_READINGS];
    const uint64_t read_total = u->read_total;
    const uint64_t lost = u->lost;
    s.reachable = u->reachable;
    s.refused = u->refused;
    s.last_success = u->last_success;
    memcpy(s.last_error, u->last_error, sizeof s.last_error);
    const struct mono_ns retry_at = u->retry_at;
    pthread_mutex_unlock(&u->lock);
    const int64_t retry_ms = retry_at.ns == 0 ? 0 : mono_elapsed_ms(clock_mono(), retry_at);
    s.retry_in_ms = retry_ms > 0 ? (uint64_t)retry_ms : 0;
    /* What was given up behind the cursor: before what has been read, and before what is next. It
     * goes into the cursor's own books when what follows it is sent. */
    const uint64_t next = spool_gone(u->spool);
    const uint64_t gone = lost + (next > read_total ? next - read_total : 0);
    readings.total += gone;
    readings.delivery.evicted += gone;
    s.delivery = readings.delivery;
    s.delivered_total = readings.total;
    s.in_flight = behind(u, SPOOL_READINGS, &readings);
    s.alarms_delivered = alarms.delivery.forwarded;
    s.alarms_in_flight = behind(u, SPOOL_ALARMS, &alarms);
    *out = s;
}

uint64_t uploader_needs(struct uploader *u, enum spool_lane lane)
{
    pthread_mutex_lock(&u->lock);
    const uint64_t next = u->saved_next[lane];
    pthread_mutex_unlock(&u->lock);
    /* The one before: the lane's last record carries its running total (spool.c). */
    return next > 1 ? next - 1 : next;
}
