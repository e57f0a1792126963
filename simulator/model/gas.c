#include "simulator/model/gas.h"

#include <math.h>

#include "simulator/model/model.h"
#include "simulator/model/physics.h"

#define AIR_PA     101325.0
#define DISCHARGE  0.7
#define GAMMA      1.31
#define GAS_R      518.3 /* J/(kg K) */
#define PIPE_K     288.0
#define SOLD_KG_M3 (AIR_PA / (GAS_R * 293.15))
#define BISECTIONS 60

double gas_hole_m3_h(double area_m2, double gauge_pa)
{
    const double p = AIR_PA + gauge_pa;
    const double critical = pow(2 / (GAMMA + 1), GAMMA / (GAMMA - 1));
    const double r = fmax(AIR_PA / p, critical);
    const double flux = 2 * GAMMA / ((GAMMA - 1) * GAS_R * PIPE_K) *
                        (pow(r, 2 / GAMMA) - pow(r, (GAMMA + 1) / GAMMA));
    const double kg_s = DISCHARGE * area_m2 * p * sqrt(fmax(flux, 0));
    return kg_s / SOLD_KG_M3 * PHYSICS_S_PER_HOUR;
}

static double squared(double gauge_pa)
{
    return (AIR_PA + gauge_pa) * (AIR_PA + gauge_pa);
}

double gas_pipe_end_pa(double source_pa, double resistance, double demand_m3_h, double hole_m2)
{
    double low = 0;
    double high = source_pa;
    for (int i = 0; i < BISECTIONS; i++) {
        const double mid = (low + high) / 2;
        const double flow = demand_m3_h + gas_hole_m3_h(hole_m2, mid);
        if (squared(source_pa) - resistance * flow * flow > squared(mid)) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return (low + high) / 2;
}

double gas_pipe_m3_h(double source_pa, double end_pa, double resistance)
{
    return sqrt(fmax(squared(source_pa) - squared(end_pa), 0) / resistance);
}

double gas_pattern(double hour)
{
    return 0.45 + 1.0 * model_hump(hour, 6.75, 0.9) + 1.6 * model_hump(hour, 11.5, 1) +
           2.1 * model_hump(hour, 18, 1.3);
}
