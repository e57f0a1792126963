/* Bridges, tunnels, heat supply and transfer stations, against values worked out by hand. */
#include "tests/unit/simulator/rig.h"

#include "simulator/model/heat.h"
#include "simulator/model/physics.h"

/* 360 kW/K of water, radiators that leave half of its lead, buildings that lose 400 kW/K. */
static struct heat_net a_net(void)
{
    return (struct heat_net){.flow_kw_k = 360,
                             .share = 1,
                             .emitter_kw_k = 360 * log(2),
                             .loss_kw_k = 400,
                             .store_kwh_k = 20000,
                             .units = log(5),
                             .primary_c = 110};
}

static void the_return_lies_between_the_supply_and_the_room(void **state)
{
    (void)state;
    const struct heat_net h = a_net();
    expect_near(heat_return_c(&h, 80, 20), 50, 1e-9);
    expect_near(heat_power_kw(&h, 80, 20), 360 * 30, 1e-6);
}

static void the_curve_holds_the_buildings_where_they_are_wanted(void **state)
{
    (void)state;
    const struct heat_net h = a_net();
    /* 400 · 25 kW are lost at -5 °C; 180 kW for each degree over the room: 20 + 55.56 */
    const double supply = heat_curve_c(&h, 20, -5);
    expect_near(supply, 20 + 400 * 25 / 180.0, 1e-9);
    expect_near(heat_power_kw(&h, supply, 20), 400 * 25, 1e-6);
    expect_near(heat_inside_c(&h, supply, 20, -5, 30 * 86400.0), 20, 1e-9);
    expect_near(heat_inside_c(&h, supply, 12, -5, 365 * 86400.0), 20, 1e-9);
}

static void buildings_cool_to_the_weather_by_their_time_constant(void **state)
{
    (void)state;
    struct heat_net h = a_net();
    h.share = 1e-9;
    /* C/U = 50 h: from 20 to -5 °C, e^-1 of 25 is left. */
    expect_near(heat_inside_c(&h, 80, 20, -5, 50 * 3600.0), -5 + 25 * exp(-1), 1e-4);
}

static void what_the_water_leaves_is_stored_or_lost(void **state)
{
    (void)state;
    const struct heat_net h = a_net();
    const int parts = 2000;
    const double dt_s = 40 * 3600.0 / parts;
    double given_kwh = 0;
    double lost_kwh = 0;
    for (int i = 0; i <= parts; i++) {
        const double weight = i == 0 || i == parts ? 1 : i % 2 == 1 ? 4 : 2;
        const double inside = heat_inside_c(&h, 70, 15, -5, i * dt_s);
        given_kwh += weight * heat_power_kw(&h, 70, inside) * dt_s / 3600 / 3;
        lost_kwh += weight * h.loss_kw_k * (inside + 5) * dt_s / 3600 / 3;
    }
    const double stored_kwh = h.store_kwh_k * (heat_inside_c(&h, 70, 15, -5, 40 * 3600.0) - 15);
    expect_near((given_kwh - lost_kwh - stored_kwh) / given_kwh, 0, 1e-9);
}

static void an_exchanger_closes_its_share_of_the_gap(void **state)
{
    (void)state;
    struct heat_net h = a_net();
    /* ε = 0.8, x = 0.5: (0.2 · 0.5 · 20 + 0.8 · 110)/(1 - 0.1) = 100; back at 60: 60 + 0.8 · 50 */
    expect_near(heat_most_c(&h, 20), 100, 1e-9);
    expect_near(heat_return_c(&h, 100, 20) + 0.8 * (110 - heat_return_c(&h, 100, 20)), 100, 1e-9);
    h.units = 0;
    expect_near(heat_most_c(&h, 20), 20, 1e-9);
}

static void a_stations_readings_balance(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_of(&heat_supply_model, seed, 0);
        r.weather.latitude = 36.5;
        for (int i = 0; i < 24 * 60; i++) {
            rig_run(&r, 3600, 3600);
            const double given =
                rig_read(&r, "supply_temperature") - rig_read(&r, "return_temperature");
            const double kw = rig_read(&r, "flow") * 4186 / 3600 * given;
            /* 1 % of power, 0.5 % of flow, and 0.14 °C of the difference */
            expect_near(rig_read(&r, "power"), kw, kw * 0.06 + kw / given * 0.8);
        }
    }
}

static void a_pump_that_stands_still_lifts_nothing(void **state)
{
    (void)state;
    struct rig r = rig_of(&heat_supply_model, 1, 0);
    rig_run(&r, 3600, 60);
    expect_between("MPa", rig_read(&r, "supply_pressure") - rig_read(&r, "return_pressure"), 0.2,
                   0.45);
    rig_set(&r, "pump_trip", 1);
    rig_run(&r, 20, 1);
    /* After 20 s, 0.03 + 0.97/e = 0.387 of the flow is left, and its square of the head. */
    expect_between("MPa", rig_read(&r, "supply_pressure") - rig_read(&r, "return_pressure"), 0.03,
                   0.07);
    rig_run(&r, 600, 1);
    expect_near(rig_read(&r, "supply_pressure"), rig_read(&r, "return_pressure"), 0.01);
}

/* The mean of many short steps at one hour, through which nothing but traffic changes. */
static double mean_of(struct rig *r, const char *channel, int steps)
{
    double sum = 0;
    for (int i = 0; i < steps; i++) {
        rig_run(r, 0.1, 0.1);
        sum += rig_read(r, channel);
    }
    return sum / steps;
}

static void strain_and_frequency_follow_the_temperature(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        /* 04:00, with next to no traffic; a cold day and a hot one */
        struct rig r = rig_of(&bridge_model, seed, 4);
        double strain[2];
        double hertz[2];
        double celsius[2];
        for (int k = 0; k < 2; k++) {
            celsius[k] = mean_of(&r, "temperature", 4000);
            strain[k] = mean_of(&r, "strain", 4000);
            hertz[k] = mean_of(&r, "frequency", 4000);
            rig_run(&r, 270 * RIG_DAY_S - 1200, 600);
        }
        const double warmer = celsius[1] - celsius[0];
        assert_true(fabs(warmer) > 3);
        /* Creep adds 15 to 45 µm/m in that time. */
        expect_between("µm/m", strain[1] - strain[0], 10 * warmer + 10, 12 * warmer + 50);
        expect_between("%/°C", 100 * (hertz[1] / hertz[0] - 1) / warmer, -0.42, -0.18);
    }
}

static void traffic_comes_as_poisson_and_leaves_its_variance(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    const double means[] = {0, 0.3, 7, 250};
    for (size_t k = 0; k < 4; k++) {
        const int draws = 20000;
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < draws; i++) {
            const double n = model_poisson(means[k], &rng);
            sum += n;
            squares += n * n;
        }
        const double mean = sum / draws;
        expect_near(mean, means[k], 5 * sqrt(means[k] / draws));
        expect_near(squares / draws - mean * mean, means[k], 0.06 * means[k]);
    }
}

static void lost_stiffness_shows_in_the_deflection_too(void **state)
{
    (void)state;
    struct rig sound = rig_of(&bridge_model, 1, 8);
    struct rig ill = sound;
    rig_set(&ill, "frequency_drop", 50);
    rig_run(&sound, 31 * RIG_DAY_S, 3600);
    rig_run(&ill, 31 * RIG_DAY_S, 3600);
    /* Half the frequency is a quarter of the stiffness: four times what the lorries do, which is
     * nearly all that moves within the hour. The slope of one against the other: */
    const int steps = 3600;
    double x = 0;
    double y = 0;
    double xx = 0;
    double xy = 0;
    for (int i = 0; i < steps; i++) {
        rig_run(&sound, 1, 1);
        rig_run(&ill, 1, 1);
        const double sound_mm = rig_read(&sound, "deflection");
        const double ill_mm = rig_read(&ill, "deflection");
        x += sound_mm / steps;
        y += ill_mm / steps;
        xx += sound_mm * sound_mm / steps;
        xy += sound_mm * ill_mm / steps;
    }
    expect_between("slope", (xy - x * y) / (xx - x * x), 3.7, 4);
}

static void a_tunnels_gas_clears_by_its_renewal(void **state)
{
    (void)state;
    /* With the fans stopped and then running again, what is over the sound twin's decays with λ +
     * 0.4 = 5.4 to 10.4 /h: in half an hour to e^-5.2 … e^-2.7. */
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig sound = rig_of(&tunnel_model, seed, 0);
        struct rig ill = sound;
        rig_set(&ill, "ventilation_failed", 100);
        rig_run(&sound, 10 * 3600, 300);
        rig_run(&ill, 10 * 3600, 300);
        const double before = rig_read(&ill, "co") - rig_read(&sound, "co");
        rig_set(&ill, "ventilation_failed", 0);
        rig_run(&sound, 1800, 300);
        rig_run(&ill, 1800, 300);
        const double after = rig_read(&ill, "co") - rig_read(&sound, "co");
        assert_true(before > 50);
        expect_between("left", after / before, exp(-5.21), exp(-2.69));
    }
}

static void visibility_is_koschmieders_of_the_soot(void **state)
{
    (void)state;
    struct rig r = rig_of(&tunnel_model, 1, 8);
    rig_set(&r, "ventilation_failed", 100);
    rig_run(&r, 6 * 3600, 60);
    for (int i = 0; i < 100; i++) {
        const double co = rig_read(&r, "co");
        const double clear = 3.912 / (0.001 + 200 * co / 1e6);
        expect_near(rig_read(&r, "visibility"), clear, 0.2 * clear);
        assert_true(rig_read(&r, "oxygen") < 20.9);
    }
}

static void a_lining_creeps_ever_more_slowly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_of(&tunnel_model, seed, 0);
        double at[3];
        for (int k = 0; k < 3; k++) {
            at[k] = rig_read(&r, "convergence");
            rig_run(&r, 5 * 365 * RIG_DAY_S, RIG_DAY_S);
        }
        assert_true(at[2] - at[1] < at[1] - at[0]);
        expect_between("in the end, mm", rig_read(&r, "convergence"), 2.8, 15.2);
    }
}

static void a_container_is_filled_and_taken_away_when_full(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_of(&transfer_station_model, seed, 0);
        double last = rig_read(&r, "weight");
        double last_fill = rig_read(&r, "fill");
        int taken = 0;
        for (int i = 0; i < 7 * 144; i++) {
            rig_run(&r, 600, 600);
            const double weight = rig_read(&r, "weight");
            const double fill = rig_read(&r, "fill");
            assert_true(fill < 103);
            if (weight < last - 0.3) {
                expect_between("fill when taken", last_fill, 87, 103);
                assert_true(weight < 8);
                taken++;
            }
            last = weight;
            last_fill = fill;
        }
        /* 15 to 160 t a day in 11 to 20 t at a time */
        expect_between("taken in a week", taken, 5, 100);
    }
}

static void rain_on_the_yard_ends_in_the_sump(void **state)
{
    (void)state;
    const struct weather_storm storm = {.at_ms = 0, .for_ms = 3600000, .depth_mm = 20};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = rig_of(&transfer_station_model, seed, 0);
        const double before = rig_read(&r, "leachate_level");
        r.weather.storms = &storm;
        r.weather.storm_count = 1;
        rig_run(&r, 2 * 3600, 600);
        /* 1 m³ on 6 to 12 m², at an hour at which nothing is delivered; over 1.6 m the pump runs.
         */
        if (before < 1.35) {
            expect_between("m", rig_read(&r, "leachate_level") - before, 0.055, 0.195);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_return_lies_between_the_supply_and_the_room),
    cmocka_unit_test(the_curve_holds_the_buildings_where_they_are_wanted),
    cmocka_unit_test(buildings_cool_to_the_weather_by_their_time_constant),
    cmocka_unit_test(what_the_water_leaves_is_stored_or_lost),
    cmocka_unit_test(an_exchanger_closes_its_share_of_the_gap),
    cmocka_unit_test(a_stations_readings_balance),
    cmocka_unit_test(a_pump_that_stands_still_lifts_nothing),
    cmocka_unit_test(strain_and_frequency_follow_the_temperature),
    cmocka_unit_test(traffic_comes_as_poisson_and_leaves_its_variance),
    cmocka_unit_test(lost_stiffness_shows_in_the_deflection_too),
    cmocka_unit_test(a_tunnels_gas_clears_by_its_renewal),
    cmocka_unit_test(visibility_is_koschmieders_of_the_soot),
    cmocka_unit_test(a_lining_creeps_ever_more_slowly),
    cmocka_unit_test(a_container_is_filled_and_taken_away_when_full),
    cmocka_unit_test(rain_on_the_yard_ends_in_the_sump),
};

UNIT_MAIN(tests)
