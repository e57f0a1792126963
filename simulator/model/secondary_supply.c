/*
 * A secondary water supply: a tank that a valve fills by its level, two pumps that hold the
 * pressure of the building, and the water's quality.
 *
 *   A dh/dt = Qv - Qd                     h level, m; the valve opens at 1.5 m, closes at 2.5 m
 *   Qd = base · demand(t) · (1 + N(0, 0.05))
 *   P  = min(Pset, (1 - w) Pset (1.3 - 0.3 (Q / n Qp)²))     n of two pumps run; w their wear
 *   V dC/dt = Qv (Cin - C) - k V C        chlorine decays with the time it stays (first order)
 *
 * Over a step Qd is constant and each switching of the valve is solved for. The second pump starts
 * when one alone cannot hold the set point, and stops when one could hold 5 % more. Where no pump
 * runs the building has what the street gives, 0.1 MPa, and the tank gives nothing. Over 3 m the
 * tank overflows.
 *
 * base 8-30 m³/h; Qp 1.2 base; Qv 2.5 base; A for 4-8 h of water; Pset 0.35-0.6 MPa; Cin 0.35-0.6
 * mg/L; k 0.02-0.06 /h (bulk decay of 0.5-1.5 /d); turbidity 0.1-0.3 NTU; pH 7.1-7.7 (GB 5749-2022
 * asks for 0.05-2 mg/L, 1 NTU, 6.5-8.5). Wear grows in a straight line over four weeks. Sensor
 * noise: 3 mm, 2 kPa, 0.01 mg/L, 0.01 NTU, 0.02 pH.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define OPEN_M      1.5
#define CLOSE_M     2.5
#define TOP_M       3.0
#define STREET_MPA  0.1
#define DEMAND_TAU  120.0
#define QUALITY_TAU 21600.0
#define GROWN_S     (28 * FAULTS_DAY_S)
#define NOISE_MG_L  0.01
#define NOISE_MPA   0.002
#define PUMPS       2

enum { FAULT_CHLORINE, FAULT_PUMP_FAILED, FAULT_WEAR, FAULT_OVERFLOW };

struct secondary_supply {
    struct faults faults;
    struct physics_tank tank;
    double base_m3_h;
    double pump_m3_h;
    double set_mpa;
    double inflow_mg_l;
    double decay_per_h;
    double chlorine_mg_l;
    double sound_mg_l; /* what it were without the fault */
    double turbidity_mean_ntu;
    double turbidity_ntu;
    double ph_mean;
    double ph;
    double noise; /* of the demand */
    double demand_m3_h;
    bool second;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct secondary_supply *s = state;
    (void)self;
    s->base_m3_h = 8 + 22 * rng_uniform(rng);
    s->demand_m3_h = s->base_m3_h;
    s->pump_m3_h = 1.2 * s->base_m3_h;
    s->tank = (struct physics_tank){.on_m = OPEN_M, .off_m = CLOSE_M, .top_m = TOP_M};
    s->tank.area_m2 = s->base_m3_h * (4 + 4 * rng_uniform(rng)) / CLOSE_M;
    s->tank.switched_m3_h = 2.5 * s->base_m3_h;
    s->tank.level_m = OPEN_M + (CLOSE_M - OPEN_M) * rng_uniform(rng);
    s->set_mpa = 0.35 + 0.25 * rng_uniform(rng);
    s->inflow_mg_l = 0.35 + 0.25 * rng_uniform(rng);
    s->decay_per_h = 0.02 + 0.04 * rng_uniform(rng);
    s->chlorine_mg_l = 0.8 * s->inflow_mg_l;
    s->sound_mg_l = s->chlorine_mg_l;
    s->turbidity_mean_ntu = 0.1 + 0.2 * rng_uniform(rng);
    s->turbidity_ntu = s->turbidity_mean_ntu;
    s->ph_mean = 7.1 + 0.6 * rng_uniform(rng);
    s->ph = s->ph_mean;
}

/* The chamber's equation is the tank's: what enters displaces the mixture, and a first-order loss;
 * by superposition of what came in and what was there. */
static double chlorine(const struct secondary_supply *s, double mg_l, double inflow_mg_l,
                       double inflow_m3_h, double dt_s)
{
    const double volume_m3 = s->tank.area_m2 * fmax(s->tank.level_m, 0.1);
    const double entered = physics_chamber(0, inflow_m3_h, volume_m3, s->decay_per_h, dt_s);
    const double both = physics_chamber(1, inflow_m3_h, volume_m3, s->decay_per_h, dt_s);
    return inflow_mg_l * entered + mg_l * (both - entered);
}

/* What so many pumps give at full speed. */
static double full_mpa(const struct secondary_supply *s, int pumps)
{
    const double load = s->demand_m3_h / (pumps * s->pump_m3_h);
    const double wear = faults_grown(&s->faults, FAULT_WEAR, GROWN_S) / 100;
    return (1 - wear) * s->set_mpa * (1.3 - 0.3 * load * load);
}

static int running(const struct secondary_supply *s)
{
    const int wanted = s->second ? 2 : 1;
    const int left = PUMPS - (int)lround(s->faults.magnitude[FAULT_PUMP_FAILED]);
    return wanted < left ? wanted : left;
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct secondary_supply *s = state;
    (void)weather;
    const int64_t ms = from_ms + (int64_t)(dt_s * 1000);
    s->noise = model_walk(s->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    s->demand_m3_h = s->base_m3_h * model_demand(ms) * fmax(1 + s->noise, 0);
    faults_age(&s->faults, dt_s);
    s->second = full_mpa(s, 1) < s->set_mpa * (s->second ? 1.05 : 1);
    /* A valve that does not close. */
    s->tank.state = s->faults.magnitude[FAULT_OVERFLOW] > 0 ? PHYSICS_STUCK_ON : PHYSICS_BY_LEVEL;
    const double out_m3_h = running(s) > 0 ? s->demand_m3_h : 0;
    const double filled_m3 = physics_tank_step(&s->tank, -out_m3_h, dt_s);
    const double inflow_m3_h = filled_m3 / (dt_s / PHYSICS_S_PER_HOUR);
    const double faulty_mg_l = s->inflow_mg_l * (1 - s->faults.magnitude[FAULT_CHLORINE] / 100);
    s->chlorine_mg_l = chlorine(s, s->chlorine_mg_l, faulty_mg_l, inflow_m3_h, dt_s);
    s->sound_mg_l = chlorine(s, s->sound_mg_l, s->inflow_mg_l, inflow_m3_h, dt_s);
    s->turbidity_ntu =
        model_walk(s->turbidity_ntu, s->turbidity_mean_ntu, 0.02, QUALITY_TAU, dt_s, rng);
    s->ph = model_walk(s->ph, s->ph_mean, 0.05, QUALITY_TAU, dt_s, rng);
}

static double pressure_mpa(const struct secondary_supply *s)
{
    const int pumps = running(s);
    if (pumps == 0 || s->tank.level_m <= 0) {
        return STREET_MPA;
    }
    return fmax(fmin(s->set_mpa, full_mpa(s, pumps)), STREET_MPA);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct secondary_supply *s = state;
    const double turbidity = s->turbidity_ntu + 0.01 * rng_normal(rng);
    const double chlorine_mg_l = s->chlorine_mg_l + NOISE_MG_L * rng_normal(rng);
    const double level = s->tank.level_m + 0.003 * rng_normal(rng);
    out[0] = (struct sample){"turbidity", fmax(turbidity, 0), 3};
    out[1] = (struct sample){"chlorine", fmax(chlorine_mg_l, 0), 3};
    out[2] = (struct sample){"ph", s->ph + 0.02 * rng_normal(rng), 2};
    out[3] = (struct sample){"tank_level", fmax(level, 0), 3};
    out[4] = (struct sample){"pressure", pressure_mpa(s) + NOISE_MPA * rng_normal(rng), 4};
    return 5;
}

static const struct model_fault faults[] = {
    [FAULT_CHLORINE] = {"chlorine_loss", "chlorine", "%", 5, 100, 95},
    [FAULT_PUMP_FAILED] = {"pump_failed", "pressure", "pumps", 1, PUMPS, PUMPS},
    [FAULT_WEAR] = {"pump_wear", "pressure", "%", 5, 90, 60},
    [FAULT_OVERFLOW] = {"tank_overflow", "tank_level", "", 1, 1, 1},
};

static bool observable(const void *state, size_t fault)
{
    const struct secondary_supply *s = state;
    switch (fault) {
    case FAULT_CHLORINE:
        return s->sound_mg_l - s->chlorine_mg_l > 3 * NOISE_MG_L;
    case FAULT_OVERFLOW:
        return s->tank.level_m > CLOSE_M + 0.02;
    default: /* a pump: when the set point is not held */
        return s->set_mpa - pressure_mpa(s) > 3 * NOISE_MPA;
    }
}

const struct model secondary_supply_model = {
    .kind = "secondary_supply",
    .profile = "secondary_supply",
    FAULTS_MODEL(struct secondary_supply),
};
