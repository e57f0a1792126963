#include "simulator/model/catchment.h"

#include <math.h>

#include "simulator/model/physics.h"

struct catchment catchment_draw(double full_m3_h, struct rng *rng)
{
    struct catchment c = {0};
    c.runoff_m2 = full_m3_h / (0.03 + 0.03 * rng_uniform(rng)) * (0.3 + 0.6 * rng_uniform(rng));
    c.k_h = 0.3 * pow(10, rng_uniform(rng));
    return c;
}

double catchment_step(struct catchment *c, const struct weather *weather, int64_t from_ms,
                      double dt_s)
{
    const double rain_m_h = weather_rain_mm_h(weather, from_ms, dt_s) / 1000;
    return physics_reservoir(&c->store_m3, rain_m_h * c->runoff_m2, c->k_h, dt_s);
}
