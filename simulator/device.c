#include "simulator/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_TEXT  64
#define MAX_DECIMALS 6
#define EXACT        1e15 /* integers beyond are written by printf */

static const double scales[MAX_DECIMALS + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

ll_err device_init(struct device *d, const struct scenario_asset *asset, uint64_t first_seq)
{
    *d = (struct device){.asset = asset, .next_seq = first_seq, .reported_ms = INT64_MIN};
    if (asset->batch > 1) {
        d->batch = calloc(1, sizeof *d->batch);
        if (d->batch == NULL) {
            return LL_ENOMEM;
        }
        message_init(d->batch);
    }
    if (asset->heartbeat_ms > 0) {
        d->reported = calloc(MODEL_MAX_SAMPLES, sizeof *d->reported);
        if (d->reported == NULL) {
            return LL_ENOMEM;
        }
    }
    return LL_OK;
}

void device_free(struct device *d)
{
    if (d->batch != NULL) {
        message_free(d->batch);
    }
    free(d->batch);
    free(d->reported);
}

/* Rounded to the device's resolution; a value that rounds to nothing has no sign. By hand, for it
 * is most of the work of a fast run. */
static size_t put_number(double value, int decimals, char *out)
{
    if (decimals > MAX_DECIMALS || !(fabs(value) * scales[decimals] < EXACT)) {
        return (size_t)snprintf(out, SAMPLE_TEXT, "%.*f", decimals, value);
    }
    const int64_t rounded = llrint(value * scales[decimals]);
    uint64_t rest = rounded < 0 ? -(uint64_t)rounded : (uint64_t)rounded;
    char text[SAMPLE_TEXT];
    char *at = text + sizeof text;
    for (int i = 0; rest > 0 || i <= decimals; i++) {
        if (i == decimals && decimals > 0) {
            *--at = '.';
        }
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (rounded < 0) {
        *--at = '-';
    }
    const size_t len = (size_t)(text + sizeof text - at);
    memcpy(out, at, len);
    return len;
}

static void add_sample(struct message *m, const struct sample *s)
{
    char text[SAMPLE_TEXT];
    if (s->decimals == SAMPLE_BOOL) {
        const bool on = s->value != 0;
        message_value(m, s->channel, on ? "true" : "false", on ? 4 : 5);
    } else {
        message_value(m, s->channel, text, put_number(s->value, s->decimals, text));
    }
}

/* A change is more than the dead band; of a state, any. */
static bool changed(const struct device *d, const struct sample *s, double reported)
{
    const double band = s->decimals == SAMPLE_BOOL ? 0 : d->asset->dead_band;
    const double step = s->decimals == SAMPLE_BOOL ? 1 : pow(10, -s->decimals);
    return fabs(s->value - reported) > band * step;
}

static bool wants_report(struct device *d, int64_t now_ms, const struct sample *samples,
                         size_t count)
{
    if (d->reported == NULL) {
        return true;
    }
    bool wants = d->reported_ms == INT64_MIN || now_ms - d->reported_ms >= d->asset->heartbeat_ms;
    for (size_t i = 0; i < count && !wants; i++) {
        wants = changed(d, &samples[i], d->reported[i]);
    }
    if (wants) {
        d->reported_ms = now_ms;
        for (size_t i = 0; i < count; i++) {
            d->reported[i] = samples[i].value;
        }
    }
    return wants;
}

struct message *device_take(struct device *d, int64_t now_ms, int64_t ts_ms,
                            const struct sample *samples, size_t count, struct message *single)
{
    if (!wants_report(d, now_ms, samples, count)) {
        return NULL;
    }
    struct message *m = d->batch != NULL ? d->batch : single;
    const bool fresh = d->batch == NULL || m->samples == 0 || m->samples == d->asset->batch;
    if (fresh) {
        message_open(m, d->asset->format, d->asset->device, d->next_seq++, d->batch != NULL);
    }
    message_sample(m, ts_ms);
    for (size_t i = 0; i < count; i++) {
        add_sample(m, &samples[i]);
    }
    return d->batch == NULL || m->samples == d->asset->batch ? m : NULL;
}
