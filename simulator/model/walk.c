/*
 * Slow random walks, for the kinds whose physics nothing here needs yet: each quantity is an
 * Ornstein-Uhlenbeck process, dx = (μ - x) dt/τ + σ √(2/τ) dW, stepped exactly, and held within its
 * range. Means, deviations and times are engineering values that stay inside the default limits.
 */
#include "simulator/model/model.h"

#include <math.h>

#define MAX_QUANTITIES 8

struct quantity {
    const char *channel;
    double mean;
    double sd;
    double tau_s;
    double min;
    double max;
    int decimals;
};

struct walk_table {
    size_t count;
    struct quantity rows[MAX_QUANTITIES];
};

struct walk {
    const struct walk_table *table;
    double x[MAX_QUANTITIES];
};

/* One row a quantity: channel, mean, deviation, correlation time (s), range, decimals. */
static const struct walk_table gas_pipe_pressure = {3,
                                                    {{"pressure", 0.3, 0.008, 1800, 0, 1.6, 4},
                                                     {"flow", 220, 30, 1800, 0, 50000, 1},
                                                     {"temperature", 16, 1.5, 21600, -40, 85, 1}}};
static const struct walk_table gas_station = {5,
                                              {{"inlet_pressure", 2.2, 0.05, 3600, 0, 10, 3},
                                               {"outlet_pressure", 0.3, 0.006, 900, 0, 4, 4},
                                               {"flow", 4200, 350, 1800, 0, 200000, 0},
                                               {"temperature", 14, 1.5, 21600, -40, 85, 1},
                                               {"methane", 0.4, 0.2, 600, 0, 100, 2}}};
static const struct walk_table bridge = {5,
                                         {{"strain", 120, 25, 1800, -5000, 5000, 1},
                                          {"deflection", 6, 1.5, 60, -1000, 1000, 2},
                                          {"acceleration", 0.02, 0.008, 10, -50, 50, 3},
                                          {"frequency", 3.4, 0.01, 21600, 0, 100, 3},
                                          {"temperature", 22, 3, 21600, -60, 100, 1}}};
static const struct walk_table tunnel = {5,
                                         {{"co", 22, 7, 900, 0, 2000, 1},
                                          {"oxygen", 20.8, 0.05, 1800, 0, 30, 2},
                                          {"visibility", 600, 90, 900, 0, 5000, 0},
                                          {"water_level", 0.03, 0.01, 7200, 0, 10, 3},
                                          {"temperature", 21, 1, 21600, -40, 200, 1}}};
static const struct walk_table heat_supply = {5,
                                              {{"supply_temperature", 92, 2.5, 7200, -40, 250, 1},
                                               {"return_temperature", 48, 1.5, 7200, -40, 200, 1},
                                               {"supply_pressure", 0.85, 0.015, 1800, 0, 4, 3},
                                               {"return_pressure", 0.32, 0.01, 1800, 0, 4, 3},
                                               {"flow", 310, 20, 3600, -1000, 50000, 1}}};
static const struct walk_table transfer_station = {4,
                                                   {{"fill", 45, 12, 7200, 0, 150, 1},
                                                    {"h2s", 1.5, 0.6, 1800, 0, 1500, 2},
                                                    {"ammonia", 4, 1.5, 1800, 0, 500, 1},
                                                    {"leachate_level", 0.8, 0.2, 21600, 0, 20, 3}}};

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct walk *w = state;
    w->table = self->table;
    for (size_t i = 0; i < w->table->count; i++) {
        w->x[i] = w->table->rows[i].mean + w->table->rows[i].sd * rng_normal(rng);
    }
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct walk *w = state;
    (void)weather;
    (void)from_ms;
    for (size_t i = 0; i < w->table->count; i++) {
        const struct quantity *q = &w->table->rows[i];
        w->x[i] = model_walk(w->x[i], q->mean, q->sd, q->tau_s, dt_s, rng);
    }
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct walk *w = state;
    (void)rng;
    for (size_t i = 0; i < w->table->count; i++) {
        const struct quantity *q = &w->table->rows[i];
        out[i] = (struct sample){q->channel, fmin(fmax(w->x[i], q->min), q->max), q->decimals};
    }
    return w->table->count;
}

#define WALK(asset_kind, its_profile, its_table)                                           \
    {                                                                                      \
        .kind = (asset_kind), .profile = (its_profile), .state_size = sizeof(struct walk), \
        .table = &(its_table), .init = init, .step = step, .read = read                    \
    }

const struct model walk_models[] = {
    WALK("gas_pipe", "gas_pipe_pressure", gas_pipe_pressure),
    WALK("gas_station", "gas_station", gas_station),
    WALK("bridge", "bridge", bridge),
    WALK("tunnel", "tunnel", tunnel),
    WALK("heat_supply", "heat_supply", heat_supply),
    WALK("transfer_station", "transfer_station", transfer_station),
};
const size_t walk_model_count = sizeof walk_models / sizeof walk_models[0];
