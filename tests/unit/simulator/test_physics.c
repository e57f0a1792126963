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

static struct physics_tank a_well(void)
{
    return (struct physics_tank){
        .area_m2 = 10, .switched_m3_h = -100, .on_m = 2, .off_m = 0.8, .top_m = 6, .level_m = 1};
}

static struct physics_tank a_supply_tank(void)
{
    return (struct physics_tank){
        .area_m2 = 20, .switched_m3_h = 90, .on_m = 1.5, .off_m = 2.5, .top_m = 3, .level_m = 2};
}

static void a_well_fills_by_inflow_over_area(void **state)
{
    (void)state;
    struct physics_tank w = a_well();
    /* 36 m³/h on 10 m²: 1 mm a second */
    expect_near(physics_tank_step(&w, 36, 500), 0, 0);
    expect_near(w.level_m, 1.5, 1e-12);
    assert_false(w.wanted);
}

static void a_well_pumps_between_its_two_levels(void **state)
{
    (void)state;
    struct physics_tank w = a_well();
    /* 1000 s to 2 m; then 36 - 100 = -64 m³/h: 12 m³ take 675 s to 0.8 m. */
    physics_tank_step(&w, 36, 1000 + 600);
    assert_true(w.wanted);
    expect_near(w.level_m, 2 - 64.0 / 3600 / 10 * 600, 1e-9);
    physics_tank_step(&w, 36, 80);
    assert_false(w.wanted);
    expect_near(w.level_m, 0.8 + 0.001 * 5, 1e-9);
}

static void a_supply_tank_is_filled_between_its_two_levels(void **state)
{
    (void)state;
    struct physics_tank t = a_supply_tank();
    /* 36 m³/h leave 20 m²: 0.5 mm a second, 1000 s to 1.5 m; 54 m³/h more fill 0.75 mm a second. */
    expect_near(physics_tank_step(&t, -36, 1400), 90.0 / 3600 * 400, 1e-9);
    expect_near(t.level_m, 1.5 + 0.3, 1e-9);
    physics_tank_step(&t, -36, 700 / 0.75 + 100);
    assert_false(t.wanted);
    expect_near(t.level_m, 2.5 - 0.05, 1e-9);
}

static void no_volume_is_lost_over_many_switchings(void **state)
{
    (void)state;
    struct physics_tank tanks[] = {a_well(), a_supply_tank()};
    for (size_t k = 0; k < 2; k++) {
        struct physics_tank *t = &tanks[k];
        const double before = t->level_m;
        double in = 0;
        double switched = 0;
        for (int i = 0; i < 1000; i++) {
            const double inflow = (k == 0 ? 1 : -1) * (20 + i % 60);
            switched += physics_tank_step(t, inflow, 977);
            in += inflow * 977 / 3600;
        }
        assert_true(fabs(switched) > 1000);
        expect_near(in + switched, (t->level_m - before) * t->area_m2, 1e-9 * fabs(in));
        expect_near(t->spilled_m3 + t->missed_m3, 0, 0);
    }
}

static void a_long_step_of_a_tank_is_many_short_ones(void **state)
{
    (void)state;
    struct physics_tank a = a_well();
    struct physics_tank b = a_well();
    double pumped = 0;
    for (int i = 0; i < 86400; i++) {
        pumped += physics_tank_step(&a, 36, 1);
    }
    expect_near(physics_tank_step(&b, 36, 86400), pumped, 1e-6);
    expect_near(a.level_m, b.level_m, 1e-6);
}

static void a_well_whose_pump_failed_rises_until_it_spills(void **state)
{
    (void)state;
    struct physics_tank w = a_well();
    w.state = PHYSICS_STUCK_OFF;
    expect_near(physics_tank_step(&w, 36, 3000), 0, 0);
    expect_near(w.level_m, 4, 1e-9);
    /* 2000 s more to the top; of 30000 s, 28000 s spill 0.01 m³/s. */
    physics_tank_step(&w, 36, 30000);
    expect_near(w.level_m, 6, 0);
    expect_near(w.spilled_m3, 280, 1e-9);
}

static void a_pump_that_does_not_stop_empties_the_well(void **state)
{
    (void)state;
    struct physics_tank w = a_well();
    w.state = PHYSICS_STUCK_ON;
    /* 64 m³/h leave 10 m³: 562.5 s; then it asks for 64 m³/h that are not there. */
    physics_tank_step(&w, 36, 562.5);
    expect_near(w.level_m, 0, 1e-9);
    physics_tank_step(&w, 36, 3600);
    expect_near(w.missed_m3, 64, 1e-9);
}

static void a_reservoir_gives_what_it_gets(void **state)
{
    (void)state;
    double store = 0;
    double out = 0;
    /* After k at a constant inflow it gives 1 - 1/e of it. */
    physics_reservoir(&store, 100, 0.5, 1800);
    expect_near(store / 0.5, 100 * (1 - exp(-1)), 1e-9);
    store = 0;
    for (int i = 0; i < 200; i++) {
        out += physics_reservoir(&store, i < 20 ? 60 : 0, 0.5, 600) / 6;
    }
    expect_near(out + store, 200, 1e-9);
    assert_true(store < 1e-9);
}

static struct physics_reach a_reach(void)
{
    return (struct physics_reach){
        .area_m2 = 200, .diameter_m = 0.6, .full_m3_h = 800, .rim_m = 3, .level_m = 0.1};
}

static void a_reach_settles_where_its_outflow_is_its_inflow(void **state)
{
    (void)state;
    struct physics_reach r = a_reach();
    /* 200 = 800 (h/D)²: half full. */
    expect_near(physics_reach_step(&r, 200, 1, 7 * 86400) * 168, 200 * 168 - 40, 1e-6);
    expect_near(r.level_m, 0.3, 1e-9);
    /* 1000 = 800 √(h/D): h = 0.6 · 1.5625 */
    physics_reach_step(&r, 1000, 1, 7 * 86400);
    expect_near(r.level_m, 0.9375, 1e-9);
    /* Nine tenths blocked: 200 = 80 √(h/D) lies over the rim. */
    physics_reach_step(&r, 200, 0.1, 7 * 86400);
    expect_near(r.level_m, 3, 0);
    assert_true(r.spilled_m3 > 0);
}

static void a_reach_balances_its_volumes(void **state)
{
    (void)state;
    struct physics_reach r = a_reach();
    const double before = r.level_m;
    double in = 0;
    double out = 0;
    for (int i = 0; i < 2000; i++) {
        const double inflow = 50 + i % 97 * 10;
        in += inflow * 977 / 3600;
        out += physics_reach_step(&r, inflow, i % 400 < 100 ? 0 : 1, 977) * 977 / 3600;
    }
    assert_true(r.spilled_m3 > 0);
    expect_near(in - out - r.spilled_m3, (r.level_m - before) * r.area_m2, 1e-9 * in);
}

static void a_fully_blocked_reach_fills_by_inflow_over_area(void **state)
{
    (void)state;
    struct physics_reach r = a_reach();
    expect_near(physics_reach_step(&r, 72, 0, 3600), 0, 1e-9);
    expect_near(r.level_m, 0.46, 1e-12);
    physics_reach_step(&r, 72, 0, 3600);
    expect_near(r.level_m, 0.82, 1e-12);
}

static void a_surge_is_density_by_wave_by_velocity(void **state)
{
    (void)state;
    expect_near(physics_surge_mpa(1200, 0.1), 0.12, 1e-12);
}

static void what_is_stirred_settles_at_source_over_renewal(void **state)
{
    (void)state;
    /* s 12 /h, r 4 /h: 3; after 15 min e^-1 of the way is left. */
    expect_near(physics_mixed(0, 12, 4, 1e9), 3, 1e-12);
    expect_near(physics_mixed(5, 12, 4, 900), 3 + 2 * 0.36787944117144233, 1e-12);
    expect_near(physics_mixed(5, 12, 0, 900), 8, 1e-12);
    expect_near(physics_mixed(physics_mixed(5, 12, 4, 500), 12, 4, 400),
                physics_mixed(5, 12, 4, 900), 1e-12);
}

static void what_is_stirred_keeps_its_balance(void **state)
{
    (void)state;
    /* Over 2 h: what came, less what left (r ∫x dt, by Simpson's rule), is what there is more. */
    const int parts = 2000;
    const double dt_s = 7200.0 / parts;
    double integral = 0;
    for (int i = 0; i <= parts; i++) {
        const double weight = i == 0 || i == parts ? 1 : i % 2 == 1 ? 4 : 2;
        integral += weight * physics_mixed(5, 12, 4, i * dt_s) * dt_s / 3600 / 3;
    }
    expect_near(12 * 2.0 - 4 * integral, physics_mixed(5, 12, 4, 7200) - 5, 1e-9);
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
    cmocka_unit_test(a_supply_tank_is_filled_between_its_two_levels),
    cmocka_unit_test(no_volume_is_lost_over_many_switchings),
    cmocka_unit_test(a_long_step_of_a_tank_is_many_short_ones),
    cmocka_unit_test(a_well_whose_pump_failed_rises_until_it_spills),
    cmocka_unit_test(a_pump_that_does_not_stop_empties_the_well),
    cmocka_unit_test(a_reservoir_gives_what_it_gets),
    cmocka_unit_test(a_reach_settles_where_its_outflow_is_its_inflow),
    cmocka_unit_test(a_reach_balances_its_volumes),
    cmocka_unit_test(a_fully_blocked_reach_fills_by_inflow_over_area),
    cmocka_unit_test(a_surge_is_density_by_wave_by_velocity),
    cmocka_unit_test(what_is_stirred_settles_at_source_over_renewal),
    cmocka_unit_test(what_is_stirred_keeps_its_balance),
};

UNIT_MAIN(tests)
