/*
 * A scenario: which assets a simulated city has, what watches them, and which faults come when.
 *
 * {"scenario": "demo", "title": …, "districts": ["licheng", …],
 *  "centre": {"latitude": 24.9, "longitude": 118.58},
 *  "weather": {"wet_days": 0.3, "storms": [{"at_s": 3600, "for_s": 7200, "depth_mm": 40}, …]},
 *  "assets": [{"kind": "gas_pipe", "profile": "gas_chamber", "count": 40, "period_s": 2}, …],
 *  "faults": [{"kind": "gas_leak", "asset": "gas_pipe-0003", "at_s": 12, "for_s": 60,
 *              "magnitude": 8}, …]}
 *
 * Assets of a kind are numbered from 1 ("gas_pipe-0001"); each has one device ("gas_pipe-0001-1").
 * Faults of a scenario are checked against the models. Threads: read-only once loaded.
 */
#ifndef LL_SIM_SCENARIO_H
#define LL_SIM_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"
#include "gateway/base/map.h"
#include "simulator/model/model.h"

#define SCENARIO_MAX_ASSETS 1000000

struct scenario_asset {
    char id[LL_MAX_ID];
    char device[LL_MAX_ID];
    const struct model *model;
    const char *district; /* borrowed from the scenario */
    int64_t period_ms;
};

struct scenario_fault {
    const struct scenario_asset *asset;
    size_t kind; /* in the model's faults */
    double magnitude;
    int64_t at_ms;  /* after the start */
    int64_t end_ms; /* after the start; INT64_MAX: it stays */
};

struct scenario {
    char name[LL_MAX_ID];
    double latitude; /* of the city's centre, degrees */
    double longitude;
    char (*districts)[LL_MAX_NAME];
    size_t district_count;
    double wet_days; /* the share of days with rain of their own; 0 where none is given */
    struct weather_storm *storms;
    size_t storm_count;
    struct scenario_asset *assets;
    size_t asset_count;
    struct map by_id;
    struct scenario_fault *faults;
    size_t fault_count;
};

ll_err scenario_load(const char *path, struct diag *d, struct scenario **out);
void scenario_free(struct scenario *s);

#endif
