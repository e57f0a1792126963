/*
 * A manhole: the tilt of its cover and the level of the sewer in it.
 *
 *   level = depth · √(pattern(hour) / 2) · (1 + walk)      Manning: in a half-full pipe the flow
 * goes about with the square of the depth tilt  = rest + fault, degrees from the rest position
 *
 * Depth at the daily peak 0.05-0.25 m; walk of 5 % with a correlation time of 20 min. The cover
 * rests within 2°, a device's resolution is 0.1° (vendors' data); battery 3.6 V lithium.
 */
#include "simulator/model/model.h"

#include <math.h>

struct manhole {
    double depth_m;
    double walk;
    double level_m;
    double rest_deg;
    double tilt_deg; /* of the fault */
    double battery_v;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct manhole *m = state;
    (void)self;
    m->depth_m = 0.05 + 0.2 * rng_uniform(rng);
    m->walk = 0.05 * rng_normal(rng);
    m->rest_deg = 2 * rng_uniform(rng);
    m->battery_v = 3.5 + 0.15 * rng_uniform(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct manhole *m = state;
    (void)weather;
    const double pattern = model_demand_pattern(model_local_hour(from_ms + (int64_t)(dt_s * 1000)));
    m->walk = model_walk(m->walk, 0, 0.05, 1200, dt_s, rng);
    m->level_m = m->depth_m * sqrt(pattern / 2) * (1 + m->walk);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct manhole *m = state;
    const double tilt = fabs(m->rest_deg + m->tilt_deg + 0.1 * rng_normal(rng));
    out[0] = (struct sample){"tilt", fmin(tilt, 180), 1};
    out[1] = (struct sample){"level", fmax(m->level_m + 0.002 * rng_normal(rng), 0), 3};
    out[2] = (struct sample){"bat", m->battery_v, 2};
    return 3;
}

static const struct model_fault faults[] = {
    {"cover_tilted", "tilt", "deg", 1, 178, 35},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct manhole *m = state;
    (void)fault;
    m->tilt_deg = magnitude;
}

static bool observable(const void *state, size_t fault)
{
    const struct manhole *m = state;
    (void)fault;
    return m->tilt_deg > 0;
}

const struct model manhole_model = {
    .kind = "manhole",
    .profile = "manhole",
    .state_size = sizeof(struct manhole),
    .faults = faults,
    .fault_count = sizeof faults / sizeof faults[0],
    .init = init,
    .step = step,
    .read = read,
    .set_fault = set_fault,
    .observable = observable,
};
