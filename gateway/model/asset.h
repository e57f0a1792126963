/*
 * Assets (what is watched) and devices (what watches), as one registry snapshot holds them.
 *
 * Both are read-only and live as long as the snapshot. Ids consist of letters, digits, '.', '_',
 * '-' and ':', so that they are topic levels and tags as they stand.
 */
#ifndef LL_MODEL_ASSET_H
#define LL_MODEL_ASSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/model/kind.h"
#include "gateway/model/profile.h"

#define LL_DATE_UNKNOWN INT64_MIN

/* How bad its failure would be, 1 (least) to 4. */
#define LL_CRITICALITY_MIN 1
#define LL_CRITICALITY_MAX 4

struct asset {
    const char *id;
    const char *name;
    const char *district;
    const char *material;
    const struct asset_kind *kind;
    int64_t installed_day; /* days since 1970-01-01, or LL_DATE_UNKNOWN */
    double latitude;       /* degrees, WGS 84; NaN: unknown */
    double longitude;
    double length_m; /* NaN: unknown or not a line */
    double diameter_mm;
    int criticality;
};

struct device {
    const char *id;
    const struct asset *asset; /* never NULL */
    const struct profile *profile;
    /* For each channel the asset it belongs to where that is another one than the device's (a
     * station's telemetry unit that reports for many assets), or NULL as a whole. */
    const struct asset *const *channel_assets;
    uint32_t index;        /* in the snapshot, dense from 0 */
    uint32_t first_series; /* its channels' series are first_series + channel, dense over all */
};

/* The asset that a channel of the device belongs to. */
static inline const struct asset *device_asset(const struct device *d, size_t channel)
{
    if (d->channel_assets != NULL && d->channel_assets[channel] != NULL) {
        return d->channel_assets[channel];
    }
    return d->asset;
}

/* Whether `id` has only the characters above and 1 to LL_MAX_ID - 1 of them. */
bool asset_id_valid(const char *id, size_t len);

#endif
