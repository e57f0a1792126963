/*
 * An elevator: calls, trips, doors, levelling, and people shut in.
 *
 * Calls come as a Poisson process, 200-1,000 trips a day by the daily pattern. A trip follows a
 * trapezoid: acceleration a = 0.8 m/s² to v = 1-2.5 m/s and down again; over d metres it lasts
 *   T = d/v + v/a  where d >= v²/a, else 2 √(d/a),
 * and the speed at t is min(a t, v, a (T - t)). Then the door opens, dwells and closes: 8 s. The
 * car stops N(0, 3 mm) off the floor, plus the drift of a fault (GB/T 10058: ±10 mm). Storeys of 3
 * m. Entrapment: the car stops between floors with its door shut until the fault ends.
 */
#include "simulator/model/model.h"

#include <math.h>
#include <stdlib.h>

#include "simulator/model/physics.h"

#define ACCELERATION 0.8 /* m/s² */
#define STOREY_M     3.0
#define DOOR_S       8.0
#define S_PER_DAY    86400.0

enum phase { WAITING, MOVING, DOOR_OPEN };
enum { FAULT_ENTRAPMENT, FAULT_LEVELLING };

struct elevator {
    int floors;
    double top_speed_m_s;
    double trips_per_day;
    enum phase phase;
    double left_s; /* of the phase */
    double trip_s; /* the whole trip's length */
    int floor;     /* where it stands, or started from */
    int target;
    uint64_t trips;
    double levelling_mm;
    double drift_mm;
    bool entrapped;
    double vibration_m_s2;
};

static double speed_m_s(const struct elevator *e)
{
    if (e->phase != MOVING || e->entrapped) {
        return 0;
    }
    const double t = e->trip_s - e->left_s;
    return fmin(fmin(ACCELERATION * t, e->top_speed_m_s), ACCELERATION * e->left_s);
}

/* By the share of the trip's time: exact half way and at both ends, and a display needs no more. */
static int shown_floor(const struct elevator *e)
{
    if (e->phase != MOVING) {
        return e->floor;
    }
    const double done = 1 - e->left_s / e->trip_s;
    return e->floor + (int)lround(done * (e->target - e->floor));
}

static double next_call_s(const struct elevator *e, int64_t ms, struct rng *rng)
{
    const double rate = e->trips_per_day / S_PER_DAY * model_demand_pattern(model_local_hour(ms));
    return -log(1 - rng_uniform(rng)) / rate;
}

static void next_phase(struct elevator *e, int64_t ms, struct rng *rng)
{
    switch (e->phase) {
    case WAITING:
        e->target = 1 + (int)(rng_uniform(rng) * e->floors);
        if (e->target == e->floor) {
            e->target = e->floor == e->floors ? 1 : e->floor + 1;
        }
        e->phase = MOVING;
        e->trip_s =
            physics_trip_s(STOREY_M * abs(e->target - e->floor), e->top_speed_m_s, ACCELERATION);
        e->left_s = e->trip_s;
        break;
    case MOVING:
        e->floor = e->target;
        e->trips++;
        e->levelling_mm = 3 * rng_normal(rng) + e->drift_mm;
        e->phase = DOOR_OPEN;
        e->left_s = DOOR_S;
        break;
    case DOOR_OPEN:
        e->phase = WAITING;
        e->left_s = next_call_s(e, ms, rng);
        break;
    }
}

static void init(void *state, const struct model *self, struct rng *rng)
{
    struct elevator *e = state;
    (void)self;
    e->floors = 6 + (int)(27 * rng_uniform(rng));
    e->top_speed_m_s = 1 + 1.5 * rng_uniform(rng);
    e->trips_per_day = 200 + 800 * rng_uniform(rng);
    e->floor = 1;
    e->trips = (uint64_t)(1e5 * rng_uniform(rng));
    e->vibration_m_s2 = 0.05 + 0.05 * rng_uniform(rng);
    e->phase = WAITING;
    e->left_s = S_PER_DAY / e->trips_per_day * rng_uniform(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct elevator *e = state;
    (void)weather;
    double at_s = 0;
    while (!e->entrapped && dt_s - at_s >= e->left_s) {
        at_s += e->left_s;
        next_phase(e, from_ms + (int64_t)(at_s * 1000), rng);
    }
    if (!e->entrapped) {
        e->left_s -= dt_s - at_s;
    }
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct elevator *e = state;
    const double speed = speed_m_s(e);
    const double vibration = speed > 0 ? e->vibration_m_s2 * (1 + 0.1 * rng_normal(rng)) : 0.005;
    out[0] = (struct sample){"floor", shown_floor(e), 0};
    out[1] = (struct sample){"speed", e->target < e->floor ? -speed : speed, 2}; /* up: positive */
    out[2] = (struct sample){"door", e->phase == DOOR_OPEN, SAMPLE_BOOL};
    out[3] = (struct sample){"levelling", e->levelling_mm, 1};
    out[4] = (struct sample){"vibration", vibration, 3};
    out[5] = (struct sample){"trips", (double)e->trips, 0};
    out[6] = (struct sample){"entrapment", e->entrapped, SAMPLE_BOOL};
    out[7] = (struct sample){"occupied", e->phase == MOVING, SAMPLE_BOOL};
    return 8;
}

static const struct model_fault faults[] = {
    [FAULT_ENTRAPMENT] = {"entrapment", "entrapment", "", 1, 1, 1},
    [FAULT_LEVELLING] = {"levelling_drift", "levelling", "mm", 1, 100, 20},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct elevator *e = state;
    if (fault == FAULT_LEVELLING) {
        e->drift_mm = magnitude;
        return;
    }
    e->entrapped = magnitude > 0;
    if (e->entrapped && e->phase != MOVING) {
        /* Somebody has just got in: the car stops half way to the next floor. */
        e->phase = MOVING;
        e->target = e->floor == e->floors ? e->floor - 1 : e->floor + 1;
        e->trip_s = physics_trip_s(STOREY_M, e->top_speed_m_s, ACCELERATION);
        e->left_s = e->trip_s / 2;
    }
}

static bool observable(const void *state, size_t fault)
{
    const struct elevator *e = state;
    return fault == FAULT_ENTRAPMENT ? e->entrapped : fabs(e->levelling_mm) > 10;
}

const struct model elevator_model = {
    .kind = "elevator",
    .profile = "elevator",
    .state_size = sizeof(struct elevator),
    .faults = faults,
    .fault_count = sizeof faults / sizeof faults[0],
    .init = init,
    .step = step,
    .read = read,
    .set_fault = set_fault,
    .observable = observable,
};
