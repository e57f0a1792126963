#include "simulator/sensor.h"

#include <math.h>
#include <string.h>

#include "gateway/base/clock.h"

#define MS_PER_MONTH    (30 * 24 * 3600.0 * LL_MS_PER_S)
#define STEPS_PER_SPAN  1e4
#define BATTERY_SAGS_MS (7 * 24 * 3600.0 * LL_MS_PER_S) /* where the fault has no end */
#define CLOCK_SHOWS_MS  1000

/* What a faulty sensor goes by. */
struct sense {
    struct fault *fault;
    int64_t now_ms;
    double value;
    double again; /* the same quantity read once more: it differs by the sensor's noise alone */
    double span;
    struct rng *rng;
};

static double stuck(const struct sense *s)
{
    if (!s->fault->kept) {
        s->fault->kept = true;
        s->fault->value = s->value;
    }
    return s->fault->value;
}

static double drift(const struct sense *s)
{
    const double months = (double)(s->now_ms - s->fault->onset_ms) / MS_PER_MONTH;
    return s->value + s->fault->magnitude / 100 * s->span * months;
}

/* 5 to 50 % of the span, up or down. */
static double spike(const struct sense *s)
{
    if (rng_uniform(s->rng) >= s->fault->magnitude / 100) {
        return s->value;
    }
    const double height = (0.05 + 0.45 * rng_uniform(s->rng)) * s->span;
    return rng_uniform(s->rng) < 0.5 ? s->value - height : s->value + height;
}

/* With v = x + e and w = x + f, (1 - a) v + a w has the noise √((1 - a)² + a²) σ; that it is k σ
 * gives a. */
static double noise(const struct sense *s)
{
    const double k = s->fault->magnitude;
    const double a = (1 + sqrt(2 * k * k - 1)) / 2;
    return s->value + a * (s->again - s->value);
}

static double low_battery(const struct sense *s)
{
    const struct fault *f = s->fault;
    const double whole_ms =
        f->end_ms == FAULT_NEVER ? BATTERY_SAGS_MS : (double)(f->end_ms - f->onset_ms);
    return s->value - f->magnitude * fmin((double)(s->now_ms - f->onset_ms) / whole_ms, 1);
}

enum { STUCK, DRIFT, SPIKE, NOISE, LOW_BATTERY, CLOCK_SKEW, CLOCK_STEP };

const struct model_fault sensor_faults[] = {
    [STUCK] = {"stuck", "", "", 1, 1, 1},
    [DRIFT] = {"drift", "", "%span/month", -100, 100, 5},
    [SPIKE] = {"spike", "", "%", 0.001, 100, 0.1},
    [NOISE] = {"noise", "", "times", 1, 100, 5},
    [LOW_BATTERY] = {"low_battery", "bat", "V", 0.1, 3, 0.6},
    [CLOCK_SKEW] = {"clock_skew", "", "ppm", -1000, 1000, 50},
    [CLOCK_STEP] = {"clock_step", "", "s", -604800, 604800, 3600},
};
const size_t sensor_fault_count = sizeof sensor_faults / sizeof sensor_faults[0];

/* NULL: the clock's. */
static double (*const apply[])(const struct sense *s) = {
    [STUCK] = stuck,
    [DRIFT] = drift,
    [SPIKE] = spike,
    [NOISE] = noise,
    [LOW_BATTERY] = low_battery,
    [CLOCK_SKEW] = NULL,
    [CLOCK_STEP] = NULL,
};

bool sensor_fault_has_channel(size_t index)
{
    return apply[index] != NULL;
}

bool sensor_fault_takes_bool(size_t index)
{
    return index == STUCK;
}

static size_t index_of(const struct sample *samples, size_t count, const char *channel)
{
    size_t i = 0;
    while (i < count && strcmp(samples[i].channel, channel) != 0) {
        i++;
    }
    return i;
}

void sensor_apply(struct fault_list *l, int64_t now_ms, const struct model *m, const void *state,
                  struct rng *rng, struct sample *samples, size_t count)
{
    if (l->on[FAULT_OF_SENSOR] == 0) {
        return;
    }
    struct sample again[MODEL_MAX_SAMPLES];
    m->read(state, rng, again);
    for (struct fault *f = l->first; f != NULL; f = f->next) {
        if (!f->on || f->kind.layer != FAULT_OF_SENSOR || apply[f->kind.index] == NULL) {
            continue;
        }
        const size_t i = index_of(samples, count, f->channel);
        if (i == count) {
            continue; /* read in some states only */
        }
        const double step = samples[i].decimals == SAMPLE_BOOL ? 1 : pow(10, -samples[i].decimals);
        const struct sense s = {
            f, now_ms, samples[i].value, again[i].value, STEPS_PER_SPAN * step, rng,
        };
        samples[i].value = apply[f->kind.index](&s);
        if (fabs(samples[i].value - s.value) >= step) {
            fault_seen(f, now_ms);
        }
    }
}

int64_t sensor_clock(struct fault_list *l, int64_t now_ms)
{
    double ahead_ms = 0;
    if (l->on[FAULT_OF_SENSOR] == 0) {
        return now_ms;
    }
    for (struct fault *f = l->first; f != NULL; f = f->next) {
        if (!f->on || f->kind.layer != FAULT_OF_SENSOR || apply[f->kind.index] != NULL) {
            continue;
        }
        const double by_ms = f->kind.index == CLOCK_STEP
                                 ? f->magnitude * LL_MS_PER_S
                                 : f->magnitude * 1e-6 * (double)(now_ms - f->onset_ms);
        ahead_ms += by_ms;
        if (fabs(by_ms) >= CLOCK_SHOWS_MS) {
            fault_seen(f, now_ms);
        }
    }
    return now_ms + llround(ahead_ms);
}
