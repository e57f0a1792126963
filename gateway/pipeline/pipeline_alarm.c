/*
 * From a condition to a transition that is archived, spooled and logged; the watches' timers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/export/line.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

/* Keeps it to be archived later. Where that cannot be, only the journal has it and what follows: no
 * checkpoint is made any more, so that the next start reads them again, in their order. */
static void keep_unarchived(struct pipeline *p, const struct alarm_record *r)
{
    if (p->archive_behind) {
        return;
    }
    if (p->unarchived_count == p->unarchived_cap) {
        const uint32_t cap = p->unarchived_cap > 0 ? 2 * p->unarchived_cap : 16;
        struct alarm_record *grown =
            cap <= LL_MAX_UNARCHIVED ? realloc(p->unarchived, cap * sizeof *grown) : NULL;
        if (grown == NULL) {
            p->archive_behind = true;
            return;
        }
        p->unarchived = grown;
        p->unarchived_cap = cap;
    }
    p->unarchived[p->unarchived_count++] = *r;
}

static void tell_changed(struct pipeline *p, uint64_t alarm)
{
    if (p->parts.alarm_changed != NULL) {
        p->parts.alarm_changed(p->parts.alarm_ctx, alarm);
    }
}

/* And tells those who want to know: whoever hears of an alarm is to find it there. */
static ll_err put(struct pipeline *p, const struct alarm_record *r)
{
    const ll_err err = alarm_store_put(p->parts.alarms, r);
    if (err == LL_OK) {
        tell_changed(p, r->id);
    }
    return err;
}

ll_err pipeline_catch_up_archive(struct pipeline *p)
{
    uint32_t done = 0;
    ll_err err = LL_OK;
    while (done < p->unarchived_count && err == LL_OK) {
        err = put(p, &p->unarchived[done]);
        done += err == LL_OK;
    }
    if (done > 0) {
        p->unarchived_count -= done;
        memmove(p->unarchived, &p->unarchived[done], p->unarchived_count * sizeof *p->unarchived);
        log_info("alarm", "archived_late", "transitions=%" PRIu32 " waiting=%" PRIu32, done,
                 p->unarchived_count);
    }
    return err == LL_OK && p->archive_behind ? LL_ESTATE : err;
}

/* Behind those that wait already: each brings its alarm's own row up to date. */
static void archive(struct pipeline *p, const struct alarm_record *r)
{
    const bool others_wait = p->unarchived_count > 0 || p->archive_behind;
    const ll_err err = others_wait ? LL_EAGAIN : put(p, r);
    if (err == LL_OK) {
        return;
    }
    counter_add(COUNTER_ALARMS_STORE_FAILED, 1);
    keep_unarchived(p, r);
    uint64_t left_out;
    if (log_limit_pass(&p->archive_limit, &left_out)) {
        log_error("alarm", "not_archived",
                  "id=%" PRIu64 " reason=\"%s\" waiting=%" PRIu32 " suppressed=%" PRIu64
                  " hint=\"%s\"",
                  r->id, ll_err_str(err), p->unarchived_count, left_out,
                  p->archive_behind ? "after a restart it is tried again" : "it is tried again");
    }
}

/* Among those that the record at work causes; waits for memory. */
static void add_line(struct pipeline *p, const struct alarm_record *r)
{
    const size_t before = p->alarm_lines.len;
    line_alarm(r, &p->alarm_lines);
    while (buf_err(&p->alarm_lines) == LL_ENOMEM && pipeline_stalled(p, LL_ENOMEM)) {
        buf_cut(&p->alarm_lines, before);
        line_alarm(r, &p->alarm_lines);
    }
    p->alarm_line_count++;
}

/* A transition that has just happened: archive, spool, log. */
void pipeline_emit_alarm(void *ctx, const struct alarm_record *r)
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
    archive(p, r);
    if (!r->at_estimated) { /* else once the time is known */
        add_line(p, r);
    }
    log_info("alarm", told[r->state].event,
             "id=%" PRIu64 " priority=%s asset=%s condition=%s.%s text=\"%s\"", r->id,
             alarm_priority_keys[r->priority], r->asset, r->channel, r->condition, r->text_en);
}

/* A journal that is read again raises the archive's alarms, not new ones. */
uint64_t pipeline_known_alarm(void *ctx, const struct alarm_cause *cause)
{
    struct pipeline *p = ctx;
    uint64_t id = 0;
    if (cause->seq <= p->relearn_seq) {
        alarm_store_find(p->parts.alarms, cause->seq, cause->nth, &id);
    }
    return id;
}

void pipeline_settle(struct pipeline *p, uint32_t watch, bool condition, double value)
{
    ll_err err;
    do {
        err = alarms_settle(p->alarms, p->table, watch, condition, value, &p->cause);
    } while (err == LL_ENOMEM && pipeline_stalled(p, err));
    p->gave_up = p->gave_up || err == LL_ENOMEM;
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

void pipeline_spool_alarms(struct pipeline *p)
{
    if (p->alarm_line_count > 0 && p->parts.spool != NULL) {
        const ll_err err = buf_err(&p->alarm_lines);
        if (err == LL_OK) {
            pipeline_spool(p, SPOOL_ALARMS, p->alarm_line_count, &p->alarm_lines);
        } else if (err == LL_ENOMEM) {
            p->gave_up = true;
        } else {
            counter_add(COUNTER_ALARMS_UNSENT, p->alarm_line_count);
            log_error("alarm", "not_spooled",
                      "transitions=%" PRIu32 " reason=\"%s\" hint=\"they are in the archive\"",
                      p->alarm_line_count, ll_err_str(err));
        }
    }
    buf_reset(&p->alarm_lines);
    p->alarm_line_count = 0;
}

/* A transition of the archive into the spool, with those that the same intake record caused. */
static void spool_archived(void *ctx, const struct alarm_record *r)
{
    struct pipeline *p = ctx;
    if (p->cause.seq != r->source_seq) {
        pipeline_spool_alarms(p);
        p->cause.seq = r->source_seq;
    }
    add_line(p, r);
    tell_changed(p, r->id);
}

ll_err pipeline_correct_alarms(struct pipeline *p, uint64_t known_seq, int64_t by_ms)
{
    const struct hold *h = &p->hold;
    const struct alarm_cause cause = p->cause;
    ll_err err = pipeline_catch_up_archive(p);
    if (err == LL_OK) {
        err = alarm_store_correct(p->parts.alarms, h->boot_from_ms, by_ms);
    }
    if (err == LL_OK) {
        err = alarm_store_each(p->parts.alarms, h->began_seq, known_seq, spool_archived, p);
    }
    pipeline_spool_alarms(p);
    p->cause = cause;
    if (err == LL_OK) {
        alarms_correct(p->alarms, h->boot_from_ms, by_ms);
    }
    return err;
}

static void count_transition(void *ctx, const struct alarm_record *r)
{
    uint64_t *count = ctx;
    (void)r;
    ++*count;
}

void pipeline_mend_alarms(struct pipeline *p)
{
    const uint64_t has = p->parts.spool != NULL ? spool_source(p->parts.spool, SPOOL_ALARMS) : 0;
    const uint64_t end = pipeline_holds(p) ? p->hold.began_seq : p->done_seq + 1;
    uint64_t lost = 0;
    if (has == 0 || has + 1 >= end) {
        return;
    }
    ll_err err = alarm_store_each(p->parts.alarms, has + 1, end, count_transition, &lost);
    if (err == LL_OK && lost > 0) {
        const struct alarm_cause cause = p->cause;
        err = alarm_store_each(p->parts.alarms, has + 1, end, spool_archived, p);
        pipeline_spool_alarms(p);
        p->cause = cause;
    }
    if (err != LL_OK || lost > 0) {
        log_warn("pipeline", "alarms_behind",
                 "transitions=%" PRIu64
                 " reason=\"%s\" hint=\"lost from the spool; they go into it "
                 "again, with value and text as the archive has them\"",
                 lost, ll_err_str(err));
    }
}
