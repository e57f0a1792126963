/*
 * The pipeline's thread and its loop. The order of the stages for one message stands in
 * pipeline_message.c; what this file adds is the journal's cursor, the passing of time, batches,
 * and the views of other threads.
 */
#include "gateway/pipeline/pipeline.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/export/line.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

#define BATCH_RECORDS    1024 /* taken between two flushes of the spool */
#define IDLE_WAIT_MS     500
#define STALL_RETRY_US   500000
#define TICK_MOST_MS     2000 /* a longer gap between ticks was nobody's watch */
#define MAX_LINES_BYTES  (4 * 1024 * 1024)
#define MAX_ANSWER_BYTES 4096

/* --- alarms ---------------------------------------------------------------------------------- */

/* A transition that has just happened: archive, spool, log. */
static void emit_alarm(void *ctx, const struct alarm_record *r)
{
    static const struct {
        enum counter counter;
        const char *event;
    } told[ALARM_STATE_COUNT] = {
        [ALARM_NORMAL] = {COUNTER_ALARMS_CLEARED, "closed"},
        [ALARM_UNACK] = {COUNTER_ALARMS_RAISED, "raised"},
        [ALARM_ACKED] = {COUNTER_ALARMS_ACKED, "acknowledged"},
        [ALARM_RTN_UNACK] = {COUNTER_ALARMS_CLEARED, "returned_to_normal"},
    };
    struct pipeline *p = ctx;
    counter_add(told[r->state].counter, 1);
    if (alarm_store_put(p->parts.alarms, r) != LL_OK) {
        counter_add(COUNTER_ALARMS_STORE_FAILED, 1);
    }
    line_alarm(r, &p->alarm_lines);
    p->alarm_line_count++;
    log_info("alarm", told[r->state].event,
             "id=%" PRIu64 " priority=%s asset=%s condition=%s.%s text=\"%s\"", r->id,
             alarm_priority_keys[r->priority], r->asset, r->channel, r->condition, r->text_en);
}

void pipeline_settle(struct pipeline *p, uint32_t watch, bool condition, double value)
{
    ll_err err = alarms_settle(p->alarms, p->table, watch, condition, value, &p->cause);
    const struct watch *w = &p->table->watches[watch];
    const struct detector_spec *spec = watch_spec(p->table, watch);
    const int64_t detect_due = detect_due_ms(spec, &w->detect);
    const int64_t alarm_due = alarm_due_ms(&w->point, spec);
    const int64_t due = detect_due < alarm_due ? detect_due : alarm_due;
    if (err == LL_OK && due != INT64_MAX) {
        err = wheel_arm(p->wheel, watch, (due + LL_MS_PER_S - 1) / LL_MS_PER_S);
    }
    uint64_t left_out;
    if (err != LL_OK && log_limit_pass(&p->stall_limit, &left_out)) {
        log_error("alarm", "not_followed", "reason=\"%s\" suppressed=%" PRIu64, ll_err_str(err),
                  left_out);
    }
}

static void spool_alarms(struct pipeline *p)
{
    if (p->alarm_line_count > 0 && p->parts.spool != NULL) {
        pipeline_spool(p, SPOOL_ALARMS, p->alarm_line_count, &p->alarm_lines);
    }
    buf_reset(&p->alarm_lines);
    p->alarm_line_count = 0;
}

/* --- time ------------------------------------------------------------------------------------ */

static void timer_fired(void *ctx, uint32_t watch)
{
    struct pipeline *p = ctx;
    struct watch *w = &p->table->watches[watch];
    const bool active = detect_tick(watch_spec(p->table, watch), &w->detect, p->now);
    pipeline_settle(p, watch, active, NAN);
}

static void take_tick(struct pipeline *p, const struct journal_record *rec)
{
    const bool connected = rec->len > 0 && *(const uint8_t *)rec->data != 0;
    const int64_t gap = rec->time.ms - p->last_tick_ms;
    if (connected && gap > 0) {
        p->now.alive_ms += gap < TICK_MOST_MS ? gap : TICK_MOST_MS;
    }
    p->last_tick_ms = rec->time.ms;
    p->cause.now = p->now;
    wheel_advance(p->wheel, p->now.alive_ms / LL_MS_PER_S, timer_fired, p);
    const int64_t since = rec->time.ms - p->last_checkpoint_ms;
    if (since < 0 || since >= p->parts.conf->checkpoint_interval_s * LL_MS_PER_S) {
        p->last_checkpoint_ms = rec->time.ms;
        p->checkpoint_due = true;
    }
}

/* --- the spool ------------------------------------------------------------------------------- */

/* Whether to try again: says why once in a while and waits. */
static bool stalled(struct pipeline *p, ll_err err)
{
    uint64_t left_out;
    if (log_limit_pass(&p->stall_limit, &left_out)) {
        log_error("pipeline", "stalled",
                  "reason=\"%s\" suppressed=%" PRIu64
                  " hint=\"the spool takes no more; readings wait in the intake journal\"",
                  ll_err_str(err), left_out);
    }
    if (atomic_load(&p->stopping)) {
        return false;
    }
    usleep(STALL_RETRY_US);
    return true;
}

void pipeline_spool(struct pipeline *p, enum spool_lane lane, uint32_t count,
                    const struct buf *lines)
{
    const struct wall_ms at = {p->now.event_ms};
    ll_err err;
    do {
        err = buf_ok(lines) ? spool_add(p->parts.spool, lane, p->cause.seq, at, count,
                                        buf_str(lines), lines->len)
                            : LL_ELIMIT;
    } while (err != LL_OK && stalled(p, err));
    if (err != LL_OK) {
        p->gave_up = true;
    }
}

/* Ends a batch: what it did becomes visible, to the uploaders last, so that the books never lack a
 * reading that one of them has already sent. */
static void finish_batch(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    p->published = p->ledger;
    pthread_mutex_unlock(&p->lock);
    ll_err err = LL_OK;
    do {
        err = p->parts.spool != NULL ? spool_flush(p->parts.spool) : LL_OK;
    } while (err != LL_OK && stalled(p, err));
    if (err != LL_OK) {
        p->gave_up = true;
    }
    if (p->checkpoint_due && !p->gave_up) {
        p->checkpoint_due = false;
        pipeline_save(p);
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

static void (*const takers[])(struct pipeline *p, const struct journal_record *rec) = {
    [INTAKE_MESSAGE] = pipeline_take_message,
    [INTAKE_TICK] = take_tick,
    [INTAKE_COMMAND] = pipeline_take_command,
};

static void take_record(struct pipeline *p, const struct journal_record *rec)
{
    p->done_seq = rec->seq;
    p->now.event_ms = rec->time.ms;
    p->cause = (struct alarm_cause){.seq = rec->seq, .now = p->now};
    counter_add(COUNTER_PIPELINE_RECORDS, 1);
    if (rec->type < sizeof takers / sizeof takers[0] && takers[rec->type] != NULL) {
        takers[rec->type](p, rec);
    } else {
        log_warn("pipeline", "unknown_record", "seq=%" PRIu64 " type=%u", rec->seq, rec->type);
    }
    spool_alarms(p);
}

/* Takes up to a batch of records. LL_EAGAIN at the end of the journal. */
static ll_err take_batch(struct pipeline *p)
{
    ll_err err = LL_OK;
    int count = 0;
    struct journal_record rec;
    while (count < BATCH_RECORDS && !p->gave_up && (err = journal_read(p->reader, &rec)) == LL_OK) {
        take_record(p, &rec);
        count++;
    }
    if (count > 0) {
        finish_batch(p);
    }
    return err;
}

static void *run(void *arg)
{
    struct pipeline *p = arg;
    struct log_limit read_limit = {0};
    while (!p->gave_up) {
        const bool stopping = atomic_load(&p->stopping);
        const ll_err err = take_batch(p);
        if (err == LL_EAGAIN) {
            if (stopping) {
                break;
            }
            journal_wait(p->reader, IDLE_WAIT_MS);
        } else if (err != LL_OK) {
            uint64_t left_out;
            if (log_limit_pass(&read_limit, &left_out)) {
                log_error("pipeline", "journal_unreadable", "reason=\"%s\" after_seq=%" PRIu64,
                          ll_err_str(err), p->done_seq);
            }
            if (stopping) {
                break;
            }
            usleep(STALL_RETRY_US);
        }
    }
    return NULL;
}

/* --- the registry ---------------------------------------------------------------------------- */

static void publish_registry(struct pipeline *p, struct registry *r)
{
    pthread_mutex_lock(&p->lock);
    struct registry *before = p->registry;
    p->registry = registry_ref(r);
    pthread_mutex_unlock(&p->lock);
    registry_unref(before);
}

/* Every watch looks at its own deadline when the wheel first reaches it. */
static ll_err arm_all(struct pipeline *p)
{
    struct wheel *wheel = NULL;
    ll_err err = wheel_new(p->now.alive_ms / LL_MS_PER_S, &wheel);
    for (uint32_t w = 0; err == LL_OK && w < p->table->watch_count; w++) {
        err = wheel_arm(wheel, w, 0);
    }
    if (err != LL_OK) {
        wheel_free(wheel);
        return err;
    }
    wheel_free(p->wheel);
    p->wheel = wheel;
    return LL_OK;
}

ll_err pipeline_reload(struct pipeline *p)
{
    struct registry *registry = NULL;
    struct series_table *table = NULL;
    ll_err err = registry_db_load(p->parts.registry_db, &registry);
    if (err == LL_OK) {
        err = series_table_new(registry, &table);
    }
    if (err != LL_OK) {
        registry_unref(registry);
        return err;
    }
    if (p->table != NULL) {
        series_table_adopt(table, p->table);
        series_table_free(p->table);
    }
    p->table = table;
    alarms_attach(p->alarms, p->table, &p->cause);
    publish_registry(p, registry);
    registry_unref(registry);
    counter_add(COUNTER_REGISTRY_RELOADS, 1);
    log_info("pipeline", "registry", "assets=%" PRIu32 " devices=%" PRIu32 " series=%" PRIu32,
             registry_asset_count(registry), registry_device_count(registry),
             registry_series_count(registry));
    return arm_all(p);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Messages that stand in the journal beyond `seq`. */
static ll_err count_unread(struct journal *intake, uint64_t seq, uint64_t *out)
{
    struct journal_reader *reader = NULL;
    ll_err err = journal_reader_open(intake, seq, &reader);
    if (err != LL_OK) {
        return err;
    }
    uint64_t count = 0;
    struct journal_record rec;
    while ((err = journal_read(reader, &rec)) == LL_OK) {
        count += rec.type == INTAKE_MESSAGE;
    }
    journal_reader_close(reader);
    if (err == LL_EAGAIN) {
        *out = count;
        return LL_OK;
    }
    return err;
}

static ll_err prepare(struct pipeline *p)
{
    ll_err err = judge_new(p->parts.conf, &p->judge);
    if (err == LL_OK) {
        err = recent_new(&p->recent);
    }
    if (err == LL_OK) {
        err = waiters_new(&p->waiters);
    }
    if (err == LL_OK) {
        err = alarms_new(emit_alarm, p, &p->alarms);
    }
    if (err == LL_OK) {
        err = pipeline_reload(p);
    }
    if (err != LL_OK) {
        return err;
    }
    err = pipeline_restore(p);
    if (err == LL_OK) {
        log_info("pipeline", "resumed", "seq=%" PRIu64, p->done_seq);
    } else if (err == LL_ENOENT) {
        log_info("pipeline", "no_checkpoint", "hint=\"all that the intake journal holds is read\"");
    } else {
        return err;
    }
    alarms_attach(p->alarms, p->table, &p->cause);
    return arm_all(p);
}

ll_err pipeline_new(const struct pipeline_parts *parts, struct pipeline **out)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return LL_ENOMEM;
    }
    p->parts = *parts;
    pthread_mutex_init(&p->lock, NULL);
    buf_init(&p->lines, MAX_LINES_BYTES);
    buf_init(&p->alarm_lines, MAX_LINES_BYTES);
    buf_init(&p->answer, MAX_ANSWER_BYTES);
    uint64_t unread = 0;
    ll_err err = prepare(p);
    if (err == LL_OK) {
        err = count_unread(parts->intake, p->done_seq + 1, &unread);
    }
    if (err == LL_OK) {
        err = journal_reader_open(parts->intake, p->done_seq + 1, &p->reader);
    }
    if (err != LL_OK) {
        pipeline_free(p);
        return err;
    }
    p->received_at_start = p->ledger.messages_taken + unread;
    p->published = p->ledger;
    *out = p;
    return LL_OK;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    journal_reader_close(p->reader);
    judge_free(p->judge);
    alarms_free(p->alarms);
    series_table_free(p->table);
    wheel_free(p->wheel);
    recent_free(p->recent);
    waiters_free(p->waiters);
    registry_unref(p->registry);
    buf_free(&p->lines);
    buf_free(&p->alarm_lines);
    buf_free(&p->answer);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

ll_err pipeline_start(struct pipeline *p)
{
    const int rc = pthread_create(&p->thread, NULL, run, p);
    if (rc != 0) {
        return ll_err_from_errno(rc);
    }
    p->started = true;
    return LL_OK;
}

void pipeline_stop(struct pipeline *p)
{
    if (p == NULL || !p->started) {
        return;
    }
    atomic_store(&p->stopping, true);
    journal_wake(p->parts.intake);
    pthread_join(p->thread, NULL);
    p->started = false;
    if (!p->gave_up) {
        pipeline_save(p);
    }
}

ll_err pipeline_drain(struct pipeline *p)
{
    ll_err err;
    do {
        err = take_batch(p);
    } while (err == LL_OK && !p->gave_up);
    return err == LL_EAGAIN ? LL_OK : err;
}

/* --- views ----------------------------------------------------------------------------------- */

void pipeline_ledger(struct pipeline *p, struct ledger *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->published;
    pthread_mutex_unlock(&p->lock);
}

uint64_t pipeline_backlog_at_start(const struct pipeline *p)
{
    return p->received_at_start;
}

uint64_t pipeline_checkpointed(struct pipeline *p)
{
    return atomic_load(&p->checkpointed) + 1;
}

ll_err pipeline_command(struct pipeline *p, const char *json, size_t len, struct buf *answer)
{
    return waiters_ask(p->waiters, p->parts.intake, json, len, answer);
}

ll_err pipeline_recent(struct pipeline *p, uint64_t after, const char *device, size_t limit,
                       struct buf *out)
{
    return recent_list(p->recent, after, device, limit, out);
}

struct registry *pipeline_registry(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    struct registry *r = registry_ref(p->registry);
    pthread_mutex_unlock(&p->lock);
    return r;
}

uint32_t pipeline_open_alarms(struct pipeline *p)
{
    return alarms_open_count(p->alarms);
}
