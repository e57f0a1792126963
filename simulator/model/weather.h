/*
 * The weather of a city, the same for all its assets: rain, temperature, sunshine.
 *
 * A function of the seed and the time alone, so that assets may ask for any time in any order.
 * Rain is a sum of storms: those of the scenario, and on a share of the days one drawn for that
 * day. Pure: no clock, no state. Threads: any.
 */
#ifndef LL_SIM_WEATHER_H
#define LL_SIM_WEATHER_H

#include <stddef.h>
#include <stdint.h>

struct weather_storm {
    int64_t at_ms; /* ms after the city's start */
    int64_t for_ms;
    double depth_mm; /* in all */
};

struct weather {
    uint64_t seed;
    int64_t start_ms;                   /* of the city, ms since 1970 UTC */
    double latitude;                    /* degrees north */
    double wet_days;                    /* the share of days with a storm of their own */
    const struct weather_storm *storms; /* borrowed */
    size_t storm_count;
};

/* The mean over the `dt_s` seconds from `from_ms`: what falls in two steps is what falls in one. */
double weather_rain_mm_h(const struct weather *w, int64_t from_ms, double dt_s);

/* Of the air, °C. */
double weather_temperature_c(const struct weather *w, int64_t ms);

/* On a level surface, W/m²; 0 at night. */
double weather_solar_w_m2(const struct weather *w, int64_t ms);

#endif
