/*
 *   rain         i(t) = a triangle over the storm's length, its peak at r = 0.4 of it; the depth up
 *                to x = (t - begin) / length is D x²/r before the peak, D (1 - (1 - x)²/(1 - r))
 *                after. Chinese design storms peak at 0.35-0.45 (GB 50014: Chicago pattern).
 *   temperature  T = mean + year · cos(2π (d - 202) / 365.25) + 4 cos(2π (h - 15) / 24) + weather
 *   sunshine     S = 1000 · sin(elevation) · clearness, elevation by latitude, declination, hour
 *
 * Climate by latitude, a line through Quanzhou (25° N: 20.5 ± 8 °C) and Liaocheng (36.5° N: 13.5 ±
 * 14.5 °C). A day's own weather: its temperature ± 3 °C, its clearness 0.2-1, its storm 0.5-8 h
 * long, of 12 mm on the average, 150 mm at most; all are engineering values.
 */
#include "simulator/model/weather.h"

#include <math.h>
#include <stdbool.h>

#include "gateway/base/rng.h"
#include "simulator/model/model.h"

#define DAY_MS       INT64_C(86400000)
#define HOUR_MS      3600000.0
#define S_PER_HOUR   3600.0
#define PEAK         0.4
#define MEAN_MM      12.0
#define MAX_MM       150.0
#define YEAR_DAYS    365.25
#define WARMEST_DAY  202.0 /* of the year: 21 July */
#define SOLSTICE_DAY 172.0
#define DEG          (M_PI / 180)

struct day {
    double offset_c;
    double clearness;
    bool wet;
    double at_h;
    double for_h;
    double depth_mm;
};

/* Days since 1970, rounded down before it too. */
static int64_t day_number(int64_t ms)
{
    return ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS);
}

static struct day draw_day(const struct weather *w, int64_t day)
{
    struct rng rng = rng_seeded(w->seed + (uint64_t)day);
    struct day d;
    d.offset_c = 3 * rng_normal(&rng);
    d.wet = rng_uniform(&rng) < w->wet_days;
    d.clearness = d.wet ? 0.2 + 0.2 * rng_uniform(&rng) : 0.6 + 0.4 * rng_uniform(&rng);
    d.at_h = 24 * rng_uniform(&rng);
    d.for_h = 0.5 * pow(16, rng_uniform(&rng));
    d.depth_mm = fmin(-MEAN_MM * log(1 - rng_uniform(&rng)), MAX_MM);
    return d;
}

/* The share of a storm that has fallen when `x` of its length is over. */
static double fallen(double x)
{
    if (x <= 0 || x >= 1) {
        return x > 0;
    }
    return x < PEAK ? x * x / PEAK : 1 - (1 - x) * (1 - x) / (1 - PEAK);
}

static double between_mm(double depth_mm, double at, double length, double from, double to)
{
    return depth_mm * (fallen((to - at) / length) - fallen((from - at) / length));
}

double weather_rain_mm_h(const struct weather *w, int64_t from_ms, double dt_s)
{
    const double from = (double)from_ms;
    const double to = from + 1000 * dt_s;
    double mm = 0;
    for (size_t i = 0; i < w->storm_count; i++) {
        const struct weather_storm *s = &w->storms[i];
        const double at = (double)(w->start_ms + s->at_ms);
        mm += between_mm(s->depth_mm, at, (double)s->for_ms, from, to);
    }
    if (w->wet_days <= 0) {
        return mm / (dt_s / S_PER_HOUR);
    }
    /* A day's storm may last into the next day. */
    for (int64_t day = day_number(from_ms) - 1; (double)(day * DAY_MS) < to; day++) {
        const struct day d = draw_day(w, day);
        const double at = (double)(day * DAY_MS) + d.at_h * HOUR_MS;
        mm += d.wet ? between_mm(d.depth_mm, at, d.for_h * HOUR_MS, from, to) : 0;
    }
    return mm / (dt_s / S_PER_HOUR);
}

static double day_of_year(int64_t ms)
{
    return fmod((double)ms / (double)DAY_MS, YEAR_DAYS);
}

double weather_temperature_c(const struct weather *w, int64_t ms)
{
    const double mean_c = 20.5 - 0.609 * (w->latitude - 25);
    const double year_c = 8 + 0.565 * (w->latitude - 25);
    const double season = cos(2 * M_PI * (day_of_year(ms) - WARMEST_DAY) / YEAR_DAYS);
    const double daily_c = 4 * cos(2 * M_PI * (model_local_hour(ms) - 15) / 24);
    /* From one day's offset to the next in a straight line: no jump at midnight. */
    const int64_t day = day_number(ms);
    const double part = (double)(ms - day * DAY_MS) / (double)DAY_MS;
    const double offset_c =
        draw_day(w, day).offset_c * (1 - part) + draw_day(w, day + 1).offset_c * part;
    return mean_c + year_c * season + daily_c + offset_c;
}

double weather_solar_w_m2(const struct weather *w, int64_t ms)
{
    const double season = cos(2 * M_PI * (day_of_year(ms) - SOLSTICE_DAY) / YEAR_DAYS);
    const double declination = 23.44 * DEG * season;
    const double hour_angle = (model_local_hour(ms) - 12) * 15 * DEG;
    const double latitude = w->latitude * DEG;
    const double sine =
        sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle);
    return 1000 * fmax(sine, 0) * draw_day(w, day_number(ms)).clearness;
}
