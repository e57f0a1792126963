/* The models of what carries sewage and rain, against values worked out from their equations. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/catchment.h"

#define HOUR_MS 3600000LL

/* 60 mm within three hours, from one hour after the start on. */
static const struct weather_storm storm = {HOUR_MS, 3 * HOUR_MS, 60};

static struct rig in_storm(const struct rig *dry)
{
    struct rig r = *dry;
    r.weather.storms = &storm;
    r.weather.storm_count = 1;
    return r;
}

static void what_falls_on_a_catchment_flows_out_of_it(void **state)
{
    (void)state;
    const struct weather w = {.storms = &storm, .storm_count = 1};
    struct rng rng = rng_seeded(1);
    struct catchment c = catchment_draw(500, &rng);
    double out_m3 = 0;
    for (int i = 0; i < 2000; i++) {
        out_m3 += catchment_step(&c, &w, i * 180000LL, 180) / 20;
    }
    expect_near(out_m3 + c.store_m3, 0.06 * c.runoff_m2, 1e-9 * out_m3);
    assert_true(c.store_m3 < 1e-6 * out_m3);
}

static void rain_raises_a_sewer_and_it_falls_again(void **state)
{
    (void)state;
    struct rig dry = rig_new("sewer", 3, 2);
    struct rig wet = in_storm(&dry);
    double most = 0;
    for (int i = 0; i < 48; i++) {
        rig_run(&dry, 300, 300);
        rig_run(&wet, 300, 300);
        most = fmax(most, rig_read(&wet, "level") - rig_read(&dry, "level"));
    }
    assert_true(most > 0.1);
    rig_run(&dry, 2 * RIG_DAY_S, 300);
    rig_run(&wet, 2 * RIG_DAY_S, 300);
    expect_near(rig_read(&wet, "level"), rig_read(&dry, "level"), 1e-3);
    assert_false(rig_shows(&wet, "blockage"));
}

static void a_blocked_sewer_backs_up_and_turns_septic(void **state)
{
    (void)state;
    struct rig sound = rig_new("sewer", 3, 2);
    rig_run(&sound, RIG_DAY_S, 300);
    struct rig r = sound;
    rig_set(&r, "blockage", 95);
    assert_false(rig_shows(&r, "blockage"));
    const double after_s = rig_shows_after(&r, "blockage", 60, RIG_DAY_S);
    assert_true(after_s > 0 && after_s < 2 * 3600);
    rig_run(&sound, 6 * 3600 + after_s, 300);
    rig_run(&r, 6 * 3600, 300);
    assert_true(rig_read(&r, "fill") > 100);
    assert_true(rig_read(&r, "h2s") > 1.3 * rig_read(&sound, "h2s"));
    rig_set(&r, "blockage", 100);
    rig_run(&r, 300, 300);
    expect_near(rig_read(&r, "flow"), 0, 1e-9);
    rig_set(&r, "blockage", 0);
    rig_run(&r, 2 * RIG_DAY_S, 300);
    assert_false(rig_shows(&r, "blockage"));
    assert_true(rig_read(&r, "fill") < 80);
}

static void a_shut_sewer_rises_by_its_flow_over_its_area(void **state)
{
    (void)state;
    struct rig r = rig_new("sewer", 3, 2);
    rig_run(&r, RIG_DAY_S + 600, 300);
    const double diameter_m = rig_read(&r, "level") / (rig_read(&r, "fill") / 100);
    const double flow_m3_h = rig_read(&r, "flow");
    rig_set(&r, "blockage", 100);
    /* 150 m of pipe, D wide, to 0.03 m over the level of the sound one. */
    expect_near(rig_shows_after(&r, "blockage", 1, 3600),
                0.03 * 150 * diameter_m / flow_m3_h * 3600,
                0.15 * 0.03 * 150 * diameter_m / flow_m3_h * 3600);
}

static void a_foreign_inflow_lifts_a_sewer_to_its_rim(void **state)
{
    (void)state;
    struct rig r = rig_new("sewer", 3, 2);
    rig_run(&r, 3600, 300);
    rig_set(&r, "overflow", 400);
    assert_false(rig_shows(&r, "overflow"));
    rig_run(&r, 60, 60);
    assert_true(rig_shows(&r, "overflow"));
    rig_run(&r, 6 * 3600, 300);
    /* Held by the rim: 2.5 to 4 m over the invert. */
    const double rim_m = rig_read(&r, "level");
    assert_true(rim_m > 2.4 && rim_m < 4.1);
    rig_run(&r, 3600, 300);
    expect_near(rig_read(&r, "level"), rim_m, 0.05);
}

static void rain_rises_towards_a_manholes_rim(void **state)
{
    (void)state;
    struct rig dry = rig_new("manhole", 3, 2);
    struct rig wet = in_storm(&dry);
    const double rim_m = rig_read(&dry, "level") + rig_read(&dry, "below_rim");
    double most = 0;
    rig_read(&wet, "level");
    for (int i = 0; i < 48; i++) {
        rig_run(&dry, 300, 300);
        rig_run(&wet, 300, 300);
        most = fmax(most, rig_read(&dry, "below_rim") - rig_read(&wet, "below_rim"));
    }
    assert_true(most > 0.05);
    expect_near(rig_read(&wet, "level") + rig_read(&wet, "below_rim"), rim_m, 0.03);
}

static void covers_tilt_open_and_vanish(void **state)
{
    (void)state;
    struct rig r = rig_new("manhole", 3, 2);
    rig_run(&r, 600, 60);
    assert_true(rig_read(&r, "tilt") < 3 && rig_read(&r, "cover_open") == 0);
    rig_set(&r, "cover_tilted", 35);
    assert_true(rig_shows(&r, "cover_tilted"));
    expect_near(rig_read(&r, "tilt"), 36, 2);
    assert_true(rig_read(&r, "cover_open") == 0);
    rig_set(&r, "cover_tilted", 0);
    rig_set(&r, "cover_opened", 100);
    assert_true(rig_shows(&r, "cover_opened") && rig_read(&r, "cover_open") == 1);
    expect_near(rig_read(&r, "tilt"), 101, 2);
    rig_set(&r, "cover_opened", 0);
    rig_set(&r, "cover_stolen", 1);
    assert_true(rig_shows(&r, "cover_stolen") && rig_read(&r, "cover_open") == 1);
    double least = 180;
    double most = 0;
    for (int i = 0; i < 60; i++) {
        rig_run(&r, 60, 60);
        least = fmin(least, rig_read(&r, "tilt"));
        most = fmax(most, rig_read(&r, "tilt"));
    }
    assert_true(most > 90 && most - least > 20);
}

static void gas_gathers_in_a_manhole_until_its_cover_is_off(void **state)
{
    (void)state;
    struct rig r = rig_new("manhole", 3, 2);
    rig_run(&r, RIG_DAY_S, 300);
    assert_true(rig_read(&r, "methane") < 2);
    rig_set(&r, "gas_ingress", 0.1);
    assert_false(rig_shows(&r, "gas_ingress"));
    const double after_s = rig_shows_after(&r, "gas_ingress", 60, RIG_DAY_S);
    assert_true(after_s > 0 && after_s < 1800);
    rig_run(&r, 2 * RIG_DAY_S, 300);
    /* q / (q + λV), V 2-6 m³, λ 0.2-1 /h: 1.6 to 20 % by volume, 33 to 100 %LEL; O2 goes along. */
    const double methane = rig_read(&r, "methane");
    assert_true(methane > 32);
    if (methane < 100) {
        expect_near(rig_read(&r, "oxygen"), 20.9 * (1 - methane / 2000), 0.2);
    }
    rig_set(&r, "cover_opened", 100);
    rig_run(&r, 3600, 300);
    /* 0.1 / (0.1 + 10 · 2) at most */
    assert_true(rig_read(&r, "methane") < 11);
}

static void rain_keeps_a_pump_running(void **state)
{
    (void)state;
    struct rig dry = rig_new("pump_station", 3, 2);
    struct rig wet = in_storm(&dry);
    int runs_dry = 0;
    int runs_wet = 0;
    for (int i = 0; i < 12 * 60; i++) {
        rig_run(&dry, 60, 60);
        rig_run(&wet, 60, 60);
        runs_dry += rig_read(&dry, "running") != 0;
        runs_wet += rig_read(&wet, "running") != 0;
    }
    assert_true(runs_wet > runs_dry + 60);
}

static void a_failed_pump_lets_the_well_rise_and_no_power_is_seen_at_once(void **state)
{
    (void)state;
    struct rig r = rig_new("pump_station", 3, 12);
    rig_run(&r, 3600, 60);
    struct rig dark = r;
    rig_set(&r, "pump_failed", 1);
    assert_false(rig_shows(&r, "pump_failed"));
    const double after_s = rig_shows_after(&r, "pump_failed", 10, RIG_DAY_S);
    assert_true(after_s > 0 && after_s < 2 * 3600);
    assert_true(rig_read(&r, "level") > 2);
    assert_true(rig_read(&r, "running") == 0 && rig_read(&r, "power") > 0.4);
    rig_run(&r, RIG_DAY_S, 60);
    expect_near(rig_read(&r, "level"), 6, 0.02);
    rig_set(&dark, "power_loss", 1);
    assert_true(rig_shows(&dark, "power_loss"));
    assert_true(rig_read(&dark, "running") == 0);
    expect_near(rig_read(&dark, "power"), 0, 0);
}

/* The mean and the deviation of a channel over readings while the pump runs. */
static double running_mean(struct rig *r, const char *channel, double *deviation)
{
    double sum = 0;
    double squares = 0;
    int n = 0;
    while (n < 200) {
        rig_run(r, 20, 20);
        if (rig_read(r, "running") != 0) {
            const double v = rig_read(r, channel);
            sum += v;
            squares += v * v;
            n++;
        }
    }
    *deviation = sqrt(squares / n - sum / n * (sum / n));
    return sum / n;
}

static void a_bearing_goes_by_e_to_the_time(void **state)
{
    (void)state;
    struct rig r = rig_new("pump_station", 3, 12);
    double deviation = 0;
    const double v0 = running_mean(&r, "vibration", &deviation);
    assert_true(v0 > 0.9 && v0 < 2.1);
    rig_set(&r, "pump_wear", 6);
    assert_false(rig_shows(&r, "pump_wear"));
    const double after_s = rig_shows_after(&r, "pump_wear", 60, 28 * RIG_DAY_S);
    assert_true(after_s > 0.5 * RIG_DAY_S && after_s < 7 * RIG_DAY_S);
    rig_run(&r, 14 * RIG_DAY_S - after_s, 60);
    /* Half way: √(v0 (v0 + 6)), the geometric mean. */
    expect_near(running_mean(&r, "vibration", &deviation), sqrt(v0 * (v0 + 6)), 0.15);
    rig_run(&r, 21 * RIG_DAY_S, 60);
    expect_near(running_mean(&r, "vibration", &deviation), v0 + 6, 0.1);
}

static void cavitation_makes_the_vibration_vary(void **state)
{
    (void)state;
    struct rig r = rig_new("pump_station", 3, 12);
    double before = 0;
    double during = 0;
    double unused = 0;
    const double flow = running_mean(&r, "flow", &unused);
    running_mean(&r, "vibration", &before);
    rig_set(&r, "cavitation", 5);
    running_mean(&r, "vibration", &during);
    expect_near(before, 0.05, 0.02);
    assert_true(during > 1);
    expect_near(running_mean(&r, "flow", &unused) / flow, 0.95, 0.005);
    rig_run(&r, rig_shows_after(&r, "cavitation", 10, RIG_DAY_S), 10);
    assert_true(rig_read(&r, "running") != 0);
}

static void a_pump_that_does_not_stop_runs_dry_and_hot(void **state)
{
    (void)state;
    struct rig r = rig_new("pump_station", 3, 12);
    double unused = 0;
    const double flow = running_mean(&r, "flow", &unused);
    const double current = running_mean(&r, "current", &unused);
    rig_set(&r, "dry_run", 1);
    assert_false(rig_shows(&r, "dry_run"));
    assert_true(rig_shows_after(&r, "dry_run", 10, 3600) > 0);
    rig_run(&r, 2 * 3600, 60);
    expect_near(rig_read(&r, "level"), 0, 0.02);
    assert_true(rig_read(&r, "temperature") > 80);
    assert_true(rig_read(&r, "running") == 1);
    expect_near(running_mean(&r, "current", &unused) / current, 0.4, 0.01);
    assert_true(running_mean(&r, "flow", &unused) < 0.95 * flow);
    rig_set(&r, "dry_run", 0);
    rig_run(&r, 2 * 3600, 60);
    assert_true(rig_read(&r, "temperature") < 60);
}

static void sound_assets_stay_within_their_alarm_limits_in_dry_weather(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        const char *channel;
        double min;
        double max;
    } limits[] = {
        {"sewer", "fill", 0, 80},
        {"sewer", "h2s", 0, 10},
        {"manhole", "tilt", 0, 10},
        {"manhole", "below_rim", 0.5, 20},
        {"manhole", "methane", 0, 20},
        {"manhole", "oxygen", 19.5, 23.5},
        {"pump_station", "level", 0, 3},
        {"pump_station", "vibration", 0, 4},
        {"pump_station", "temperature", 0, 80},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            struct rig r = rig_new(limits[i].kind, seed, 0);
            for (int step = 0; step < 365 * 24; step++) {
                rig_run(&r, 3600, 1800);
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
    cmocka_unit_test(what_falls_on_a_catchment_flows_out_of_it),
    cmocka_unit_test(rain_raises_a_sewer_and_it_falls_again),
    cmocka_unit_test(a_blocked_sewer_backs_up_and_turns_septic),
    cmocka_unit_test(a_shut_sewer_rises_by_its_flow_over_its_area),
    cmocka_unit_test(a_foreign_inflow_lifts_a_sewer_to_its_rim),
    cmocka_unit_test(rain_rises_towards_a_manholes_rim),
    cmocka_unit_test(covers_tilt_open_and_vanish),
    cmocka_unit_test(gas_gathers_in_a_manhole_until_its_cover_is_off),
    cmocka_unit_test(rain_keeps_a_pump_running),
    cmocka_unit_test(a_failed_pump_lets_the_well_rise_and_no_power_is_seen_at_once),
    cmocka_unit_test(a_bearing_goes_by_e_to_the_time),
    cmocka_unit_test(cavitation_makes_the_vibration_vary),
    cmocka_unit_test(a_pump_that_does_not_stop_runs_dry_and_hot),
    cmocka_unit_test(sound_assets_stay_within_their_alarm_limits_in_dry_weather),
};

UNIT_MAIN(tests)
