/*
 * A message's way: judge it, judge its values, spool them, watch them. Every message and every
 * value leaves this file in exactly one state of the ledger.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/export/line.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

/* By less than this, the clock is being slewed, or the receiving threads overtook each other. */
#define CLOCK_SET_BACK_MS LL_MS_PER_S

/* Where a refused original comes from and which of its reasons were kept already. */
struct refusal {
    struct pipeline *p;
    const struct journal_record *rec;
    const struct intake_message *message;
    bool kept[REASON_COUNT];
};

static void refuse(struct refusal *f, enum reason reason, const char *detail)
{
    struct pipeline *p = f->p;
    p->books->rejected[reason]++;
    const int topic_len = (int)(f->message->topic_len < 128 ? f->message->topic_len : 128);
    uint64_t left_out;
    if (log_limit_pass(&p->reject_limits[reason], &left_out)) {
        log_warn("pipeline", "rejected",
                 "reason=%s topic=\"%.*s\" detail=\"%s\" seq=%" PRIu64 " suppressed=%" PRIu64,
                 reason_info(reason)->key, topic_len, f->message->topic, detail, f->rec->seq,
                 left_out);
    }
    if (f->kept[reason]) {
        return;
    }
    f->kept[reason] = true;
    const struct quarantine_item item = {
        .time = f->rec->time,
        .seq = f->rec->seq,
        .source = "mqtt",
        .topic = f->message->topic,
        .topic_len = f->message->topic_len,
        .reason = reason_info(reason)->key,
        .detail = detail,
        .payload = f->message->payload,
        .payload_len = f->message->payload_len,
    };
    quarantine_add(p->parts.quarantine, &item);
}

/* Whether the device gives the message a time behind all that it gave before. */
static bool is_newer(struct device_state *state, const struct uplink *u)
{
    const int64_t newest = uplink_newest_ms(u);
    if (newest <= state->newest_ms) {
        return false;
    }
    state->newest_ms = newest;
    return true;
}

/* What the message's number says; the books of those that are missing. */
static enum seq_verdict take_number(struct device_state *state, uint64_t seq)
{
    int64_t missing;
    const enum seq_verdict verdict = seq_window_enter(&state->seq, seq, &missing);
    if (missing > 0) {
        state->books.messages_missing += (uint64_t)missing;
        counter_add(COUNTER_SEQ_GAPS, (uint64_t)missing);
    } else if (missing < 0) {
        state->books.messages_missing--;
        counter_add(COUNTER_SEQ_LATE, 1);
    }
    return verdict;
}

/* Counts messages that came before, by the device's own number. */
static bool message_repeats(struct pipeline *p, const struct uplink *u, const struct device *d)
{
    struct device_state *state = &p->table->devices[d->index];
    state->books.messages++;
    state->books.last_ms = p->now.event_ms;
    const bool newer = is_newer(state, u);
    const enum seq_verdict verdict = u->has_seq ? take_number(state, u->seq) : SEQ_NEW;
    if (verdict == SEQ_NEW) {
        return false;
    }
    if (verdict == SEQ_REPEATED && !newer) {
        state->books.messages_duplicate++;
        p->books->messages_duplicate++;
        return true;
    }
    /* A device that began anew counts from 0 again. With a time of the past it did not: then the
     * message was long under way. */
    if (newer || uplink_newest_ms(u) == INT64_MIN) {
        state->seq = seq_window_from(u->seq);
    }
    return false;
}

/* Gives the reading its place in its series. Two readings of a series at one time would overwrite
 * each other in the database, so the later one moves on, past all that were moved before it. What
 * was stamped on arrival is never history: where its time lies back, the gateway's clock was set
 * back. Returns false where it is the same reading again. */
static bool place_in_series(struct pipeline *p, struct reading *r)
{
    struct series *s = &p->table->series[reading_series(r)];
    const bool ours = (r->flags & READING_TIME_FROM_RECEIVE) != 0 ||
                      ((r->flags & READING_TIME_CORRECTED) != 0 && r->ts_ms == p->now.event_ms);
    if (s->last_ts_ms == INT64_MIN || r->ts_ms > s->last_ts_ms ||
        (ours && s->last_own_ms - r->ts_ms >= CLOCK_SET_BACK_MS)) {
        s->last_own_ms = r->ts_ms;
        s->last_ts_ms = r->ts_ms;
        s->last_value = r->value;
        return true;
    }
    if (!ours && r->ts_ms == s->last_own_ms && r->value == s->last_value) {
        return false;
    }
    if (ours || r->ts_ms == s->last_own_ms || r->ts_ms == s->last_ts_ms) {
        s->last_own_ms = r->ts_ms;
        r->ts_ms = ++s->last_ts_ms;
        s->last_value = r->value;
        r->flags |= READING_TIME_MOVED;
        counter_add(COUNTER_TIME_MOVED, 1);
        return true;
    }
    r->flags |= READING_BACKFILL;
    return true;
}

/* The message's times by the device's clock, corrected where that is off; returns the marks. */
static uint32_t settle_times(struct pipeline *p, struct uplink *u, const struct device *d)
{
    const int64_t newest_ms = uplink_newest_ms(u);
    if (newest_ms == INT64_MIN) {
        return 0;
    }
    struct device_clock *clock = &p->table->devices[d->index].clock;
    device_clock_learn(clock, d->profile, newest_ms, p->now.event_ms);
    if (judge_times(p->judge, d, u, p->now.event_ms)) {
        counter_add(COUNTER_TIME_CORRECTED, 1);
        return READING_TIME_CORRECTED;
    }
    return clock->behind_ms != 0 ? READING_CLOCK_BEHIND : 0;
}

static void refuse_value(struct refusal *f, const struct device *d, const struct uplink_value *v,
                         enum reason reason)
{
    char words[LL_DIAG_TEXT];
    char detail[LL_DIAG_TEXT];
    judge_value_words(f->p->judge, d, v, reason, words);
    snprintf(detail, sizeof detail, "channel '%.*s': %.300s",
             (int)(v->channel_len < LL_MAX_CHANNEL ? v->channel_len : LL_MAX_CHANNEL), v->channel,
             words);
    refuse(f, reason, detail);
}

static void leave_out(struct pipeline *p, const struct device *d, const struct uplink_value *v)
{
    p->books->readings_late++;
    uint64_t left_out;
    if (log_limit_pass(&p->late_limit, &left_out)) {
        log_warn("pipeline", "late", "device=%s ts_ms=%" PRId64 " suppressed=%" PRIu64, d->id,
                 v->ts_ms, left_out);
    }
}

/* Judges the values; the good ones stand in p->readings. Returns how many. */
static size_t take_values(struct pipeline *p, struct uplink *u, const struct device *d,
                          struct refusal *f)
{
    size_t count = 0;
    const uint32_t marks = settle_times(p, u, d);
    struct device_books *books = &p->table->devices[d->index].books;
    books->readings += u->count;
    p->books->readings_decoded += u->count;
    for (size_t i = 0; i < u->count; i++) {
        const struct uplink_value *v = &u->values[i];
        struct reading *r = &p->readings[count];
        enum reason reason = REASON_NONE;
        const enum value_verdict verdict = judge_value(p->judge, d, v, p->now.event_ms, r, &reason);
        if (verdict == VALUE_REFUSED) {
            books->readings_rejected++;
            refuse_value(f, d, v, reason);
            continue;
        }
        if (verdict == VALUE_LATE) {
            books->readings_late++;
            leave_out(p, d, v);
            continue;
        }
        r->flags |= (r->flags & READING_TIME_FROM_RECEIVE) != 0 ? p->time_flags : marks;
        if (place_in_series(p, r)) {
            count++;
        } else {
            books->readings_duplicate++;
            p->books->readings_duplicate++;
        }
    }
    books->readings_accepted += count;
    return count;
}

static void spool_readings(struct pipeline *p, size_t count)
{
    if (p->parts.spool == NULL) {
        p->books->readings_kept += count;
        return;
    }
    p->books->readings_spooled += count;
    if (spool_has(p->parts.spool, SPOOL_READINGS, p->cause.seq)) {
        return;
    }
    do {
        buf_reset(&p->lines);
        line_readings(p->readings, count, &p->lines);
    } while (!buf_ok(&p->lines) && pipeline_stalled(p, buf_err(&p->lines)));
    if (!buf_ok(&p->lines)) {
        p->gave_up = true;
        return;
    }
    pipeline_spool(p, SPOOL_READINGS, (uint32_t)count, &p->lines);
}

static void watch_readings(struct pipeline *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct reading *r = &p->readings[i];
        if ((r->flags & READING_BACKFILL) != 0) {
            continue; /* history does not raise live alarms */
        }
        const struct channel_spec *c = &r->device->profile->channels[r->channel];
        const uint32_t first = p->table->series[reading_series(r)].first_watch;
        for (uint32_t k = 0; k < c->detector_count; k++) {
            struct watch *w = &p->table->watches[first + k];
            const bool active = detect_observe(&c->detectors[k], &w->detect, r->value, p->now);
            pipeline_settle(p, first + k, active, r->value);
        }
    }
}

/* From the values on. */
static void take_uplink(struct pipeline *p, struct uplink *u, const struct device *d,
                        struct refusal *f)
{
    const size_t count = take_values(p, u, d, f);
    if (count == 0) {
        return;
    }
    spool_readings(p, count);
    if (!pipeline_releases(p)) { /* those were shown and watched when they came */
        recent_add(p->recent, p->readings, count);
        watch_readings(p, count);
    }
}

/* The message's readings, whatever their time, without those that are known to be history. */
static size_t readings_to_watch(struct pipeline *p, const struct uplink *u, const struct device *d)
{
    size_t count = 0;
    for (size_t i = 0; i < u->count; i++) {
        const struct uplink_value *v = &u->values[i];
        struct reading *r = &p->readings[count];
        if (judge_measurement(d, v, r) != REASON_NONE ||
            (v->has_ts && v->ts_ms <= p->table->series[reading_series(r)].last_ts_ms)) {
            continue;
        }
        r->ts_ms = v->has_ts ? v->ts_ms : p->now.event_ms;
        r->flags = v->has_ts ? 0 : READING_TIME_FROM_RECEIVE | READING_TIME_ESTIMATED;
        count++;
    }
    return count;
}

void pipeline_watch_message(struct pipeline *p, const struct journal_record *rec)
{
    struct intake_message m;
    struct uplink uplink;
    const struct device *device = NULL;
    if (intake_read(rec->data, rec->len, &m) != LL_OK || (m.flags & INTAKE_RETAINED) != 0) {
        return; /* it is refused, or shown, when its turn comes */
    }
    const enum reason reason =
        rec->type == INTAKE_SELF
            ? judge_own_message(p->judge, p->table->registry, &m, &uplink, &device)
            : judge_message(p->judge, p->table->registry, &m, judge_source(p->judge, &m), &uplink,
                            &device);
    if (reason == REASON_NONE) {
        const size_t count = readings_to_watch(p, &uplink, device);
        recent_add(p->recent, p->readings, count);
        watch_readings(p, count);
    }
}

void pipeline_take_message(struct pipeline *p, const struct journal_record *rec)
{
    struct intake_message m = {.topic = "", .payload = ""};
    struct refusal f = {.p = p, .rec = rec, .message = &m};
    struct uplink uplink;
    const struct device *device = NULL;

    const bool whole = intake_read(rec->data, rec->len, &m) == LL_OK;
    const size_t source = whole ? judge_source(p->judge, &m) : SOURCE_UNKNOWN;
    p->books = sources_turn_to(p->sources, source);
    p->books->messages_taken++;
    if (!whole) {
        refuse(&f, REASON_MALFORMED, "the intake record is damaged");
        return;
    }
    if ((m.flags & INTAKE_RETAINED) != 0) {
        pipeline_take_retained(p, &m, source);
        return;
    }
    const enum reason reason =
        judge_message(p->judge, p->table->registry, &m, source, &uplink, &device);
    if (reason != REASON_NONE) {
        refuse(&f, reason, judge_detail(p->judge));
        return;
    }
    if (message_repeats(p, &uplink, device)) {
        return;
    }
    p->books->messages_decoded++;
    take_uplink(p, &uplink, device, &f);
}

void pipeline_take_self(struct pipeline *p, const struct journal_record *rec)
{
    struct intake_message m = {.topic = "", .payload = ""};
    struct refusal f = {.p = p, .rec = rec, .message = &m};
    struct uplink uplink;
    const struct device *device = NULL;
    p->books = sources_turn_to(p->sources, SOURCE_GATEWAY);
    if (intake_read(rec->data, rec->len, &m) == LL_OK &&
        judge_own_message(p->judge, p->table->registry, &m, &uplink, &device) == REASON_NONE) {
        take_uplink(p, &uplink, device, &f);
    } else {
        log_warn("pipeline", "self_report_unread", "detail=\"%s\"", judge_detail(p->judge));
    }
}
