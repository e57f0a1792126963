/* Against values worked out by hand from the equations in gas.h and in the gas models. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/gas.h"
#include "simulator/model/physics.h"

static void a_hole_in_a_medium_pressure_main_passes_gas_at_the_speed_of_sound(void **state)
{
    (void)state;
    /* 5 mm (1.9635e-5 m²) at 0.2 MPa: √(1.31/(518.3 · 288)) = 2.96243e-3 s/m; (2/2.31)^3.72581 =
     * 0.584563; 0.7 · 1.9635e-5 · 301,325 · 2.96243e-3 · 0.584563 = 7.17205e-3 kg/s of 0.666877
     * kg/m³ */
    expect_near(gas_hole_m3_h(1.9634954e-5, 200e3), 38.7169, 1e-4);
    /* Choked, it goes with the absolute pressure. */
    expect_near(gas_hole_m3_h(1e-5, 301325.0) / gas_hole_m3_h(1e-5, 100000.0), 402650.0 / 201325.0,
                1e-12);
}

static void a_hole_in_a_low_pressure_pipe_passes_gas_as_water(void **state)
{
    (void)state;
    /* 2.5 kPa: Cd A √(2 Δp ρ) = 0.7 · 1e-5 · √(2 · 2,500 · 0.6955) = 4.128e-4 kg/s; expansion makes
     * it 1 to 2 % less. */
    const double incompressible = 4.128e-4 / 0.666877 * 3600;
    const double actual = gas_hole_m3_h(1e-5, 2500);
    expect_between("share", actual / incompressible, 0.975, 0.995);
    expect_near(gas_hole_m3_h(1e-5, 0), 0, 0);
}

static void what_passes_the_meter_is_what_is_drawn_and_what_leaks(void **state)
{
    (void)state;
    /* The end of a main at 0.3 MPa with 400 m³/h and a hole of 100 mm² */
    const double resistance = 2e4;
    const double end = gas_pipe_end_pa(3e5, resistance, 400, 1e-4);
    const double balance = gas_pipe_m3_h(3e5, end, resistance) - 400 - gas_hole_m3_h(1e-4, end);
    expect_near(balance, 0, 1e-9 * 600);
    /* Without the hole: √(401,325² - 2e4 · 400²) = 397,318 Pa */
    expect_near(gas_pipe_end_pa(3e5, resistance, 400, 0), 397318.20 - 101325, 0.1);
    expect_near(gas_pipe_end_pa(3e5, resistance, 0, 0), 3e5, 1e-6);
}

static void a_pipe_that_cannot_feed_its_users_is_empty_at_its_end(void **state)
{
    (void)state;
    /* √((401,325² - 101,325²)/2e4) = 2,746 m³/h is all that it carries. */
    expect_near(gas_pipe_end_pa(3e5, 2e4, 3000, 0), 0, 1e-6);
    expect_near(gas_pipe_m3_h(3e5, 0, 2e4), 2745.86, 0.01);
}

static void the_pattern_of_gas_has_a_mean_of_one_and_peaks_at_meals(void **state)
{
    (void)state;
    double sum = 0;
    for (int i = 0; i < 24 * 60; i++) {
        sum += gas_pattern(i / 60.0);
    }
    expect_near(sum / (24 * 60), 1, 0.01);
    assert_true(gas_pattern(18) > gas_pattern(11.5) && gas_pattern(11.5) > gas_pattern(6.75));
    assert_true(gas_pattern(3) < 0.5);
}

static void a_regulated_pipe_stays_within_its_class(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig medium = rig_of(&gas_pipe_model, seed, 0);
        struct rig low = rig_of(&gas_pipe_low_model, seed, 0);
        for (int i = 0; i < 7 * 24; i++) {
            rig_run(&medium, PHYSICS_S_PER_HOUR, PHYSICS_S_PER_HOUR);
            rig_run(&low, PHYSICS_S_PER_HOUR, PHYSICS_S_PER_HOUR);
            expect_between("MPa", rig_read(&medium, "pressure"), 0.2, 0.37);
            expect_between("kPa", rig_read(&low, "pressure"), 1.6, 3);
        }
    }
}

static bool gets_wet(uint64_t seed, double depth_mm, double lid_per_h, double *dry_after_h)
{
    const struct weather_storm storm = {
        .at_ms = 0, .for_ms = 2 * 3600 * 1000, .depth_mm = depth_mm};
    struct rig r = rig_of(&gas_chamber_model, seed, 0);
    r.weather.storms = &storm;
    r.weather.storm_count = 1;
    if (lid_per_h > 0) {
        rig_set(&r, "lid_open", lid_per_h);
    }
    rig_run(&r, 2 * PHYSICS_S_PER_HOUR, 600);
    const bool wet = rig_read(&r, "immersion") > 0;
    int hours = 0;
    while (rig_read(&r, "immersion") > 0) {
        rig_run(&r, PHYSICS_S_PER_HOUR, PHYSICS_S_PER_HOUR);
        hours++;
    }
    *dry_after_h = hours;
    return wet;
}

static void a_storm_fills_chambers_and_the_ground_drains_them(void **state)
{
    (void)state;
    int closed = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        double dry_h;
        assert_false(gets_wet(seed, 0, 0, &dry_h));
        closed += gets_wet(seed, 100, 0, &dry_h);
        /* 30 · 0.1 m and more, up to 2 m; down to 0.3 m in T ln(2/0.3) = 1.897 T, T 12-48 h */
        assert_true(gets_wet(seed, 100, 10, &dry_h));
        expect_between("hours to dry", dry_h, 1.897 * 12, 1.897 * 48 + 1);
    }
    expect_between("wet of 50 with their lids on", closed, 5, 40);
}

/* The sensor's noise averages out. */
static double mean_lel(struct rig *r)
{
    double sum = 0;
    for (int i = 0; i < 1000; i++) {
        sum += rig_read(r, "methane");
    }
    return sum / 1000;
}

static void an_ingress_of_one_long_step_is_that_of_many_short_ones(void **state)
{
    (void)state;
    struct rig one = rig_of(&gas_chamber_model, 3, 0);
    struct rig many = rig_of(&gas_chamber_model, 3, 0);
    rig_set(&one, "gas_ingress", 0.05);
    rig_set(&many, "gas_ingress", 0.05);
    rig_run(&one, RIG_DAY_S, RIG_DAY_S);
    rig_run(&many, RIG_DAY_S, 60);
    const double lel = mean_lel(&many);
    assert_true(lel > 1);
    expect_near(mean_lel(&one), lel, 0.02);
}

static void an_ingress_comes_to_be_the_leak_of_its_magnitude(void **state)
{
    (void)state;
    struct rig ingress = rig_of(&gas_chamber_model, 3, 0);
    struct rig leak = ingress;
    rig_set(&ingress, "gas_ingress", 0.02);
    rig_set(&leak, "gas_leak", 0.02);
    rig_run(&ingress, 7 * RIG_DAY_S, 3600);
    rig_run(&leak, 7 * RIG_DAY_S, 3600);
    /* Half way it is half as much, and the chamber follows within a day. */
    expect_near(mean_lel(&ingress) / mean_lel(&leak), 0.5, 0.06);
    rig_run(&ingress, 14 * RIG_DAY_S, 3600);
    rig_run(&leak, 14 * RIG_DAY_S, 3600);
    expect_near(mean_lel(&ingress) / mean_lel(&leak), 1, 0.02);
}

static void an_open_lid_airs_the_chamber(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig shut = rig_of(&gas_chamber_model, seed, 0);
        rig_set(&shut, "gas_leak", 0.05);
        struct rig open = shut;
        rig_set(&open, "lid_open", 10);
        rig_run(&shut, 10 * RIG_DAY_S, 3600);
        rig_run(&open, 10 * RIG_DAY_S, 3600);
        /* 0.05/(0.05 + λV): λV is at most 10 m³/h with the lid on, at least 20 with it off. */
        assert_true(mean_lel(&shut) > 9.9);
        assert_true(mean_lel(&open) < 5.1);
    }
}

static void a_station_with_a_clogged_filter_starves_at_the_peak(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_of(&gas_station_model, seed, 0);
        rig_set(&r, "filter_clogged", 2);
        rig_run(&r, 31 * RIG_DAY_S, 600);
        for (int i = 0; i < 144; i++) {
            rig_run(&r, 600, 600);
            const double inlet = rig_read(&r, "inlet_pressure");
            /* At most √(0.8 line/2.005) of the mean flow: less than 8,000 m³/h, where sound peaks
             * are 2.5 times the mean. Noise: 4 kPa. */
            assert_true(rig_read(&r, "flow") < 8000 && inlet > 0.1);
            assert_true(rig_read(&r, "outlet_pressure") < inlet - 0.05 + 5 * 0.004);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_hole_in_a_medium_pressure_main_passes_gas_at_the_speed_of_sound),
    cmocka_unit_test(a_hole_in_a_low_pressure_pipe_passes_gas_as_water),
    cmocka_unit_test(what_passes_the_meter_is_what_is_drawn_and_what_leaks),
    cmocka_unit_test(a_pipe_that_cannot_feed_its_users_is_empty_at_its_end),
    cmocka_unit_test(the_pattern_of_gas_has_a_mean_of_one_and_peaks_at_meals),
    cmocka_unit_test(a_regulated_pipe_stays_within_its_class),
    cmocka_unit_test(a_storm_fills_chambers_and_the_ground_drains_them),
    cmocka_unit_test(an_ingress_of_one_long_step_is_that_of_many_short_ones),
    cmocka_unit_test(an_ingress_comes_to_be_the_leak_of_its_magnitude),
    cmocka_unit_test(an_open_lid_airs_the_chamber),
    cmocka_unit_test(a_station_with_a_clogged_filter_starves_at_the_peak),
};

UNIT_MAIN(tests)
