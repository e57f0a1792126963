/*
 * A drainage pump station: a wet well and a pump that starts and stops by its level.
 *
 *   A dh/dt = Qin(t) - n Qp           h  level, m      A  plan area, m²      n  0 or 1
 *
 * The pump starts at 2.0 m and stops at 0.8 m (hysteresis). Over a step the inflow is constant, so
 * the level is a straight line between switchings, and the time of each is solved for: no volume is
 * lost to the length of a step. From 6 m on the well spills.
 *
 * A 6-20 m²; Qp 80-200 m³/h; dry-weather inflow 0.25-0.45 Qp by the daily pattern of water use. A
 * sound pump vibrates at 1-2 mm/s RMS (ISO 10816-7, category I up to 200 kW: zone A ends at 2.5)
 * and draws about 0.2 A for each m³/h. A worn one vibrates more by the fault's magnitude. Sensor
 * noise: 3 mm, 1 % of flow and current, 0.05 mm/s.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/physics.h"

#define START_M    2.0
#define STOP_M     0.8
#define SPILL_M    6.0
#define A_PER_M3_H 0.2

enum { FAULT_PUMP_FAILED, FAULT_PUMP_WEAR };

struct pump_station {
    struct physics_well well;
    double inflow_mean_m3_h;
    double wear_mm_s;
    double vibration_mm_s;
    double bearing_c;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct pump_station *p = state;
    (void)self;
    p->well = (struct physics_well){.start_m = START_M, .stop_m = STOP_M, .spill_m = SPILL_M};
    p->well.area_m2 = 6 + 14 * rng_uniform(rng);
    p->well.pump_m3_h = 80 + 120 * rng_uniform(rng);
    p->well.level_m = STOP_M + (START_M - STOP_M) * rng_uniform(rng);
    p->inflow_mean_m3_h = p->well.pump_m3_h * (0.25 + 0.2 * rng_uniform(rng));
    p->vibration_mm_s = 1 + rng_uniform(rng);
    p->bearing_c = 35;
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct pump_station *p = state;
    (void)weather;
    const double pattern = model_demand_pattern(model_local_hour(from_ms));
    const double inflow_m3_h = p->inflow_mean_m3_h * pattern * fmax(1 + 0.05 * rng_normal(rng), 0);
    physics_well_step(&p->well, inflow_m3_h, dt_s);
    const double bearing_mean_c = physics_well_pumps(&p->well) ? 48 : 28;
    p->bearing_c = model_walk(p->bearing_c, bearing_mean_c, 0.5, 900, dt_s, rng);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct pump_station *p = state;
    const bool on = physics_well_pumps(&p->well);
    const double flow = on ? p->well.pump_m3_h : 0;
    const double vibration = on ? p->vibration_mm_s + p->wear_mm_s : 0.1;
    out[0] = (struct sample){"level", fmax(p->well.level_m + 0.003 * rng_normal(rng), 0), 3};
    out[1] = (struct sample){"flow", flow * (1 + 0.01 * rng_normal(rng)), 1};
    out[2] = (struct sample){"current", A_PER_M3_H * flow * (1 + 0.01 * rng_normal(rng)), 2};
    out[3] = (struct sample){"vibration", fmax(vibration + 0.05 * rng_normal(rng), 0), 2};
    out[4] = (struct sample){"temperature", p->bearing_c, 1};
    out[5] = (struct sample){"running", on, SAMPLE_BOOL};
    return 6;
}

static const struct model_fault faults[] = {
    [FAULT_PUMP_FAILED] = {"pump_failed", "level", "", 1, 1, 1},
    [FAULT_PUMP_WEAR] = {"pump_wear", "vibration", "mm/s", 0.5, 20, 4},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct pump_station *p = state;
    if (fault == FAULT_PUMP_FAILED) {
        p->well.failed = magnitude > 0;
    } else {
        p->wear_mm_s = magnitude;
    }
}

static bool observable(const void *state, size_t fault)
{
    const struct pump_station *p = state;
    return fault == FAULT_PUMP_FAILED ? p->well.level_m > START_M + 0.02
                                      : physics_well_pumps(&p->well);
}

const struct model pump_station_model = {
    .kind = "pump_station",
    .profile = "pump_station",
    .state_size = sizeof(struct pump_station),
    .faults = faults,
    .fault_count = sizeof faults / sizeof faults[0],
    .init = init,
    .step = step,
    .read = read,
    .set_fault = set_fault,
    .observable = observable,
};
