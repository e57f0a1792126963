/*
 * A section of a bridge: what heat, traffic and age do to strain, deflection, tilt and frequency.
 *
 *   dT/dt      = (Ta + S/50 - T) / τ      section's temperature behind air and sun; τ 2-6 h
 *   strain     = α (T - T0) + n + creep + shift          µm/m; α 10 (concrete) to 12 (steel) /°C
 *   frequency  = f0 (1 - κ (T - T0)) (1 - loss)          κ 0.2-0.4 %/°C
 *   deflection = y n / (1 - loss)² + y0 (T - T0)         stiffness goes with frequency squared
 *   tilt       = rest + atan(d / 1.5 m)                  d: how far a bearing has moved
 *
 * n: the lorries on the section, Poisson with the traffic's pattern (3-20 a minute at its mean, 4 s
 * each), each an exponential 15 µm/m; the sum has mean λw and variance 2λw² (Campbell), λ the mean
 * number at once. Creep and shrinkage: 20-60 µm/m a year. f0 1.5-6 Hz, T0 15 °C; S/50 °C: what a
 * deck takes up of the sunshine in W/m². y 0.02-0.06 mm per µm/m; y0 0.05 mm/°C. Acceleration RMS:
 * 5 mm/s² and 10 more for each lorry. Sensor noise: 1 µm/m, 0.1 mm, 0.2 % of frequency (by
 * operational modal analysis), 0.005°.
 *
 * The strain shifts at once (a tendon breaks); the frequency drops over 30 days, a bearing moves
 * over 14. Magnitudes: µm/m, per cent, mm.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define REFERENCE_C 15.0
#define W_M2_PER_C  50.0
#define LORRY_S     4.0
#define LORRY_UE    15.0
#define LEVER_MM    1500.0
#define DEG_PER_RAD 57.29577951308232
#define MM_PER_C    0.05
#define NOISE_UE    1.0
#define NOISE_DEG   0.005
#define NOISE_HZ    0.002 /* of the frequency, a share */
#define YEAR_S      (365.25 * FAULTS_DAY_S)
#define LOSS_S      (30 * FAULTS_DAY_S)
#define BEARING_S   (14 * FAULTS_DAY_S)
#define NOT_YET     (-300.0) /* no temperature */

enum { FAULT_STRAIN, FAULT_FREQUENCY, FAULT_BEARING };

struct bridge {
    struct faults faults;
    double alpha_ue_c;
    double kappa_c;
    double lag_h;
    double f0_hz;
    double rest_deg;
    double mm_per_ue;
    double lorries_per_s;
    double creep_ue_s;
    double creep_ue;
    double section_c;
    double load_ue;
    int lorries;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct bridge *b = state;
    (void)self;
    b->alpha_ue_c = 10 + 2 * rng_uniform(rng);
    b->kappa_c = 0.002 + 0.002 * rng_uniform(rng);
    b->lag_h = 2 + 4 * rng_uniform(rng);
    b->f0_hz = 1.5 + 4.5 * rng_uniform(rng);
    b->rest_deg = 0.2 * rng_normal(rng);
    b->mm_per_ue = 0.02 + 0.04 * rng_uniform(rng);
    b->lorries_per_s = (3 + 17 * rng_uniform(rng)) / 60;
    b->creep_ue_s = (20 + 40 * rng_uniform(rng)) / YEAR_S;
    b->section_c = NOT_YET;
}

static double lorries_at_once(const struct bridge *b, int64_t ms)
{
    return b->lorries_per_s * LORRY_S * model_traffic_pattern(model_local_hour(ms));
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct bridge *b = state;
    const int64_t to_ms = from_ms + (int64_t)(dt_s * LL_MS_PER_S);
    const double around_c =
        weather_temperature_c(weather, to_ms) + weather_solar_w_m2(weather, to_ms) / W_M2_PER_C;
    faults_age(&b->faults, dt_s);
    if (b->section_c == NOT_YET) {
        b->section_c = weather_temperature_c(weather, from_ms);
    }
    b->section_c = physics_mixed(b->section_c, around_c / b->lag_h, 1 / b->lag_h, dt_s);
    b->creep_ue += b->creep_ue_s * dt_s;
    b->lorries = model_poisson(lorries_at_once(b, to_ms), rng);
    b->load_ue = 0;
    for (int i = 0; i < b->lorries; i++) {
        b->load_ue -= LORRY_UE * log(1 - rng_uniform(rng));
    }
}

static double shift_ue(const struct bridge *b)
{
    return b->faults.magnitude[FAULT_STRAIN];
}

static double loss(const struct bridge *b)
{
    return faults_grown(&b->faults, FAULT_FREQUENCY, LOSS_S) / 100;
}

static double bearing_deg(const struct bridge *b)
{
    return atan(faults_grown(&b->faults, FAULT_BEARING, BEARING_S) / LEVER_MM) * DEG_PER_RAD;
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct bridge *b = state;
    const double heated_c = b->section_c - REFERENCE_C;
    const double strain = b->alpha_ue_c * heated_c + b->load_ue + b->creep_ue + shift_ue(b);
    const double stiffness = (1 - loss(b)) * (1 - loss(b));
    const double deflection = b->mm_per_ue * b->load_ue / stiffness + MM_PER_C * heated_c;
    const double frequency = b->f0_hz * (1 - b->kappa_c * heated_c) * (1 - loss(b));
    const double rms = 0.005 + 0.01 * b->lorries;
    out[0] = (struct sample){"strain", strain + NOISE_UE * rng_normal(rng), 1};
    out[1] = (struct sample){"deflection", deflection + 0.1 * rng_normal(rng), 2};
    out[2] = (struct sample){"acceleration", rms * (1 + 0.1 * rng_normal(rng)), 3};
    out[3] = (struct sample){"frequency", frequency * (1 + NOISE_HZ * rng_normal(rng)), 3};
    out[4] = (struct sample){"temperature", b->section_c + 0.1 * rng_normal(rng), 1};
    out[5] = (struct sample){"tilt", b->rest_deg + bearing_deg(b) + NOISE_DEG * rng_normal(rng), 3};
    return 6;
}

static const struct model_fault faults[] = {
    [FAULT_STRAIN] = {"strain_shift", "strain", "ue", 5, 2000, 300},
    [FAULT_FREQUENCY] = {"frequency_drop", "frequency", "%", 0.5, 50, 6},
    [FAULT_BEARING] = {"bearing_displacement", "tilt", "mm", 1, 500, 50},
};

/* Against what remains once the temperature is allowed for. */
static bool observable(const void *state, size_t fault)
{
    const struct bridge *b = state;
    if (fault == FAULT_FREQUENCY) {
        return loss(b) > 3 * NOISE_HZ;
    }
    if (fault == FAULT_BEARING) {
        return bearing_deg(b) > 3 * NOISE_DEG;
    }
    const double traffic_ue = LORRY_UE * sqrt(2 * b->lorries_per_s * LORRY_S);
    return shift_ue(b) > 3 * hypot(traffic_ue, NOISE_UE);
}

const struct model bridge_model = {
    .kind = "bridge",
    .profile = "bridge",
    FAULTS_MODEL(struct bridge),
};
