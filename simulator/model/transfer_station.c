/*
 * A refuse transfer station: its container, the air of its hall and its leachate sump.
 *
 *   M += load, Poisson; at 90 % the container is taken away within the hour       refuse, t
 *   V dX/dt = g M' - λ V X                hydrogen sulphide and ammonia, mg/m³     λ  renewal, 1/h
 *   A dh/dt = share of the loads + rain on the yard - Qp - leak     leachate, pump between two
 * levels
 *
 * 30-80 lorries a day with the traffic's pattern between 5 and 21 h, 0.5-2 t each; container 12-20
 * t. Hall V 1,000-4,000 m³, λ 3-8 /h with the fan, 0.3 by draught; M' = 5 t on the floor and M in
 * the container; g: 0.3-0.8 g of H2S and 1-3 g of NH3 an hour and tonne, twice as much for each 10
 * °C over 20. 10-20 % of the refuse's mass drips as leachate (household refuse, CJJ/T 47), 50 m² of
 * yard drain into the sump; A 6-12 m², pump 8 m³/h between 0.4 and 1.6 m, the rim at 4 m. Sensor
 * noise: 0.5 % of fill, 0.1 and 0.3 mg/m³, 5 mm.
 *
 * All faults are there at once: the container is not taken away and is filled up to the magnitude,
 * per cent; the fan stops, per cent of it; the sump loses leachate, m³/h.
 */
#include "simulator/model/model.h"

#include <math.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define FULL          90.0 /* % */
#define FETCH_S       3600.0
#define FLOOR_T       5.0
#define DRAUGHT_PER_H 0.3
#define YARD_M2       50.0
#define SUMP_STOP_M   0.4
#define SUMP_START_M  1.6
#define NOISE_FILL    0.5
#define NOISE_H2S     0.1
#define NOISE_NH3     0.3
#define NOISE_M       0.005
#define MG_PER_G      1000.0
#define MM_PER_M      1000.0
#define PART_S        600.0 /* so long sources count as constant */
#define FIRST_H       5.0
#define LAST_H        21.0
/* The traffic's pattern between those hours has this mean over the day. */
#define PATTERN_MEAN 0.95

enum { FAULT_OVERFULL, FAULT_FAN, FAULT_LEAK };

struct transfer_station {
    struct faults faults;
    double lorries_per_day;
    double load_t;
    double container_t;
    double refuse_t;
    double full_s; /* how long the container has been waiting to be taken away */
    double volume_m3;
    double ventilation_per_h;
    double h2s_g_h_t;
    double nh3_g_h_t;
    double h2s_mg_m3;
    double nh3_mg_m3;
    double drip; /* m³ of leachate for each tonne */
    struct physics_tank sump;
};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct transfer_station *t = state;
    (void)self;
    t->lorries_per_day = 30 + 50 * rng_uniform(rng);
    t->load_t = 0.5 + 1.5 * rng_uniform(rng);
    t->container_t = 12 + 8 * rng_uniform(rng);
    t->refuse_t = 0.8 * t->container_t * rng_uniform(rng);
    t->volume_m3 = 1000 + 3000 * rng_uniform(rng);
    t->ventilation_per_h = 3 + 5 * rng_uniform(rng);
    t->h2s_g_h_t = 0.3 + 0.5 * rng_uniform(rng);
    t->nh3_g_h_t = 1 + 2 * rng_uniform(rng);
    t->drip = 0.1 + 0.1 * rng_uniform(rng);
    t->sump = (struct physics_tank){.area_m2 = 6 + 6 * rng_uniform(rng),
                                    .switched_m3_h = -8,
                                    .on_m = SUMP_START_M,
                                    .off_m = SUMP_STOP_M,
                                    .top_m = 4,
                                    .level_m = 0.5 + rng_uniform(rng)};
}

static double fill(const struct transfer_station *t)
{
    return 100 * t->refuse_t / t->container_t;
}

static double arriving_t(const struct transfer_station *t, double hour, double dt_s,
                         struct rng *rng)
{
    if (hour < FIRST_H || hour >= LAST_H) {
        return 0;
    }
    const double expected =
        t->lorries_per_day * model_traffic_pattern(hour) / PATTERN_MEAN * dt_s / FAULTS_DAY_S;
    return t->load_t * model_poisson(expected, rng);
}

/* Lorries that find no room turn back. */
static double step_container(struct transfer_station *t, double hour, double dt_s, struct rng *rng)
{
    const double stuck = t->faults.magnitude[FAULT_OVERFULL];
    const double most_t = t->container_t * fmax(stuck, 100) / 100;
    const double added_t = fmax(fmin(arriving_t(t, hour, dt_s, rng), most_t - t->refuse_t), 0);
    t->refuse_t += added_t;
    t->full_s = fill(t) >= FULL ? t->full_s + dt_s : 0;
    if (stuck == 0 && t->full_s > FETCH_S) {
        t->refuse_t = 0;
        t->full_s = 0;
    }
    return added_t;
}

static void step_air(struct transfer_station *t, double outside_c, double dt_s)
{
    const double stopped = t->faults.magnitude[FAULT_FAN] / 100;
    const double renewal_per_h = DRAUGHT_PER_H + t->ventilation_per_h * (1 - stopped);
    const double warm = exp2((outside_c - 20) / 10);
    const double t_m3 = warm * (FLOOR_T + t->refuse_t) / t->volume_m3 * MG_PER_G;
    t->h2s_mg_m3 = physics_mixed(t->h2s_mg_m3, t->h2s_g_h_t * t_m3, renewal_per_h, dt_s);
    t->nh3_mg_m3 = physics_mixed(t->nh3_mg_m3, t->nh3_g_h_t * t_m3, renewal_per_h, dt_s);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct transfer_station *t = state;
    const double outside_c = weather_temperature_c(weather, from_ms);
    const double rain_m3_h = weather_rain_mm_h(weather, from_ms, dt_s) / MM_PER_M * YARD_M2;
    const int parts = physics_parts(dt_s, PART_S);
    const double part_s = dt_s / parts;
    faults_age(&t->faults, dt_s);
    for (int i = 0; i < parts; i++) {
        const double hour = model_local_hour(from_ms + (int64_t)(i * part_s * LL_MS_PER_S));
        const double added_t = step_container(t, hour, part_s, rng);
        const double drip_m3_h = t->drip * added_t / (part_s / PHYSICS_S_PER_HOUR);
        step_air(t, outside_c, part_s);
        physics_tank_step(&t->sump, drip_m3_h + rain_m3_h - t->faults.magnitude[FAULT_LEAK],
                          part_s);
    }
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct transfer_station *t = state;
    const double seen_fill = fmin(fill(t) + NOISE_FILL * rng_normal(rng), 150);
    const double h2s = fmin(t->h2s_mg_m3 + NOISE_H2S * rng_normal(rng), 1500);
    const double nh3 = fmin(t->nh3_mg_m3 + NOISE_NH3 * rng_normal(rng), 500);
    out[0] = (struct sample){"fill", fmax(seen_fill, 0), 1};
    out[1] = (struct sample){"weight", fmax(t->refuse_t + 0.02 * rng_normal(rng), 0), 2};
    out[2] = (struct sample){"h2s", fmax(h2s, 0), 2};
    out[3] = (struct sample){"ammonia", fmax(nh3, 0), 1};
    out[4] =
        (struct sample){"leachate_level", fmax(t->sump.level_m + NOISE_M * rng_normal(rng), 0), 3};
    return 5;
}

static const struct model_fault faults[] = {
    [FAULT_OVERFULL] = {"overfull", "fill", "%", 100, 150, 120},
    [FAULT_FAN] = {"fan_failure", "h2s", "%", 10, 100, 100},
    [FAULT_LEAK] = {"leachate_leak", "leachate_level", "m3/h", 0.1, 50, 2},
};

/* The gas: as the fan would leave it, with a full container, doubled. */
static bool observable(const void *state, size_t fault)
{
    const struct transfer_station *t = state;
    if (fault == FAULT_OVERFULL) {
        return fill(t) > 100 + 3 * NOISE_FILL;
    }
    if (fault == FAULT_LEAK) {
        return t->sump.level_m < SUMP_STOP_M - 3 * NOISE_M;
    }
    const double usual = t->h2s_g_h_t * MG_PER_G * (FLOOR_T + t->container_t) /
                         (t->volume_m3 * (DRAUGHT_PER_H + t->ventilation_per_h));
    return t->h2s_mg_m3 > 2 * usual;
}

const struct model transfer_station_model = {
    .kind = "transfer_station",
    .profile = "transfer_station",
    FAULTS_MODEL(struct transfer_station),
};
