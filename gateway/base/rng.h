/*
 * A small deterministic generator (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
 *
 * For: jitter of retries and the simulator. Not for: keys, tokens or passwords.
 * Threads: one at a time for each state.
 */
#ifndef LL_BASE_RNG_H
#define LL_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

/* The same seed gives the same sequence. */
static inline struct rng rng_seeded(uint64_t seed)
{
    return (struct rng){seed};
}

/* A seed from the kernel. */
struct rng rng_random(void);

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double rng_uniform(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Normal with mean 0 and standard deviation 1 (Box and Muller, 1958). */
double rng_normal(struct rng *r);

/* A wait for the given attempt (0 = first): doubles from `base_ms` up to `cap_ms`, then a uniform
 * draw from its upper half, so that many clients do not come back at once. */
int64_t rng_backoff_ms(struct rng *r, unsigned attempt, int64_t base_ms, int64_t cap_ms);

#endif
