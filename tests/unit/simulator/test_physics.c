/* Against values worked out by hand from the equations in physics.h. */
#include "tests/unit/simulator/near.h"

#include "simulator/model/physics.h"

static void a_chamber_settles_at_q_over_q_plus_lambda_v(void **state)
{
    (void)state;
    /* q 0.1 m³/h, λV 0.5 · 4 = 2 m³/h: C = 0.1 / 2.1 */
    expect_near(physics_chamber(0, 0.1, 4, 0.5, 1e9), 0.1 / 2.1, 1e-12);
    expect_near(physics_chamber(0.9, 0.1, 4, 0.5, 1e9), 0.1 / 2.1, 1e-12);
}

static void an_aired_chamber_loses_1_e_th_in_one_over_lambda(void **state)
{
    (void)state;
    /* λ 0.5 /h: after two hours e^-1 is left. */
    expect_near(physics_chamber(0.04, 0, 4, 0.5, 2 * 3600), 0.04 * 0.36787944117144233, 1e-12);
}

static void a_closed_chamber_fills_as_gas_displaces_the_mixture(void **state)
{
    (void)state;
    /* λ 0, q 20 m³/h into 10 m³: C = 1 - e^(-2 t); after 18.0 s 0.00995, 20 %LEL. */
    expect_near(physics_chamber(0, 20, 10, 0, 18), 1 - exp(-0.01), 1e-12);
}

static void two_steps_of_a_chamber_are_one_long_step(void **state)
{
    (void)state;
    const double half = physics_chamber(0.01, 0.3, 5, 0.8, 700);
    expect_near(physics_chamber(half, 0.3, 5, 0.8, 700), physics_chamber(0.01, 0.3, 5, 0.8, 1400),
                1e-15);
}

static void a_leak_follows_favad(void **state)
{
    (void)state;
    /* 100 mm² at 25 m: 0.6 √(2 · 9.80665) · 1e-4 · 1.25 · 5 = 0.00166075 m³/s */
    expect_near(physics_leak_m3_s(1e-4, 25), 0.6 * 4.428690551393267 * 1e-4 * 1.25 * 5, 1e-12);
    expect_near(physics_leak_m3_s(1e-4, 0), 0, 0);
}

static void the_head_of_a_main_is_the_sources_less_the_loss(void **state)
{
    (void)state;
    /* R 1000, Q 0.05: loss 1000 · 0.05^1.852 = 3.8955 m */
    expect_near(physics_main_head_m(40, 1000, 0.05, 0), 40 - 1000 * pow(0.05, 1.852), 1e-9);
    expect_near(physics_main_head_m(40, 1000, 0.05, 0), 40 - 3.8955, 1e-3);
}

static void the_head_found_with_a_leak_satisfies_the_equation(void **state)
{
    (void)state;
    const double h = physics_main_head_m(40, 1000, 0.02, 5e-4);
    const double q = 0.02 + physics_leak_m3_s(5e-4, h);
    expect_near(40 - 1000 * pow(q, 1.852), h, 1e-9);
    assert_true(h < physics_main_head_m(40, 1000, 0.02, 0));
}

static void trips_take_the_time_of_their_trapezoid(void **state)
{
    (void)state;
    /* 30 m at 2 m/s and 0.8 m/s²: 15 s and 2.5 s for the ramps; 3 m never reach 2 m/s. */
    expect_near(physics_trip_s(30, 2, 0.8), 17.5, 1e-12);
    expect_near(physics_trip_s(3, 2, 0.8), 2 * sqrt(3 / 0.8), 1e-12);
    /* Where the two meet, d = v²/a, they agree. */
    expect_near(physics_trip_s(5, 2, 0.8), 5.0, 1e-12);
}

static struct physics_well a_well(void)
{
    return (struct physics_well){
        .area_m2 = 10, .pump_m3_h = 100, .start_m = 2, .stop_m = 0.8, .spill_m = 6, .level_m = 1};
}

static void a_well_fills_by_inflow_over_area(void **state)
{
    (void)state;
    struct physics_well w = a_well();
    /* 36 m³/h on 10 m²: 1 mm a second */
    expect_near(physics_well_step(&w, 36, 500), 0, 0);
    expect_near(w.level_m, 1.5, 1e-12);
    assert_false(w.wanted);
}

static void a_well_pumps_between_its_two_levels(void **state)
{
    (void)state;
    struct physics_well w = a_well();
    /* 1000 s to 2 m; then 36 - 100 = -64 m³/h: 12 m³ take 675 s to 0.8 m. */
    physics_well_step(&w, 36, 1000 + 600);
    assert_true(w.wanted);
    expect_near(w.level_m, 2 - 64.0 / 3600 / 10 * 600, 1e-9);
    physics_well_step(&w, 36, 80);
    assert_false(w.wanted);
    expect_near(w.level_m, 0.8 + 0.001 * 5, 1e-9);
}

static void a_well_loses_no_volume_over_many_switchings(void **state)
{
    (void)state;
    struct physics_well w = a_well();
    const double before = w.level_m;
    double in = 0;
    double out = 0;
    for (int i = 0; i < 1000; i++) {
        const double inflow = 20 + i % 60;
        out += physics_well_step(&w, inflow, 977);
        in += inflow * 977 / 3600;
    }
    assert_true(out > 1000);
    expect_near(in - out, (w.level_m - before) * w.area_m2, 1e-6);
}

static void a_well_whose_pump_failed_rises_until_it_spills(void **state)
{
    (void)state;
    struct physics_well w = a_well();
    w.failed = true;
    expect_near(physics_well_step(&w, 36, 3000), 0, 0);
    expect_near(w.level_m, 4, 1e-9);
    physics_well_step(&w, 36, 30000);
    expect_near(w.level_m, 6, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_chamber_settles_at_q_over_q_plus_lambda_v),
    cmocka_unit_test(an_aired_chamber_loses_1_e_th_in_one_over_lambda),
    cmocka_unit_test(a_closed_chamber_fills_as_gas_displaces_the_mixture),
    cmocka_unit_test(two_steps_of_a_chamber_are_one_long_step),
    cmocka_unit_test(a_leak_follows_favad),
    cmocka_unit_test(the_head_of_a_main_is_the_sources_less_the_loss),
    cmocka_unit_test(the_head_found_with_a_leak_satisfies_the_equation),
    cmocka_unit_test(trips_take_the_time_of_their_trapezoid),
    cmocka_unit_test(a_well_fills_by_inflow_over_area),
    cmocka_unit_test(a_well_pumps_between_its_two_levels),
    cmocka_unit_test(a_well_loses_no_volume_over_many_switchings),
    cmocka_unit_test(a_well_whose_pump_failed_rises_until_it_spills),
};

UNIT_MAIN(tests)
