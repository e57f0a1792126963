/*
 * An elevator: calls, trips, doors, levelling, wear, and people shut in.
 *
 * Calls come as a Poisson process, 200-1,000 trips a day by the daily pattern with its two peaks. A
 * trip follows a trapezoid: acceleration a = 0.8 m/s² to v = 1-2.5 m/s and down again; over d
 * metres it lasts
 *   T = d/v + v/a  where d >= v²/a, else 2 √(d/a),
 * and the speed at t is min(a t, v, a (T - t)). Storeys of 3 m. Then the door opens in 2-4 s,
 * dwells 4 s and closes in the same 2-4 s; with friction f (per cent more force) closing takes 1 +
 * f/100 times as long, and each closing fails with p = min(0.005 + f/333, 0.95) and begins again:
 * more than three re-opens come with p⁴, 13 % of the stops at f = 200. levelling  N(0, 3 mm) +
 * drift + slip in the direction of travel (GB/T 10058: ±10 mm) vibration  v₀ 2^(trips / 1.5e6) +
 * wear, ± 10 % each trip, v₀ 0.05-0.1 m/s²; the last trip's A stop more than 200 mm off is outside
 * the door zone (GB 7588: the unlocking zone at most ± 200 mm), at the outermost floors and 150 mm
 * beyond it is overtravel.
 *
 * Entrapment: the car stops between floors with its door shut until the fault ends. Overspeed: the
 * next trip gets that fast, the governor trips at 115 % of the rated speed (GB 7588) and the safety
 * gear holds the car, as in an entrapment. Interlock: the car moves with its door open. These are
 * at once; friction and levelling take 30 days to their magnitude, brake and guides 60. An event
 * between two reports is told with the second.
 */
#include "simulator/model/model.h"

#include <math.h>
#include <stdlib.h>

#include "gateway/base/clock.h"
#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define ACCELERATION   0.8 /* m/s² */
#define STOREY_M       3.0
#define DWELL_S        4.0
#define LEVELLING_MM   3.0
#define ZONE_MM        200.0
#define OVERTRAVEL_MM  150.0
#define GOVERNOR       1.15
#define DOUBLING_TRIPS 1.5e6
#define MAX_REOPENS    20
#define DRIFT_S        (30 * FAULTS_DAY_S)
#define WEAR_S         (60 * FAULTS_DAY_S)

enum phase { WAITING, MOVING, DOOR_OPEN };
enum {
    FAULT_ENTRAPMENT,
    FAULT_LEVELLING,
    FAULT_FRICTION,
    FAULT_BRAKE,
    FAULT_GUIDES,
    FAULT_OVERSPEED,
    FAULT_INTERLOCK,
};

struct elevator {
    struct faults faults;
    int floors;
    double top_speed_m_s;
    double trips_per_day;
    double door_s;      /* to open, or to close without friction */
    double smooth_m_s2; /* vibration when new */
    enum phase phase;
    double left_s; /* of the phase */
    double trip_s; /* the whole trip's length */
    int floor;     /* where it stands, or started from */
    int target;
    uint64_t trips;
    int reopens; /* of the last stop */
    double levelling_mm;
    double beyond_mm; /* the last floor, at the last stop */
    double vibration_m_s2;
    double overspeed_m_s; /* reached in this step, or 0 */
    bool moved_open;      /* in this step */
    bool caught;          /* by the safety gear */
};

static bool held(const struct elevator *e)
{
    return e->faults.magnitude[FAULT_ENTRAPMENT] > 0 ||
           (e->caught && e->faults.magnitude[FAULT_OVERSPEED] > 0);
}

static double direction(const struct elevator *e)
{
    return e->target < e->floor ? -1 : 1; /* up: positive */
}

static double speed_m_s(const struct elevator *e)
{
    if (e->overspeed_m_s > 0) {
        return direction(e) * e->overspeed_m_s;
    }
    if (e->phase != MOVING || held(e)) {
        return 0;
    }
    const double t = e->trip_s - e->left_s;
    return direction(e) * fmin(fmin(ACCELERATION * t, e->top_speed_m_s), ACCELERATION * e->left_s);
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
    const double rate =
        e->trips_per_day / FAULTS_DAY_S * model_demand_pattern(model_local_hour(ms));
    return -log(1 - rng_uniform(rng)) / rate;
}

static double slip_mm(const struct elevator *e)
{
    return faults_grown(&e->faults, FAULT_BRAKE, WEAR_S);
}

static double drift_mm(const struct elevator *e)
{
    return faults_grown(&e->faults, FAULT_LEVELLING, DRIFT_S);
}

static double friction(const struct elevator *e)
{
    return faults_grown(&e->faults, FAULT_FRICTION, DRIFT_S) / 100;
}

static double wear_m_s2(const struct elevator *e)
{
    return faults_grown(&e->faults, FAULT_GUIDES, WEAR_S);
}

static void depart(struct elevator *e, struct rng *rng)
{
    e->target = 1 + (int)(rng_uniform(rng) * e->floors);
    if (e->target == e->floor) {
        e->target = e->floor == e->floors ? 1 : e->floor + 1;
    }
    e->phase = MOVING;
    e->trip_s =
        physics_trip_s(STOREY_M * abs(e->target - e->floor), e->top_speed_m_s, ACCELERATION);
    e->left_s = e->trip_s;
    e->moved_open = e->faults.magnitude[FAULT_INTERLOCK] > 0;
    if (e->faults.magnitude[FAULT_OVERSPEED] > 0) {
        e->overspeed_m_s = fmax(e->faults.magnitude[FAULT_OVERSPEED], GOVERNOR * e->top_speed_m_s);
        e->caught = true;
        e->left_s = e->trip_s / 2;
    }
}

static void arrive(struct elevator *e, struct rng *rng)
{
    const double off_mm = LEVELLING_MM * rng_normal(rng) + drift_mm(e);
    const bool outermost = e->target == 1 || e->target == e->floors;
    e->levelling_mm = off_mm + direction(e) * slip_mm(e);
    e->beyond_mm = outermost ? direction(e) * e->levelling_mm : 0;
    const double sound_m_s2 = e->smooth_m_s2 * exp2((double)e->trips / DOUBLING_TRIPS);
    e->vibration_m_s2 = fmax(sound_m_s2 + wear_m_s2(e), 0) * (1 + 0.1 * rng_normal(rng));
    e->floor = e->target;
    e->trips++;
    const double fails = fmin(0.005 + friction(e) / 3.33, 0.95);
    e->reopens = 0;
    while (e->reopens < MAX_REOPENS && rng_uniform(rng) < fails) {
        e->reopens++;
    }
    const double closing_s = e->door_s * (1 + friction(e));
    e->phase = DOOR_OPEN;
    e->left_s = e->door_s + DWELL_S + closing_s + e->reopens * (e->door_s + closing_s);
}

static void next_phase(struct elevator *e, int64_t ms, struct rng *rng)
{
    switch (e->phase) {
    case WAITING:
        depart(e, rng);
        break;
    case MOVING:
        arrive(e, rng);
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
    e->door_s = 2 + 2 * rng_uniform(rng);
    e->floor = 1;
    e->target = 1;
    e->trips = (uint64_t)(1e6 * rng_uniform(rng));
    e->smooth_m_s2 = 0.05 + 0.05 * rng_uniform(rng);
    e->vibration_m_s2 = e->smooth_m_s2;
    e->phase = WAITING;
    e->left_s = FAULTS_DAY_S / e->trips_per_day * rng_uniform(rng);
}

static void step(void *state, const struct weather *weather, int64_t from_ms, double dt_s,
                 struct rng *rng)
{
    struct elevator *e = state;
    double at_s = 0;
    (void)weather;
    faults_age(&e->faults, dt_s);
    e->overspeed_m_s = 0;
    e->moved_open = e->phase == MOVING && e->faults.magnitude[FAULT_INTERLOCK] > 0;
    e->caught = held(e) && e->caught;
    while (!held(e) && dt_s - at_s >= e->left_s) {
        at_s += e->left_s;
        next_phase(e, from_ms + (int64_t)(at_s * LL_MS_PER_S), rng);
    }
    if (!held(e)) {
        e->left_s -= dt_s - at_s;
    }
}

static size_t read(const void *state, struct rng *rng, struct sample *out)
{
    const struct elevator *e = state;
    const bool open = e->phase == DOOR_OPEN || e->moved_open;
    const bool outside = held(e) || fabs(e->levelling_mm) > ZONE_MM;
    const double vibration = e->vibration_m_s2 * (1 + 0.01 * rng_normal(rng));
    out[0] = (struct sample){"floor", shown_floor(e), 0};
    out[1] = (struct sample){"speed", speed_m_s(e), 2};
    out[2] = (struct sample){"door", open, SAMPLE_BOOL};
    out[3] = (struct sample){"levelling", e->levelling_mm, 1};
    out[4] = (struct sample){"vibration", fmax(vibration, 0), 3};
    out[5] = (struct sample){"trips", (double)e->trips, 0};
    out[6] = (struct sample){"entrapment", held(e), SAMPLE_BOOL};
    out[7] = (struct sample){"occupied", e->phase == MOVING, SAMPLE_BOOL};
    out[8] = (struct sample){"overtravel", e->beyond_mm > OVERTRAVEL_MM, SAMPLE_BOOL};
    out[9] = (struct sample){"moving_door_open", e->moved_open, SAMPLE_BOOL};
    out[10] = (struct sample){"stopped_outside_zone", outside, SAMPLE_BOOL};
    out[11] = (struct sample){"door_reopens", e->reopens, 0};
    return 12;
}

static const struct model_fault faults[] = {
    [FAULT_ENTRAPMENT] = {"entrapment", "entrapment", "", 1, 1, 1},
    [FAULT_LEVELLING] = {"levelling_drift", "levelling", "mm", 1, 100, 20},
    [FAULT_FRICTION] = {"door_friction", "door_reopens", "%", 10, 300, 200},
    [FAULT_BRAKE] = {"brake_wear", "levelling", "mm", 1, 400, 60},
    [FAULT_GUIDES] = {"guide_wear", "vibration", "m/s2", 0.01, 2, 0.3},
    [FAULT_OVERSPEED] = {"overspeed", "speed", "m/s", 1.2, 10, 3.5},
    [FAULT_INTERLOCK] = {"moving_door_open", "moving_door_open", "", 1, 1, 1},
};

static void set_fault(void *state, size_t fault, double magnitude)
{
    struct elevator *e = state;
    faults_set(state, fault, magnitude);
    if (fault == FAULT_ENTRAPMENT && magnitude > 0 && e->phase != MOVING) {
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
    switch (fault) {
    case FAULT_LEVELLING:
        return drift_mm(e) > 3 * LEVELLING_MM;
    case FAULT_FRICTION:
        return friction(e) > 0 && e->reopens > 0;
    case FAULT_BRAKE:
        return slip_mm(e) > 3 * LEVELLING_MM;
    case FAULT_GUIDES:
        return wear_m_s2(e) > 0.3 * e->smooth_m_s2;
    case FAULT_OVERSPEED:
        return e->overspeed_m_s > 0;
    case FAULT_INTERLOCK:
        return e->moved_open;
    default:
        return held(e);
    }
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
