/*
 * A section of a road tunnel: the air that traffic spoils and fans renew, the lining, the sump.
 *
 *   V dC/dt = e L n - λ V C               C  carbon monoxide, volume fraction    V  A L, m³
 *                                         n  vehicles/h, L length, km           λ  renewal, 1/h
 *   visibility = 3.912 / (k0 + k C)       Koschmieder; soot comes and goes with CO
 *   oxygen     = 20.9 % - 15 C            about 15 times as much is burnt as comes out as CO
 *   u          = u∞ (1 - e^(-t/τ)) + rate t      convergence, a creep that decays, mm
 *   A dh/dt    = q - Qp                   the sump, by its pump's two levels (physics.h)
 *
 * A 60-80 m²; L 0.3-1.5 km; n 500-2,000 /h at the mean of the pattern; e 0.005 m³ of CO a vehicle
 * and km (JTG/T D70/2-02: 0.007 in 2000, less each year); λ 5-10 /h with fans, 0.4 by draught. k0
 * 0.001 /m; k 200 /m, so that 20 ppm leave 780 m. u∞ 3-15 mm, τ 1-3 years. Seepage 0.3-1.5 m³/h,
 * pump 12 m³/h between 0.05 and 0.2 m on 15 m²: more than the pump lifts floods the road. Concrete
 * and traffic hold 6 °C of the way to the air: T = 18 + (Ta - 18)/2. Sensor noise: 1 ppm, 3 % of
 * visibility, 0.05 %, 0.03 mm, 2 mm of water.
 *
 * The fans stop at once (per cent of them); the lining moves with the fault's rate, mm/d, from its
 * onset; water comes in at once, m³/h.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define CO_M3_KM      0.005
#define PPM           1e6
#define DRAUGHT_PER_H 0.4
#define CLEAR_PER_M   0.001
#define SOOT_PER_M    200.0
#define KOSCHMIEDER   3.912
#define OXYGEN        20.9
#define BURNT         15.0
#define NOISE_PPM     1.0
#define NOISE_MM      0.03
#define MOST_MM       500.0 /* the meter's range */
#define NOISE_M       0.002
#define SUMP_START_M  0.2
#define YEAR_S        (365.25 * FAULTS_DAY_S)
#define PART_S        300.0 /* so long the traffic counts as constant */

enum { FAULT_VENTILATION, FAULT_CONVERGENCE, FAULT_INGRESS };

struct tunnel {
    struct faults faults;
    double section_m2;
    double vehicles_per_h;
    double ventilation_per_h;
    double fraction; /* of CO */
    double noise;    /* of the traffic */
    double creep_mm; /* in the end */
    double creep_s;
    double age_s;
    double moved_mm; /* by the fault; stays when it ends */
    double seepage_m3_h;
    struct physics_tank sump;
    double inside_c;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct tunnel *t = state;
    (void)self;
    t->section_m2 = 60 + 20 * rng_uniform(rng);
    t->vehicles_per_h = 500 + 1500 * rng_uniform(rng);
    t->ventilation_per_h = 5 + 5 * rng_uniform(rng);
    t->creep_mm = 3 + 12 * rng_uniform(rng);
    t->creep_s = (1 + 2 * rng_uniform(rng)) * YEAR_S;
    t->age_s = 5 * YEAR_S * rng_uniform(rng);
    t->seepage_m3_h = 0.3 + 1.2 * rng_uniform(rng);
    t->sump = (struct physics_tank){.area_m2 = 15,
                                    .switched_m3_h = -12,
                                    .on_m = SUMP_START_M,
                                    .off_m = 0.05,
                                    .top_m = 5,
                                    .level_m = 0.05 + 0.15 * rng_uniform(rng)};
}

/* The length of the tunnel is in both the traffic's gas and the air, and falls out. */
static void step_air(struct tunnel *t, int64_t from_ms, double dt_s)
{
    const double stopped = t->faults.magnitude[FAULT_VENTILATION] / 100;
    const double renewal_per_h = DRAUGHT_PER_H + t->ventilation_per_h * (1 - stopped);
    const int parts = physics_parts(dt_s, PART_S);
    const double part_s = dt_s / parts;
    for (int i = 0; i < parts; i++) {
        const double hour = model_local_hour(from_ms + (int64_t)(i * part_s * LL_MS_PER_S));
        const double vehicles_per_h =
            t->vehicles_per_h * model_traffic_pattern(hour) * fmax(1 + t->noise, 0);
        const double source_per_h = CO_M3_KM / 1000 * vehicles_per_h / t->section_m2;
        t->fraction = physics_mixed(t->fraction, source_per_h, renewal_per_h, part_s);
    }
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct tunnel *t = state;
    const double outside_c = weather_temperature_c(weather, from_ms);
    faults_age(&t->faults, dt_s);
    t->noise = model_walk(t->noise, 0, 0.15, 600, dt_s, rng);
    step_air(t, from_ms, dt_s);
    t->age_s += dt_s;
    t->moved_mm += t->faults.magnitude[FAULT_CONVERGENCE] * dt_s / FAULTS_DAY_S;
    physics_tank_step(&t->sump, t->seepage_m3_h + t->faults.magnitude[FAULT_INGRESS], dt_s);
    t->inside_c = 18 + (outside_c - 18) / 2;
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct tunnel *t = state;
    const double co = t->fraction * PPM + NOISE_PPM * rng_normal(rng);
    const double visibility = KOSCHMIEDER / (CLEAR_PER_M + SOOT_PER_M * t->fraction);
    const double oxygen = OXYGEN - BURNT * 100 * t->fraction + 0.05 * rng_normal(rng);
    const double creep = t->creep_mm * -expm1(-t->age_s / t->creep_s) + t->moved_mm;
    const double water = t->sump.level_m + NOISE_M * rng_normal(rng);
    out[0] = (struct sample){"co", fmin(fmax(co, 0), 2000), 1};
    out[1] = (struct sample){"oxygen", fmin(oxygen, 30), 2};
    out[2] = (struct sample){"visibility", visibility * fmax(1 + 0.03 * rng_normal(rng), 0), 0};
    out[3] = (struct sample){"convergence", fmin(creep + NOISE_MM * rng_normal(rng), MOST_MM), 2};
    out[4] = (struct sample){"water_level", fmax(water, 0), 3};
    out[5] = (struct sample){"temperature", t->inside_c + 0.1 * rng_normal(rng), 1};
    return 6;
}

static const struct model_fault faults[] = {
    [FAULT_VENTILATION] = {"ventilation_failed", "co", "%", 10, 100, 100},
    [FAULT_CONVERGENCE] = {"convergence_fast", "convergence", "mm/d", 0.1, 50, 3},
    [FAULT_INGRESS] = {"water_ingress", "water_level", "m3/h", 0.5, 500, 60},
};

/* CO: more than the traffic's peak, twice its mean, and its chance can bring with all fans. */
static bool observable(const void *state, size_t fault)
{
    const struct tunnel *t = state;
    if (fault == FAULT_CONVERGENCE) {
        return t->faults.magnitude[fault] * t->faults.age_s[fault] / FAULTS_DAY_S > 3 * NOISE_MM;
    }
    if (fault == FAULT_INGRESS) {
        return t->sump.level_m > SUMP_START_M + 3 * NOISE_M;
    }
    const double usual = CO_M3_KM / 1000 * t->vehicles_per_h / t->section_m2 /
                         (DRAUGHT_PER_H + t->ventilation_per_h);
    return t->fraction > 3 * usual;
}

const struct model tunnel_model = {
    .kind = "tunnel",
    .profile = "tunnel",
    FAULTS_MODEL(struct tunnel),
};
