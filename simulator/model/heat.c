#include "simulator/model/heat.h"

#include <math.h>

#include "simulator/model/physics.h"

/* x: what is left of the water's lead over the room when it comes back. */
static double left_over(const struct heat_net *h)
{
    return exp(-h->emitter_kw_k / (h->flow_kw_k * h->share));
}

/* What the water leaves for each degree that it is warmer than the room, kW/K. */
static double given_kw_k(const struct heat_net *h)
{
    return h->flow_kw_k * h->share * (1 - left_over(h));
}

double heat_return_c(const struct heat_net *h, double supply_c, double inside_c)
{
    return inside_c + (supply_c - inside_c) * left_over(h);
}

double heat_power_kw(const struct heat_net *h, double supply_c, double inside_c)
{
    return h->flow_kw_k * h->share * (supply_c - heat_return_c(h, supply_c, inside_c));
}

double heat_curve_c(const struct heat_net *h, double wanted_c, double outside_c)
{
    return wanted_c + h->loss_kw_k * (wanted_c - outside_c) / given_kw_k(h);
}

double heat_most_c(const struct heat_net *h, double inside_c)
{
    const double missing = exp(-h->units / h->share); /* 1 - ε */
    const double x = left_over(h);
    return (missing * (1 - x) * inside_c + (1 - missing) * h->primary_c) / (1 - missing * x);
}

double heat_inside_c(const struct heat_net *h, double supply_c, double inside_c, double outside_c,
                     double dt_s)
{
    const double given = given_kw_k(h);
    const double source_per_h = (given * supply_c + h->loss_kw_k * outside_c) / h->store_kwh_k;
    return physics_mixed(inside_c, source_per_h, (given + h->loss_kw_k) / h->store_kwh_k, dt_s);
}
