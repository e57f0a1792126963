/*
 * The heat of a network and of the buildings that it warms.
 *
 *   Tr   = Ti + (Ts - Ti) x,  x = e^(-K/m)         the return, of radiators in a room at Ti
 *   P    = m (Ts - Tr)                             what the water leaves there
 *   C dTi/dt = P - U (Ti - Ta)                     the buildings
 *   Ts  <= Tr + ε (Tp - Tr),  ε = 1 - e^(-N/φ)     what the exchanger can give from a primary at Tp
 *
 * Temperatures in °C; m (the flow times its heat capacity), K, U in kW/K; C in kWh/K; N: the
 * exchanger's transfer units at full flow; φ: the flow's share of it. (Recknagel, Taschenbuch für
 * Heizung und Klimatechnik; effectiveness with a primary that hardly cools.)
 * Pure: every quantity an argument. Threads: any.
 */
#ifndef LL_SIM_HEAT_H
#define LL_SIM_HEAT_H

struct heat_net {
    double flow_kw_k;    /* m at full flow */
    double share;        /* φ, over 0 */
    double emitter_kw_k; /* K */
    double loss_kw_k;    /* U */
    double store_kwh_k;  /* C */
    double units;        /* N */
    double primary_c;    /* Tp */
};

double heat_return_c(const struct heat_net *h, double supply_c, double inside_c);

double heat_power_kw(const struct heat_net *h, double supply_c, double inside_c);

/* The supply that holds the buildings at `wanted_c` in the end. */
double heat_curve_c(const struct heat_net *h, double wanted_c, double outside_c);

/* The hottest supply that the exchanger can give. */
double heat_most_c(const struct heat_net *h, double inside_c);

/* The buildings' temperature after `dt_s` seconds of a constant supply and weather, exactly. */
double heat_inside_c(const struct heat_net *h, double supply_c, double inside_c, double outside_c,
                     double dt_s);

#endif
