#include "simulator/score/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"

#define MINUTE_MS    ((int64_t)60 * LL_MS_PER_S)
#define HOUR_MS      (60 * MINUTE_MS)
#define DAY_MS       (24 * HOUR_MS)
#define AFTERMATH_MS HOUR_MS
#define INTERVAL_MS  (10 * MINUTE_MS)
#define FLOOD_BEGINS 10 /* more than so many in an interval */
#define FLOOD_ENDS   5  /* fewer than so many */
#define CHATTER_MS   (5 * MINUTE_MS)
#define CHATTER      5
#define FLEETING_MS  ((int64_t)10 * LL_MS_PER_S)

/* qsort asks for an array even where there is none to sort. */
static void sort(void *rows, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count > 1) {
        qsort(rows, count, size, order);
    }
}

/* --- which alarm belongs to which fault ------------------------------------------------------ */

static int by_asset(const void *a, const void *b)
{
    const struct score_fault *x = a;
    const struct score_fault *y = b;
    const int order = strcmp(x->asset, y->asset);
    return order != 0 ? order : (x->onset_ms > y->onset_ms) - (x->onset_ms < y->onset_ms);
}

static size_t first_of_asset(const struct score_input *in, const char *asset)
{
    size_t low = 0;
    size_t high = in->fault_count;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (strcmp(in->faults[mid].asset, asset) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool covers(const struct score_fault *f, int64_t at_ms)
{
    const int64_t until_ms = f->end_ms == INT64_MAX ? INT64_MAX : f->end_ms + AFTERMATH_MS;
    return at_ms >= f->onset_ms && at_ms <= until_ms;
}

static void match(struct score_input *in, struct score_event *e)
{
    e->is_false = true;
    for (size_t i = first_of_asset(in, e->asset);
         i < in->fault_count && strcmp(in->faults[i].asset, e->asset) == 0; i++) {
        struct score_fault *f = &in->faults[i];
        if (covers(f, e->at_ms)) {
            e->is_false = false;
            if (f->found_ms == SCORE_NEVER || e->at_ms < f->found_ms) {
                f->found_ms = e->at_ms;
            }
        }
    }
}

/* --- by kind of fault ------------------------------------------------------------------------ */

static int by_kind(const void *a, const void *b)
{
    const struct score_fault *x = a;
    const struct score_fault *y = b;
    const int order = strcmp(x->kind, y->kind);
    return order != 0 ? order : (x->magnitude > y->magnitude) - (x->magnitude < y->magnitude);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, by nearest rank. */
static double percentile(const double *sorted, size_t count, double share)
{
    if (count == 0) {
        return NAN;
    }
    const size_t rank = (size_t)ceil(share * (double)count);
    return sorted[rank > 0 ? rank - 1 : 0];
}

/* The magnitude that best parts those found from those missed, between two that were seen. The
 * faults are in the order of their magnitudes. */
static double half_found_at(const struct score_fault *faults, size_t count, size_t found,
                            size_t missed)
{
    size_t found_below = 0;
    size_t missed_from = missed;
    size_t least = missed; /* wrongly parted by a cut below them all */
    const struct score_fault *before = NULL;
    double at = NAN;
    for (size_t i = 0; found > 0 && i < count; i++) {
        if (faults[i].observable_ms == SCORE_NEVER) {
            continue;
        }
        if (before != NULL && found_below + missed_from < least) {
            least = found_below + missed_from;
            at = (before->magnitude + faults[i].magnitude) / 2;
        }
        const bool was_found = faults[i].found_ms != SCORE_NEVER;
        found_below += was_found;
        missed_from -= !was_found;
        before = &faults[i];
    }
    return at;
}

static ll_err count_kind(const struct score_fault *faults, size_t count, struct score_kind *k)
{
    double *delays = calloc(count, sizeof *delays);
    if (delays == NULL) {
        return LL_ENOMEM;
    }
    *k = (struct score_kind){.kind = faults[0].kind, .faults = count};
    for (size_t i = 0; i < count; i++) {
        const struct score_fault *f = &faults[i];
        if (f->observable_ms == SCORE_NEVER) {
            continue;
        }
        k->observable++;
        if (f->found_ms != SCORE_NEVER) {
            delays[k->found++] = fmax((double)(f->found_ms - f->observable_ms) / LL_MS_PER_S, 0);
        }
    }
    sort(delays, k->found, sizeof *delays, by_value);
    k->recall = k->observable > 0 ? (double)k->found / (double)k->observable : NAN;
    k->delay_s = percentile(delays, k->found, 0.5);
    k->delay_p95_s = percentile(delays, k->found, 0.95);
    k->half_found_at = half_found_at(faults, count, k->found, k->observable - k->found);
    free(delays);
    return LL_OK;
}

static ll_err count_kinds(struct score_input *in, struct score *out)
{
    ll_err err = LL_OK;
    sort(in->faults, in->fault_count, sizeof *in->faults, by_kind);
    for (size_t i = 0; i < in->fault_count && err == LL_OK;) {
        size_t end = i + 1;
        while (end < in->fault_count && strcmp(in->faults[end].kind, in->faults[i].kind) == 0) {
            end++;
        }
        err = out->kind_count < SCORE_MAX_KINDS
                  ? count_kind(&in->faults[i], end - i, &out->kinds[out->kind_count++])
                  : LL_ELIMIT;
        i = end;
    }
    return err;
}

/* --- what the operator hears ----------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct score_event *x = a;
    const struct score_event *y = b;
    return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static int compare_points(const struct score_event *x, const struct score_event *y)
{
    int order = strcmp(x->device, y->device);
    if (order == 0) {
        order = strcmp(x->channel, y->channel);
    }
    return order != 0 ? order : strcmp(x->condition, y->condition);
}

static int by_point(const void *a, const void *b)
{
    const int order = compare_points(a, b);
    return order != 0 ? order : by_time(a, b);
}

static void count_floods(const struct score_input *in, struct score *out)
{
    size_t busy = 0;
    bool flood = false;
    size_t at = 0;
    const int64_t intervals = (in->end_ms - in->start_ms + INTERVAL_MS - 1) / INTERVAL_MS;
    for (int64_t n = 0; n < intervals; n++) {
        const int64_t until_ms = in->start_ms + (n + 1) * INTERVAL_MS;
        size_t raised = 0;
        for (; at < in->event_count && in->events[at].at_ms < until_ms; at++) {
            raised += in->events[at].raised;
        }
        busy += raised > FLOOD_BEGINS;
        if (!flood && raised > FLOOD_BEGINS) {
            out->floods++;
        }
        flood = raised > FLOOD_BEGINS || (flood && raised >= FLOOD_ENDS);
    }
    out->busy_share = intervals > 0 ? (double)busy / (double)intervals : 0;
}

/* The `count` transitions of one alarm, in their order. */
static void count_point(const struct score_event *e, size_t count, int64_t end_ms,
                        struct score *out)
{
    bool chatters = false;
    for (size_t i = 0; i < count; i++) {
        chatters = chatters || (i >= CHATTER && e[i].at_ms - e[i - CHATTER].at_ms <= CHATTER_MS);
        if (!e[i].raised) {
            continue;
        }
        size_t k = i + 1;
        while (k < count && !e[k].returned) {
            k++;
        }
        const int64_t active_ms = (k < count ? e[k].at_ms : end_ms) - e[i].at_ms;
        out->fleeting += k < count && active_ms < FLEETING_MS;
        out->stale += active_ms > DAY_MS;
    }
    out->chattering += chatters;
}

static void count_points(struct score_input *in, struct score *out)
{
    sort(in->events, in->event_count, sizeof *in->events, by_point);
    for (size_t i = 0; i < in->event_count;) {
        size_t end = i + 1;
        while (end < in->event_count && compare_points(&in->events[end], &in->events[i]) == 0) {
            end++;
        }
        count_point(&in->events[i], end - i, in->end_ms, out);
        i = end;
    }
}

ll_err score_run(struct score_input *in, struct score *out)
{
    *out = (struct score){0};
    sort(in->faults, in->fault_count, sizeof *in->faults, by_asset);
    sort(in->events, in->event_count, sizeof *in->events, by_time);
    for (size_t i = 0; i < in->fault_count; i++) {
        in->faults[i].found_ms = SCORE_NEVER;
    }
    for (size_t i = 0; i < in->event_count; i++) {
        if (in->events[i].raised) {
            match(in, &in->events[i]);
            out->alarms++;
            out->false_alarms += in->events[i].is_false;
        }
    }
    count_floods(in, out);
    count_points(in, out);
    const double days = (double)(in->end_ms - in->start_ms) / (double)DAY_MS;
    out->alarms_per_hour = days > 0 ? (double)out->alarms / (days * 24) : NAN;
    out->false_per_1000_asset_days =
        days > 0 && in->assets > 0 ? (double)out->false_alarms / (days * (double)in->assets / 1000)
                                   : NAN;
    return count_kinds(in, out);
}
