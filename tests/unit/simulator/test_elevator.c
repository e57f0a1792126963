/* The elevator by its readings, second by second. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/physics.h"

static double now(struct rig *r, const char *channel)
{
    return rig_read(r, channel);
}

static void trips_come_at_the_days_rate_with_two_peaks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        double by_hour[24] = {0};
        struct rig r = rig_of(&elevator_model, seed, 0);
        const double before = now(&r, "trips");
        for (int h = 0; h < 10 * 24; h++) {
            const double at = now(&r, "trips");
            rig_run(&r, PHYSICS_S_PER_HOUR, PHYSICS_S_PER_HOUR);
            by_hour[h % 24] += now(&r, "trips") - at;
        }
        /* 200 to 1,000 calls, less those that come while one is served */
        expect_between("trips a day", (now(&r, "trips") - before) / 10, 130, 1000);
        assert_true(by_hour[7] > 1.5 * by_hour[3] && by_hour[19] > 1.5 * by_hour[3]);
    }
}

static void no_trip_is_faster_than_rated_or_stops_far_off(void **state)
{
    (void)state;
    double sum = 0;
    double squares = 0;
    double stops = 0;
    struct rig r = rig_of(&elevator_model, 1, 0);
    double trips = now(&r, "trips");
    for (int i = 0; i < 10 * 86400; i++) {
        rig_run(&r, 1, 1);
        assert_true(fabs(now(&r, "speed")) <= 2.5);
        assert_true(now(&r, "door") == 0 || now(&r, "speed") == 0);
        assert_true(now(&r, "stopped_outside_zone") == 0 && now(&r, "overtravel") == 0);
        if (now(&r, "trips") > trips) {
            trips = now(&r, "trips");
            const double mm = now(&r, "levelling");
            sum += mm;
            squares += mm * mm;
            stops++;
        }
    }
    /* N(0, 3 mm): within four standard errors */
    assert_true(stops > 1000);
    expect_near(sum / stops, 0, 4 * 3 / sqrt(stops));
    expect_near(sqrt(squares / stops), 3, 4 * 3 / sqrt(2 * stops));
}

static void a_worn_brake_lets_the_car_slip_on_in_its_direction(void **state)
{
    (void)state;
    struct rig r = rig_of(&elevator_model, 2, 0);
    rig_set(&r, "brake_wear", 60);
    rig_run(&r, 60 * RIG_DAY_S, PHYSICS_S_PER_HOUR);
    double floor = now(&r, "floor");
    double trips = now(&r, "trips");
    for (int i = 0; i < 2 * 86400; i++) {
        rig_run(&r, 1, 1);
        if (now(&r, "trips") > trips) {
            const double direction = now(&r, "floor") > floor ? 1 : -1;
            expect_near(now(&r, "levelling"), direction * 60, 5 * 3);
            trips = now(&r, "trips");
            floor = now(&r, "floor");
        }
    }
    assert_true(rig_shows(&r, "brake_wear"));
    /* Far worn, it leaves the door zone and passes the outermost floors. */
    rig_set(&r, "brake_wear", 400);
    rig_run(&r, 60 * RIG_DAY_S, PHYSICS_S_PER_HOUR);
    double outside = 0;
    double beyond = 0;
    for (int i = 0; i < 24 * 60; i++) {
        rig_run(&r, 60, 60);
        outside += now(&r, "stopped_outside_zone");
        beyond += now(&r, "overtravel");
        /* Down to the lowest floor it goes too far as well as up to the highest. */
        if (now(&r, "floor") == 1 && now(&r, "occupied") == 0) {
            assert_true(now(&r, "overtravel") == 1 && now(&r, "levelling") < 0);
        }
    }
    assert_true(outside == 24 * 60 && beyond > 0 && beyond < outside);
}

static void an_overspeeding_car_is_caught_until_it_is_freed(void **state)
{
    (void)state;
    struct rig r = rig_of(&elevator_model, 3, 0);
    rig_run(&r, PHYSICS_S_PER_HOUR, 10);
    rig_set(&r, "overspeed", 3.5);
    double fastest = 0;
    double told = 0;
    for (int i = 0; i < 24 * 360; i++) {
        rig_run(&r, 10, 10);
        fastest = fmax(fastest, fabs(now(&r, "speed")));
        told += rig_shows(&r, "overspeed");
        assert_int_equal(rig_shows(&r, "overspeed"), fabs(now(&r, "speed")) > 3);
    }
    expect_near(fastest, 3.5, 0);
    expect_near(told, 1, 0);
    assert_true(now(&r, "entrapment") == 1 && now(&r, "speed") == 0);
    const double trips = now(&r, "trips");
    rig_set(&r, "overspeed", 0);
    rig_run(&r, RIG_DAY_S, 10);
    assert_true(now(&r, "entrapment") == 0 && now(&r, "trips") > trips);
}

static void a_car_moves_with_its_door_open_where_the_interlock_failed(void **state)
{
    (void)state;
    bool seen = false;
    struct rig r = rig_of(&elevator_model, 4, 0);
    rig_set(&r, "moving_door_open", 1);
    for (int i = 0; i < 24 * 3600; i++) {
        rig_run(&r, 1, 1);
        if (now(&r, "speed") != 0) {
            assert_true(now(&r, "moving_door_open") == 1 && now(&r, "door") == 1);
            assert_true(rig_shows(&r, "moving_door_open"));
            seen = true;
        }
    }
    assert_true(seen);
}

static void friction_makes_doors_slow_and_reopen(void **state)
{
    (void)state;
    double open[2] = {0};
    double more_than_three = 0;
    struct rig sound = rig_of(&elevator_model, 5, 0);
    struct rig ill = rig_of(&elevator_model, 5, 0);
    rig_set(&ill, "door_friction", 300);
    rig_run(&sound, 30 * RIG_DAY_S, PHYSICS_S_PER_HOUR);
    rig_run(&ill, 30 * RIG_DAY_S, PHYSICS_S_PER_HOUR);
    double trips[2] = {-now(&sound, "trips"), -now(&ill, "trips")};
    for (int i = 0; i < 24 * 360; i++) {
        rig_run(&sound, 10, 10);
        rig_run(&ill, 10, 10);
        open[0] += now(&sound, "door");
        open[1] += now(&ill, "door");
        more_than_three += now(&ill, "door_reopens") > 3;
    }
    trips[0] += now(&sound, "trips");
    trips[1] += now(&ill, "trips");
    /* Each stop is 12 to 16 times as long: 2 · (2 to 4 s) + 4 s before; now one closing takes four
     * times as long, and some 8 are tried in vain. */
    assert_true(open[0] > 0 && open[1] / trips[1] > 9 * open[0] / trips[0]);
    /* p = 0.906: p⁴ = 0.67 of the stops, and those last longer */
    assert_true(more_than_three > 0.6 * 24 * 360);
}

static void shut_in_between_floors_ends_with_the_fault(void **state)
{
    (void)state;
    struct rig r = rig_of(&elevator_model, 6, 0);
    rig_run(&r, PHYSICS_S_PER_HOUR, 10);
    rig_set(&r, "entrapment", 1);
    const double floor = now(&r, "floor");
    rig_run(&r, PHYSICS_S_PER_HOUR, 10);
    assert_true(now(&r, "entrapment") == 1 && now(&r, "door") == 0 && now(&r, "speed") == 0);
    assert_true(now(&r, "stopped_outside_zone") == 1 && now(&r, "occupied") == 1);
    expect_near(now(&r, "floor"), floor, 0);
    rig_set(&r, "entrapment", 0);
    rig_run(&r, 60, 1);
    assert_true(now(&r, "entrapment") == 0 && now(&r, "stopped_outside_zone") == 0);
}

static void vibration_doubles_in_a_million_and_a_half_trips(void **state)
{
    (void)state;
    struct rig r = rig_of(&elevator_model, 7, 0);
    double mean[2] = {0};
    double trips[2];
    for (int k = 0; k < 2; k++) {
        trips[k] = now(&r, "trips");
        for (int i = 0; i < 4000; i++) {
            rig_run(&r, PHYSICS_S_PER_HOUR, PHYSICS_S_PER_HOUR);
            mean[k] += now(&r, "vibration") / 4000;
        }
        rig_run(&r, 5 * 365 * RIG_DAY_S, RIG_DAY_S);
    }
    expect_near(mean[1] / mean[0], exp2((trips[1] - trips[0]) / 1.5e6), 0.02);
    assert_true(mean[1] > 1.1 * mean[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(trips_come_at_the_days_rate_with_two_peaks),
    cmocka_unit_test(no_trip_is_faster_than_rated_or_stops_far_off),
    cmocka_unit_test(a_worn_brake_lets_the_car_slip_on_in_its_direction),
    cmocka_unit_test(an_overspeeding_car_is_caught_until_it_is_freed),
    cmocka_unit_test(a_car_moves_with_its_door_open_where_the_interlock_failed),
    cmocka_unit_test(friction_makes_doors_slow_and_reopen),
    cmocka_unit_test(shut_in_between_floors_ends_with_the_fault),
    cmocka_unit_test(vibration_doubles_in_a_million_and_a_half_trips),
};

UNIT_MAIN(tests)
