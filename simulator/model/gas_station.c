/*
 * A gas regulating station: filter, regulator, and the methane in its room.
 *
 *   p1 = line - (c + clog) (Q/Qm)²        behind the filter, where the inlet's sensor is
 *   p2 = set (1 + droop (1 - Q/Qp)) + creep      at most p1 - 0.05 MPa: the valve is fully open
 *   V dC/dt = q (1 - C) - λ V C           the room, as a chamber (gas_chamber.c)
 *
 * Line 0.8-2.4 MPa ± 0.03 with 1 h (sub-high pressure, GB 50028); Qm, the mean flow, 2,000-8,000
 * m³/h by the daily pattern, Qp = 2.5 Qm; a clean filter loses c = 5 kPa; set 0.25-0.35 MPa, droop
 * 3 % (EN 334: SG 10 at most). Where a filter would take more than 80 % of the line's pressure, the
 * flow is what it lets through. Room V 60-300 m³, λ 6-12 /h (GB 50028: 6 at least). Gas is 10 °C
 * colder than the air at most, by expansion: 0.4 °C for each 0.1 MPa (Joule-Thomson). Sensor noise
 * 0.1 % of range, 0.15 %LEL; 0.5 % of flow.
 *
 * A leak into the room is there at once; the regulator creeps over 2 days, since its valve does not
 * close any more; the filter clogs over 30 days. Magnitudes: m³/h, MPa at the outlet, and MPa over
 * the filter at the mean flow.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/gas.h"
#include "simulator/model/physics.h"

#define FULL_LEL      0.05
#define NOISE_LEL     0.15
#define LINE_SD_MPA   0.03
#define CLEAN_MPA     0.005
#define DROOP         0.03
#define PEAK          2.5
#define MARGIN_MPA    0.05
#define SET_SD        0.005
#define FILTER_SHARE  0.8
#define C_PER_MPA     4.0
#define MAX_COOLING_C 10.0
#define CREEP_S       (2 * FAULTS_DAY_S)
#define CLOG_S        (30 * FAULTS_DAY_S)

enum { FAULT_LEAK, FAULT_CREEP, FAULT_CLOG };

struct gas_station {
    struct faults faults;
    double line_mean_mpa;
    double line_mpa;
    double set_mpa;
    double walk; /* of the set point, a share */
    double mean_m3_h;
    double noise; /* of the flow */
    double flow_m3_h;
    double inlet_mpa;
    double outlet_mpa;
    double volume_m3;
    double ventilation_per_h;
    double fraction;
    double gas_c;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct gas_station *g = state;
    (void)self;
    g->line_mean_mpa = 0.8 + 1.6 * rng_uniform(rng);
    g->line_mpa = g->line_mean_mpa + LINE_SD_MPA * rng_normal(rng);
    g->set_mpa = 0.25 + 0.1 * rng_uniform(rng);
    g->mean_m3_h = 2000 + 6000 * rng_uniform(rng);
    g->volume_m3 = 60 + 240 * rng_uniform(rng);
    g->ventilation_per_h = 6 + 6 * rng_uniform(rng);
}

static double clog_mpa(const struct gas_station *g)
{
    return faults_grown(&g->faults, FAULT_CLOG, CLOG_S);
}

static void solve(struct gas_station *g, double wanted_m3_h)
{
    const double filter_mpa = CLEAN_MPA + clog_mpa(g);
    const double most_m3_h = g->mean_m3_h * sqrt(FILTER_SHARE * g->line_mpa / filter_mpa);
    g->flow_m3_h = fmin(wanted_m3_h, most_m3_h);
    const double ratio = g->flow_m3_h / g->mean_m3_h;
    g->inlet_mpa = g->line_mpa - filter_mpa * ratio * ratio;
    const double regulated_mpa = g->set_mpa * (1 + g->walk + DROOP * (1 - ratio / PEAK)) +
                                 faults_grown(&g->faults, FAULT_CREEP, CREEP_S);
    g->outlet_mpa = fmax(fmin(regulated_mpa, g->inlet_mpa - MARGIN_MPA), 0);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct gas_station *g = state;
    const int64_t to_ms = from_ms + (int64_t)(dt_s * LL_MS_PER_S);
    faults_age(&g->faults, dt_s);
    g->line_mpa = fmax(model_walk(g->line_mpa, g->line_mean_mpa, LINE_SD_MPA, 3600, dt_s, rng), 0);
    g->walk = model_walk(g->walk, 0, SET_SD, 900, dt_s, rng);
    g->noise = model_walk(g->noise, 0, 0.05, 600, dt_s, rng);
    const double pattern = gas_pattern(model_local_hour(to_ms));
    solve(g, g->mean_m3_h * pattern * fmax(1 + g->noise, 0));
    g->fraction = physics_chamber(g->fraction, g->faults.magnitude[FAULT_LEAK], g->volume_m3,
                                  g->ventilation_per_h, dt_s);
    const double cooling_c = C_PER_MPA * (g->inlet_mpa - g->outlet_mpa);
    g->gas_c = weather_temperature_c(weather, to_ms) - fmin(cooling_c, MAX_COOLING_C);
}

static double methane_lel(const struct gas_station *g)
{
    return 100 * g->fraction / FULL_LEL;
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct gas_station *g = state;
    const double inlet_mpa = fmax(g->inlet_mpa + 0.004 * rng_normal(rng), 0);
    const double outlet_mpa = fmax(g->outlet_mpa + 0.0005 * rng_normal(rng), 0);
    const double lel = methane_lel(g) + NOISE_LEL * rng_normal(rng);
    out[0] = (struct sample){"inlet_pressure", inlet_mpa, 3};
    out[1] = (struct sample){"outlet_pressure", outlet_mpa, 4};
    out[2] = (struct sample){"flow", g->flow_m3_h * (1 + 0.005 * rng_normal(rng)), 0};
    out[3] = (struct sample){"temperature", g->gas_c + 0.1 * rng_normal(rng), 1};
    out[4] = (struct sample){"methane", fmin(fmax(lel, 0), 100), 2};
    return 5;
}

static const struct model_fault faults[] = {
    [FAULT_LEAK] = {"gas_leak", "methane", "m3/h", 0.1, 500, 30},
    [FAULT_CREEP] = {"regulator_creep", "outlet_pressure", "MPa", 0.005, 0.5, 0.15},
    [FAULT_CLOG] = {"filter_clogged", "inlet_pressure", "MPa", 0.01, 2, 0.3},
};

/* Each against three deviations of what the reading does by itself. */
static bool observable(const void *state, size_t fault)
{
    const struct gas_station *g = state;
    if (fault == FAULT_LEAK) {
        return methane_lel(g) > 3 * NOISE_LEL;
    }
    if (fault == FAULT_CREEP) {
        return faults_grown(&g->faults, FAULT_CREEP, CREEP_S) > 3 * SET_SD * g->set_mpa;
    }
    const double ratio = g->flow_m3_h / g->mean_m3_h;
    return clog_mpa(g) * ratio * ratio > 3 * LINE_SD_MPA;
}

const struct model gas_station_model = {
    .kind = "gas_station",
    .profile = "gas_station",
    FAULTS_MODEL(struct gas_station),
};
