/*
 * Natural gas in pipes and out of holes, for the models of gas pipes and stations.
 *
 * Pressures are over the air's, in Pa; volumes are of gas at 20 °C and 101.325 kPa, as they are
 * sold (GB 50028). Pure: every quantity an argument. Threads: any.
 *
 *   hole  ṁ = Cd A p √(2γ/((γ-1) R T) (r^(2/γ) - r^((γ+1)/γ))),  r = pa/p, not less than the
 *         critical (2/(γ+1))^(γ/(γ-1)): there the speed is that of sound. Cd 0.7 (a torn edge),
 *         methane: γ 1.31, R 518.3 J/(kg K); T 288 K. (Isentropic nozzle; EN 60079-10-1, B.7.)
 *   pipe  p1² - p2² = K Q²  with absolute pressures (GB 50028, 6.2.5, friction taken as constant)
 */
#ifndef LL_SIM_GAS_H
#define LL_SIM_GAS_H

/* What a hole passes, m³/h. */
double gas_hole_m3_h(double area_m2, double gauge_pa);

/* The pressure at the end of a pipe with a hole there, where `demand_m3_h` is drawn as well; 0
 * where the pipe cannot feed both. `resistance` K: Pa²/(m³/h)². */
double gas_pipe_end_pa(double source_pa, double resistance, double demand_m3_h, double hole_m2);

/* What flows through a pipe between two pressures, m³/h. */
double gas_pipe_m3_h(double source_pa, double end_pa, double resistance);

/* Daily pattern of gas use, mean 1: cooking at 06:45, 11:30 and 18:00, night 0.45. */
double gas_pattern(double hour);

#endif
