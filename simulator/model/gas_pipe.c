/*
 * A point on a gas pipe behind a regulator: its pressure and the flow that passes it.
 *
 *   p1 = set (1 + walk + drift)           the regulator's outlet; accuracy class AC 1-2.5: 0.5 %
 *   p1² - p2² = K (Qd + Ql)²              the pipe (gas.h)
 *   Qd = base · pattern(hour) · (1 + N(0, 0.05))
 *   Ql = hole(A, p2)                      gas.h
 *
 * p2 is found by bisection, so that what passes the meter is what is drawn and what leaks; where a
 * hole takes all, the rest goes without. Low pressure (GB 50028: up to 0.01 MPa, 2-3 kPa at the
 * user's): set 2.3-2.9 kPa, base 10-60 m³/h, 0.2-0.5 kPa lost at the evening's peak. Medium
 * pressure: set 0.25-0.35 MPa, base 100-400 m³/h, 5-20 kPa lost. Sensor noise: 0.1 % of the set
 * point, 0.3 % of flow. The pipe lies in the ground: 18 ± 1.5 °C.
 *
 * A leak is a hole that corrodes open over 14 days; an excavator's is there at once; a regulator's
 * set point creeps upwards over 7 days. Magnitudes: the hole's area, and per cent of the set point.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/gas.h"
#include "simulator/model/physics.h"

#define MM2_PER_M2  1e6
#define AIR_PA      101325.0
#define PEAK        2.5 /* of the pattern */
#define ACCURACY    0.005
#define REGULATOR_S 1800.0
#define DEMAND_SD   0.05
#define DEMAND_S    300.0
#define LEAK_S      (14 * FAULTS_DAY_S)
#define DRIFT_S     (7 * FAULTS_DAY_S)

enum { FAULT_LEAK, FAULT_DAMAGE, FAULT_DRIFT };

struct pipe_class {
    double unit_pa;
    int decimals;
    double set_pa[2]; /* least and most, as the others */
    double base_m3_h[2];
    double loss_pa[2];
    bool tells_temperature;
};

static const struct pipe_class medium = {1e6, 4, {250e3, 350e3}, {100, 400}, {5e3, 20e3}, true};
static const struct pipe_class low = {1e3, 3, {2300, 2900}, {10, 60}, {200, 500}, false};

struct gas_pipe {
    struct faults faults;
    const struct pipe_class *class;
    double set_pa;
    double base_m3_h;
    double resistance; /* Pa²/(m³/h)² */
    double walk;       /* of the regulator, share of the set point */
    double noise;      /* of the demand */
    double demand_m3_h;
    double end_pa;
    double flow_m3_h;
    double ground_c;
};

static double between(const double range[2], struct rng *rng)
{
    return range[0] + (range[1] - range[0]) * rng_uniform(rng);
}

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct gas_pipe *g = state;
    g->class = self->table;
    g->set_pa = between(g->class->set_pa, rng);
    g->base_m3_h = between(g->class->base_m3_h, rng);
    const double peak_m3_h = PEAK * g->base_m3_h;
    const double mean_pa = AIR_PA + g->set_pa;
    g->resistance = 2 * mean_pa * between(g->class->loss_pa, rng) / (peak_m3_h * peak_m3_h);
    g->walk = ACCURACY * rng_normal(rng);
    g->noise = DEMAND_SD * rng_normal(rng);
    g->ground_c = 18 + 1.5 * rng_normal(rng);
}

static double source_pa(const struct gas_pipe *g)
{
    const double drift = faults_grown(&g->faults, FAULT_DRIFT, DRIFT_S) / 100;
    return g->set_pa * (1 + g->walk + drift);
}

static double hole_m2(const struct gas_pipe *g)
{
    const double leak_mm2 = faults_grown(&g->faults, FAULT_LEAK, LEAK_S);
    return (leak_mm2 + g->faults.magnitude[FAULT_DAMAGE]) / MM2_PER_M2;
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct gas_pipe *g = state;
    (void)weather;
    faults_age(&g->faults, dt_s);
    g->walk = model_walk(g->walk, 0, ACCURACY, REGULATOR_S, dt_s, rng);
    g->noise = model_walk(g->noise, 0, DEMAND_SD, DEMAND_S, dt_s, rng);
    g->ground_c = model_walk(g->ground_c, 18, 1.5, 30 * FAULTS_DAY_S, dt_s, rng);
    const double hour = model_local_hour(from_ms + (int64_t)(dt_s * LL_MS_PER_S));
    g->demand_m3_h = g->base_m3_h * gas_pattern(hour) * fmax(1 + g->noise, 0);
    g->end_pa = gas_pipe_end_pa(source_pa(g), g->resistance, g->demand_m3_h, hole_m2(g));
    g->flow_m3_h = gas_pipe_m3_h(source_pa(g), g->end_pa, g->resistance);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct gas_pipe *g = state;
    const double seen_pa = fmax(g->end_pa + 0.001 * g->set_pa * rng_normal(rng), 0);
    const double flow = g->flow_m3_h * (1 + 0.003 * rng_normal(rng));
    out[0] = (struct sample){"pressure", seen_pa / g->class->unit_pa, g->class->decimals};
    out[1] = (struct sample){"flow", flow, 1};
    out[2] = (struct sample){"temperature", g->ground_c + 0.1 * rng_normal(rng), 1};
    return g->class->tells_temperature ? 3 : 2;
}

static const struct model_fault faults[] = {
    [FAULT_LEAK] = {"pipe_leak", "flow", "mm2", 1, 500, 50},
    [FAULT_DAMAGE] = {"third_party_damage", "pressure", "mm2", 200, 20000, 5000},
    [FAULT_DRIFT] = {"regulator_drift", "pressure", "%", 1, 120, 60},
};

/* Each against three deviations of what the reading does by itself. */
static bool observable(const void *state, size_t fault)
{
    const struct gas_pipe *g = state;
    if (fault == FAULT_DRIFT) {
        return faults_grown(&g->faults, FAULT_DRIFT, DRIFT_S) / 100 > 3 * ACCURACY;
    }
    if (fault == FAULT_LEAK) {
        return gas_hole_m3_h(hole_m2(g), g->end_pa) > 3 * DEMAND_SD * g->demand_m3_h;
    }
    const double sound_pa = gas_pipe_end_pa(source_pa(g), g->resistance, g->demand_m3_h, 0);
    return sound_pa - g->end_pa > 3 * ACCURACY * g->set_pa;
}

const struct model gas_pipe_model = {
    .kind = "gas_pipe",
    .profile = "gas_pipe_pressure",
    .table = &medium,
    FAULTS_MODEL(struct gas_pipe),
};

const struct model gas_pipe_low_model = {
    .kind = "gas_pipe",
    .profile = "gas_pipe_low_pressure",
    .table = &low,
    FAULTS_MODEL(struct gas_pipe),
};
