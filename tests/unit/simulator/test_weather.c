/* Against values worked out by hand from the equations in weather.c. */
#include "tests/unit/simulator/near.h"

#include "simulator/model/weather.h"

#define HOUR_MS  3600000LL
#define DAY_MS   (24 * HOUR_MS)
#define START_MS 1764000000000

static const struct weather_storm storm = {HOUR_MS, 2 * HOUR_MS, 40};
static const struct weather dry = {.seed = 1, .start_ms = START_MS, .latitude = 25};
static const struct weather stormy = {
    .seed = 1, .start_ms = START_MS, .latitude = 25, .storms = &storm, .storm_count = 1};
static const struct weather wet = {.seed = 7, .latitude = 25, .wet_days = 0.3};

static void a_storm_brings_its_depth_and_peaks_at_two_fifths(void **state)
{
    (void)state;
    expect_near(weather_rain_mm_h(&stormy, START_MS, 3600), 0, 0);
    expect_near(weather_rain_mm_h(&stormy, START_MS, 4 * 3600) * 4, 40, 1e-12);
    /* Up to 48 min of the 120: 0.4 of the depth; at the peak 2 · 40 mm / 2 h. */
    expect_near(weather_rain_mm_h(&stormy, START_MS + HOUR_MS, 48 * 60) * 0.8, 16, 1e-9);
    expect_near(weather_rain_mm_h(&stormy, START_MS + HOUR_MS + 48 * 60000, 0.1), 40, 1e-2);
    expect_near(weather_rain_mm_h(&stormy, START_MS + 3 * HOUR_MS, 3600), 0, 0);
}

static void what_falls_in_many_steps_is_what_falls_in_one(void **state)
{
    (void)state;
    double mm = 0;
    for (int i = 0; i < 20 * 24 * 6; i++) {
        mm += weather_rain_mm_h(&wet, START_MS + i * 600000LL, 600) / 6;
    }
    assert_true(mm > 0);
    expect_near(weather_rain_mm_h(&wet, START_MS, 20 * 86400) * 480, mm, 1e-9);
}

static void as_many_days_are_wet_as_were_asked_for(void **state)
{
    (void)state;
    double mm = 0;
    for (int day = 0; day < 5000; day++) {
        mm += weather_rain_mm_h(&wet, START_MS + day * DAY_MS, 86400) * 24;
    }
    /* 0.3 a day of 12 mm; the deviation of the mean is about 12 √(2 · 0.3 - 0.09) / √5000. */
    expect_near(mm / 5000, 3.6, 0.4);
    expect_near(weather_rain_mm_h(&dry, START_MS, 5000 * 86400.0), 0, 0);
}

static double mean_c(double latitude, int64_t from_ms)
{
    const struct weather w = {.seed = 3, .latitude = latitude};
    double sum = 0;
    for (int i = 0; i < 30 * 24; i++) {
        sum += weather_temperature_c(&w, from_ms + i * HOUR_MS);
    }
    return sum / (30 * 24);
}

static void summers_are_warm_and_northern_winters_cold(void **state)
{
    (void)state;
    /* 30 days round 21 July and round 20 January 2025. */
    const int64_t july = 1751731200000;
    const int64_t january = 1735948800000;
    expect_near(mean_c(25, july), 28.5, 2);
    expect_near(mean_c(25, january), 12.5, 2);
    expect_near(mean_c(36.5, january), -1, 2);
}

static void the_temperature_does_not_jump(void **state)
{
    (void)state;
    for (int64_t ms = START_MS; ms < START_MS + 10 * DAY_MS; ms += 60000) {
        expect_near(weather_temperature_c(&dry, ms + 60000), weather_temperature_c(&dry, ms), 0.1);
    }
}

static void the_sun_shines_by_day(void **state)
{
    (void)state;
    /* 21 June 2025, noon and midnight at UTC+8: the sine of 88.4°, and at best a clear sky. */
    const double noon = weather_solar_w_m2(&dry, 1750478400000);
    assert_true(noon >= 600 * 0.9996 && noon <= 1000);
    expect_near(weather_solar_w_m2(&dry, 1750478400000 + 12 * HOUR_MS), 0, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_storm_brings_its_depth_and_peaks_at_two_fifths),
    cmocka_unit_test(what_falls_in_many_steps_is_what_falls_in_one),
    cmocka_unit_test(as_many_days_are_wet_as_were_asked_for),
    cmocka_unit_test(summers_are_warm_and_northern_winters_cold),
    cmocka_unit_test(the_temperature_does_not_jump),
    cmocka_unit_test(the_sun_shines_by_day),
};

UNIT_MAIN(tests)
