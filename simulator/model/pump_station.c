/*
 * A drainage pump station: a wet well and a pump that starts and stops by its level.
 *
 *   A dh/dt = Qdwf(t) + Qrain - n Qp      h  level, m      A  plan area, m²      n  0 or 1
 *   Qrain                                 by catchment.h: 30-60 mm/h that last would be Qp
 *   v = v0 e^(γt)                         vibration of a pump that wears, mm/s RMS
 *   v' = √(v² + (M (1 + 0.5 N(0, 1)))²)   with cavitation: broad-band power adds, and it varies
 *
 * The pump starts at 2.0 m and stops at 0.8 m (hysteresis). Over a step the inflow is constant, so
 * the level is a straight line between switchings, and the time of each is solved for: no volume is
 * lost to the length of a step. From 6 m on the well spills.
 *
 * A 6-20 m²; Qp 80-200 m³/h; dry-weather inflow 0.25-0.45 Qp by the daily pattern of water use. A
 * sound pump vibrates at v0 = 1-2 mm/s RMS (ISO 10816-7, category I up to 200 kW: zone A ends
 * at 2.5) and draws about 0.2 A for each m³/h, 0.55 kW for each A (400 V, cos φ 0.8); the station
 * itself 0.5 kW. Wear doubles v in 3-24 months; the fault is a bearing that goes sooner: γ is such
 * that v has risen by the magnitude after four weeks, and stays. Cavitation costs a twentieth of
 * the flow. A pump that runs dry gives what flows in, draws 0.4 of its current, vibrates by 3 mm/s
 * more and heats its bearings by 45 °C. Sensor noise: 3 mm, 1 % of flow and current, 0.05 mm/s.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/catchment.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define START_M    2.0
#define STOP_M     0.8
#define SPILL_M    6.0
#define A_PER_M3_H 0.2
#define KW_PER_A   0.55
#define STATION_KW 0.5
#define GROWN_S    (28 * FAULTS_DAY_S)
#define DRY_M      0.1 /* below it the pump draws air */
#define NOISE_MM_S 0.05

enum { FAULT_PUMP_FAILED, FAULT_PUMP_WEAR, FAULT_CAVITATION, FAULT_DRY_RUN, FAULT_POWER };

struct pump_station {
    struct faults faults;
    struct physics_tank well;
    double pump_m3_h;
    double inflow_mean_m3_h;
    double inflow_m3_h;
    struct catchment catchment;
    double vibration_mm_s;
    double bearing_c;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct pump_station *p = state;
    (void)self;
    p->well = (struct physics_tank){.on_m = START_M, .off_m = STOP_M, .top_m = SPILL_M};
    p->well.area_m2 = 6 + 14 * rng_uniform(rng);
    p->pump_m3_h = 80 + 120 * rng_uniform(rng);
    p->well.switched_m3_h = -p->pump_m3_h;
    p->well.level_m = STOP_M + (START_M - STOP_M) * rng_uniform(rng);
    p->inflow_mean_m3_h = p->pump_m3_h * (0.25 + 0.2 * rng_uniform(rng));
    p->catchment = catchment_draw(p->pump_m3_h, rng);
    p->vibration_mm_s = 1 + rng_uniform(rng);
    p->bearing_c = 35;
}

static bool dry(const struct pump_station *p)
{
    return physics_tank_runs(&p->well) && p->well.level_m < DRY_M;
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct pump_station *p = state;
    const double rain_m3_h = catchment_step(&p->catchment, weather, from_ms, dt_s);
    const double demand = model_demand(from_ms + (int64_t)(dt_s * 500));
    p->inflow_m3_h = p->inflow_mean_m3_h * demand * fmax(1 + 0.05 * rng_normal(rng), 0) + rain_m3_h;
    faults_age(&p->faults, dt_s);
    physics_tank_step(&p->well, p->inflow_m3_h, dt_s);
    const double bearing_mean_c = dry(p) ? 93 : physics_tank_runs(&p->well) ? 48 : 28;
    p->bearing_c = model_walk(p->bearing_c, bearing_mean_c, 0.5, 900, dt_s, rng);
}

/* v0 (e^(γt) - 1), γ such that it is the magnitude when full grown. */
static double wear_mm_s(const struct pump_station *p)
{
    const double v0 = p->vibration_mm_s;
    const double part = fmin(p->faults.age_s[FAULT_PUMP_WEAR] / GROWN_S, 1);
    return v0 * (pow(1 + p->faults.magnitude[FAULT_PUMP_WEAR] / v0, part) - 1);
}

static double vibration_mm_s(const struct pump_station *p, double chance)
{
    if (!physics_tank_runs(&p->well)) {
        return 0.1;
    }
    const double v = p->vibration_mm_s + wear_mm_s(p) + (dry(p) ? 3 : 0);
    const double bubbles = p->faults.magnitude[FAULT_CAVITATION] * (1 + 0.5 * chance);
    return sqrt(v * v + bubbles * bubbles);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct pump_station *p = state;
    const bool on = physics_tank_runs(&p->well);
    const double flow = !on ? 0 : dry(p) ? p->inflow_m3_h : -p->well.switched_m3_h;
    const double load = on ? A_PER_M3_H * p->pump_m3_h * (dry(p) ? 0.4 : 1) : 0;
    const double current = load * (1 + 0.01 * rng_normal(rng));
    const double station_kw = p->faults.magnitude[FAULT_POWER] > 0 ? 0 : STATION_KW;
    const double vibration = vibration_mm_s(p, rng_normal(rng)) + NOISE_MM_S * rng_normal(rng);
    out[0] = (struct sample){"level", fmax(p->well.level_m + 0.003 * rng_normal(rng), 0), 3};
    out[1] = (struct sample){"flow", flow * (1 + 0.01 * rng_normal(rng)), 1};
    out[2] = (struct sample){"current", current, 2};
    out[3] = (struct sample){"power", station_kw + KW_PER_A * current, 2};
    out[4] = (struct sample){"vibration", fmax(vibration, 0), 2};
    out[5] = (struct sample){"temperature", p->bearing_c, 1};
    out[6] = (struct sample){"running", on, SAMPLE_BOOL};
    return 7;
}

static const struct model_fault faults[] = {
    [FAULT_PUMP_FAILED] = {"pump_failed", "level", "", 1, 1, 1},
    [FAULT_PUMP_WEAR] = {"pump_wear", "vibration", "mm/s", 0.5, 20, 6},
    [FAULT_CAVITATION] = {"cavitation", "vibration", "mm/s", 0.5, 15, 5},
    [FAULT_DRY_RUN] = {"dry_run", "temperature", "", 1, 1, 1},
    [FAULT_POWER] = {"power_loss", "power", "", 1, 1, 1},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct pump_station *p = state;
    const double *present = p->faults.magnitude;
    faults_set(state, fault, magnitude);
    p->well.switched_m3_h = -p->pump_m3_h * (present[FAULT_CAVITATION] > 0 ? 0.95 : 1);
    if (present[FAULT_PUMP_FAILED] > 0 || present[FAULT_POWER] > 0) {
        p->well.state = PHYSICS_STUCK_OFF;
    } else {
        p->well.state = present[FAULT_DRY_RUN] > 0 ? PHYSICS_STUCK_ON : PHYSICS_BY_LEVEL;
    }
}

static bool observable(const void *state, size_t fault)
{
    const struct pump_station *p = state;
    const bool on = physics_tank_runs(&p->well);
    switch (fault) {
    case FAULT_PUMP_FAILED:
        return p->well.level_m > START_M + 0.02;
    case FAULT_PUMP_WEAR:
        return on && wear_mm_s(p) > 3 * NOISE_MM_S;
    case FAULT_CAVITATION:
        return on;
    case FAULT_DRY_RUN:
        return on && p->well.level_m < STOP_M - 0.02;
    default:
        return true;
    }
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
