/* The models of what carries clean water, against values worked out from their equations. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/physics.h"

#define MPA_PER_M 0.00980665

/* m³/h that a hole passes at a pressure */
static double favad_m3_h(double mm2, double mpa)
{
    return physics_leak_m3_s(mm2 / 1e6, mpa / MPA_PER_M) * 3600;
}

static void demand_has_two_peaks_free_weekends_and_a_summer(void **state)
{
    (void)state;
    const int64_t hour = 3600000;
    const int64_t wednesday = RIG_MIDNIGHT_MS;
    assert_true(model_demand(wednesday + 7 * hour) > 1.4);
    assert_true(model_demand(wednesday + 19 * hour) > 1.4);
    assert_true(model_demand(wednesday + 3 * hour) < 0.55);
    /* Saturday against Friday: 1.075 / 0.97, and a day of autumn. */
    expect_near(model_demand(wednesday + 79 * hour) / model_demand(wednesday + 55 * hour),
                1.075 / 0.97, 0.003);
    double sum = 0;
    for (int i = 0; i < 1461 * 24; i++) {
        sum += model_demand(wednesday + i * hour);
    }
    expect_near(sum / (1461 * 24), 1, 0.02);
    /* 22 July 2026, also a Wednesday, against 21 January: 1.1 / 0.9 */
    expect_near(model_demand(wednesday + 266 * 24 * hour) /
                    model_demand(wednesday + 84 * 24 * hour),
                1.1 / 0.9, 0.01);
}

static void a_main_gives_what_is_drawn_and_what_leaks(void **state)
{
    (void)state;
    struct rig sound = rig_new("water_main", 5, 12);
    struct rig leaky = sound;
    rig_set(&leaky, "water_leak", 1000);
    assert_true(rig_shows(&leaky, "water_leak"));
    rig_run(&sound, 600, 60);
    rig_run(&leaky, 600, 60);
    /* The same noise in both: the pressure's differs by what the leak costs, the flow's by Ql. */
    const double mpa = rig_read(&leaky, "pressure");
    const double m3_h = rig_read(&leaky, "flow");
    assert_true(mpa < rig_read(&sound, "pressure"));
    expect_near(m3_h - rig_read(&sound, "flow"), favad_m3_h(1000, mpa), 2);
    rig_set(&leaky, "water_leak", 0);
    expect_near(rig_read(&leaky, "pressure"), rig_read(&sound, "pressure"), 1e-9);
}

static void a_small_leak_is_heard_at_night_before_it_is_seen(void **state)
{
    (void)state;
    struct rig quiet = rig_new("water_main", 5, 12);
    struct rig r = quiet;
    assert_true(isnan(rig_read(&r, "noise")));
    rig_set(&r, "water_leak", 8);
    /* From noon until the logger listens. */
    expect_near(rig_shows_after(&r, "water_leak", 600, RIG_DAY_S), 14 * 3600, 601);
    rig_run(&quiet, 14.5 * 3600, 600);
    assert_true(rig_read(&r, "noise") > rig_read(&quiet, "noise") + 3);
    /* One that is heard says nothing of another. */
    rig_set(&r, "water_leak_growing", 600);
    assert_false(rig_shows(&r, "water_leak_growing"));
    rig_run(&r, 2 * 3600, 600);
    assert_true(isnan(rig_read(&r, "noise")));
}

static void a_growing_leak_opens_over_four_weeks(void **state)
{
    (void)state;
    struct rig sound = rig_new("water_main", 9, 12);
    struct rig r = sound;
    rig_set(&r, "water_leak_growing", 4000);
    assert_false(rig_shows(&r, "water_leak_growing"));
    for (int week = 2; week <= 6; week += 2) {
        rig_run(&r, 14 * RIG_DAY_S, 3600);
        rig_run(&sound, 14 * RIG_DAY_S, 3600);
        const double mm2 = week == 2 ? 2000 : 4000;
        const double m3_h = rig_read(&r, "flow");
        const double base_m3_h = rig_read(&sound, "flow");
        expect_near(m3_h - base_m3_h, favad_m3_h(mm2, rig_read(&r, "pressure")), 0.03 * m3_h);
        rig_read(&sound, "pressure");
        assert_true(rig_shows(&r, "water_leak_growing"));
    }
}

static void a_burst_sends_a_wave_that_decays(void **state)
{
    (void)state;
    struct rig hole = rig_new("water_main", 3, 12);
    rig_run(&hole, 60, 60);
    struct rig burst = hole;
    const double before_mpa = rig_read(&burst, "pressure");
    rig_read(&hole, "pressure");
    rig_set(&hole, "water_leak", 600);
    rig_set(&burst, "water_burst", 600);
    assert_true(rig_shows(&burst, "water_burst"));
    assert_true(rig_read(&hole, "pressure") < before_mpa);
    rig_read(&burst, "pressure");
    /* After 5 s, 10 s and 15 s: what the wave takes off falls by the same factor each time. */
    double wave_mpa[3];
    for (int i = 0; i < 3; i++) {
        rig_run(&hole, 5, 5);
        rig_run(&burst, 5, 5);
        wave_mpa[i] = rig_read(&hole, "pressure") - rig_read(&burst, "pressure");
    }
    assert_true(wave_mpa[0] > 0.01);
    expect_near(wave_mpa[1] / wave_mpa[0], wave_mpa[2] / wave_mpa[1], 1e-6);
    const double tau_s = -5 / log(wave_mpa[1] / wave_mpa[0]);
    assert_true(tau_s >= 5 && tau_s <= 60);
    rig_run(&hole, 1800, 1800);
    rig_run(&burst, 1800, 1800);
    expect_near(rig_read(&burst, "pressure"), rig_read(&hole, "pressure"), 1e-9);
}

static void a_tanks_chlorine_decays_when_none_comes_in(void **state)
{
    (void)state;
    struct rig r = rig_new("secondary_supply", 4, 12);
    rig_run(&r, 3 * RIG_DAY_S, 300);
    const double sound_mg_l = rig_read(&r, "chlorine");
    assert_true(sound_mg_l > 0.15 && sound_mg_l < 0.6);
    rig_set(&r, "chlorine_loss", 95);
    assert_false(rig_shows(&r, "chlorine_loss"));
    const double after_s = rig_shows_after(&r, "chlorine_loss", 300, RIG_DAY_S);
    assert_true(after_s > 0 && after_s < 12 * 3600);
    rig_run(&r, 3 * RIG_DAY_S, 300);
    expect_near(rig_read(&r, "chlorine"), 0.05 * sound_mg_l, 0.05);
    rig_set(&r, "chlorine_loss", 0);
    rig_run(&r, 3 * RIG_DAY_S, 300);
    expect_near(rig_read(&r, "chlorine"), sound_mg_l, 0.08);
}

static void one_pump_holds_the_pressure_but_at_the_peaks(void **state)
{
    (void)state;
    struct rig r = rig_new("secondary_supply", 4, 2);
    rig_run(&r, 3600, 60);
    const double set_mpa = rig_read(&r, "pressure");
    rig_set(&r, "pump_failed", 2);
    assert_true(rig_shows(&r, "pump_failed"));
    expect_near(rig_read(&r, "pressure"), 0.1, 0.01);
    rig_set(&r, "pump_failed", 1);
    assert_false(rig_shows(&r, "pump_failed"));
    const double after_s = rig_shows_after(&r, "pump_failed", 60, RIG_DAY_S);
    assert_true(after_s > 1.5 * 3600 && after_s < 5 * 3600);
    assert_true(rig_read(&r, "pressure") < set_mpa);
    rig_set(&r, "pump_failed", 2);
    expect_near(rig_read(&r, "pressure"), 0.1, 0.01);
    /* Nothing leaves the tank: it is full, or stays as it is. */
    rig_run(&r, 3600, 60);
    const double level_m = rig_read(&r, "tank_level");
    rig_run(&r, RIG_DAY_S, 60);
    expect_near(rig_read(&r, "tank_level"), level_m, 0.03);
    rig_set(&r, "pump_failed", 0);
    rig_run(&r, 600, 60);
    expect_near(rig_read(&r, "pressure"), set_mpa, 0.01);
}

static void worn_pumps_lose_the_set_point_after_weeks(void **state)
{
    (void)state;
    struct rig r = rig_new("secondary_supply", 6, 12);
    rig_run(&r, 3600, 60);
    const double set_mpa = rig_read(&r, "pressure");
    rig_set(&r, "pump_wear", 60);
    const double after_s = rig_shows_after(&r, "pump_wear", 300, 60 * RIG_DAY_S);
    assert_true(after_s > 7 * RIG_DAY_S && after_s < 28 * RIG_DAY_S);
    rig_run(&r, 28 * RIG_DAY_S, 300);
    assert_true(rig_read(&r, "pressure") < 0.55 * set_mpa);
}

static void a_valve_that_does_not_close_fills_the_tank_to_its_rim(void **state)
{
    (void)state;
    struct rig r = rig_new("secondary_supply", 4, 2);
    rig_set(&r, "tank_overflow", 1);
    assert_false(rig_shows(&r, "tank_overflow"));
    const double after_s = rig_shows_after(&r, "tank_overflow", 60, RIG_DAY_S);
    assert_true(after_s > 0 && after_s < 8 * 3600);
    rig_run(&r, 8 * 3600, 300);
    expect_near(rig_read(&r, "tank_level"), 3, 0.02);
    rig_set(&r, "tank_overflow", 0);
    rig_run(&r, 12 * 3600, 300);
    assert_true(rig_read(&r, "tank_level") < 2.52);
}

static void an_open_hydrant_gives_water_and_costs_pressure(void **state)
{
    (void)state;
    struct rig r = rig_new("hydrant", 2, 3);
    rig_run(&r, 60, 60);
    const double rest_mpa = rig_read(&r, "pressure");
    rig_set(&r, "hydrant_opened", 5);
    assert_true(rig_shows(&r, "hydrant_opened"));
    assert_true(rig_read(&r, "cap_open") == 1);
    assert_true(rig_read(&r, "pressure") < rest_mpa - 0.003);
    const double l_s = rig_read(&r, "flow");
    assert_true(l_s > 0 && l_s < 5 * 1.1);
    rig_set(&r, "hydrant_opened", 0);
    assert_true(rig_read(&r, "cap_open") == 0);
    expect_near(rig_read(&r, "flow"), 0, 0);
}

static void no_hydrant_draws_more_than_its_main_has(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_new("hydrant", seed, 3);
        rig_set(&r, "hydrant_opened", 40);
        rig_run(&r, 60, 60);
        /* A tenth of 28 m at least is left. */
        assert_true(rig_read(&r, "pressure") > 0.1 * 28 * MPA_PER_M - 0.005);
        assert_true(rig_read(&r, "flow") > 0);
    }
}

static void a_hydrant_that_is_hit_leans_and_a_shut_valve_takes_its_pressure(void **state)
{
    (void)state;
    struct rig r = rig_new("hydrant", 2, 3);
    rig_run(&r, 60, 60);
    assert_true(rig_read(&r, "tilt") < 3);
    rig_set(&r, "hydrant_hit", 40);
    assert_true(rig_shows(&r, "hydrant_hit"));
    expect_near(rig_read(&r, "tilt"), 41, 2);
    const double rest_mpa = rig_read(&r, "pressure");
    rig_set(&r, "low_pressure", 0.2);
    assert_true(rig_shows(&r, "low_pressure"));
    expect_near(rig_read(&r, "pressure"), rest_mpa - 0.2, 0.01);
}

static void sound_assets_stay_within_their_alarm_limits(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        const char *channel;
        double min;
        double max;
    } limits[] = {
        {"water_main", "pressure", 0.14, 0.8},        {"secondary_supply", "turbidity", 0, 1},
        {"secondary_supply", "chlorine", 0.05, 2},    {"secondary_supply", "ph", 6.5, 8.5},
        {"secondary_supply", "tank_level", 0.3, 2.8}, {"secondary_supply", "pressure", 0.15, 1},
        {"hydrant", "pressure", 0.14, 2.5},           {"hydrant", "tilt", 0, 10},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            struct rig r = rig_new(limits[i].kind, seed, 0);
            for (int step = 0; step < 365 * 48; step++) {
                rig_run(&r, 1800, 1800);
                const double v = rig_read(&r, limits[i].channel);
                if (v < limits[i].min || v > limits[i].max) {
                    fail_msg("%s %u, %s: %g is not within %g and %g", limits[i].kind,
                             (unsigned)seed, limits[i].channel, v, limits[i].min, limits[i].max);
                }
            }
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(demand_has_two_peaks_free_weekends_and_a_summer),
    cmocka_unit_test(a_main_gives_what_is_drawn_and_what_leaks),
    cmocka_unit_test(a_small_leak_is_heard_at_night_before_it_is_seen),
    cmocka_unit_test(a_growing_leak_opens_over_four_weeks),
    cmocka_unit_test(a_burst_sends_a_wave_that_decays),
    cmocka_unit_test(a_tanks_chlorine_decays_when_none_comes_in),
    cmocka_unit_test(one_pump_holds_the_pressure_but_at_the_peaks),
    cmocka_unit_test(worn_pumps_lose_the_set_point_after_weeks),
    cmocka_unit_test(a_valve_that_does_not_close_fills_the_tank_to_its_rim),
    cmocka_unit_test(an_open_hydrant_gives_water_and_costs_pressure),
    cmocka_unit_test(no_hydrant_draws_more_than_its_main_has),
    cmocka_unit_test(a_hydrant_that_is_hit_leans_and_a_shut_valve_takes_its_pressure),
    cmocka_unit_test(sound_assets_stay_within_their_alarm_limits),
};

UNIT_MAIN(tests)
