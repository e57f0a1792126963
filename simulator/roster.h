/*
 * Writes assets.csv and devices.csv, which `lifelinectl asset import` and `device import` take.
 *
 * Threads: main only. Errors are kept until roster_close, which tells of the first.
 */
#ifndef LL_SIM_ROSTER_H
#define LL_SIM_ROSTER_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/limits.h"

struct roster;

struct roster_asset {
    char id[LL_MAX_ID];
    char kind[LL_MAX_CHANNEL];
    char name[LL_MAX_NAME];
    char district[LL_MAX_NAME];
    char material[LL_MAX_CHANNEL]; /* or "" */
    char installed[16];            /* "YYYY-MM-DD", or "" */
    double latitude;               /* degrees, WGS 84; NaN: unknown */
    double longitude;
    double length_m;     /* NaN: unknown, or it has none */
    double diameter_mm;  /* likewise */
    int64_t criticality; /* 1 (least) to 4 */
};

/* Makes the folder where it is missing and replaces both files. */
ll_err roster_open(const char *dir, struct roster **out);
void roster_add_asset(struct roster *r, const struct roster_asset *a);
void roster_add_device(struct roster *r, const char *id, const char *asset, const char *profile);
/* LL_EIO where something could not be written. */
ll_err roster_close(struct roster *r);

#endif
