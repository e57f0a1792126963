/*
 * Imports of assets and devices: rows.c reads and checks the values, this checks what they refer
 * to and writes them. One transaction, so that a file with one bad row changes nothing.
 */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "gateway/registry/registry_db.h"
#include "gateway/registry/rows.h"

enum {
    ASSET_ID,
    ASSET_KIND,
    ASSET_NAME,
    ASSET_DISTRICT,
    ASSET_MATERIAL,
    ASSET_INSTALLED,
    ASSET_LATITUDE,
    ASSET_LONGITUDE,
    ASSET_LENGTH,
    ASSET_DIAMETER,
    ASSET_CRITICALITY,
    ASSET_COLUMNS
};

static const struct column asset_columns[ASSET_COLUMNS] = {
    [ASSET_ID] = {"id", "asset_id", COLUMN_ID, true, 0, 0},
    [ASSET_KIND] = {"kind", NULL, COLUMN_KIND, true, 0, 0},
    [ASSET_NAME] = {"name", NULL, COLUMN_TEXT, false, 0, 0},
    [ASSET_DISTRICT] = {"district", NULL, COLUMN_TEXT, false, 0, 0},
    [ASSET_MATERIAL] = {"material", NULL, COLUMN_TEXT, false, 0, 0},
    [ASSET_INSTALLED] = {"installed", "delivered", COLUMN_DATE, false, 0, 0},
    [ASSET_LATITUDE] = {"latitude", NULL, COLUMN_NUMBER, false, -90, 90},
    [ASSET_LONGITUDE] = {"longitude", NULL, COLUMN_NUMBER, false, -180, 180},
    [ASSET_LENGTH] = {"length_m", NULL, COLUMN_NUMBER, false, 0, 1e7},
    [ASSET_DIAMETER] = {"diameter_mm", NULL, COLUMN_NUMBER, false, 0, 1e5},
    [ASSET_CRITICALITY] = {"criticality", NULL, COLUMN_WHOLE, false, LL_CRITICALITY_MIN,
                           LL_CRITICALITY_MAX},
};

/* A column that the file does not have keeps its value: ?12 has bit n where it has column n. */
static const char put_asset_sql[] =
    "INSERT INTO asset (id, kind, name, district, material, installed_day, latitude, longitude,"
    " length_m, diameter_mm, criticality)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, coalesce(?11, 2))"
    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind,"
    " name = iif(?12 & 4, excluded.name, name),"
    " district = iif(?12 & 8, excluded.district, district),"
    " material = iif(?12 & 16, excluded.material, material),"
    " installed_day = iif(?12 & 32, excluded.installed_day, installed_day),"
    " latitude = iif(?12 & 64, excluded.latitude, latitude),"
    " longitude = iif(?12 & 128, excluded.longitude, longitude),"
    " length_m = iif(?12 & 256, excluded.length_m, length_m),"
    " diameter_mm = iif(?12 & 512, excluded.diameter_mm, diameter_mm),"
    " criticality = iif(?12 & 1024, excluded.criticality, criticality)";

enum { DEVICE_ID, DEVICE_ASSET, DEVICE_PROFILE, DEVICE_CHANNELS, DEVICE_COLUMNS };

static const char put_device_sql[] =
    "INSERT INTO device (id, asset, profile) VALUES (?1, ?2, ?3)"
    " ON CONFLICT (id) DO UPDATE SET asset = excluded.asset, profile = excluded.profile";

static const struct column device_columns[DEVICE_COLUMNS] = {
    [DEVICE_ID] = {"id", "device_id", COLUMN_ID, true, 0, 0},
    [DEVICE_ASSET] = {"asset", NULL, COLUMN_ID, true, 0, 0},
    [DEVICE_PROFILE] = {"profile", NULL, COLUMN_ID, true, 0, 0},
    [DEVICE_CHANNELS] = {"channels", "channel_assets", COLUMN_PAIRS, false, 0, 0},
};

enum statement {
    PUT_ASSET,
    PUT_DEVICE,
    HAS_ASSET,
    HAS_PROFILE,
    HAS_CHANNEL,
    DROP_BINDINGS,
    PUT_BINDING,
    STATEMENT_COUNT
};

static const char *const statement_sql[STATEMENT_COUNT] = {
    [PUT_ASSET] = put_asset_sql,
    [PUT_DEVICE] = put_device_sql,
    [HAS_ASSET] = "SELECT 1 FROM asset WHERE id = ?1",
    [HAS_PROFILE] = "SELECT 1 FROM profile WHERE name = ?1",
    [HAS_CHANNEL] = "SELECT 1 FROM profile_channel WHERE profile = ?1 AND channel = ?2",
    [DROP_BINDINGS] = "DELETE FROM channel_binding WHERE device = ?1",
    [PUT_BINDING] = "INSERT INTO channel_binding (device, channel, asset) VALUES (?1, ?2, ?3)",
};

struct import {
    struct registry_db *db;
    sqlite3_stmt *st[STATEMENT_COUNT];
    size_t taken;
};

/* Whether the statement finds a row for one or two texts. */
static bool finds(struct import *im, enum statement which, const char *a, const char *b,
                  ll_err *err)
{
    sqlite3_stmt *st = im->st[which];
    db_bind_text(st, 1, a);
    if (b != NULL) {
        db_bind_text(st, 2, b);
    }
    const bool found = db_row(st, err);
    sqlite3_reset(st);
    return found;
}

static void bind_cell(sqlite3_stmt *st, int index, enum column_type type, const struct cell *cell)
{
    if (type == COLUMN_DATE && cell->day != LL_DATE_UNKNOWN) {
        sqlite3_bind_int64(st, index, cell->day);
    } else if (type == COLUMN_WHOLE && !isnan(cell->number)) {
        sqlite3_bind_int64(st, index, (sqlite3_int64)cell->number);
    } else if (type == COLUMN_NUMBER && !isnan(cell->number)) {
        sqlite3_bind_double(st, index, cell->number);
    } else if (type == COLUMN_ID || type == COLUMN_KIND || type == COLUMN_TEXT) {
        db_bind_text(st, index, cell->text);
    } else {
        sqlite3_bind_null(st, index);
    }
}

static ll_err take_asset(void *ctx, const struct row *row, struct diag *d)
{
    (void)d;
    struct import *im = ctx;
    sqlite3_stmt *st = im->st[PUT_ASSET];
    int given = 0;
    for (int i = 0; i < ASSET_COLUMNS; i++) {
        bind_cell(st, i + 1, asset_columns[i].type, &row->cell[i]);
        given |= row->cell[i].given ? 1 << i : 0;
    }
    sqlite3_bind_int(st, ASSET_COLUMNS + 1, given);
    im->taken++;
    return db_run(st);
}

/* The fault that the table has no such name, with the nearest of those it has. The query gives
 * candidates for the parameter `of` and is bounded by the caps on profiles and channels. */
static ll_err unknown_name(struct import *im, const struct row *row, const char *column,
                           const char *what, const char *name, const char *sql, const char *of,
                           struct diag *d)
{
    char names[LL_MAX_PROFILES][LL_MAX_ID];
    const char *candidates[LL_MAX_PROFILES];
    size_t count = 0;
    sqlite3_stmt *st = NULL;
    ll_err err = db_prepare(im->db->sql, sql, &st);
    if (err == LL_OK && of != NULL) {
        db_bind_text(st, 1, of);
    }
    while (err == LL_OK && count < LL_MAX_PROFILES && db_row(st, &err)) {
        const char *text = db_text(st, 0);
        const size_t len = strnlen(text, LL_MAX_ID - 1);
        memcpy(names[count], text, len);
        names[count][len] = '\0';
        candidates[count] = names[count];
        count++;
    }
    sqlite3_finalize(st);
    if (err != LL_OK) {
        return err;
    }
    const char *nearest = diag_nearest(name, candidates, count);
    diag_add(d, row->file, row->line, "%s: no %s '%s'%s%s%s", column, what, name,
             nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
             nearest != NULL ? "'?" : "");
    return LL_OK;
}

static ll_err take_binding(struct import *im, const struct row *row, const char *channel,
                           const char *asset, struct diag *d)
{
    const char *device = row->cell[DEVICE_ID].text;
    const char *profile = row->cell[DEVICE_PROFILE].text;
    ll_err err = LL_OK;
    if (!finds(im, HAS_CHANNEL, profile, channel, &err)) {
        return err != LL_OK ? err
                            : unknown_name(im, row, "channels", "channel", channel,
                                           "SELECT channel FROM profile_channel WHERE profile = ?1",
                                           profile, d);
    }
    if (!finds(im, HAS_ASSET, asset, NULL, &err)) {
        if (err == LL_OK) {
            diag_add(d, row->file, row->line, "channels: no asset '%.70s' for channel '%s'", asset,
                     channel);
        }
        return err;
    }
    sqlite3_stmt *st = im->st[PUT_BINDING];
    db_bind_text(st, 1, device);
    db_bind_text(st, 2, channel);
    db_bind_text(st, 3, asset);
    const int rc = sqlite3_step(st);
    sqlite3_reset(st);
    if (rc == SQLITE_CONSTRAINT) {
        diag_add(d, row->file, row->line, "channels: channel '%s' stands here twice", channel);
        return LL_OK;
    }
    return rc == SQLITE_DONE ? LL_OK : LL_EDB;
}

/* "channel=asset;channel=asset" */
static ll_err take_pairs_text(struct import *im, const struct row *row, const char *text,
                              struct diag *d)
{
    ll_err err = LL_OK;
    while (err == LL_OK && *text != '\0') {
        const size_t len = strcspn(text, ";");
        const char *eq = memchr(text, '=', len);
        const size_t channel_len = eq != NULL ? (size_t)(eq - text) : 0;
        const size_t asset_len = eq != NULL ? len - channel_len - 1 : 0;
        char channel[LL_MAX_CHANNEL];
        char asset[LL_MAX_ID];
        if (channel_len == 0 || channel_len >= sizeof channel || asset_len == 0 ||
            asset_len >= sizeof asset) {
            diag_add(d, row->file, row->line,
                     "channels: '%.*s' is not channel=asset; pairs are parted by ';'",
                     (int)(len < LL_MAX_NAME ? len : LL_MAX_NAME), text);
        } else {
            memcpy(channel, text, channel_len);
            channel[channel_len] = '\0';
            memcpy(asset, eq + 1, asset_len);
            asset[asset_len] = '\0';
            err = take_binding(im, row, channel, asset, d);
        }
        text += len + (text[len] == ';');
    }
    return err;
}

static ll_err take_pairs_json(struct import *im, const struct row *row, struct json_object *obj,
                              struct diag *d)
{
    json_object_object_foreach(obj, channel, value)
    {
        if (!json_object_is_type(value, json_type_string)) {
            diag_add(d, row->file, row->line, "channels: '%.70s' needs an asset's id", channel);
            continue;
        }
        const ll_err err = take_binding(im, row, channel, json_object_get_string(value), d);
        if (err != LL_OK) {
            return err;
        }
    }
    return LL_OK;
}

static ll_err take_device(void *ctx, const struct row *row, struct diag *d)
{
    struct import *im = ctx;
    const char *id = row->cell[DEVICE_ID].text;
    const char *asset = row->cell[DEVICE_ASSET].text;
    const char *profile = row->cell[DEVICE_PROFILE].text;
    const size_t before = d->count;
    ll_err err = LL_OK;
    if (!finds(im, HAS_ASSET, asset, NULL, &err) && err == LL_OK) {
        diag_add(d, row->file, row->line, "asset: no asset '%s'; import assets before devices",
                 asset);
    }
    if (err == LL_OK && !finds(im, HAS_PROFILE, profile, NULL, &err) && err == LL_OK) {
        err = unknown_name(im, row, "profile", "profile", profile, "SELECT name FROM profile", NULL,
                           d);
    }
    if (err != LL_OK || d->count != before) {
        return err;
    }
    sqlite3_stmt *st = im->st[PUT_DEVICE];
    db_bind_text(st, 1, id);
    db_bind_text(st, 2, asset);
    db_bind_text(st, 3, profile);
    err = db_run(st);
    const struct cell *channels = &row->cell[DEVICE_CHANNELS];
    if (err == LL_OK && channels->given) {
        db_bind_text(im->st[DROP_BINDINGS], 1, id);
        err = db_run(im->st[DROP_BINDINGS]);
        if (err == LL_OK) {
            err = channels->json != NULL ? take_pairs_json(im, row, channels->json, d)
                                         : take_pairs_text(im, row, channels->text, d);
        }
    }
    im->taken++;
    return err;
}

static ll_err import_rows(struct registry_db *db, const struct column *columns, size_t columns_len,
                          rows_take *take, const char *name, const char *text, size_t len,
                          struct diag *d, size_t *count)
{
    struct import im = {.db = db};
    ll_err err = LL_OK;
    for (int i = 0; err == LL_OK && i < STATEMENT_COUNT; i++) {
        err = db_prepare(db->sql, statement_sql[i], &im.st[i]);
    }
    if (err == LL_OK) {
        err = registry_db_begin(db);
    }
    if (err == LL_OK) {
        err = rows_read(columns, columns_len, name, text, len, d, take, &im);
        err = registry_db_end(db, err);
    }
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(im.st[i]);
    }
    if (err == LL_OK) {
        *count = im.taken;
    }
    return err;
}

ll_err registry_import_assets(struct registry_db *db, const char *name, const char *text,
                              size_t len, struct diag *d, size_t *count)
{
    return import_rows(db, asset_columns, ASSET_COLUMNS, take_asset, name, text, len, d, count);
}

ll_err registry_import_devices(struct registry_db *db, const char *name, const char *text,
                               size_t len, struct diag *d, size_t *count)
{
    return import_rows(db, device_columns, DEVICE_COLUMNS, take_device, name, text, len, d, count);
}
