/*
 * A fire hydrant on a street main: pressure, cap and tilt.
 *
 *   H = Hs - R (Qd + Qh)^1.852            as in water_main.c; Qh what the hydrant itself gives
 *   Qd = base · demand(t) · (1 + N(0, 0.05))
 *
 * Hs 28-40 m of head over the street; base 10-60 m³/h; R such that twice the base flow costs 3-6 m.
 * One open outlet of 65 mm gives 5-30 L/s (GB 50974 designs with 15 L/s); the draw is held to what
 * leaves a tenth of the head. The body stands within 2° of upright. Low pressure is a loss of head
 * upstream, a half-shut valve. Sensor noise: 1 kPa, 0.1°, 2 % of flow.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define MPA_PER_M  0.00980665
#define EXPONENT   1.852
#define L_PER_M3   1000.0
#define DEMAND_TAU 120.0
#define NOISE_MPA  0.001

enum { FAULT_OPENED, FAULT_HIT, FAULT_LOW };

struct hydrant {
    struct faults faults;
    double source_head_m;
    double resistance; /* R, s^1.852 m^-4.556 */
    double base_m3_s;
    double noise; /* of the demand */
    double demand_m3_s;
    double rest_deg;
    double battery_v;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct hydrant *h = state;
    (void)self;
    h->source_head_m = 28 + 12 * rng_uniform(rng);
    h->base_m3_s = (10 + 50 * rng_uniform(rng)) / PHYSICS_S_PER_HOUR;
    h->demand_m3_s = h->base_m3_s;
    h->resistance = (3 + 3 * rng_uniform(rng)) / pow(2 * h->base_m3_s, EXPONENT);
    h->rest_deg = 2 * rng_uniform(rng);
    h->battery_v = 3.5 + 0.15 * rng_uniform(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct hydrant *h = state;
    (void)weather;
    const double demand = model_demand(from_ms + (int64_t)(dt_s * 1000));
    h->noise = model_walk(h->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    h->demand_m3_s = h->base_m3_s * demand * fmax(1 + h->noise, 0);
}

/* The flow at which a tenth of the head is left bounds what the outlet gives. */
static double outlet_m3_s(const struct hydrant *h)
{
    const double most = pow(0.9 * h->source_head_m / h->resistance, 1 / EXPONENT);
    return fmin(h->faults.magnitude[FAULT_OPENED] / L_PER_M3, fmax(most - h->demand_m3_s, 0));
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct hydrant *h = state;
    const double flow = outlet_m3_s(h);
    const double head =
        physics_main_head_m(h->source_head_m, h->resistance, h->demand_m3_s + flow, 0);
    const double pressure =
        head * MPA_PER_M - h->faults.magnitude[FAULT_LOW] + NOISE_MPA * rng_normal(rng);
    const double tilt = fabs(h->rest_deg + h->faults.magnitude[FAULT_HIT] + 0.1 * rng_normal(rng));
    out[0] = (struct sample){"pressure", fmax(pressure, 0), 4};
    out[1] = (struct sample){"cap_open", h->faults.magnitude[FAULT_OPENED] > 0, SAMPLE_BOOL};
    out[2] = (struct sample){"tilt", fmin(tilt, 180), 1};
    out[3] = (struct sample){"flow", L_PER_M3 * flow * (1 + 0.02 * rng_normal(rng)), 2};
    out[4] = (struct sample){"bat", h->battery_v, 2};
    return 5;
}

static const struct model_fault faults[] = {
    [FAULT_OPENED] = {"hydrant_opened", "cap_open", "L/s", 0.5, 40, 15},
    [FAULT_HIT] = {"hydrant_hit", "tilt", "deg", 1, 170, 40},
    [FAULT_LOW] = {"low_pressure", "pressure", "MPa", 0.01, 0.4, 0.25},
};

/* Each from its onset: the smallest magnitude is ten times the noise. */
static bool observable(const void *state, size_t fault)
{
    (void)state;
    (void)fault;
    return true;
}

const struct model hydrant_model = {
    .kind = "hydrant",
    .profile = "hydrant",
    FAULTS_MODEL(struct hydrant),
};
