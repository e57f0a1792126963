/*
 * The immutable snapshot: all of the registry in a few large arrays and one arena of strings, so
 * that a million channels cost little and go away at once.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/registry/arena.h"
#include "gateway/registry/registry_db.h"

struct registry {
    _Atomic uint32_t refs;
    uint32_t profile_count;
    uint32_t asset_count;
    uint32_t device_count;
    uint32_t series_count;
    struct profile **profiles;
    struct asset *assets;
    struct device *devices;
    struct map asset_by_id;
    struct map device_by_id;
    struct arena arena; /* ids, names, arrays of channel_assets */
};

struct loader {
    sqlite3 *sql;
    struct registry *r;
    struct profile_use *uses; /* by profile */
    struct map use_by_name;   /* of the profile */
    struct map words;         /* districts and materials, of which there are few */
};

static void registry_free(struct registry *r)
{
    for (uint32_t i = 0; i < r->profile_count; i++) {
        profile_free(r->profiles[i]);
    }
    free(r->profiles);
    free(r->assets);
    free(r->devices);
    map_free(&r->asset_by_id);
    map_free(&r->device_by_id);
    arena_free(&r->arena);
    free(r);
}

struct registry *registry_ref(struct registry *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void registry_unref(struct registry *r)
{
    if (r != NULL && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1) {
        registry_free(r);
    }
}

const struct device *registry_device(const struct registry *r, const char *id, size_t len)
{
    return map_get(&r->device_by_id, id, len);
}

const struct device *registry_device_at(const struct registry *r, uint32_t index)
{
    return index < r->device_count ? &r->devices[index] : NULL;
}

const struct asset *registry_asset(const struct registry *r, const char *id, size_t len)
{
    return map_get(&r->asset_by_id, id, len);
}

uint32_t registry_device_count(const struct registry *r)
{
    return r->device_count;
}

uint32_t registry_asset_count(const struct registry *r)
{
    return r->asset_count;
}

uint32_t registry_profile_count(const struct registry *r)
{
    return r->profile_count;
}

uint32_t registry_series_count(const struct registry *r)
{
    return r->series_count;
}

/* --- loading --------------------------------------------------------------------------------- */

/* The column's text, kept once for all rows that have the same; NULL where memory is out. */
static const char *word(struct loader *l, sqlite3_stmt *st, int column)
{
    const char *text = db_text(st, column);
    if (text[0] == '\0') {
        return "";
    }
    char *known = map_get(&l->words, text, strlen(text));
    if (known == NULL) {
        known = arena_str(&l->r->arena, text);
        if (known != NULL && map_put(&l->words, known, strlen(known), known) != LL_OK) {
            return NULL;
        }
    }
    return known;
}

static double number(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
}

/* Room for all rows of a table; zeroed. */
static ll_err make_room(struct loader *l, const char *count_sql, size_t size, void *out)
{
    sqlite3_stmt *st = NULL;
    void *rows = NULL;
    ll_err err = db_prepare(l->sql, count_sql, &st);
    if (err == LL_OK && db_row(st, &err)) {
        const sqlite3_int64 count = sqlite3_column_int64(st, 0);
        rows = count < UINT32_MAX ? calloc((size_t)count + 1, size) : NULL;
        err = rows != NULL ? LL_OK : LL_ENOMEM;
    }
    sqlite3_finalize(st);
    if (err == LL_OK) {
        memcpy(out, &rows, sizeof rows);
    }
    return err;
}

static ll_err load_profiles(struct loader *l)
{
    struct registry *r = l->r;
    sqlite3_stmt *st = NULL;
    static const char count_sql[] = "SELECT count(*) FROM profile";
    ll_err err = make_room(l, count_sql, sizeof(void *), &r->profiles);
    if (err == LL_OK) {
        err = make_room(l, count_sql, sizeof *l->uses, &l->uses);
    }
    if (err == LL_OK) {
        err = db_prepare(l->sql, "SELECT name, json FROM profile", &st);
    }
    while (err == LL_OK && db_row(st, &err)) {
        struct profile *p = NULL;
        err = registry_db_parse_profile(db_text(st, 0), db_text(st, 1), &p);
        if (err == LL_OK) {
            struct profile_use *use = &l->uses[r->profile_count];
            use->profile = p;
            r->profiles[r->profile_count++] = p;
            err = map_put(&l->use_by_name, p->name, strlen(p->name), use);
        } else if (err != LL_ENOMEM) {
            err = LL_OK; /* logged; the gateway goes on without it */
        }
    }
    sqlite3_finalize(st);
    return err;
}

static ll_err load_asset(struct loader *l, sqlite3_stmt *st)
{
    struct registry *r = l->r;
    struct asset *a = &r->assets[r->asset_count];
    const char *name = db_text(st, 2);
    a->kind = asset_kind_find(db_text(st, 1));
    if (a->kind == NULL) {
        log_error("registry", "asset_left_out", "asset=%s unknown_kind=%s", db_text(st, 0),
                  db_text(st, 1));
        return LL_OK;
    }
    a->id = arena_str(&r->arena, db_text(st, 0));
    a->name = name[0] != '\0' ? arena_str(&r->arena, name) : "";
    a->district = word(l, st, 3);
    a->material = word(l, st, 4);
    if (a->id == NULL || a->name == NULL || a->district == NULL || a->material == NULL) {
        return LL_ENOMEM;
    }
    a->installed_day =
        sqlite3_column_type(st, 5) == SQLITE_NULL ? LL_DATE_UNKNOWN : sqlite3_column_int64(st, 5);
    a->latitude = number(st, 6);
    a->longitude = number(st, 7);
    a->length_m = number(st, 8);
    a->diameter_mm = number(st, 9);
    a->criticality = sqlite3_column_int(st, 10);
    r->asset_count++;
    return map_put(&r->asset_by_id, a->id, strlen(a->id), a);
}

static ll_err load_assets(struct loader *l)
{
    struct registry *r = l->r;
    sqlite3_stmt *st = NULL;
    ll_err err = make_room(l, "SELECT count(*) FROM asset", sizeof *r->assets, &r->assets);
    if (err == LL_OK) {
        err = db_prepare(l->sql,
                         "SELECT id, kind, name, district, material, installed_day, latitude,"
                         " longitude, length_m, diameter_mm, criticality FROM asset ORDER BY num",
                         &st);
    }
    while (err == LL_OK && db_row(st, &err)) {
        err = load_asset(l, st);
    }
    sqlite3_finalize(st);
    return err;
}

static uint32_t kind_bit(const struct asset *a)
{
    return UINT32_C(1) << (a->kind - asset_kinds);
}

/* Devices are numbered in the order they were first imported, so that adding some keeps the
 * numbers of the others. */
static ll_err load_devices(struct loader *l)
{
    struct registry *r = l->r;
    sqlite3_stmt *st = NULL;
    uint32_t left_out = 0;
    ll_err err = make_room(l, "SELECT count(*) FROM device", sizeof *r->devices, &r->devices);
    if (err == LL_OK) {
        err = db_prepare(l->sql, "SELECT id, asset, profile FROM device ORDER BY num", &st);
    }
    while (err == LL_OK && db_row(st, &err)) {
        struct device *d = &r->devices[r->device_count];
        const char *asset = db_text(st, 1);
        const char *profile = db_text(st, 2);
        struct profile_use *use = map_get(&l->use_by_name, profile, strlen(profile));
        d->asset = map_get(&r->asset_by_id, asset, strlen(asset));
        if (d->asset == NULL || use == NULL) {
            left_out++;
            continue;
        }
        d->profile = use->profile;
        use->kinds |= kind_bit(d->asset);
        d->id = arena_str(&r->arena, db_text(st, 0));
        d->index = r->device_count;
        d->first_series = r->series_count;
        if (d->id == NULL) {
            err = LL_ENOMEM;
        } else if (d->profile->channel_count > UINT32_MAX - r->series_count) {
            err = LL_ELIMIT;
        } else {
            r->device_count++;
            r->series_count += (uint32_t)d->profile->channel_count;
            err = map_put(&r->device_by_id, d->id, strlen(d->id), d);
        }
    }
    sqlite3_finalize(st);
    if (left_out > 0) {
        log_error("registry", "devices_left_out", "count=%u reason=\"profile or asset unreadable\"",
                  left_out);
    }
    return err;
}

static ll_err bind_channel(struct loader *l, struct device *d, size_t channel,
                           const struct asset *asset)
{
    struct registry *r = l->r;
    if (asset == d->asset) {
        return LL_OK;
    }
    struct profile_use *use = map_get(&l->use_by_name, d->profile->name, strlen(d->profile->name));
    if (use->bound == NULL) {
        use->bound = arena_alloc(&r->arena, d->profile->channel_count * sizeof *use->bound);
        if (use->bound == NULL) {
            return LL_ENOMEM;
        }
    }
    use->bound[channel] |= kind_bit(asset);
    /* Written here alone, before anybody else sees the snapshot. */
    const struct asset **bound = (const struct asset **)d->channel_assets;
    if (bound == NULL) {
        bound = arena_alloc(&r->arena, d->profile->channel_count * sizeof(void *));
        if (bound == NULL) {
            return LL_ENOMEM;
        }
        d->channel_assets = bound;
    }
    bound[channel] = asset;
    return LL_OK;
}

static ll_err load_bindings(struct loader *l)
{
    struct registry *r = l->r;
    sqlite3_stmt *st = NULL;
    uint32_t unused = 0;
    ll_err err = db_prepare(l->sql, "SELECT device, channel, asset FROM channel_binding", &st);
    while (err == LL_OK && db_row(st, &err)) {
        const char *id = db_text(st, 0);
        const char *name = db_text(st, 1);
        const char *asset_id = db_text(st, 2);
        struct device *d = map_get(&r->device_by_id, id, strlen(id));
        const struct asset *asset = map_get(&r->asset_by_id, asset_id, strlen(asset_id));
        const int channel = d != NULL ? profile_channel(d->profile, name, strlen(name)) : -1;
        if (channel < 0 || asset == NULL) {
            unused++;
        } else {
            err = bind_channel(l, d, (size_t)channel, asset);
        }
    }
    sqlite3_finalize(st);
    if (unused > 0) {
        log_warn("registry", "bindings_unused",
                 "count=%u reason=\"the device's profile has no such channel any more\"", unused);
    }
    return err;
}

static ll_err load(struct registry_db *db, const char *begin, struct registry **out)
{
    struct registry *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    atomic_init(&r->refs, 1);
    struct loader l = {.sql = db->sql, .r = r};
    /* One transaction, so that an import between two of the reads does not tear the snapshot. */
    ll_err err = db_exec(db->sql, begin);
    if (err == LL_OK) {
        static ll_err (*const steps[])(struct loader * l) = {load_profiles, load_assets,
                                                             load_devices, load_bindings};
        for (size_t i = 0; err == LL_OK && i < sizeof steps / sizeof steps[0]; i++) {
            err = steps[i](&l);
        }
        if (err == LL_OK) {
            err = registry_db_pin(db, l.uses, r->profile_count);
        }
        err = registry_db_end(db, err);
    }
    free(l.uses);
    map_free(&l.use_by_name);
    map_free(&l.words);
    if (err != LL_OK) {
        registry_free(r);
        return err;
    }
    *out = r;
    return LL_OK;
}

ll_err registry_db_load(struct registry_db *db, struct registry **out)
{
    /* Most loads pin nothing new, and wait for no import. */
    const ll_err err = load(db, "BEGIN", out);
    return err == LL_EBUSY ? load(db, "BEGIN IMMEDIATE", out) : err;
}
