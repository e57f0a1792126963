/*
 * The registry as JSON, straight out of SQLite: what `lifelinectl` and the API show.
 */
#include <math.h>
#include <string.h>

#include "gateway/base/num.h"
#include "gateway/registry/registry_db.h"

/* ?1: part of the id, or NULL for all. */
struct listing {
    const char *count;
    const char *rows; /* ?2 rows from row ?3 */
};

#define ID_LIKE(id) " WHERE ?1 IS NULL OR instr(" id ", ?1) > 0"
#define PAGE(id)    " ORDER BY " id " LIMIT ?2 OFFSET ?3"

#define ASSET_ROW                                                                            \
    "SELECT id, kind, name, district, material,"                                             \
    " date(installed_day * 86400, 'unixepoch') AS installed, latitude, longitude, length_m," \
    " diameter_mm, criticality FROM asset"
#define DEVICE_ROW                                        \
    "SELECT d.id, d.asset, d.profile, a.kind, a.district" \
    " FROM device d JOIN asset a ON a.id = d.asset"
#define PROFILE_ROW                                                                 \
    "SELECT name AS profile, kind, title_en, title_zh,"                             \
    " (SELECT count(*) FROM profile_channel c WHERE c.profile = name) AS channels," \
    " (SELECT count(*) FROM device d WHERE d.profile = name) AS devices, imported_ms FROM profile"

#define FIELD_ID "measurement || '.' || field"

static const struct listing assets = {
    "SELECT count(*) FROM asset" ID_LIKE("id"),
    ASSET_ROW ID_LIKE("id") PAGE("id"),
};
static const struct listing devices = {
    "SELECT count(*) FROM device" ID_LIKE("id"),
    DEVICE_ROW ID_LIKE("d.id") PAGE("d.id"),
};
static const struct listing profiles = {
    "SELECT count(*) FROM profile" ID_LIKE("name"),
    PROFILE_ROW ID_LIKE("name") PAGE("name"),
};

static const struct listing fields = {
    "SELECT count(*) FROM field_pin" ID_LIKE(FIELD_ID),
    "SELECT measurement, field, type, profile, since_ms FROM field_pin" ID_LIKE(FIELD_ID)
        PAGE(FIELD_ID),
};

static ll_err list(struct registry_db *db, const struct listing *what, const char *filter,
                   uint64_t offset, struct buf *out)
{
    sqlite3_stmt *count = NULL;
    sqlite3_stmt *rows = NULL;
    ll_err err = db_prepare(db->sql, what->count, &count);
    if (err == LL_OK) {
        err = db_prepare(db->sql, what->rows, &rows);
    }
    if (err == LL_OK) {
        db_bind_text(count, 1, filter);
        db_bind_text(rows, 1, filter);
        sqlite3_bind_int64(rows, 2, LL_MAX_ROWS);
        sqlite3_bind_int64(rows, 3, offset < INT64_MAX ? (sqlite3_int64)offset : INT64_MAX);
        if (db_row(count, &err)) {
            buf_printf(out,
                       "{\"total\":%lld,\"items\":", (long long)sqlite3_column_int64(count, 0));
        }
    }
    if (err == LL_OK) {
        err = db_rows_json(rows, out);
        buf_char(out, '}');
    }
    sqlite3_finalize(count);
    sqlite3_finalize(rows);
    return err == LL_OK ? buf_err(out) : err;
}

ll_err registry_list_assets(struct registry_db *db, const char *filter, uint64_t offset,
                            struct buf *out)
{
    return list(db, &assets, filter, offset, out);
}

ll_err registry_list_devices(struct registry_db *db, const char *filter, uint64_t offset,
                             struct buf *out)
{
    return list(db, &devices, filter, offset, out);
}

ll_err registry_list_profiles(struct registry_db *db, const char *filter, uint64_t offset,
                              struct buf *out)
{
    return list(db, &profiles, filter, offset, out);
}

ll_err registry_list_fields(struct registry_db *db, const char *filter, uint64_t offset,
                            struct buf *out)
{
    return list(db, &fields, filter, offset, out);
}

/* The one row that `sql` finds for the id; the caller finalizes *st, also after a failure. */
static ll_err find(struct registry_db *db, const char *sql, const char *id, sqlite3_stmt **st)
{
    ll_err err = db_prepare(db->sql, sql, st);
    if (err == LL_OK) {
        db_bind_text(*st, 1, id);
        if (!db_row(*st, &err) && err == LL_OK) {
            err = LL_ENOENT;
        }
    }
    return err;
}

ll_err registry_show_asset(struct registry_db *db, const char *id, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    const ll_err err = find(db, ASSET_ROW " WHERE id = ?1", id, &st);
    if (err == LL_OK) {
        db_row_json(st, out);
    }
    sqlite3_finalize(st);
    return err == LL_OK ? buf_err(out) : err;
}

/* --- profiles, parsed ------------------------------------------------------------------------ */

/* ,"key":"text" */
static void text_member(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    buf_json_str(out, text, strlen(text));
}

static void number_member(struct buf *out, const char *key, double value)
{
    char text[LL_NUM_TEXT];
    buf_printf(out, ",\"%s\":", key);
    buf_add(out, text, num_format(value, text));
}

/* What the gateway expects of a channel, defaults filled in; members without the braces. */
static void channel_members(struct buf *out, const struct channel_spec *c)
{
    text_member(out, "quantity", c->quantity);
    text_member(out, "unit", c->unit->symbol);
    text_member(out, "field", c->field);
    text_member(out, "type", field_type_keys[c->type]);
    number_member(out, "min", c->min);
    number_member(out, "max", c->max);
    buf_printf(out, ",\"period_s\":%d", (int)c->period_s);
}

static void detector_object(struct buf *out, const struct detector_spec *s)
{
    const struct detector_kind *kind = &detector_kinds[s->type];
    buf_printf(out, "{\"detector\":\"%s\",\"name\":\"%s\",\"priority\":\"%s\"", kind->key, s->name,
               alarm_priority_keys[s->priority]);
    for (size_t i = 0; i < kind->setting_count; i++) {
        if (!isnan(s->param[i])) {
            number_member(out, kind->settings[i].key, s->param[i]);
        }
    }
    buf_printf(out, ",\"on_delay_s\":%d,\"off_delay_s\":%d}", (int)s->on_delay_s,
               (int)s->off_delay_s);
}

static void profile_object(struct buf *out, const struct profile *p)
{
    buf_str_add(out, "{\"profile\":");
    buf_json_str(out, p->name, strlen(p->name));
    text_member(out, "kind", p->kind->key);
    text_member(out, "title_en", p->title_en);
    text_member(out, "title_zh", p->title_zh);
    text_member(out, "device_clock", clock_policy_keys[p->device_clock]);
    number_member(out, "late_after_s", (double)p->late_after_s);
    number_member(out, "late_limit_s", (double)p->late_limit_s);
    buf_str_add(out, ",\"channels\":[");
    for (size_t i = 0; i < p->channel_count; i++) {
        const struct channel_spec *c = &p->channels[i];
        buf_printf(out, "%s{\"channel\":\"%s\"", i > 0 ? "," : "", c->name);
        channel_members(out, c);
        buf_str_add(out, ",\"detectors\":[");
        for (size_t k = 0; k < c->detector_count; k++) {
            if (k > 0) {
                buf_char(out, ',');
            }
            detector_object(out, &c->detectors[k]);
        }
        buf_str_add(out, "]}");
    }
    buf_str_add(out, "]}");
}

ll_err registry_show_profile(struct registry_db *db, const char *name, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    struct profile *p = NULL;
    ll_err err = find(db, "SELECT json FROM profile WHERE name = ?1", name, &st);
    if (err == LL_OK) {
        err = registry_db_parse_profile(name, db_text(st, 0), &p);
    }
    sqlite3_finalize(st);
    if (err == LL_OK) {
        profile_object(out, p);
    }
    profile_free(p);
    return err == LL_OK ? buf_err(out) : err;
}

/* --- one device ------------------------------------------------------------------------------ */

/* The channels of a device, each with the asset it belongs to. */
static ll_err channel_array(struct registry_db *db, const char *device, const char *asset,
                            const struct profile *p, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    ll_err err = db_prepare(
        db->sql, "SELECT asset FROM channel_binding WHERE device = ?1 AND channel = ?2", &st);
    buf_char(out, '[');
    for (size_t i = 0; err == LL_OK && i < p->channel_count; i++) {
        const struct channel_spec *c = &p->channels[i];
        db_bind_text(st, 1, device);
        db_bind_text(st, 2, c->name);
        buf_printf(out, "%s{\"channel\":\"%s\"", i > 0 ? "," : "", c->name);
        text_member(out, "asset", db_row(st, &err) ? db_text(st, 0) : asset);
        sqlite3_reset(st);
        channel_members(out, c);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    sqlite3_finalize(st);
    return err;
}

ll_err registry_show_device(struct registry_db *db, const char *id, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    struct profile *p = NULL;
    ll_err err = find(db,
                      "SELECT d.asset, d.profile, a.kind, a.district, p.json FROM device d"
                      " JOIN asset a ON a.id = d.asset JOIN profile p ON p.name = d.profile"
                      " WHERE d.id = ?1",
                      id, &st);
    if (err == LL_OK) {
        err = registry_db_parse_profile(db_text(st, 1), db_text(st, 4), &p);
    }
    if (err == LL_OK) {
        buf_str_add(out, "{\"id\":");
        buf_json_str(out, id, strlen(id));
        text_member(out, "asset", db_text(st, 0));
        text_member(out, "profile", db_text(st, 1));
        text_member(out, "kind", db_text(st, 2));
        text_member(out, "district", db_text(st, 3));
        buf_str_add(out, ",\"channels\":");
        err = channel_array(db, id, db_text(st, 0), p, out);
        buf_char(out, '}');
    }
    sqlite3_finalize(st);
    profile_free(p);
    return err == LL_OK ? buf_err(out) : err;
}
