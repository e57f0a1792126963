/*
 * Pins: the type that each field of each measurement has in the databases. InfluxDB keeps the type
 * of the first value for ever and refuses what has another, so a field is pinned before its first
 * value is sent, and an import that would change it is refused (import_profile.c).
 *
 * The measurement is the kind of a channel's asset. The fields of lifeline_alarm need no pins: they
 * stand in export/line.c.
 */
#include <assert.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/registry/registry_db.h"

enum statement { GET, PUT, STATEMENT_COUNT };

static const char *const statement_sql[STATEMENT_COUNT] = {
    [GET] = "SELECT type FROM field_pin WHERE measurement = ?1 AND field = ?2",
    [PUT] = "INSERT INTO field_pin (measurement, field, type, profile, since_ms)"
            " VALUES (?1, ?2, ?3, ?4, ?5)",
};

static ll_err put(sqlite3_stmt *st, const char *measurement, const struct channel_spec *c,
                  const char *profile)
{
    db_bind_text(st, 1, measurement);
    db_bind_text(st, 2, c->field);
    db_bind_text(st, 3, field_type_keys[c->type]);
    db_bind_text(st, 4, profile);
    sqlite3_bind_int64(st, 5, clock_wall().ms);
    const int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE && rc != SQLITE_BUSY) {
        log_error("registry", "not_pinned", "measurement=%s field=%s reason=\"%s\"", measurement,
                  c->field, sqlite3_errmsg(sqlite3_db_handle(st)));
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? LL_OK : rc == SQLITE_BUSY ? LL_EBUSY : LL_EDB;
}

/* Imports are checked, so this is a profile that another version of the program reads otherwise. */
static void obey(struct channel_spec *c, const char *type, const char *measurement,
                 const char *profile)
{
    for (int i = 0; i < FIELD_TYPE_COUNT; i++) {
        if (strcmp(field_type_keys[i], type) == 0 && c->type != (enum field_type)i) {
            log_error("registry", "pinned_type",
                      "measurement=%s field=%s type=%s pinned=%s profile=%s "
                      "effect=\"the pinned type is sent\"",
                      measurement, c->field, field_type_keys[c->type], type, profile);
            c->type = (enum field_type)i;
        }
    }
}

static ll_err pin(sqlite3_stmt *const *st, const char *measurement, struct channel_spec *c,
                  const char *profile)
{
    ll_err err = LL_OK;
    db_bind_text(st[GET], 1, measurement);
    db_bind_text(st[GET], 2, c->field);
    const bool pinned = db_row(st[GET], &err);
    if (pinned) {
        obey(c, db_text(st[GET], 0), measurement, profile);
    }
    sqlite3_reset(st[GET]);
    return err == LL_OK && !pinned ? put(st[PUT], measurement, c, profile) : err;
}

ll_err registry_db_pin(struct registry_db *db, const struct profile_use *uses, size_t count)
{
    sqlite3_stmt *st[STATEMENT_COUNT] = {NULL};
    ll_err err = LL_OK;
    assert(asset_kind_count <= 32); /* bits of profile_use.kinds */
    for (int i = 0; err == LL_OK && i < STATEMENT_COUNT; i++) {
        err = db_prepare(db->sql, statement_sql[i], &st[i]);
    }
    for (size_t i = 0; err == LL_OK && i < count; i++) {
        const struct profile_use *use = &uses[i];
        for (size_t c = 0; err == LL_OK && c < use->profile->channel_count; c++) {
            const uint32_t kinds = use->kinds | (use->bound != NULL ? use->bound[c] : 0);
            for (size_t k = 0; err == LL_OK && k < asset_kind_count; k++) {
                if ((kinds >> k & 1) != 0) {
                    err =
                        pin(st, asset_kinds[k].key, &use->profile->channels[c], use->profile->name);
                }
            }
        }
    }
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(st[i]);
    }
    return err;
}

/* --- release --------------------------------------------------------------------------------- */

#define THESE " FROM field_pin WHERE measurement = ?1 AND field = coalesce(?2, field)"

ll_err registry_release_fields(struct registry_db *db, const char *measurement, const char *field,
                               size_t *count, struct buf *before)
{
    sqlite3_stmt *list = NULL;
    sqlite3_stmt *drop = NULL;
    int dropped = 0;
    ll_err err =
        db_prepare(db->sql, "SELECT measurement, field, type, profile, since_ms" THESE, &list);
    if (err == LL_OK) {
        err = db_prepare(db->sql, "DELETE" THESE, &drop);
    }
    if (err == LL_OK) {
        err = registry_db_begin(db);
    }
    if (err == LL_OK) {
        sqlite3_stmt *const both[] = {list, drop};
        for (int i = 0; i < 2; i++) {
            db_bind_text(both[i], 1, measurement);
            db_bind_text(both[i], 2, field);
        }
        err = db_rows_json(list, before);
        sqlite3_reset(list);
        if (err == LL_OK) {
            err = db_run(drop);
            dropped = sqlite3_changes(db->sql);
        }
        if (err == LL_OK && dropped == 0) {
            err = LL_ENOENT;
        }
        err = registry_db_end(db, err);
    }
    sqlite3_finalize(list);
    sqlite3_finalize(drop);
    if (err == LL_OK) {
        *count = (size_t)dropped;
    }
    return err;
}
