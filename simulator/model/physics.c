#include "simulator/model/physics.h"

#include <math.h>

#define GRAVITY        9.80665
#define DISCHARGE      0.6
#define OPENING_PER_M  0.01
#define HAZEN_WILLIAMS 1.852
#define BISECTIONS     60
#define WATER_KG_M3    1000.0
#define PA_PER_MPA     1e6
#define MANNING        0.013
#define SLOPE          0.003
#define REACH_STEP_S   60.0
#define MAX_SWITCHES   4096 /* in one step; more would be a step of weeks */

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
    if (leak_m2 <= 0) {
        return fmax(source_head_m - resistance * pow(demand_m3_s, HAZEN_WILLIAMS), 0);
    }
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

double physics_surge_mpa(double wave_m_s, double dv_m_s)
{
    return WATER_KG_M3 * wave_m_s * dv_m_s / PA_PER_MPA;
}

double physics_reservoir(double *store_m3, double inflow_m3_h, double k_h, double dt_s)
{
    const double dt_h = dt_s / PHYSICS_S_PER_HOUR;
    const double before_m3 = *store_m3;
    const double steady_m3 = inflow_m3_h * k_h;
    *store_m3 = steady_m3 + (before_m3 - steady_m3) * exp(-dt_h / k_h);
    return inflow_m3_h - (*store_m3 - before_m3) / dt_h;
}

bool physics_tank_runs(const struct physics_tank *t)
{
    return t->state == PHYSICS_STUCK_ON || (t->state == PHYSICS_BY_LEVEL && t->wanted);
}

/* Seconds until the level meets the threshold it moves to; infinite where there is none. */
static double until_switch(const struct physics_tank *t, double rate_m_s)
{
    const double way_m = (t->wanted ? t->off_m : t->on_m) - t->level_m;
    /* Which way the level goes to that threshold: to `off_m` as the switched flow drives it. */
    const double towards = t->wanted == (t->switched_m3_h > 0) ? 1 : -1;
    return rate_m_s * towards > 0 ? fmax(way_m / rate_m_s, 0) : INFINITY;
}

double physics_tank_step(struct physics_tank *t, double inflow_m3_h, double dt_s)
{
    double switched_m3 = 0;
    for (int i = 0; i < MAX_SWITCHES && dt_s > 0; i++) {
        const double switched_m3_h = physics_tank_runs(t) ? t->switched_m3_h : 0;
        const double rate_m_s = (inflow_m3_h + switched_m3_h) / PHYSICS_S_PER_HOUR / t->area_m2;
        const double switch_s = until_switch(t, rate_m_s);
        const double part_s = fmin(switch_s, dt_s);
        const double level_m = t->level_m + rate_m_s * part_s;
        switched_m3 += switched_m3_h / PHYSICS_S_PER_HOUR * part_s;
        t->spilled_m3 += fmax(level_m - t->top_m, 0) * t->area_m2;
        t->missed_m3 += fmax(-level_m, 0) * t->area_m2;
        t->level_m = fmin(fmax(level_m, 0), t->top_m);
        if (switch_s <= dt_s) {
            t->wanted = !t->wanted;
        }
        dt_s -= part_s;
    }
    return switched_m3;
}

double physics_full_m3_h(double diameter_m)
{
    const double area_m2 = M_PI / 4 * diameter_m * diameter_m;
    const double speed_m_s = pow(diameter_m / 4, 2.0 / 3) * sqrt(SLOPE) / MANNING;
    return area_m2 * speed_m_s * PHYSICS_S_PER_HOUR;
}

/* The level after an implicit step, h' = h + dt/A (Qin - Qout(h')): a quadratic in h' below the
 * crown, in its root above. Written so that nothing is divided by a blocked outflow. */
static double reach_level_m(const struct physics_reach *r, double inflow_m3_h, double full_m3_h,
                            double dt_h)
{
    const double a = r->area_m2 / dt_h;
    const double given = a * r->level_m + inflow_m3_h;
    const double c = full_m3_h / (r->diameter_m * r->diameter_m);
    const double level_m = 2 * given / (a + sqrt(a * a + 4 * c * given));
    if (level_m <= r->diameter_m) {
        return level_m;
    }
    const double e = full_m3_h / sqrt(r->diameter_m);
    const double root = 2 * given / (e + sqrt(e * e + 4 * a * given));
    return root * root;
}

static double reach_out_m3_h(const struct physics_reach *r, double full_m3_h, double level_m)
{
    const double fill = level_m / r->diameter_m;
    return full_m3_h * (fill <= 1 ? fill * fill : sqrt(fill));
}

double physics_reach_step(struct physics_reach *r, double inflow_m3_h, double open, double dt_s)
{
    const double parts = ceil(dt_s / REACH_STEP_S);
    const double dt_h = dt_s / parts / PHYSICS_S_PER_HOUR;
    const double full_m3_h = open * r->full_m3_h;
    double out_m3 = 0;
    for (int i = 0; i < (int)parts; i++) {
        const double level_m = reach_level_m(r, inflow_m3_h, full_m3_h, dt_h);
        out_m3 += reach_out_m3_h(r, full_m3_h, level_m) * dt_h;
        r->spilled_m3 += fmax(level_m - r->rim_m, 0) * r->area_m2;
        r->level_m = fmin(level_m, r->rim_m);
    }
    return out_m3 / (dt_s / PHYSICS_S_PER_HOUR);
}

int physics_parts(double dt_s, double part_s)
{
    return (int)fmax(ceil(dt_s / part_s), 1);
}

double physics_mixed(double x, double source_per_h, double renewal_per_h, double dt_s)
{
    const double h = dt_s / PHYSICS_S_PER_HOUR;
    if (renewal_per_h == 0) {
        return x + source_per_h * h;
    }
    const double steady = source_per_h / renewal_per_h;
    return x + (x - steady) * expm1(-renewal_per_h * h);
}
