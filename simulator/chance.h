/*
 * When a fault comes by chance: its rate at an asset, and the next one drawn.
 * Pure: chance comes from the generator handed in. Threads: any.
 */
#ifndef LL_SIM_CHANCE_H
#define LL_SIM_CHANCE_H

#include "simulator/scenario.h"

/* The mean of the hazards of the assets that can have it: by it the rate is dealt out, so that the
 * assets together have per_asset_year each. 1 where age does not matter. */
double chance_mean_hazard(const struct scenario *s, const struct scenario_chance *c, int64_t ms);

/* Faults a year at that time. */
double chance_per_year(const struct scenario_chance *c, const struct ageing *a, double mean_hazard,
                       int64_t ms);

/* The first fault after `from_ms`: onset, end and magnitude into `out`, whose kind is known. False
 * where none comes within ten years. */
bool chance_draw(const struct scenario_chance *c, const struct ageing *a, double mean_hazard,
                 int64_t from_ms, struct rng *rng, struct fault *out);

#endif
