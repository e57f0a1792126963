/*
 * A manhole: its cover, the sewer in it, and the air over that.
 *
 *   A dh/dt = Qdwf(t) + Qrain - Qout(h)   as in sewer.c: level in the pipe, in the shaft above it
 *   V dC/dt = q (1 - C) - λ V C           methane, as in gas_chamber.c
 *   O2 = 20.9 % (1 - C)                   what enters displaces air
 *   tilt = rest + fault                   degrees from the rest position
 *
 * D 0.3-0.8 m, 60 m of pipe, dry weather at 0.1-0.35 of D, Qf by Manning at 3 ‰; rim 2-4 m over the
 * invert. V 2-6 m³; λ 0.2-1 /h with the cover on, 10 /h with it off; sludge gives gas for 0.2-1
 * %LEL. H2S 0.3-1 mg/m³ with the cover on. The cover rests within 2°; a device's resolution is 0.1°
 * (vendors' data). A cover taken away takes its device with it, which lies anywhere: on a cart,
 * upside down. Sensor noise: 2 mm, 0.15 %LEL, 0.05 % of oxygen, 0.05 mg/m³; battery 3.6 V lithium.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/catchment.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define LENGTH_M   60.0
#define DEMAND_TAU 1200.0
#define OPEN_PER_H 10.0
#define FULL_LEL   0.05 /* volume fraction at 100 %LEL */
#define NOISE_LEL  0.15
#define STOLEN_TAU 600.0 /* s between the turns of a device on a cart */

enum { FAULT_TILTED, FAULT_OPENED, FAULT_STOLEN, FAULT_GAS };

struct manhole {
    struct faults faults;
    struct physics_reach reach;
    double dry_m3_h;
    struct catchment catchment;
    double noise;
    double volume_m3;
    double ventilation_per_h;
    double sludge_m3_h;
    double methane; /* volume fraction */
    double h2s_mg_m3;
    double rest_deg;
    double carried_deg; /* where the device lies that was stolen with its cover */
    double battery_v;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct manhole *m = state;
    (void)self;
    const double d = 0.3 + 0.5 * rng_uniform(rng);
    const double fill = 0.1 + 0.25 * rng_uniform(rng);
    m->reach.diameter_m = d;
    m->reach.full_m3_h = physics_full_m3_h(d);
    m->reach.area_m2 = LENGTH_M * d;
    m->reach.rim_m = 2 + 2 * rng_uniform(rng);
    m->reach.level_m = fill * d;
    m->dry_m3_h = m->reach.full_m3_h * fill * fill;
    m->catchment = catchment_draw(m->reach.full_m3_h, rng);
    m->volume_m3 = 2 + 4 * rng_uniform(rng);
    m->ventilation_per_h = 0.2 + 0.8 * rng_uniform(rng);
    m->methane = FULL_LEL * (0.002 + 0.008 * rng_uniform(rng));
    m->sludge_m3_h = m->methane * m->ventilation_per_h * m->volume_m3;
    m->h2s_mg_m3 = 0.3 + 0.7 * rng_uniform(rng);
    m->rest_deg = 2 * rng_uniform(rng);
    m->carried_deg = 150; /* levered off, and over */
    m->battery_v = 3.5 + 0.15 * rng_uniform(rng);
}

static bool off(const struct manhole *m)
{
    return m->faults.magnitude[FAULT_OPENED] > 0 || m->faults.magnitude[FAULT_STOLEN] > 0;
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct manhole *m = state;
    const double rain_m3_h = catchment_step(&m->catchment, weather, from_ms, dt_s);
    const double demand = model_demand(from_ms + (int64_t)(dt_s * 500));
    m->noise = model_walk(m->noise, 0, 0.05, DEMAND_TAU, dt_s, rng);
    physics_reach_step(&m->reach, m->dry_m3_h * demand * fmax(1 + m->noise, 0) + rain_m3_h, 1,
                       dt_s);
    m->methane = physics_chamber(m->methane, m->sludge_m3_h + m->faults.magnitude[FAULT_GAS],
                                 m->volume_m3, off(m) ? OPEN_PER_H : m->ventilation_per_h, dt_s);
    if (m->faults.magnitude[FAULT_STOLEN] > 0) {
        const double turned = fabs(model_walk(m->carried_deg, 110, 40, STOLEN_TAU, dt_s, rng));
        m->carried_deg = turned <= 180 ? turned : 360 - fmin(turned, 360);
    }
}

static double tilt_deg(const struct manhole *m)
{
    const double *fault = m->faults.magnitude;
    return fault[FAULT_STOLEN] > 0 ? m->carried_deg
                                   : m->rest_deg + fault[FAULT_TILTED] + fault[FAULT_OPENED];
}

static double methane_lel(const struct manhole *m)
{
    return 100 * m->methane / FULL_LEL;
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct manhole *m = state;
    const double tilt = fabs(tilt_deg(m) + 0.1 * rng_normal(rng));
    const double level = fmax(m->reach.level_m + 0.002 * rng_normal(rng), 0);
    const double methane = methane_lel(m) + NOISE_LEL * rng_normal(rng);
    const double h2s = (off(m) ? 0 : m->h2s_mg_m3) + 0.05 * rng_normal(rng);
    out[0] = (struct sample){"tilt", fmin(tilt, 180), 1};
    out[1] = (struct sample){"cover_open", off(m), SAMPLE_BOOL};
    out[2] = (struct sample){"level", level, 3};
    out[3] = (struct sample){"below_rim", fmax(m->reach.rim_m - level, 0), 3};
    out[4] = (struct sample){"methane", fmin(fmax(methane, 0), 100), 2};
    out[5] = (struct sample){"h2s", fmax(h2s, 0), 2};
    out[6] = (struct sample){"oxygen", 20.9 * (1 - m->methane) + 0.05 * rng_normal(rng), 2};
    out[7] = (struct sample){"bat", m->battery_v, 2};
    return 8;
}

static const struct model_fault faults[] = {
    [FAULT_TILTED] = {"cover_tilted", "tilt", "deg", 1, 178, 35},
    [FAULT_OPENED] = {"cover_opened", "cover_open", "deg", 20, 178, 100},
    [FAULT_STOLEN] = {"cover_stolen", "cover_open", "", 1, 1, 1},
    [FAULT_GAS] = {"gas_ingress", "methane", "m3/h", 0.001, 60, 0.5},
};

static bool observable(const void *state, size_t fault)
{
    const struct manhole *m = state;
    /* Sludge alone gives 1 %LEL at most; a cover is seen to move at once. */
    return fault != FAULT_GAS || methane_lel(m) > 1 + 3 * NOISE_LEL;
}

const struct model manhole_model = {
    .kind = "manhole",
    .profile = "manhole",
    FAULTS_MODEL(struct manhole),
};
