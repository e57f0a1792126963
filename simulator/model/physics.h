/*
 * The equations that the models share with their tests: every quantity an argument, no state of
 * their own, no chance. Sources stand at the top of the model that uses them.
 * Pure. Threads: any.
 */
#ifndef LL_SIM_PHYSICS_H
#define LL_SIM_PHYSICS_H

#include <stdbool.h>

#define PHYSICS_S_PER_HOUR 3600.0

/* Gas in a ventilated volume, V dC/dt = q (1 - C) - λ V C, after `dt_s` seconds, exactly. Volume
 * fraction; q in m³/h, V in m³, λ in 1/h; q and λ not both 0. */
double physics_chamber(double fraction, double inflow_m3_h, double volume_m3,
                       double ventilation_per_h, double dt_s);

/* FAVAD: Q = 0.6 √(2g) (A0 + m H) √H with m = 0.01 A0 per metre; m³/s from m² and m. */
double physics_leak_m3_s(double area_m2, double head_m);

/* The head at the end of a main, H = Hs - R (Qd + Ql(H))^1.852, m. Qd in m³/s. */
double physics_main_head_m(double source_head_m, double resistance, double demand_m3_s,
                           double leak_m2);

/* Seconds of a trip of `distance_m` with a trapezoidal speed. */
double physics_trip_s(double distance_m, double top_speed_m_s, double acceleration_m_s2);

/* A wet well with a pump that starts and stops by its level. */
struct physics_well {
    double area_m2;
    double pump_m3_h;
    double start_m;
    double stop_m;
    double spill_m; /* higher it does not rise */
    double level_m;
    bool wanted; /* the level controller wants the pump */
    bool failed; /* and it does not run */
};

bool physics_well_pumps(const struct physics_well *w);

/* Carries the level over `dt_s` seconds of a constant inflow; returns the volume pumped, m³. */
double physics_well_step(struct physics_well *w, double inflow_m3_h, double dt_s);

#endif
