/*
 * A scenario: which assets a simulated city has, what watches them, and which faults come when.
 *
 * {"scenario": "demo", "title": …, "districts": ["licheng", …],
 *  "centre": {"latitude": 24.9, "longitude": 118.58},
 *  "weather": {"wet_days": 0.3, "storms": [{"at_s": 3600, "for_s": 7200, "depth_mm": 40}, …]},
 *  "assets": [{"kind": "gas_pipe", "profile": "gas_chamber", "count": 40, "period_s": 2}, …],
 *  "faults": [{"kind": "gas_leak", "asset": "gas_pipe-0003", "at_s": 12, "for_s": 60,
 *              "magnitude": 8}, …],
 *  "random_faults": [{"kind": "water_leak", "of": "water_main", "per_asset_year": 0.3,
 *                     "by_age": true, "magnitude": [50, 2000], "for_s": [3600, 86400]}, …]}
 *
 * All keys: config/schema/scenario.schema.json. Assets of a kind are numbered from 1
 * ("gas_pipe-0001"); each has one device ("gas_pipe-0001-1"). What a register knows of an asset is
 * drawn by its id, so that it stays the same whatever the seed.
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
#include "simulator/ageing.h"
#include "simulator/fault.h"
#include "simulator/message.h"
#include "simulator/model/model.h"

#define SCENARIO_MAX_ASSETS 1000000

struct scenario_asset {
    char id[LL_MAX_ID];
    char device[LL_MAX_ID];
    const struct model *model;
    const char *district; /* borrowed from the scenario */
    struct ageing ageing;
    int64_t period_ms;    /* between samples */
    int64_t batch;        /* samples in a message */
    int64_t heartbeat_ms; /* reports on change, and after so long; 0: reports every sample */
    double dead_band;     /* in steps of the resolution: a change is more than that */
    const struct message_format *format;
};

struct scenario_fault {
    const struct scenario_asset *asset;
    struct fault_kind kind;
    const char *channel;
    double magnitude;
    int64_t at_ms;  /* after the start */
    int64_t end_ms; /* after the start; FAULT_NEVER: it stays */
};

/* Faults that come by chance, to each asset that can have them. */
struct scenario_chance {
    char kind[LL_MAX_CHANNEL];
    char of[LL_MAX_CHANNEL];      /* only to assets of this kind; "": to all */
    char channel[LL_MAX_CHANNEL]; /* or "" */
    double per_asset_year;        /* the mean over the assets */
    bool by_age;                  /* shared out by hazard, and rising with it */
    double magnitude[2];          /* from, to; NaN: the kind's own */
    double for_s[2];              /* from, to; NaN: they stay */
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
    struct scenario_chance *chances;
    size_t chance_count;
};

ll_err scenario_load(const char *path, struct diag *d, struct scenario **out);
void scenario_free(struct scenario *s);

/* The kind and channel of such faults on the asset; false where it cannot have them. */
bool scenario_chance_fits(const struct scenario_chance *chance, const struct scenario_asset *a,
                          struct fault_kind *kind, const char **channel);

#endif
