#include "simulator/chance.h"

#include <math.h>

#include "gateway/base/clock.h"

#define MS_PER_YEAR (365.25 * 24 * 3600.0 * LL_MS_PER_S)
#define BLOCK_MS    ((int64_t)30 * 24 * 3600 * LL_MS_PER_S) /* a rate is taken as steady so long */
#define HORIZON_MS  (122 * BLOCK_MS)

double chance_mean_hazard(const struct scenario *s, const struct scenario_chance *c, int64_t ms)
{
    struct fault_kind kind;
    const char *channel;
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < s->asset_count && c->by_age; i++) {
        if (scenario_chance_fits(c, &s->assets[i], &kind, &channel)) {
            sum += ageing_hazard(&s->assets[i].ageing, ms);
            count++;
        }
    }
    return count > 0 ? sum / (double)count : 1;
}

double chance_per_year(const struct scenario_chance *c, const struct ageing *a, double mean_hazard,
                       int64_t ms)
{
    return c->per_asset_year * (c->by_age ? ageing_hazard(a, ms) / mean_hazard : 1);
}

/* Even in the logarithm where both ends are above 0, since faults go over decades. */
static double draw_between(const double range[2], struct rng *rng)
{
    const double u = rng_uniform(rng);
    if (range[0] > 0) {
        return range[0] * pow(range[1] / range[0], u);
    }
    return range[0] + (range[1] - range[0]) * u;
}

/* A Poisson process whose rate rises with age: an exponential amount of rate, used up block by
 * block. */
bool chance_draw(const struct scenario_chance *c, const struct ageing *a, double mean_hazard,
                 int64_t from_ms, struct rng *rng, struct fault *out)
{
    double left = -log(1 - rng_uniform(rng));
    int64_t at_ms = from_ms;
    double per_ms = 0;
    for (; at_ms < from_ms + HORIZON_MS; at_ms += BLOCK_MS) {
        per_ms = chance_per_year(c, a, mean_hazard, at_ms + BLOCK_MS / 2) / MS_PER_YEAR;
        if (left < per_ms * (double)BLOCK_MS) {
            break;
        }
        left -= per_ms * (double)BLOCK_MS;
    }
    if (at_ms >= from_ms + HORIZON_MS) {
        return false;
    }
    out->onset_ms = at_ms + (int64_t)(left / per_ms) + 1;
    out->magnitude =
        isnan(c->magnitude[0]) ? out->kind.spec->fallback : draw_between(c->magnitude, rng);
    out->end_ms = FAULT_NEVER;
    if (!isnan(c->for_s[0])) {
        out->end_ms = out->onset_ms + llround(draw_between(c->for_s, rng) * LL_MS_PER_S);
    }
    return true;
}
