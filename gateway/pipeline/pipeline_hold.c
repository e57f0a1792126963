/*
 * While nobody knows the time, messages wait: they stay in the intake journal, in flight, and are
 * only shown and watched, since an alarm cannot wait. When the time becomes known they are read
 * again, each with the time at which it truly came, before anything that came later.
 */
#include <inttypes.h>

#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

/* --- the tick that tells --------------------------------------------------------------------- */

static void begin_hold(struct pipeline *p, const struct journal_record *rec)
{
    p->hold = (struct hold){.began_seq = rec->seq, .next_seq = rec->seq, .clock = p->clock};
    char said[LL_TIME_TEXT];
    log_warn("pipeline", "time_unknown",
             "wall_clock=%s hint=\"readings wait in the intake journal until the clock is set or "
             "synchronised; alarms do not wait\"",
             wall_format(rec->time, said));
}

/* False where the archive does not take the alarms' true times: the next tick tries again. */
static bool end_hold(struct pipeline *p, const struct intake_tick *t,
                     const struct journal_record *rec, int64_t estimated_ms)
{
    const ll_err err = pipeline_correct_alarms(p, rec->seq, rec->time.ms - estimated_ms);
    uint64_t left_out;
    if (err != LL_OK) {
        if (log_limit_pass(&p->archive_limit, &left_out)) {
            log_error("alarm", "times_not_corrected",
                      "reason=\"%s\" suppressed=%" PRIu64
                      " hint=\"it is tried again; readings wait meanwhile\"",
                      ll_err_str(err), left_out);
        }
        return false;
    }
    char said[LL_TIME_TEXT];
    struct hold *h = &p->hold;
    h->ended_seq = rec->seq;
    h->boot = t->boot;
    h->boot_at_ms = rec->time.ms - t->up_ms;
    log_info("pipeline", "time_known", "wall_clock=%s estimate_was_behind_ms=%" PRId64,
             wall_format(rec->time, said), rec->time.ms - estimated_ms);
    return true;
}

int64_t pipeline_take_time(struct pipeline *p, const struct intake_tick *t,
                           const struct journal_record *rec)
{
    const int64_t wait_ms = p->parts.conf->clock_wait_s * LL_MS_PER_S;
    bool believed = p->hold.due || receive_clock_believes(&p->clock, t, rec->time.ms, wait_ms);
    struct receive_clock estimate = p->clock;
    receive_clock_tick(&estimate, t, rec->time.ms, false);
    if (!believed && !pipeline_holds(p)) {
        begin_hold(p, rec);
        p->hold.boot_from_ms = estimate.time_ms;
    } else if (!believed && p->clock.boot != t->boot) {
        p->hold.boot_from_ms = estimate.time_ms;
    } else if (believed && pipeline_holds(p)) {
        believed = end_hold(p, t, rec, estimate.time_ms);
        p->hold.due = !believed;
    }
    const int64_t passed_ms = receive_clock_tick(&p->clock, t, rec->time.ms, believed);
    p->now.event_ms = p->clock.time_ms;
    atomic_store(&p->time_known, believed);
    return passed_ms;
}

/* --- the second reading ---------------------------------------------------------------------- */

/* The ticks are read again too: of the present start of the machine all times are known now, of an
 * earlier one they stay estimates. */
static void release_tick(struct hold *h, const struct journal_record *rec)
{
    struct intake_tick t;
    if (intake_tick_read(rec->data, rec->len, &t) != LL_OK) {
        return;
    }
    const bool known = t.boot == h->boot;
    receive_clock_tick(&h->clock, &t, rec->time.ms, false);
    if (known) {
        h->clock.time_ms = h->boot_at_ms + t.up_ms;
        h->clock.unknown = true; /* what follows is counted from here, not from the wall clock */
    }
}

static void release_message(struct pipeline *p, const struct journal_record *rec)
{
    const struct hold *h = &p->hold;
    struct journal_record at = *rec;
    at.time.ms = receive_clock_time(&h->clock, rec->time.ms);
    p->time_flags = h->clock.boot == h->boot ? 0 : READING_TIME_ESTIMATED;
    p->now.event_ms = at.time.ms;
    p->cause = (struct alarm_cause){.seq = rec->seq, .now = p->now};
    if (rec->type == INTAKE_SELF) {
        pipeline_take_self(p, &at);
    } else {
        pipeline_take_message(p, &at);
    }
    p->time_flags = 0;
}

static void end_release(struct pipeline *p)
{
    journal_reader_close(p->held);
    p->held = NULL;
    p->hold = (struct hold){0};
    p->now.event_ms = p->clock.time_ms;
    p->checkpoint_due = true;
    log_info("pipeline", "released", "up_to_seq=%" PRIu64, p->done_seq);
}

ll_err pipeline_release(struct pipeline *p, int most, int *count)
{
    struct hold *h = &p->hold;
    struct journal_record rec;
    ll_err err = LL_OK;
    if (p->held == NULL) {
        err = journal_reader_open(p->parts.intake, h->next_seq, &p->held);
    }
    while (err == LL_OK && *count < most && !p->gave_up) {
        err = journal_read(p->held, &rec);
        if (err == LL_EAGAIN || (err == LL_OK && rec.seq >= h->ended_seq)) {
            end_release(p);
            return LL_OK;
        }
        if (err == LL_OK) {
            h->next_seq = rec.seq + 1;
            (*count)++;
            if (rec.type == INTAKE_TICK) {
                release_tick(h, &rec);
            } else if (rec.type == INTAKE_MESSAGE || rec.type == INTAKE_SELF) {
                release_message(p, &rec);
            }
        }
    }
    return err;
}

uint64_t pipeline_first_needed(const struct pipeline *p)
{
    return p->hold.began_seq != 0 ? p->hold.next_seq : p->done_seq + 1;
}

/* --- checkpoint ------------------------------------------------------------------------------ */

/* The clock as of the checkpoint, then the hold with its own, numbers of 64 bits each. */

static void save_clock(const struct receive_clock *c, struct buf *out)
{
    buf_u64(out, c->boot);
    buf_u64(out, (uint64_t)c->up_ms);
    buf_u64(out, (uint64_t)c->wall_ms);
    buf_u64(out, (uint64_t)c->time_ms);
    buf_u64(out, c->unknown ? 1 : 0);
}

static void load_clock(struct receive_clock *c, struct cursor *in)
{
    c->boot = cursor_u64(in);
    c->up_ms = (int64_t)cursor_u64(in);
    c->wall_ms = (int64_t)cursor_u64(in);
    c->time_ms = (int64_t)cursor_u64(in);
    c->unknown = cursor_u64(in) != 0;
}

void pipeline_hold_save(const struct pipeline *p, struct buf *out)
{
    const struct hold *h = &p->hold;
    save_clock(&p->clock, out);
    buf_u64(out, h->began_seq);
    buf_u64(out, h->ended_seq);
    buf_u64(out, h->due ? 1 : 0);
    buf_u64(out, h->next_seq);
    save_clock(&h->clock, out);
    buf_u64(out, h->boot);
    buf_u64(out, (uint64_t)h->boot_at_ms);
    buf_u64(out, (uint64_t)h->boot_from_ms);
}

ll_err pipeline_hold_load(struct pipeline *p, struct cursor *in)
{
    struct hold *h = &p->hold;
    load_clock(&p->clock, in);
    h->began_seq = cursor_u64(in);
    h->ended_seq = cursor_u64(in);
    h->due = cursor_u64(in) != 0;
    h->next_seq = cursor_u64(in);
    load_clock(&h->clock, in);
    h->boot = cursor_u64(in);
    h->boot_at_ms = (int64_t)cursor_u64(in);
    h->boot_from_ms = (int64_t)cursor_u64(in);
    return in->bad ? LL_ECORRUPT : LL_OK;
}
