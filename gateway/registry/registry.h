/*
 * The registry: assets, devices, channels and profiles, kept in SQLite, used as snapshots.
 *
 * registry_db is the store: one connection, one thread at a time. struct registry is an immutable
 * snapshot of it, counted by references, that any thread may read. Imports are all or nothing: a
 * file with one bad row changes nothing and each bad row is named.
 */
#ifndef LL_REGISTRY_REGISTRY_H
#define LL_REGISTRY_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/model/asset.h"

/* --- snapshots ------------------------------------------------------------------------------- */

struct registry;

/* One more reference to the same snapshot; returns it. */
struct registry *registry_ref(struct registry *r);
/* One reference less; the last one frees it. NULL is fine. */
void registry_unref(struct registry *r);

/* The device, or NULL. Borrowed from the snapshot. */
const struct device *registry_device(const struct registry *r, const char *id, size_t len);
const struct device *registry_device_at(const struct registry *r, uint32_t index);
const struct asset *registry_asset(const struct registry *r, const char *id, size_t len);
uint32_t registry_device_count(const struct registry *r);
uint32_t registry_asset_count(const struct registry *r);
uint32_t registry_profile_count(const struct registry *r);
/* Channels of all devices: series are numbered below this. */
uint32_t registry_series_count(const struct registry *r);

/* --- the store ------------------------------------------------------------------------------- */

struct registry_db;

/* Opens or makes the SQLite file. */
ll_err registry_db_open(const char *path, struct registry_db **out);
void registry_db_close(struct registry_db *db);

/* Reads all of it into a new snapshot with one reference. The types of its fields are pinned: they
 * stand from now on for each measurement, and a field that has another type in a database by an
 * earlier pin keeps that one. */
ll_err registry_db_load(struct registry_db *db, struct registry **out);

/* Imports. `name` stands for the file in messages ("devices.csv"). Text that begins with '[' or '{'
 * is JSON (an array of objects, or one), else CSV with a header row; columns and keys are the same
 * words. Known ids are updated, others added; *count gets the rows taken. A profile is one JSON
 * object (comments allowed), or an array of them. */
ll_err registry_import_assets(struct registry_db *db, const char *name, const char *text,
                              size_t len, struct diag *d, size_t *count);
ll_err registry_import_devices(struct registry_db *db, const char *name, const char *text,
                               size_t len, struct diag *d, size_t *count);
ll_err registry_import_profiles(struct registry_db *db, const char *name, const char *text,
                                size_t len, struct diag *d, size_t *count);
/* Every *.json in the folder as a profile. A bad file is named in `d` and skipped; the others are
 * taken, so that one bad profile does not stop the gateway. */
ll_err registry_import_profile_dir(struct registry_db *db, const char *dir, struct diag *d,
                                   size_t *count);

/* Forgets the types of a measurement's fields, or of the one that `field` names (NULL: all), for
 * what is dropped in every database. LL_ENOENT: there are none. They stand in `before` as JSON. A
 * field that is in use is pinned again at the next load. */
ll_err registry_release_fields(struct registry_db *db, const char *measurement, const char *field,
                               size_t *count, struct buf *before);

/* JSON: {"total":N,"items":[…]} with at most LL_MAX_ROWS rows from row `offset`; `filter` is part
 * of an id, or "". */
ll_err registry_list_assets(struct registry_db *db, const char *filter, uint64_t offset,
                            struct buf *out);
ll_err registry_list_devices(struct registry_db *db, const char *filter, uint64_t offset,
                             struct buf *out);
ll_err registry_list_profiles(struct registry_db *db, const char *filter, uint64_t offset,
                              struct buf *out);
/* The pins; `filter` is part of "measurement.field". */
ll_err registry_list_fields(struct registry_db *db, const char *filter, uint64_t offset,
                            struct buf *out);
/* One of them as a JSON object; LL_ENOENT. A device shows its channels with their assets. */
ll_err registry_show_asset(struct registry_db *db, const char *id, struct buf *out);
ll_err registry_show_device(struct registry_db *db, const char *id, struct buf *out);
ll_err registry_show_profile(struct registry_db *db, const char *name, struct buf *out);

#endif
