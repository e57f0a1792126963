/*
 * A water main at the far end of a small district: demand, head loss, leaks that feed on the
 * pressure that they lower, and bursts.
 *
 *   H = Hs - R (Qd + Ql)^1.852            head, m; Hazen-Williams exponent; Q in m³/s
 *   Qd = base · demand(t) · (1 + N(0, 0.05))   yearly, weekly and daily pattern
 *   Ql = 0.6 √(2g) (A0 + m H) √H          FAVAD (May, 1994; van Zyl and Cassa, 2014)
 *   ΔP = ρ a Δv e^(-t/τ)                  Joukowsky: the wave of a burst, under the new balance
 *   L  = 10 log10(10^(L0/10) + 10^((30 + 10 log10(ρ g H Ql))/10))   noise level, dB
 *
 * H is found by bisection: the right side falls as H rises, so there is one solution, and the flow
 * that passes the meter is exactly what is drawn and what leaks. Hs 32-45 m of head over the main;
 * base 10-60 m³/h; R such that twice the base flow costs 4-9 m; m = A0 · 0.01 /m (a round hole
 * hardly opens; a crack in plastic opens more). 1 m of water is 0.00980665 MPa.
 *
 * A growing leak opens in a straight line over four weeks. The wave runs at a
 * 1000-1300 m/s in iron (three mains of five), 300-500 in plastic; τ 5-60 s; Δv in a pipe that
 * twice the base flow passes at 0.8 m/s. The pressure falls to that of the air at most. The noise
 * logger works from 02:00 to 04:00: L0 15-28 dB, and the jet of a leak, whose power is ρ g H Ql
 * watts (the 30 dB at 1 W are an engineering value). Sensor noise: 0.5 kPa, 0.3 % of flow, 1 dB.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define MPA_PER_M   0.00980665
#define N_PER_M3    9806.65
#define EXPONENT    1.852
#define MM2_PER_M2  1e6
#define DEMAND_TAU  120.0 /* s: taps stay open about so long */
#define GROWN_S     (28 * FAULTS_DAY_S)
#define JET_DB      30.0 /* of a jet of 1 W */
#define NOISE_DB    1.0
#define VISIBLE     0.1   /* of the demand: twice its noise */
#define VISIBLE_MPA 0.005 /* of a wave */

enum { FAULT_LEAK, FAULT_LEAK_GROWING, FAULT_BURST, FAULTS };

struct water_main {
    struct faults faults;
    double source_head_m;
    double resistance; /* R, s^1.852 m^-4.556 */
    double base_m3_h;
    double pipe_m2;
    double wave_m_s;
    double wave_tau_s;
    double quiet_db;
    double noise;    /* of the demand */
    double wave_mpa; /* what the burst's wave now takes off */
    bool listening;
    double head_m;
    double demand_m3_s;
    double leak_m3_s;
};

static double open_mm2(const struct water_main *w, size_t fault)
{
    return fault == FAULT_LEAK_GROWING ? faults_grown(&w->faults, fault, GROWN_S)
                                       : w->faults.magnitude[fault];
}

static void solve(struct water_main *w)
{
    double leak_m2 = 0;
    for (size_t i = 0; i < FAULTS; i++) {
        leak_m2 += open_mm2(w, i) / MM2_PER_M2;
    }
    w->head_m = physics_main_head_m(w->source_head_m, w->resistance, w->demand_m3_s, leak_m2);
    w->leak_m3_s = physics_leak_m3_s(leak_m2, w->head_m);
}

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct water_main *w = state;
    (void)self;
    w->source_head_m = 32 + 13 * rng_uniform(rng);
    w->base_m3_h = 10 + 50 * rng_uniform(rng);
    w->resistance =
        (4 + 5 * rng_uniform(rng)) / pow(2 * w->base_m3_h / PHYSICS_S_PER_HOUR, EXPONENT);
    w->pipe_m2 = 2 * w->base_m3_h / PHYSICS_S_PER_HOUR / 0.8;
    w->wave_m_s =
        rng_uniform(rng) < 0.6 ? 1000 + 300 * rng_uniform(rng) : 300 + 200 * rng_uniform(rng);
    w->wave_tau_s = 5 * pow(12, rng_uniform(rng));
    w->quiet_db = 15 + 13 * rng_uniform(rng);
    w->noise = 0.05 * rng_normal(rng);
    w->demand_m3_s = w->base_m3_h / PHYSICS_S_PER_HOUR;
    solve(w);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct water_main *w = state;
    (void)weather;
    const int64_t ms = from_ms + (int64_t)(dt_s * 1000);
    const double hour = model_local_hour(ms);
    w->noise = model_walk(w->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    faults_age(&w->faults, dt_s);
    w->wave_mpa *= exp(-dt_s / w->wave_tau_s);
    w->listening = hour >= 2 && hour < 4;
    w->demand_m3_s = w->base_m3_h / PHYSICS_S_PER_HOUR * model_demand(ms) * fmax(1 + w->noise, 0);
    solve(w);
}

static double noise_db(const struct water_main *w)
{
    const double jet_w = N_PER_M3 * w->head_m * w->leak_m3_s;
    return 10 * log10(pow(10, w->quiet_db / 10) + pow(10, JET_DB / 10) * jet_w);
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct water_main *w = state;
    const double flow = (w->demand_m3_s + w->leak_m3_s) * PHYSICS_S_PER_HOUR;
    const double pressure = w->head_m * MPA_PER_M - w->wave_mpa + 0.0005 * rng_normal(rng);
    const double noise = noise_db(w) + NOISE_DB * rng_normal(rng);
    out[0] = (struct sample){"pressure", fmax(pressure, 0), 4};
    out[1] = (struct sample){"flow", flow * (1 + 0.003 * rng_normal(rng)), 2};
    out[2] = (struct sample){"noise", fmax(noise, 0), 1};
    return w->listening ? 3 : 2;
}

static const struct model_fault faults[] = {
    [FAULT_LEAK] = {"water_leak", "flow", "mm2", 1, 20000, 300},
    [FAULT_LEAK_GROWING] = {"water_leak_growing", "flow", "mm2", 1, 20000, 600},
    [FAULT_BURST] = {"water_burst", "pressure", "mm2", 500, 100000, 8000},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct water_main *w = state;
    const double before_m3_s = w->leak_m3_s;
    faults_set(state, fault, magnitude);
    solve(w);
    if (fault == FAULT_BURST && magnitude > 0) {
        const double dv_m_s = (w->leak_m3_s - before_m3_s) / w->pipe_m2;
        w->wave_mpa = fmin(physics_surge_mpa(w->wave_m_s, dv_m_s), w->head_m * MPA_PER_M);
    }
}

/* By this fault's share of what leaks. */
static bool observable(const void *state, size_t fault)
{
    const struct water_main *w = state;
    double all_mm2 = 0;
    for (size_t i = 0; i < FAULTS; i++) {
        all_mm2 += open_mm2(w, i);
    }
    const double share = all_mm2 > 0 ? open_mm2(w, fault) / all_mm2 : 0;
    return w->leak_m3_s * share > VISIBLE * w->demand_m3_s ||
           (fault == FAULT_BURST && w->wave_mpa > VISIBLE_MPA) ||
           (share > 0 && w->listening && noise_db(w) - w->quiet_db > 3 * NOISE_DB);
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
