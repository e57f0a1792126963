/*
 * How old an asset is, what it is made of, and how likely it is to fail: what a renewal ranking is
 * checked against.
 *
 * Health after CNAIM v2.1 (Common Network Asset Indices Methodology): H = 0.5 e^(β age), β =
 * ln(5.5/0.5)/life, in [0.5, 15]; hazard ∝ 1 + CH + (CH)²/2! + (CH)³/3!, C = 1.087, H no less
 * than 4. An asset's own life is its material's times a lognormal factor that no register knows, so
 * that past failures say more than age does. Pure. Threads: any.
 */
#ifndef LL_SIM_AGEING_H
#define LL_SIM_AGEING_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/rng.h"

/* A material of a kind of asset, and what is known of such assets. */
struct ageing_material {
    const char *kind;
    const char *material; /* "" for what has no one material */
    double share;         /* of the kind's assets, where the scenario gives none */
    double life_y;
    double rate; /* of failures, against the kind's other materials */
    double diameters_mm[3];
};

/* One asset. */
struct ageing {
    const struct ageing_material *material;
    int installed_year;
    unsigned installed_month;
    double life_y;
    double length_m;    /* NaN: it has none */
    double diameter_mm; /* NaN: it has none */
};

/* The kind's materials, `count` of them; NULL for an unknown kind. */
const struct ageing_material *ageing_materials(const char *kind, size_t *count);

/* Draws an asset. `shares` are the weights of the kind's materials, in the order of the table, or
 * NULL for the table's own; `years` the first and the last year of installation. */
void ageing_draw(const char *kind, const double *shares, const double years[2], struct rng *rng,
                 struct ageing *out);

/* On CNAIM's scale: 0.5 is new, 5.5 the end of the expected life, 15 the worst. */
double ageing_health(const struct ageing *a, int64_t ms);

/* Failures against those of other assets of the kind; without a unit. */
double ageing_hazard(const struct ageing *a, int64_t ms);

#endif
