/*
 * A reach of a sewer: dry-weather flow, rain, the level that carries them, and the gas over it.
 *
 *   A dh/dt = Qdwf(t) + Qrain - Qout(h)
 *   Qdwf  = mean · demand(t) · (1 + N(0, 0.05))
 *   Qrain                                 by catchment.h: 30-60 mm/h that last would fill it
 *   Qout  = s Qf (h/D)² up to the crown (near Manning's curve), s Qf √(h/D) under pressure
 *   H2S   = base · 1.07^(T - 20) · √(stay / stay at mean flow)   after Pomeroy (1959)
 *
 * Qf by Manning, n 0.013, slope 3 ‰; D 0.4-1.2 m; plan area 150 m of pipe at D wide and its
 * manholes; rim 2.5-4 m over the invert, and what rises higher runs into the street. Dry weather
 * fills 0.25-0.45 of D. A blockage leaves s = 0-0.5 of the outflow; a foreign inflow (a drained
 * building pit, a river that breaks in) adds to Qdwf a share of Qf. T is the sewage's, between the
 * air and 20 °C. The gas follows in 2 h; base 0.5-2 mg/m³. Sensor noise: 5 mm, 2 % of flow, 0.1
 * mg/m³.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/catchment.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define LENGTH_M   150.0
#define DEMAND_TAU 1800.0
#define GAS_TAU    7200.0
#define VISIBLE_M  0.03 /* six times the noise of the level */

enum { FAULT_BLOCKAGE, FAULT_OVERFLOW };

struct sewer {
    struct faults faults;
    struct physics_reach reach;
    struct physics_reach sound; /* the same water without the fault */
    double dry_m3_h;
    struct catchment catchment;
    double noise; /* of the dry-weather flow */
    double flow_m3_h;
    double gas_base_mg_m3;
    double gas_mg_m3;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct sewer *s = state;
    (void)self;
    const double d = 0.4 + 0.8 * rng_uniform(rng);
    const double fill = 0.25 + 0.2 * rng_uniform(rng);
    s->reach.diameter_m = d;
    s->reach.full_m3_h = physics_full_m3_h(d);
    s->reach.area_m2 = LENGTH_M * d;
    s->reach.rim_m = 2.5 + 1.5 * rng_uniform(rng);
    s->reach.level_m = fill * d;
    s->sound = s->reach;
    s->dry_m3_h = s->reach.full_m3_h * fill * fill;
    s->catchment = catchment_draw(s->reach.full_m3_h, rng);
    s->flow_m3_h = s->dry_m3_h;
    s->gas_base_mg_m3 = 0.5 + 1.5 * rng_uniform(rng);
    s->gas_mg_m3 = s->gas_base_mg_m3;
}

static double gas_mg_m3(const struct sewer *s, double air_c)
{
    const double sewage_c = 20 + (air_c - 20) / 2;
    const double mean_h = sqrt(s->dry_m3_h / s->reach.full_m3_h) * s->reach.diameter_m;
    const double stay = s->reach.level_m / fmax(s->flow_m3_h, 0.01 * s->dry_m3_h);
    return s->gas_base_mg_m3 * pow(1.07, sewage_c - 20) * sqrt(stay / (mean_h / s->dry_m3_h));
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct sewer *s = state;
    const double rain_m3_h = catchment_step(&s->catchment, weather, from_ms, dt_s);
    const int64_t middle_ms = from_ms + (int64_t)(dt_s * 500);
    s->noise = model_walk(s->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    const double own_m3_h =
        s->dry_m3_h * model_demand(middle_ms) * fmax(1 + s->noise, 0) + rain_m3_h;
    const double foreign_m3_h = s->faults.magnitude[FAULT_OVERFLOW] / 100 * s->reach.full_m3_h;
    const double open = 1 - s->faults.magnitude[FAULT_BLOCKAGE] / 100;
    s->flow_m3_h = physics_reach_step(&s->reach, own_m3_h + foreign_m3_h, open, dt_s);
    physics_reach_step(&s->sound, own_m3_h, 1, dt_s);
    const double gas = gas_mg_m3(s, weather_temperature_c(weather, middle_ms));
    s->gas_mg_m3 = gas + (s->gas_mg_m3 - gas) * exp(-dt_s / GAS_TAU);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct sewer *s = state;
    const double level = fmax(s->reach.level_m + 0.005 * rng_normal(rng), 0);
    out[0] = (struct sample){"level", level, 3};
    out[1] = (struct sample){"fill", 100 * level / s->reach.diameter_m, 1};
    out[2] = (struct sample){"flow", s->flow_m3_h * (1 + 0.02 * rng_normal(rng)), 1};
    out[3] = (struct sample){"h2s", fmax(s->gas_mg_m3 + 0.1 * rng_normal(rng), 0), 2};
    return 4;
}

static const struct model_fault faults[] = {
    [FAULT_BLOCKAGE] = {"blockage", "level", "%", 50, 100, 90},
    [FAULT_OVERFLOW] = {"overflow", "level", "%", 20, 400, 250},
};

static bool observable(const void *state, size_t fault)
{
    const struct sewer *s = state;
    (void)fault;
    return s->reach.level_m - s->sound.level_m > VISIBLE_M;
}

const struct model sewer_model = {
    .kind = "sewer",
    .profile = "sewer",
    FAULTS_MODEL(struct sewer),
};
