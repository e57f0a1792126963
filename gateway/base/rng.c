#include "gateway/base/rng.h"

#include <math.h>
#include <sys/random.h>

#include "gateway/base/clock.h"

struct rng rng_random(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        seed = (uint64_t)clock_mono().ns; /* early boot: jitter needs no more than this */
    }
    return rng_seeded(seed);
}

double rng_normal(struct rng *r)
{
    const double u = 1.0 - rng_uniform(r); /* (0, 1], so that the logarithm is finite */
    const double v = rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}

int64_t rng_backoff_ms(struct rng *r, unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t wait = base_ms;
    while (attempt-- > 0 && wait < cap_ms) {
        wait *= 2;
    }
    if (wait > cap_ms) {
        wait = cap_ms;
    }
    const int64_t half = wait / 2;
    return half + (int64_t)(rng_uniform(r) * (double)(wait - half));
}
