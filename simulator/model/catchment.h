/*
 * What drains into a sewer: the streets and roofs that rain reaches it from.
 *
 *   dS/dt = C F i(t) - S/k, Q = S/k       linear reservoir; i rain, F area, C runoff 0.3-0.9
 *
 * k 0.3-3 h. Pure; the weather is the city's. Threads: one at a time for each state.
 */
#ifndef LL_SIM_CATCHMENT_H
#define LL_SIM_CATCHMENT_H

#include "gateway/base/rng.h"
#include "simulator/model/weather.h"

struct catchment {
    double runoff_m2; /* C F */
    double k_h;
    double store_m3;
};

/* Dry, and such that 30 to 60 mm/h of rain that last give `full_m3_h`, were there no losses (C). */
struct catchment catchment_draw(double full_m3_h, struct rng *rng);

/* The mean flow over the step, m³/h: what falls is what flows out, and what is still in store. */
double catchment_step(struct catchment *c, const struct weather *weather, int64_t from_ms,
                      double dt_s);

#endif
