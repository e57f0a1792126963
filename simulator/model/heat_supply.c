/*
 * A heat exchange station: temperatures, pressures and flow of its secondary network.
 *
 *   temperatures      heat.h; the supply follows the weather by the curve that keeps 20 °C inside
 *   dφ/dt = -φ/20 s   the flow's share after the pump trips, down to 3 % by buoyancy
 *   p supply = p return + head φ²
 *   V/p dp/dt = make-up - leak               the return, held by an expansion vessel of V/p = 2
 *   make-up = 100 (0.35 - p), 0 to 10        m³/MPa and the make-up pump, m³/h; the leak goes
 *   leak    = q √(p / 0.35)                  with the root of the pressure
 *
 * Flow 100-500 m³/h (4.186 kJ/(kg K), 1,000 kg/m³); at -8 °C outside a supply of 75-90 °C comes
 * back 25-30 °C colder; the buildings cool in 40-80 h to 1/e; primary 95-115 °C; N 2.5. The supply
 * goes no lower than 35 °C. Head 0.25-0.4 MPa. What the leak's water carries away is left out: 10
 * m³/h are 3 % of the heat. Sensor noise: 0.1 °C, 1 kPa, 0.5 % of flow; flow control ± 2 %.
 *
 * The leak and the trip are there at once; the exchanger fouls over 60 days. Magnitudes: m³/h at
 * 0.35 MPa, and per cent of the transfer lost.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/heat.h"
#include "simulator/model/physics.h"

#define KW_K_PER_M3_H  (4.186 * 1000 / PHYSICS_S_PER_HOUR)
#define WANTED_C       20.0
#define DESIGN_C       (-8.0)
#define LEAST_SUPPLY_C 35.0
#define UNITS          2.5
#define HOLD_MPA       0.35
#define MAKEUP_GAIN    100.0 /* m³/h for each MPa */
#define MAKEUP_MAX     10.0  /* m³/h */
#define VESSEL         2.0   /* m³/MPa */
#define COAST_S        20.0
#define BUOYANCY       0.03
#define NOISE_MPA      0.001
#define NOISE_C        0.1
#define FLOW_SD        0.02
#define FOULING_S      (60 * FAULTS_DAY_S)
#define PART_S         10.0  /* far below the 72 s in which the pressure settles */
#define HEAT_PART_S    600.0 /* so long the weather counts as constant */

enum { FAULT_LEAK, FAULT_TRIP, FAULT_FOULING };

struct heat_supply {
    struct faults faults;
    struct heat_net net;
    double flow_m3_h; /* full */
    double noise;
    double head_mpa;
    double running; /* the pump's share of flow */
    double return_mpa;
    double inside_c;
    double wanted_c; /* supply, by the curve */
    double supply_c;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct heat_supply *h = state;
    struct heat_net *n = &h->net;
    (void)self;
    const double design_c = 75 + 15 * rng_uniform(rng);
    const double cooled_c = 25 + 5 * rng_uniform(rng);
    h->flow_m3_h = 100 + 400 * rng_uniform(rng);
    h->head_mpa = 0.25 + 0.15 * rng_uniform(rng);
    n->flow_kw_k = h->flow_m3_h * KW_K_PER_M3_H;
    n->share = 1;
    n->emitter_kw_k = n->flow_kw_k * log((design_c - WANTED_C) / (design_c - cooled_c - WANTED_C));
    n->loss_kw_k = n->flow_kw_k * cooled_c / (WANTED_C - DESIGN_C);
    n->store_kwh_k = n->loss_kw_k * (40 + 40 * rng_uniform(rng));
    n->units = UNITS;
    n->primary_c = 95 + 20 * rng_uniform(rng);
    h->running = 1;
    h->return_mpa = HOLD_MPA;
    h->inside_c = WANTED_C;
}

static void step_pressure(struct heat_supply *h, double dt_s)
{
    const int parts = physics_parts(dt_s, PART_S);
    const double part_s = dt_s / parts;
    for (int i = 0; i < parts; i++) {
        const double leak_m3_h = h->faults.magnitude[FAULT_LEAK] * sqrt(h->return_mpa / HOLD_MPA);
        const double makeup_m3_h =
            fmin(fmax(MAKEUP_GAIN * (HOLD_MPA - h->return_mpa), 0), MAKEUP_MAX);
        const double change_m3 = (makeup_m3_h - leak_m3_h) * part_s / PHYSICS_S_PER_HOUR;
        h->return_mpa = fmax(h->return_mpa + change_m3 / VESSEL, 0);
    }
}

static void step_heat(struct heat_supply *h, const struct weather *weather, int64_t from_ms,
                      double dt_s)
{
    const int parts = physics_parts(dt_s, HEAT_PART_S);
    const double part_s = dt_s / parts;
    for (int i = 0; i < parts; i++) {
        const int64_t ms = from_ms + (int64_t)(i * part_s * LL_MS_PER_S);
        const double outside_c = weather_temperature_c(weather, ms);
        struct heat_net sound = h->net;
        sound.share = 1; /* the curve knows nothing of the pump */
        h->wanted_c = fmax(heat_curve_c(&sound, WANTED_C, outside_c), LEAST_SUPPLY_C);
        h->supply_c = fmin(h->wanted_c, heat_most_c(&h->net, h->inside_c));
        h->inside_c = heat_inside_c(&h->net, h->supply_c, h->inside_c, outside_c, part_s);
    }
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct heat_supply *h = state;
    const bool tripped = h->faults.magnitude[FAULT_TRIP] > 0;
    faults_age(&h->faults, dt_s);
    h->noise = model_walk(h->noise, 0, FLOW_SD, 1800, dt_s, rng);
    h->running = physics_mixed(h->running, (tripped ? BUOYANCY : 1) * PHYSICS_S_PER_HOUR / COAST_S,
                               PHYSICS_S_PER_HOUR / COAST_S, dt_s);
    h->net.share = h->running * fmax(1 + h->noise, 0.5);
    h->net.units = UNITS * (1 - faults_grown(&h->faults, FAULT_FOULING, FOULING_S) / 100);
    step_pressure(h, dt_s);
    step_heat(h, weather, from_ms, dt_s);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct heat_supply *h = state;
    const double back_c = heat_return_c(&h->net, h->supply_c, h->inside_c);
    const double supply_mpa = h->return_mpa + h->head_mpa * h->net.share * h->net.share;
    const double power_kw = heat_power_kw(&h->net, h->supply_c, h->inside_c);
    const double flow_m3_h = h->flow_m3_h * h->net.share * (1 + 0.005 * rng_normal(rng));
    const double return_mpa = h->return_mpa + NOISE_MPA * rng_normal(rng);
    out[0] = (struct sample){"supply_temperature", h->supply_c + NOISE_C * rng_normal(rng), 1};
    out[1] = (struct sample){"return_temperature", back_c + NOISE_C * rng_normal(rng), 1};
    out[2] = (struct sample){"supply_pressure", supply_mpa + NOISE_MPA * rng_normal(rng), 3};
    out[3] = (struct sample){"return_pressure", fmax(return_mpa, 0), 3};
    out[4] = (struct sample){"flow", flow_m3_h, 1};
    out[5] = (struct sample){"power", fmax(power_kw * (1 + 0.01 * rng_normal(rng)), 0), 0};
    return 6;
}

static const struct model_fault faults[] = {
    [FAULT_LEAK] = {"heat_leak", "return_pressure", "m3/h", 0.1, 200, 25},
    [FAULT_TRIP] = {"pump_trip", "flow", "", 1, 1, 1},
    [FAULT_FOULING] = {"fouling", "supply_temperature", "%", 5, 95, 85},
};

static bool observable(const void *state, size_t fault)
{
    const struct heat_supply *h = state;
    if (fault == FAULT_LEAK) {
        return HOLD_MPA - h->return_mpa > 3 * NOISE_MPA;
    }
    if (fault == FAULT_TRIP) {
        return 1 - h->running > 3 * FLOW_SD;
    }
    return h->wanted_c - h->supply_c > 3 * NOISE_C;
}

const struct model heat_supply_model = {
    .kind = "heat_supply",
    .profile = "heat_supply",
    FAULTS_MODEL(struct heat_supply),
};
