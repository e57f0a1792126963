/*
 * A water main at the far end of a small district: demand, head loss and a leak that feeds on the
 * pressure it lowers.
 *
 *   H = Hs - R (Qd + Ql)^1.852            head, m; Hazen-Williams exponent; Q in m³/s
 *   Qd = base · pattern(hour) · (1 + N(0, 0.05))
 *   Ql = 0.6 √(2g) (A0 + m H) √H          FAVAD (May, 1994; van Zyl and Cassa, 2014)
 *
 * H is found by bisection: the right side falls as H rises, so there is one solution, and the flow
 * that passes the meter is exactly what is drawn and what leaks. Hs 32-45 m of head over the main;
 * base 10-60 m³/h; R such that twice the base flow costs 4-9 m; m = A0 · 0.01 /m (a round hole
 * hardly opens; a crack in plastic opens more). 1 m of water is 0.00980665 MPa. Sensor noise: 0.5
 * kPa, 0.3 % of flow.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/physics.h"

#define MPA_PER_M  0.00980665
#define EXPONENT   1.852
#define MM2_PER_M2 1e6
#define DEMAND_TAU 120.0 /* s: taps stay open about so long */
#define VISIBLE    0.1   /* of the demand: twice its noise */

struct water_main {
    double source_head_m;
    double resistance; /* R, s^1.852 m^-4.556 */
    double base_m3_h;
    double noise; /* of the demand */
    double leak_mm2;
    double head_m;
    double demand_m3_s;
    double leak_m3_s;
};

static void solve(struct water_main *w)
{
    const double leak_m2 = w->leak_mm2 / MM2_PER_M2;
    w->head_m = physics_main_head_m(w->source_head_m, w->resistance, w->demand_m3_s, leak_m2);
    w->leak_m3_s = physics_leak_m3_s(leak_m2, w->head_m);
}

static void draw(struct water_main *w, int64_t ms)
{
    const double pattern = model_demand_pattern(model_local_hour(ms));
    w->demand_m3_s = w->base_m3_h / PHYSICS_S_PER_HOUR * pattern * fmax(1 + w->noise, 0);
    solve(w);
}

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct water_main *w = state;
    (void)self;
    w->source_head_m = 32 + 13 * rng_uniform(rng);
    w->base_m3_h = 10 + 50 * rng_uniform(rng);
    w->resistance =
        (4 + 5 * rng_uniform(rng)) / pow(2 * w->base_m3_h / PHYSICS_S_PER_HOUR, EXPONENT);
    w->noise = 0.05 * rng_normal(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct water_main *w = state;
    (void)weather;
    w->noise = model_walk(w->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    draw(w, from_ms + (int64_t)(dt_s * 1000));
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct water_main *w = state;
    const double flow = (w->demand_m3_s + w->leak_m3_s) * PHYSICS_S_PER_HOUR;
    out[0] = (struct sample){"pressure", w->head_m * MPA_PER_M + 0.0005 * rng_normal(rng), 4};
    out[1] = (struct sample){"flow", flow * (1 + 0.003 * rng_normal(rng)), 2};
    return 2;
}

static const struct model_fault faults[] = {
    {"water_leak", "flow", "mm2", 1, 20000, 300},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct water_main *w = state;
    (void)fault;
    w->leak_mm2 = magnitude;
    solve(w);
}

static bool observable(const void *state, size_t fault)
{
    const struct water_main *w = state;
    (void)fault;
    return w->leak_m3_s > VISIBLE * w->demand_m3_s;
}

const struct model water_main_model = {
    .kind = "water_main",
    .profile = "water_main",
    .state_size = sizeof(struct water_main),
    .faults = faults,
    .fault_count = sizeof faults / sizeof faults[0],
    .init = init,
    .step = step,
    .read = read,
    .set_fault = set_fault,
    .observable = observable,
};
