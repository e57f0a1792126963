/*
 * Methane in a chamber beside a gas pipe.
 *
 *   V dC/dt = q (1 - C) - λ V C        C  methane, volume fraction       V  chamber, m³
 *                                      q  gas that enters, m³/h          λ  ventilation, 1/h
 *
 * (a well mixed volume: what enters displaces air of the same concentration as the room's). With
 * r = q/V + λ the exact step is C(t + dt) = C∞ + (C - C∞) e^(-r dt), C∞ = q / (q + λV).
 *
 * Ranges: V 2-10 m³; λ 0.05-1 /h with the lid on; a seeping joint 0.001-1 m³/h. A hole of 5 mm in a
 * medium-pressure main (0.2 MPa over air) passes about 40 m³/h by the choked-flow equation, hence
 * the upper end of the leak's magnitude. 100 %LEL of methane is 5 % by volume (IEC 60079-20-1 gives
 * 4.4; Chinese practice, GB 50028, takes 5). A sound chamber holds next to none; the sensor's
 * noise is 0.15 %LEL and it reads no less than 0 and no more than 100.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "simulator/model/physics.h"

#define FULL_LEL  0.05 /* volume fraction at 100 %LEL */
#define NOISE_LEL 0.15
#define VISIBLE   (3 * NOISE_LEL)

struct gas_chamber {
    double volume_m3;
    double ventilation_per_h;
    double leak_m3_h;
    double fraction;
    double temperature_c;
    double battery_v;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct gas_chamber *g = state;
    (void)self;
    g->volume_m3 = 2 + 8 * rng_uniform(rng);
    g->ventilation_per_h = 0.05 * pow(20, rng_uniform(rng)); /* 0.05 to 1, even in the logarithm */
    g->temperature_c = 18 + 4 * rng_uniform(rng);
    g->battery_v = 3.4 + 0.2 * rng_uniform(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct gas_chamber *g = state;
    (void)weather;
    (void)from_ms;
    g->fraction =
        physics_chamber(g->fraction, g->leak_m3_h, g->volume_m3, g->ventilation_per_h, dt_s);
    g->temperature_c = model_walk(g->temperature_c, 20, 1.5, 6 * PHYSICS_S_PER_HOUR, dt_s, rng);
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
    out[1] = (struct sample){"temperature", g->temperature_c + 0.1 * rng_normal(rng), 1};
    out[2] = (struct sample){"immersion", 0, SAMPLE_BOOL};
    out[3] = (struct sample){"bat", g->battery_v, 2};
    return 4;
}

static const struct model_fault faults[] = {
    {"gas_leak", "methane", "m3/h", 0.001, 60, 0.5},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct gas_chamber *g = state;
    (void)fault;
    g->leak_m3_h = magnitude;
}

static bool observable(const void *state, size_t fault)
{
    (void)fault;
    return methane_lel(state) > VISIBLE;
}

const struct model gas_chamber_model = {
    .kind = "gas_pipe",
    .profile = "gas_chamber",
    .state_size = sizeof(struct gas_chamber),
    .faults = faults,
    .fault_count = sizeof faults / sizeof faults[0],
    .init = init,
    .step = step,
    .read = read,
    .set_fault = set_fault,
    .observable = observable,
};
