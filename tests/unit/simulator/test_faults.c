/* The faults of the gas, lift and structure models: what each does to its reading against a twin
 * without it, and when it begins to show. What has a mean of 0 stands in the model's own tests. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/faults.h"
#include "simulator/model/physics.h"

#define SEEDS     5
#define NORTH_DEG 36.5 /* where houses are heated */
#define STEP_S    300.0
#define LAST      288 /* steps: the last day */

/* For one asset: the twins' means over the last day differ by `low` to `high`, as a share of the
 * sound one's where `relative`; the first moment to show lies `from_h` to `to_h` after the onset.
 */
struct expected {
    const struct model *model;
    const char *kind;
    double days;
    double low;
    double high;
    bool relative;
    double from_h;
    double to_h;
};

static const struct expected table[] = {
    {&gas_chamber_model, "gas_leak", 2, 90, 100, false, 0, 0.1},
    {&gas_chamber_model, "gas_ingress", 15, 90, 100, false, 0.5, 3},
    {&gas_chamber_model, "lid_open", 2, -20, -2, false, 0, 24},
    /* 50 mm² at 0.25 to 0.35 MPa: 87 to 106 m³/h by the nozzle's equation with Cd 0.7, and 15 % of
     * the demand within days. */
    {&gas_pipe_model, "pipe_leak", 15, 100, 140, false, 3, 120},
    {&gas_pipe_model, "third_party_damage", 2, -1, -0.5, true, 0, 0.1},
    /* 1.5 % of 60 % in 7 days: 4.2 h */
    {&gas_pipe_model, "regulator_drift", 8, 0.59, 0.62, true, 4.2, 4.3},
    {&gas_pipe_low_model, "pipe_leak", 15, 9, 12, false, 3, 150},
    {&gas_pipe_low_model, "third_party_damage", 2, -1, -0.5, true, 0, 0.1},
    {&gas_pipe_low_model, "regulator_drift", 8, 0.59, 0.65, true, 4.2, 4.3},
    /* 30 m³/h into λV = 360 to 3,600 m³/h: 0.8 to 7.7 % by volume */
    {&gas_station_model, "gas_leak", 2, 16, 100, false, 0, 0.1},
    /* 0.15 MPa in 48 h; 1.5 % of 0.25 to 0.35 MPa: 1.2 to 1.7 h */
    {&gas_station_model, "regulator_creep", 3, 0.149, 0.151, false, 1.2, 1.7},
    {&gas_station_model, "filter_clogged", 31, -0.6, -0.2, false, 24, 240},
    {&elevator_model, "entrapment", 2, 1, 1, false, 0, 0.1},
    /* 9 mm of 20 in 30 days */
    {&elevator_model, "levelling_drift", 31, 19, 21, false, 324, 324.1},
    /* Its mean p/(1 - p) with p = 0.605, cut at 20. */
    {&elevator_model, "door_friction", 31, 1.1, 2.3, false, 0.1, 48},
    /* 0.3 m/s² in 60 days; 30 % of 0.05 to 0.1 m/s² */
    {&elevator_model, "guide_wear", 61, 0.28, 0.32, false, 72, 144.1},
    {&elevator_model, "moving_door_open", 2, 0.5, 1, false, 0, 12},
    {&bridge_model, "strain_shift", 2, 299.999, 300.001, false, 0, 0.1},
    /* 0.6 % of 6 % in 30 days */
    {&bridge_model, "frequency_drop", 31, -0.0601, -0.0599, true, 72, 72.1},
    /* atan(50 / 1500) = 1.909°; 0.015° are 0.39 mm of 50 in 14 days: 2.64 h */
    {&bridge_model, "bearing_displacement", 15, 1.908, 1.910, false, 2.6, 2.7},
    /* λ falls from 5.4-10.4 to 0.4 /h. */
    {&tunnel_model, "ventilation_failed", 4, 11, 25, true, 0.3, 12},
    /* 3 mm a day: 118.5 mm after 39.5 days; 0.09 mm after 0.72 h */
    {&tunnel_model, "convergence_fast", 40, 118.4, 118.6, false, 0.7, 0.8},
    /* 48 m³/h more than the pump lifts: 3.2 m/h on 15 m² until 5 m */
    {&tunnel_model, "water_ingress", 3, 4.8, 5, false, 0, 0.2},
    /* The make-up's 10 m³/h hold 0.35 (10/25)² = 0.056 MPa. */
    {&heat_supply_model, "heat_leak", 2, -0.2945, -0.2935, false, 0, 0.1},
    {&heat_supply_model, "pump_trip", 2, -0.971, -0.969, true, 0, 0.1},
    {&heat_supply_model, "fouling", 62, -40, -1, false, 700, 1480},
    {&transfer_station_model, "overfull", 5, 25, 120, false, 1, 72},
    {&transfer_station_model, "fan_failure", 5, 4, 30, true, 0.5, 48},
    {&transfer_station_model, "leachate_leak", 5, -1.5, -0.4, false, 0.1, 48},
};

static double differs(const struct expected *e, uint64_t seed, double *shows_h)
{
    double sums[2] = {0};
    *shows_h = INFINITY;
    struct rig ill = rig_of(e->model, seed, 0);
    struct rig sound = rig_of(e->model, seed, 0);
    ill.weather.latitude = sound.weather.latitude = NORTH_DEG;
    const size_t fault = rig_fault(&ill, e->kind);
    const struct model_fault *f = &e->model->faults[fault];
    rig_run(&ill, RIG_DAY_S, STEP_S);
    rig_run(&sound, RIG_DAY_S, STEP_S);
    rig_set(&ill, e->kind, f->fallback);
    const int steps = (int)(e->days * RIG_DAY_S / STEP_S);
    for (int i = 1; i <= steps; i++) {
        rig_run(&ill, STEP_S, STEP_S);
        rig_run(&sound, STEP_S, STEP_S);
        if (isinf(*shows_h) && rig_shows(&ill, e->kind)) {
            *shows_h = i * STEP_S / PHYSICS_S_PER_HOUR;
        }
        if (i > steps - LAST) {
            sums[0] += rig_read(&ill, f->channel);
            sums[1] += rig_read(&sound, f->channel);
        }
    }
    return (sums[0] - sums[1]) / (e->relative ? sums[1] : LAST);
}

static void each_fault_does_to_its_reading_what_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expected *e = &table[i];
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            char what[100];
            double shows_h;
            const double difference = differs(e, seed, &shows_h);
            snprintf(what, sizeof what, "%s %s: reading", e->model->profile, e->kind);
            expect_between(what, difference, e->low, e->high);
            snprintf(what, sizeof what, "%s %s: shows after h", e->model->profile, e->kind);
            expect_between(what, shows_h, e->from_h, e->to_h);
        }
    }
}

/* Within a week of a sound asset, rain and all. */
static void nothing_shows_where_no_fault_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct rig r = rig_of(table[i].model, seed, 0);
            r.weather.wet_days = 0.5;
            for (int k = 0; k < 7 * 24 * 12; k++) {
                rig_run(&r, STEP_S, STEP_S);
                if (rig_shows(&r, table[i].kind)) {
                    fail_msg("%s: %s shows", r.model->profile, table[i].kind);
                }
            }
        }
    }
}

/* After a fault's end the reading comes back to a sound twin's, but for what was deformed. */
static void a_fault_that_ends_is_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expected *e = &table[i];
        struct rig r = rig_of(e->model, 1, 0);
        rig_set(&r, e->kind, e->model->faults[rig_fault(&r, e->kind)].fallback);
        rig_run(&r, 3 * RIG_DAY_S, STEP_S);
        rig_set(&r, e->kind, 0);
        rig_run(&r, 10 * RIG_DAY_S, STEP_S);
        if (rig_shows(&r, e->kind)) {
            fail_msg("%s: %s still shows", e->model->profile, e->kind);
        }
    }
}

static void a_growing_fault_grows_in_a_straight_line_to_its_magnitude(void **state)
{
    (void)state;
    struct faults f = {0};
    faults_set(&f, 2, 8);
    faults_age(&f, 25);
    expect_near(faults_grown(&f, 2, 100), 2, 1e-12);
    faults_age(&f, 1000);
    expect_near(faults_grown(&f, 2, 100), 8, 0);
    faults_set(&f, 2, 0);
    expect_near(faults_grown(&f, 2, 100), 0, 0);
    faults_set(&f, 2, 8);
    expect_near(faults_grown(&f, 2, 100), 0, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_fault_does_to_its_reading_what_it_should),
    cmocka_unit_test(nothing_shows_where_no_fault_is),
    cmocka_unit_test(a_fault_that_ends_is_gone),
    cmocka_unit_test(a_growing_fault_grows_in_a_straight_line_to_its_magnitude),
};

UNIT_MAIN(tests)
