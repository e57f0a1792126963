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

/* Joukowsky: the pressure that falls where the flow in a pipe rises at once, ΔP = ρ a Δv; MPa from
 * m/s (a: speed of the wave) and m/s. */
double physics_surge_mpa(double wave_m_s, double dv_m_s);

/* A store whose outflow is its content over k: dS/dt = Qin - S/k, exactly. Carries `store_m3` over
 * `dt_s` of a constant inflow; returns the mean outflow, m³/h. */
double physics_reservoir(double *store_m3, double inflow_m3_h, double k_h, double dt_s);

/* A tank with straight walls and one flow that is switched by the level: pumps of a wet well, which
 * start high and stop low, or the inlet valve of a tank, which opens low and closes high. */
enum physics_switch { PHYSICS_BY_LEVEL, PHYSICS_STUCK_OFF, PHYSICS_STUCK_ON };

struct physics_tank {
    double area_m2;
    double switched_m3_h; /* positive fills, negative empties */
    double on_m;
    double off_m;
    double top_m; /* over it water spills */
    double level_m;
    bool wanted; /* the level controller wants the switched flow */
    enum physics_switch state;
    double spilled_m3; /* in all */
    double missed_m3;  /* in all: asked of an empty tank */
};

bool physics_tank_runs(const struct physics_tank *t);

/* Carries the level over `dt_s` of a constant inflow (negative: outflow) besides the switched one;
 * returns the volume of that, m³, in its sign. */
double physics_tank_step(struct physics_tank *t, double inflow_m3_h, double dt_s);

/* What a round sewer of that diameter passes when full, at a slope of 3 ‰, n = 0.013 (Manning). */
double physics_full_m3_h(double diameter_m);

/* A reach of a sewer, A dh/dt = Qin - Qout(h): Qout = s Qf (h/D)² up to the crown, s Qf √(h/D) over
 * it; s is 1, or what a blockage leaves. Over the rim it spills. */
struct physics_reach {
    double area_m2;
    double diameter_m;
    double full_m3_h; /* Qf */
    double rim_m;
    double level_m;
    double spilled_m3; /* in all */
};

/* By implicit steps of a minute at most; returns the mean outflow, m³/h, with which the volumes
 * balance exactly. */
double physics_reach_step(struct physics_reach *r, double inflow_m3_h, double open, double dt_s);

/* In how many equal parts, of at most `part_s`, a step is taken where its sources vary. */
int physics_parts(double dt_s, double part_s);

/* What is stirred and renewed: dx/dt = s - r x after `dt_s` seconds, exactly; s and r per hour. */
double physics_mixed(double x, double source_per_h, double renewal_per_h, double dt_s);

#endif
