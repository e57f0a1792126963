#include "simulator/ageing.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "gateway/base/clock.h"

#define MS_PER_DAY    (24 * 3600.0 * LL_MS_PER_S)
#define DAYS_PER_YEAR 365.25
#define NEW           0.5
#define END_OF_LIFE   5.5
#define WORST         15
#define CNAIM_C       1.087
#define CNAIM_FLAT    4
#define SPREAD        0.3 /* of the logarithm of lives */
#define MIN_LENGTH_M  100
#define MEAN_LENGTH_M 1000

/* Lives: lift 15-25 years, pump 15-20, steel gas pipe 20-30, PE 50, hydrant 25-30; the others are
 * engineering values. Rates of mains by material: breaks per 100 km and year on 12,296 mains of one
 * city, cast iron 34, ductile iron 6.6, PVC 1.3, asbestos cement 5.2; PE as PVC. Shares and
 * diameters are engineering values. A kind's rows stand together. */
static const struct ageing_material materials[] = {
    {"gas_pipe", "steel", 0.35, 25, 4, {100, 200, 300}},
    {"gas_pipe", "PE", 0.6, 50, 1, {63, 110, 200}},
    {"gas_pipe", "cast_iron", 0.05, 40, 8, {100, 150, 200}},
    {"gas_station", "", 1, 25, 1, {0}},
    {"water_main", "cast_iron", 0.25, 50, 34, {100, 200, 300}},
    {"water_main", "ductile_iron", 0.45, 60, 6.6, {200, 300, 600}},
    {"water_main", "PVC", 0.1, 50, 1.3, {110, 160, 200}},
    {"water_main", "PE", 0.15, 50, 1.3, {110, 160, 315}},
    {"water_main", "asbestos_cement", 0.05, 50, 5.2, {150, 200, 300}},
    {"secondary_supply", "", 1, 18, 1, {0}},
    {"sewer", "concrete", 0.6, 50, 2, {300, 500, 800}},
    {"sewer", "HDPE", 0.4, 50, 1, {300, 400, 600}},
    {"manhole", "cast_iron", 0.7, 20, 1, {700, 700, 800}},
    {"manhole", "composite", 0.3, 15, 2, {700, 700, 800}},
    {"pump_station", "", 1, 18, 1, {0}},
    {"hydrant", "", 1, 27, 1, {100, 100, 150}},
    {"elevator", "", 1, 20, 1, {0}},
    {"bridge", "concrete", 0.85, 100, 1, {0}},
    {"bridge", "steel", 0.15, 80, 1, {0}},
    {"tunnel", "", 1, 100, 1, {0}},
    {"heat_supply", "steel", 1, 25, 1, {200, 400, 700}},
    {"transfer_station", "", 1, 15, 1, {0}},
};

static const char *const with_length[] = {"gas_pipe", "water_main", "sewer", "heat_supply"};

const struct ageing_material *ageing_materials(const char *kind, size_t *count)
{
    const struct ageing_material *first = NULL;
    *count = 0;
    for (size_t i = 0; i < sizeof materials / sizeof materials[0]; i++) {
        if (strcmp(materials[i].kind, kind) == 0) {
            first = first != NULL ? first : &materials[i];
            ++*count;
        }
    }
    return first;
}

static size_t draw_material(const struct ageing_material *rows, const double *shares, size_t count,
                            struct rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += shares != NULL ? shares[i] : rows[i].share;
    }
    double left = rng_uniform(rng) * sum;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        const double share = shares != NULL ? shares[i] : rows[i].share;
        if (share > 0) {
            last = i;
            if (left < share) {
                break;
            }
        }
        left -= share;
    }
    return last;
}

static bool has_length(const char *kind)
{
    for (size_t i = 0; i < sizeof with_length / sizeof with_length[0]; i++) {
        if (strcmp(with_length[i], kind) == 0) {
            return true;
        }
    }
    return false;
}

void ageing_draw(const char *kind, const double *shares, const double years[2], struct rng *rng,
                 struct ageing *out)
{
    size_t count;
    const struct ageing_material *rows = ageing_materials(kind, &count);
    assert(rows != NULL);
    const struct ageing_material *m = &rows[draw_material(rows, shares, count, rng)];
    /* Every asset takes as many draws, whatever it is. */
    const double diameter_mm = m->diameters_mm[rng_next(rng) % 3];
    const double length_m =
        MIN_LENGTH_M - (MEAN_LENGTH_M - MIN_LENGTH_M) * log(1 - rng_uniform(rng));
    *out = (struct ageing){
        .material = m,
        .installed_year = (int)(years[0] + floor(rng_uniform(rng) * (years[1] - years[0] + 1))),
        .installed_month = 1 + (unsigned)(rng_next(rng) % 12),
        .life_y = m->life_y * exp(SPREAD * rng_normal(rng)),
        .length_m = has_length(kind) ? length_m : NAN,
        .diameter_mm = diameter_mm > 0 ? diameter_mm : NAN,
    };
}

double ageing_health(const struct ageing *a, int64_t ms)
{
    const int64_t installed = clock_days_from_civil(a->installed_year, a->installed_month, 1);
    const double age_y = ((double)ms / MS_PER_DAY - (double)installed) / DAYS_PER_YEAR;
    const double health = NEW * exp(log(END_OF_LIFE / NEW) / a->life_y * fmax(age_y, 0));
    return fmin(health, WORST);
}

double ageing_hazard(const struct ageing *a, int64_t ms)
{
    const double x = CNAIM_C * fmax(ageing_health(a, ms), CNAIM_FLAT);
    const double per_length = isnan(a->length_m) ? 1 : a->length_m / 1000;
    return a->material->rate * per_length * (1 + x + x * x / 2 + x * x * x / 6);
}
