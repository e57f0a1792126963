#include "simulator/model/physics.h"

#include <math.h>

#define GRAVITY        9.80665
#define DISCHARGE      0.6
#define OPENING_PER_M  0.01
#define HAZEN_WILLIAMS 1.852
#define BISECTIONS     60
#define MAX_SWITCHES   256 /* in one step; more would be a step of days */

double physics_chamber(double fraction, double inflow_m3_h, double volume_m3,
                       double ventilation_per_h, double dt_s)
{
    const double rate = inflow_m3_h / volume_m3 + ventilation_per_h;
    const double steady = inflow_m3_h / volume_m3 / rate;
    return steady + (fraction - steady) * exp(-rate * dt_s / PHYSICS_S_PER_HOUR);
}

double physics_leak_m3_s(double area_m2, double head_m)
{
    return DISCHARGE * sqrt(2 * GRAVITY) * area_m2 * (1 + OPENING_PER_M * head_m) * sqrt(head_m);
}

double physics_main_head_m(double source_head_m, double resistance, double demand_m3_s,
                           double leak_m2)
{
    double low = 0;
    double high = source_head_m;
    for (int i = 0; i < BISECTIONS; i++) {
        const double mid = (low + high) / 2;
        const double flow = demand_m3_s + physics_leak_m3_s(leak_m2, mid);
        if (source_head_m - resistance * pow(flow, HAZEN_WILLIAMS) > mid) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return (low + high) / 2;
}

double physics_trip_s(double distance_m, double top_speed_m_s, double acceleration_m_s2)
{
    const double v = top_speed_m_s;
    const double a = acceleration_m_s2;
    return distance_m >= v * v / a ? distance_m / v + v / a : 2 * sqrt(distance_m / a);
}

bool physics_well_pumps(const struct physics_well *w)
{
    return w->wanted && !w->failed;
}

/* Seconds until the level meets the threshold it moves to; infinite where there is none. */
static double until_switch(const struct physics_well *w, double rate_m_s)
{
    const bool starts = rate_m_s > 0 && !w->wanted;
    const bool stops = rate_m_s < 0 && w->wanted;
    if (!starts && !stops) {
        return INFINITY;
    }
    return fmax(((starts ? w->start_m : w->stop_m) - w->level_m) / rate_m_s, 0);
}

double physics_well_step(struct physics_well *w, double inflow_m3_h, double dt_s)
{
    double pumped_m3 = 0;
    for (int i = 0; i < MAX_SWITCHES && dt_s > 0; i++) {
        const double out_m3_h = physics_well_pumps(w) ? w->pump_m3_h : 0;
        const double rate_m_s = (inflow_m3_h - out_m3_h) / PHYSICS_S_PER_HOUR / w->area_m2;
        const double switch_s = until_switch(w, rate_m_s);
        const double part_s = fmin(switch_s, dt_s);
        pumped_m3 += out_m3_h / PHYSICS_S_PER_HOUR * part_s;
        w->level_m = fmin(fmax(w->level_m + rate_m_s * part_s, 0), w->spill_m);
        if (switch_s <= dt_s) {
            w->wanted = rate_m_s > 0;
            w->level_m = w->wanted ? w->start_m : w->stop_m; /* to the last bit */
        }
        dt_s -= part_s;
    }
    return pumped_m3;
}
