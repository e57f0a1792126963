#include "simulator/model/model.h"

#include <math.h>
#include <string.h>

#include "gateway/base/clock.h"

#define UTC_OFFSET_MS ((int64_t)8 * 3600 * LL_MS_PER_S)
#define POISSON_PART  100.0
#define DAY_MS        ((int64_t)24 * 3600 * LL_MS_PER_S)

static const struct model *const models[] = {
    &gas_chamber_model, &gas_pipe_model,    &gas_pipe_low_model,
    &gas_station_model, &water_main_model,  &secondary_supply_model,
    &sewer_model,       &manhole_model,     &pump_station_model,
    &hydrant_model,     &elevator_model,    &bridge_model,
    &tunnel_model,      &heat_supply_model, &transfer_station_model,
};

static bool fits(const struct model *m, const char *kind, const char *profile)
{
    return strcmp(m->kind, kind) == 0 && (profile[0] == '\0' || strcmp(m->profile, profile) == 0);
}

const struct model *model_find(const char *kind, const char *profile)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (fits(models[i], kind, profile)) {
            return models[i];
        }
    }
    return NULL;
}

double model_local_hour(int64_t ms)
{
    int64_t of_day = (ms + UTC_OFFSET_MS) % DAY_MS;
    if (of_day < 0) {
        of_day += DAY_MS;
    }
    return (double)of_day / (3600.0 * LL_MS_PER_S);
}

/* The distance between two hours of the day goes at most half way round the clock. */
double model_hump(double hour, double centre, double width)
{
    const double d = fabs(hour - centre);
    const double apart = d < 12 ? d : 24 - d;
    return exp(-0.5 * apart * apart / (width * width));
}

double model_demand_pattern(double hour)
{
    return 0.35 + 1.2 * model_hump(hour, 7, 1.8) + 0.7 * model_hump(hour, 12.5, 2.5) +
           1.1 * model_hump(hour, 19, 2.2);
}

double model_traffic_pattern(double hour)
{
    return 0.3 + 1.6 * model_hump(hour, 8, 1.5) + 0.8 * model_hump(hour, 13, 3) +
           1.4 * model_hump(hour, 18, 1.8);
}

int model_poisson(double mean, struct rng *rng)
{
    int count = 0;
    double left = mean;
    /* Knuth's product, in parts, since e^-mean must not vanish. */
    while (left > 0) {
        const double limit = exp(-fmin(left, POISSON_PART));
        double product = rng_uniform(rng);
        while (product > limit) {
            product *= rng_uniform(rng);
            count++;
        }
        left -= POISSON_PART;
    }
    return count;
}

double model_demand(int64_t ms)
{
    static const double weekly[] = {-0.04, -0.04, -0.04, -0.04, -0.04, 0.1, 0.1}; /* from Monday */
    const int64_t day = (ms + UTC_OFFSET_MS) / DAY_MS;
    /* 1970 began on a Thursday. */
    const double week = weekly[(day + 3) % 7];
    const double year = 0.1 * cos(2 * M_PI * (fmod((double)day, 365.25) - 202) / 365.25);
    return model_demand_pattern(model_local_hour(ms)) * (1 + 0.75 * week) * (1 + year);
}

double model_walk(double x, double mean, double sd, double tau_s, double dt_s, struct rng *rng)
{
    const double keep = exp(-dt_s / tau_s);
    return mean + (x - mean) * keep + sd * sqrt(1 - keep * keep) * rng_normal(rng);
}
