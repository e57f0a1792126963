/*
 * The pipeline's thread and its loop. The order of the stages for one message stands in
 * pipeline_message.c; what this file adds is the journal's cursor, the passing of time, batches,
 * and the views of other threads.
 */
#include "gateway/pipeline/pipeline.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

#define BATCH_RECORDS 1024 /* taken between two flushes of the spool */
#define IDLE_WAIT_MS  500
/* That records gather before they are taken: a wake and a write of the spool cost as much as the
 * whole way of a few messages. */
#define GATHER_US      2000
#define YIELD_US       200
#define STALL_RETRY_US 500000
#define TICK_MOST_MS   2000 /* a longer gap between ticks was nobody's watch */
#define IDLE_ROUNDS    4    /* of IDLE_WAIT_MS; with a tick a second, more mean that none gets in */

/* --- time ------------------------------------------------------------------------------------ */

/* What an alarm is about that is raised by a timer, after its delay: the newest value. NaN:
 * silence, or the time is not known and the series not up to date. */
static double value_of(const struct pipeline *p, uint32_t watch)
{
    const struct series *s = &p->table->series[p->table->watches[watch].series];
    const bool silent = watch_spec(p->table, watch)->type == DETECTOR_SILENCE;
    return silent || pipeline_holds(p) || s->last_ts_ms == INT64_MIN ? NAN : s->last_value;
}

static void timer_fired(void *ctx, uint32_t watch)
{
    struct pipeline *p = ctx;
    if (p->alarm_line_count >= MAX_RECORD_ALARMS) { /* the others a second later */
        wheel_arm(p->wheel, watch, p->now.alive_ms / LL_MS_PER_S + 1);
        return;
    }
    struct watch *w = &p->table->watches[watch];
    const bool active = detect_tick(watch_spec(p->table, watch), &w->detect, p->now);
    pipeline_settle(p, watch, active, value_of(p, watch));
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A checkpoint waits for intake of four times its length, so that it costs little beside it; but
 * what a crash leaves to be read again should not be more than a segment, or a checkpoint's length
 * where that is more. What it covers can be trimmed, so it does not wait for more than a quarter of
 * what the intake may hold. */
static void make_checkpoint_due(struct pipeline *p)
{
    const uint64_t segment = (uint64_t)p->parts.conf->segment_mib << 20;
    const uint64_t quarter = (uint64_t)p->parts.conf->intake_max_mib << 18;
    const uint64_t size = p->checkpoint_bytes;
    const uint64_t worth = size > segment ? size : least(4 * size, segment);
    if (p->taken_bytes >= least(worth, quarter)) {
        p->checkpoint_due = true;
    }
}

static void take_tick(struct pipeline *p, const struct journal_record *rec)
{
    struct intake_tick tick;
    if (intake_tick_read(rec->data, rec->len, &tick) != LL_OK) {
        log_warn("pipeline", "unknown_record", "seq=%" PRIu64 " type=%u", rec->seq, rec->type);
        return;
    }
    const int64_t gap = pipeline_take_time(p, &tick, rec);
    if (tick.connected && gap > 0) {
        p->now.alive_ms += gap < TICK_MOST_MS ? gap : TICK_MOST_MS;
    }
    p->cause.now = p->now;
    p->cause.estimated = pipeline_holds(p);
    pipeline_catch_up_archive(p);
    wheel_advance(p->wheel, p->now.alive_ms / LL_MS_PER_S, timer_fired, p);
    const int64_t since = p->now.event_ms - p->last_checkpoint_ms;
    if (since < 0 || since >= p->parts.conf->checkpoint_interval_s * LL_MS_PER_S) {
        make_checkpoint_due(p);
    }
}

/* --- the spool ------------------------------------------------------------------------------- */

bool pipeline_stalled(struct pipeline *p, ll_err err)
{
    uint64_t left_out;
    if (log_limit_pass(&p->stall_limit, &left_out)) {
        log_error("pipeline", "stalled",
                  "reason=\"%s\" suppressed=%" PRIu64
                  " hint=\"messages wait in the intake journal\"",
                  ll_err_str(err), left_out);
    }
    p->waits_for = err;
    if (p->opening || atomic_load(&p->stopping)) {
        return false;
    }
    pthread_mutex_unlock(&p->state_lock);
    usleep(STALL_RETRY_US);
    pthread_mutex_lock(&p->state_lock);
    return true;
}

void pipeline_spool(struct pipeline *p, enum spool_lane lane, uint32_t count,
                    const struct buf *lines)
{
    const struct wall_ms at = {p->now.event_ms};
    ll_err err;
    /* Before anything reaches an uploader, so that the books never lack a reading that was sent. */
    sources_publish(p->sources);
    do {
        err = spool_add(p->parts.spool, lane, p->cause.seq, at, count, buf_str(lines), lines->len);
    } while (err != LL_OK && pipeline_stalled(p, err));
    if (err != LL_OK) {
        p->gave_up = true;
    }
}

static void finish_batch(struct pipeline *p)
{
    sources_publish(p->sources);
    ll_err err = LL_OK;
    do {
        err = p->parts.spool != NULL ? spool_flush(p->parts.spool) : LL_OK;
    } while (err != LL_OK && pipeline_stalled(p, err));
    if (err != LL_OK) {
        p->gave_up = true;
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

static void (*const takers[])(struct pipeline *p, const struct journal_record *rec) = {
    [INTAKE_MESSAGE] = pipeline_take_message,
    [INTAKE_TICK] = take_tick,
    [INTAKE_COMMAND] = pipeline_take_command,
    [INTAKE_SELF] = pipeline_take_self,
};

static void (*const held_takers[])(struct pipeline *p, const struct journal_record *rec) = {
    [INTAKE_MESSAGE] = pipeline_watch_message,
    [INTAKE_TICK] = take_tick,
    [INTAKE_COMMAND] = pipeline_take_command,
    [INTAKE_SELF] = pipeline_watch_message,
};

static void take_record(struct pipeline *p, const struct journal_record *rec)
{
    p->done_seq = rec->seq;
    p->now.event_ms = receive_clock_time(&p->clock, rec->time.ms);
    p->taken_bytes += rec->size;
    if (p->taken_bytes >= (uint64_t)p->parts.conf->segment_mib << 20) {
        make_checkpoint_due(p); /* also where no tick gets into the journal */
    }
    p->cause = (struct alarm_cause){.seq = rec->seq, .now = p->now, .estimated = pipeline_holds(p)};
    counter_add(COUNTER_PIPELINE_RECORDS, 1);
    if (rec->type < sizeof takers / sizeof takers[0] && takers[rec->type] != NULL) {
        (pipeline_holds(p) ? held_takers : takers)[rec->type](p, rec);
    } else {
        log_warn("pipeline", "unknown_record", "seq=%" PRIu64 " type=%u", rec->seq, rec->type);
    }
    pipeline_spool_alarms(p);
}

ll_err pipeline_take_batch(struct pipeline *p, uint64_t up_to_seq)
{
    ll_err err = LL_OK;
    int count = 0;
    struct journal_record rec;
    pthread_mutex_lock(&p->state_lock);
    if (pipeline_releases(p)) {
        err = pipeline_release(p, BATCH_RECORDS, &count);
    }
    while (count < BATCH_RECORDS && !p->gave_up && !pipeline_releases(p) &&
           p->done_seq < up_to_seq && (err = journal_read(p->reader, &rec)) == LL_OK) {
        take_record(p, &rec);
        count++;
    }
    if (count > 0) {
        finish_batch(p);
    }
    pthread_mutex_unlock(&p->state_lock);
    if (p->checkpoint_due && !p->gave_up) {
        p->checkpoint_due = false;
        p->taken_bytes = 0;
        p->last_checkpoint_ms = p->now.event_ms;
        pipeline_save(p);
    }
    if (atomic_load(&p->viewers) > 0) {
        usleep(YIELD_US); /* a mutex is not fair: without this a viewer could wait for ever */
    }
    return err;
}

/* Nothing comes, not even a tick: the intake is full, perhaps, and waits for a checkpoint to be
 * trimmed; or the disk has refused the last one. */
static void idle(struct pipeline *p, int rounds)
{
    pipeline_catch_up_archive(p);
    if (rounds % IDLE_ROUNDS == 0 && p->done_seq > atomic_load(&p->checkpointed)) {
        pipeline_save(p);
    }
}

static void *run(void *arg)
{
    struct pipeline *p = arg;
    struct log_limit read_limit = {0};
    int idle_rounds = 0;
    while (!p->gave_up) {
        const bool stopping = atomic_load(&p->stopping);
        const ll_err err = pipeline_take_batch(p, UINT64_MAX);
        if (err == LL_EAGAIN) {
            if (stopping) {
                break;
            }
            if (journal_wait(p->reader, IDLE_WAIT_MS)) {
                idle_rounds = 0;
                usleep(GATHER_US);
            } else if (!atomic_load(&p->stopping)) {
                idle(p, ++idle_rounds);
            }
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

/* --- life ------------------------------------------------------------------------------------ */

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

ll_err pipeline_take(struct pipeline *p)
{
    return pipeline_take_batch(p, UINT64_MAX);
}

ll_err pipeline_drain(struct pipeline *p)
{
    ll_err err;
    do {
        err = pipeline_take(p);
    } while (err == LL_OK && !p->gave_up);
    return err == LL_EAGAIN ? LL_OK : err;
}

/* --- views ----------------------------------------------------------------------------------- */

void pipeline_ledger(struct pipeline *p, struct ledger *out, struct source_list *list)
{
    sources_view(p->sources, out, list);
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
    return waiters_ask(p->waiters, p->parts.intake_log, json, len, answer);
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

bool pipeline_time_known(struct pipeline *p)
{
    return atomic_load(&p->time_known);
}

uint32_t pipeline_open_alarms(struct pipeline *p)
{
    return alarms_open_count(p->alarms);
}
