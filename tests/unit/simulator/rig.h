/*
 * One asset for the tests of the models: a model's state, its chance, its weather and its time.
 *
 * Two rigs of one seed draw the same chance as long as they are stepped and read alike, so that
 * their difference is that of their faults, without noise.
 */
#ifndef LL_TESTS_RIG_H
#define LL_TESTS_RIG_H

#include "tests/unit/simulator/near.h"

#include <stdalign.h>
#include <string.h>

#include "simulator/model/model.h"

#define RIG_MIDNIGHT_MS 1761667200000 /* Wednesday, 29 October 2025, 00:00 in China */
#define RIG_DAY_S       86400.0

struct rig {
    const struct model *model;
    struct rng rng;
    struct weather weather;
    int64_t now_ms;
    alignas(max_align_t) unsigned char state[MODEL_MAX_STATE];
};

/* At midnight, `hour` hours into the day. */
static inline struct rig rig_of(const struct model *model, uint64_t seed, double hour)
{
    struct rig r = {.model = model, .rng = rng_seeded(seed)};
    assert_non_null(r.model);
    r.now_ms = RIG_MIDNIGHT_MS + (int64_t)(hour * 3600000);
    r.weather = (struct weather){.seed = seed, .start_ms = r.now_ms, .latitude = 25};
    assert_true(r.model->state_size <= MODEL_MAX_STATE);
    r.model->init(r.state, r.model, &r.rng);
    return r;
}

static inline struct rig rig_new(const char *kind, uint64_t seed, double hour)
{
    return rig_of(model_find(kind, ""), seed, hour);
}

static inline void rig_run(struct rig *r, double seconds, double step_s)
{
    const int64_t end_ms = r->now_ms + (int64_t)(seconds * 1000);
    while (r->now_ms < end_ms) {
        const double dt_s = fmin(step_s, (double)(end_ms - r->now_ms) / 1000);
        r->model->step(r->state, &r->weather, r->now_ms, dt_s, &r->rng);
        r->now_ms += (int64_t)(dt_s * 1000);
    }
}

/* A reading; NAN where the device gives none of that channel now. */
static inline double rig_read(struct rig *r, const char *channel)
{
    struct sample samples[MODEL_MAX_SAMPLES];
    const size_t count = r->model->read(r->state, &r->rng, samples);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(samples[i].channel, channel) == 0) {
            return samples[i].value;
        }
    }
    return NAN;
}

static inline size_t rig_fault(const struct rig *r, const char *kind)
{
    size_t i = 0;
    while (i < r->model->fault_count && strcmp(r->model->faults[i].kind, kind) != 0) {
        i++;
    }
    assert_true(i < r->model->fault_count);
    return i;
}

static inline void rig_set(struct rig *r, const char *kind, double magnitude)
{
    const struct model_fault *f = &r->model->faults[rig_fault(r, kind)];
    assert_true(magnitude == 0 || (magnitude >= f->min && magnitude <= f->max));
    r->model->set_fault(r->state, rig_fault(r, kind), magnitude);
}

static inline bool rig_shows(const struct rig *r, const char *kind)
{
    return r->model->observable(r->state, rig_fault(r, kind));
}

/* Seconds until the fault shows, by steps of `step_s`; -1 where it does not within `limit_s`. */
static inline double rig_shows_after(struct rig *r, const char *kind, double step_s, double limit_s)
{
    const int64_t from_ms = r->now_ms;
    while (!rig_shows(r, kind)) {
        if ((double)(r->now_ms - from_ms) > limit_s * 1000) {
            return -1;
        }
        rig_run(r, step_s, step_s);
    }
    return (double)(r->now_ms - from_ms) / 1000;
}

#endif
