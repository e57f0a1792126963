/*
 * A column map: how the columns of a recorded file become devices and channels.
 *
 * {"separator": ",", "trim": true,
 *  "time": {"column": "DATETIME", "format": "%d/%m/%y %H"},     strptime(3), in UTC
 *  "missing": ["NaN"],                                          no reading; an empty cell never is
 *  "ignore": ["ATT_FLAG"],
 *  "assets": [{"id": …, "kind": …, "name": …, "district": …}],  for assets.csv
 *  "devices": [{"id": …, "asset": …, "profile": …, "channels": {"<channel>": "<column>"}}]}
 *
 * Every column of the file must be the time, a channel or ignored, so that none is lost unseen.
 * Threads: read-only once bound.
 */
#ifndef LL_SIM_COLMAP_H
#define LL_SIM_COLMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"
#include "simulator/csv.h"
#include "simulator/roster.h"

struct colmap_channel {
    char name[LL_MAX_CHANNEL];
    char column[LL_MAX_NAME];
    size_t index; /* in a row; set by colmap_bind */
};

struct colmap_device {
    char id[LL_MAX_ID];
    char asset[LL_MAX_ID];
    char profile[LL_MAX_ID];
    struct colmap_channel *channels; /* owned by the map */
    size_t channel_count;
};

struct colmap {
    char separator;
    bool trim;
    char time_column[LL_MAX_NAME];
    char time_format[LL_MAX_NAME];
    size_t time_index; /* set by colmap_bind */
    char (*missing)[LL_MAX_NAME];
    size_t missing_count;
    char (*ignore)[LL_MAX_NAME];
    size_t ignore_count;
    struct roster_asset *assets;
    size_t asset_count;
    struct colmap_device *devices;
    size_t device_count;
};

ll_err colmap_load(const char *path, struct diag *d, struct colmap **out);
void colmap_free(struct colmap *m);

/* Finds each column in the file's header row. LL_EFORMAT, with a diagnostic for each column that
 * the map or the file lacks. `csv` names the file in them. */
ll_err colmap_bind(struct colmap *m, const char *csv, const struct csv_row *header, struct diag *d);

/* Whether the cell says that there is no reading. */
bool colmap_is_missing(const struct colmap *m, const char *cell);

/* The row's time in ms since 1970 UTC; false where the cell is not of the map's format. */
bool colmap_time(const struct colmap *m, const char *cell, int64_t *out);

#endif
