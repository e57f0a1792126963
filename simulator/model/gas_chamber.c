/*
 * Methane in a chamber beside a gas pipe, and the rain that runs into it.
 *
 *   V dC/dt = q (1 - C) - λ V C        C  methane, volume fraction       V  chamber, m³
 *                                      q  gas that enters, m³/h          λ  ventilation, 1/h
 *   dh/dt   = n i - h/T                h  water, m                       i  rain, m/h
 *                                      n  catch: street over floor area  T  seepage, h
 *
 * (a well mixed volume: what enters displaces air of the same concentration as the room's). With
 * r = q/V + λ the exact step is C(t + dt) = C∞ + (C - C∞) e^(-r dt), C∞ = q / (q + λV).
 *
 * Ranges: V 2-10 m³; λ 0.05-1 /h with the lid on, 5-20 with it open; a seeping joint 0.001-1 m³/h.
 * A hole of 5 mm in a medium-pressure main (0.2 MPa over air) passes about 40 m³/h by the
 * choked-flow equation, hence the upper end of the leak's magnitude. 100 %LEL of methane is 5 % by
 * volume (IEC 60079-20-1 gives 4.4; Chinese practice, GB 50028, takes 5). A sound chamber holds
 * next to none; the sensor's noise is 0.15 %LEL and it reads no less than 0 and no more than 100.
 * Water: n 0-15, most of them small, 30 more with the lid open; T 12-48 h; the monitor hangs 0.3 m
 * over the floor, and says when it is under water. The ground holds the air at 20 ± 1.5 °C; under
 * an open lid it follows the weather.
 *
 * A leak is there at once, an ingress through soil and joints grows over 14 days.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define FULL_LEL    0.05 /* volume fraction at 100 %LEL */
#define NOISE_LEL   0.15
#define VISIBLE     (3 * NOISE_LEL)
#define NOISE_C     0.1
#define VISIBLE_C   (3 * GROUND_SD_C)
#define GROUND_SD_C 1.5
#define GROUND_C    20.0
#define OPEN_CATCH  30.0
#define MONITOR_M   0.3
#define RIM_M       2.0 /* deeper it does not get */
#define INGRESS_S   (14 * FAULTS_DAY_S)
#define PART_S      600.0 /* so long an ingress counts as constant */
#define MM_PER_M    1000.0

enum { FAULT_LEAK, FAULT_INGRESS, FAULT_LID_OPEN };

struct gas_chamber {
    struct faults faults;
    double volume_m3;
    double ventilation_per_h;
    double fraction;
    double catch_ratio;
    double seepage_h;
    double water_m;
    double ground_c;
    double inside_c;
    double battery_v;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct gas_chamber *g = state;
    (void)self;
    g->volume_m3 = 2 + 8 * rng_uniform(rng);
    g->ventilation_per_h = 0.05 * pow(20, rng_uniform(rng)); /* 0.05 to 1, even in the logarithm */
    g->catch_ratio = 15 * pow(rng_uniform(rng), 4);
    g->seepage_h = 12 + 36 * rng_uniform(rng);
    g->ground_c = 18 + 4 * rng_uniform(rng);
    g->inside_c = g->ground_c;
    g->battery_v = 3.4 + 0.2 * rng_uniform(rng);
}

static void step_gas(struct gas_chamber *g, double ventilation_per_h, double dt_s)
{
    const int parts = physics_parts(dt_s, PART_S);
    const double part_s = dt_s / parts;
    for (int i = 0; i < parts; i++) {
        faults_age(&g->faults, part_s / 2);
        const double inflow_m3_h =
            g->faults.magnitude[FAULT_LEAK] + faults_grown(&g->faults, FAULT_INGRESS, INGRESS_S);
        faults_age(&g->faults, part_s / 2);
        g->fraction =
            physics_chamber(g->fraction, inflow_m3_h, g->volume_m3, ventilation_per_h, part_s);
    }
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct gas_chamber *g = state;
    const double lid_per_h = g->faults.magnitude[FAULT_LID_OPEN];
    const double ventilation_per_h = fmax(g->ventilation_per_h, lid_per_h);
    const double catch_ratio = g->catch_ratio + (lid_per_h > 0 ? OPEN_CATCH : 0);
    const double rain_m_h = weather_rain_mm_h(weather, from_ms, dt_s) / MM_PER_M;
    step_gas(g, ventilation_per_h, dt_s);
    g->water_m =
        fmin(physics_mixed(g->water_m, catch_ratio * rain_m_h, 1 / g->seepage_h, dt_s), RIM_M);
    g->ground_c = model_walk(g->ground_c, GROUND_C, GROUND_SD_C, 6 * PHYSICS_S_PER_HOUR, dt_s, rng);
    g->inside_c = g->ground_c;
    if (lid_per_h > 0) {
        /* The walls warm it as ten changes an hour of air from the ground would. */
        const double outside_c =
            weather_temperature_c(weather, from_ms + (int64_t)(dt_s * LL_MS_PER_S));
        const double share = lid_per_h / (lid_per_h + 10);
        g->inside_c += share * (outside_c - g->ground_c);
    }
}

static double methane_lel(const struct gas_chamber *g)
{
    return 100 * g->fraction / FULL_LEL;
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct gas_chamber *g = state;
    const double seen = methane_lel(g) + NOISE_LEL * rng_normal(rng);
    out[0] = (struct sample){"methane", fmin(fmax(seen, 0), 100), 2};
    out[1] = (struct sample){"temperature", g->inside_c + NOISE_C * rng_normal(rng), 1};
    out[2] = (struct sample){"immersion", g->water_m > MONITOR_M, SAMPLE_BOOL};
    out[3] = (struct sample){"bat", g->battery_v, 2};
    return 4;
}

static const struct model_fault faults[] = {
    [FAULT_LEAK] = {"gas_leak", "methane", "m3/h", 0.001, 60, 0.5},
    [FAULT_INGRESS] = {"gas_ingress", "methane", "m3/h", 0.001, 60, 0.5},
    [FAULT_LID_OPEN] = {"lid_open", "temperature", "1/h", 5, 20, 10},
};

static bool observable(const void *state, size_t fault)
{
    const struct gas_chamber *g = state;
    return fault == FAULT_LID_OPEN ? fabs(g->inside_c - g->ground_c) > VISIBLE_C
                                   : methane_lel(g) > VISIBLE;
}

const struct model gas_chamber_model = {
    .kind = "gas_pipe",
    .profile = "gas_chamber",
    FAULTS_MODEL(struct gas_chamber),
};
