/*
 * The kinds of lifeline asset, one row each: the key is the InfluxDB measurement.
 *
 * A new kind is a row in kind.c. Threads: any; the table is constant.
 */
#ifndef LL_MODEL_KIND_H
#define LL_MODEL_KIND_H

#include <stddef.h>

struct asset_kind {
    const char *key; /* "gas_pipe" */
    const char *name_en;
    const char *name_zh;
    const char *count_unit; /* how the city plans count them: km, 处, 座, 台, 套, 个 */
};

extern const struct asset_kind asset_kinds[];
extern const size_t asset_kind_count;

/* The row, or NULL. */
const struct asset_kind *asset_kind_find(const char *key);

/* The key nearest to a misspelt one, or NULL. */
const char *asset_kind_nearest(const char *key);

#endif
