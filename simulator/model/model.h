/*
 * What a model of an asset is: a state, an equation that carries it over a time step, the readings
 * that its device takes of it, and the faults it can have.
 *
 * One model is one file; a new one is a file and a row in model.c. Deterministic: all chance comes
 * from the generator handed in. Pure: no clock, no I/O. Threads: one at a time for each state.
 * Each file states its equations, units and sources at its top. Values without another source are
 * engineering defaults.
 */
#ifndef LL_SIM_MODEL_H
#define LL_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/rng.h"
#include "simulator/model/weather.h"

#define MODEL_MAX_SAMPLES 16
#define MODEL_MAX_STATE   512

/* `decimals` of a state that is true or false. */
#define SAMPLE_BOOL (-1)

/* One reading, before it is rounded to the device's resolution. */
struct sample {
    const char *channel; /* as the profile calls it */
    double value;        /* in the profile's unit */
    int decimals;
};

struct model_fault {
    const char *kind;    /* "gas_leak" */
    const char *channel; /* that shows it */
    const char *unit;    /* of the magnitude */
    double min;
    double max;
    double fallback; /* magnitude where the scenario gives none */
};

struct model {
    const char *kind;    /* asset kind */
    const char *profile; /* that its devices are registered with */
    size_t state_size;   /* at most MODEL_MAX_STATE; a zeroed state is handed to init */
    const void *table;   /* what tells models of one file apart, or NULL */
    const struct model_fault *faults;
    size_t fault_count;
    /* Draws what differs from asset to asset. */
    void (*init)(void *state, const struct model *self, struct rng *rng);
    /* Carries the state from `from_ms` (ms since 1970 UTC) over `dt_s` seconds, dt_s > 0. */
    void (*step)(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng);
    /* The device's readings, noise of the sensors included; returns how many. */
    size_t (*read)(const void *state, struct rng *rng, struct sample *out);
    /* Begins a fault, or ends it with magnitude 0. */
    void (*set_fault)(void *state, size_t fault, double magnitude);
    /* Whether the fault now shows in a reading, beyond noise and resolution. */
    bool (*observable)(const void *state, size_t fault);
};

/* The model for an asset kind and profile, or NULL; with `profile` "" the kind's first. */
const struct model *model_find(const char *kind, const char *profile);

/* Hours of the day, [0, 24), in China (UTC+8, no summer time): where the cities are. */
double model_local_hour(int64_t ms);

/* Daily pattern of water use, mean about 1: night 0.35, peaks at 07 and 19 h. */
double model_demand_pattern(double hour);

/* Water use at a time as a share of the year's mean: daily pattern × (1 + 0.75 weekly) × (1 +
 * yearly); weekends 10 % over, working days 4 % under, high summer 10 % over. */
double model_demand(int64_t ms);

/* Of traffic, mean about 1: night 0.3, peaks at 08 and 18 h. */
double model_traffic_pattern(double hour);

/* A bell about `centre`, 1 at its top, of that standard deviation in hours, round the clock. */
double model_hump(double hour, double centre, double width);

/* How many events come where `mean` are expected. */
int model_poisson(double mean, struct rng *rng);

/* One exact step of an Ornstein-Uhlenbeck walk about `mean`, standard deviation `sd`, correlation
 * time `tau_s`; the step may have any length. */
double model_walk(double x, double mean, double sd, double tau_s, double dt_s, struct rng *rng);

extern const struct model gas_chamber_model;
extern const struct model gas_pipe_model;
extern const struct model gas_pipe_low_model;
extern const struct model gas_station_model;
extern const struct model water_main_model;
extern const struct model secondary_supply_model;
extern const struct model sewer_model;
extern const struct model manhole_model;
extern const struct model pump_station_model;
extern const struct model hydrant_model;
extern const struct model elevator_model;
extern const struct model bridge_model;
extern const struct model tunnel_model;
extern const struct model heat_supply_model;
extern const struct model transfer_station_model;

#endif
