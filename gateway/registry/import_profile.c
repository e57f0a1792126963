/*
 * Imports of profiles. A field has one type in all profiles: a channel may be bound to an asset of
 * any kind, so two profiles that give one field two types could meet in one measurement, where
 * InfluxDB takes only the first. It has that type for ever: that of its pins (pins.c), whatever
 * becomes of the profiles.
 */
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/jsonfile.h"
#include "gateway/registry/profile_parse.h"
#include "gateway/registry/registry_db.h"

enum statement { PUT_PROFILE, DROP_CHANNELS, PUT_CHANNEL, OTHER_TYPE, OTHER_PIN, STATEMENT_COUNT };

/* An unchanged profile is not written: the profiles folder is imported at every start. */
static const char *const statement_sql[STATEMENT_COUNT] = {
    [PUT_PROFILE] = "INSERT INTO profile (name, kind, title_en, title_zh, json, imported_ms)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET"
                    " kind = excluded.kind, title_en = excluded.title_en,"
                    " title_zh = excluded.title_zh, json = excluded.json,"
                    " imported_ms = excluded.imported_ms WHERE json <> excluded.json",
    [DROP_CHANNELS] = "DELETE FROM profile_channel WHERE profile = ?1",
    [PUT_CHANNEL] = "INSERT INTO profile_channel (profile, channel, field, type)"
                    " VALUES (?1, ?2, ?3, ?4)",
    [OTHER_TYPE] = "SELECT profile, type FROM profile_channel WHERE field = ?1 AND type <> ?2"
                   " ORDER BY profile LIMIT 1",
    [OTHER_PIN] = "SELECT measurement, type, profile, since_ms FROM field_pin"
                  " WHERE field = ?1 AND type <> ?2 ORDER BY since_ms, measurement LIMIT 1",
};

struct import {
    struct registry_db *db;
    const struct jsonfile *file;
    struct diag *diag;
    sqlite3_stmt *st[STATEMENT_COUNT];
};

static ll_err put_channels(struct import *im, const struct profile *p)
{
    db_bind_text(im->st[DROP_CHANNELS], 1, p->name);
    ll_err err = db_run(im->st[DROP_CHANNELS]);
    sqlite3_stmt *st = im->st[PUT_CHANNEL];
    for (size_t i = 0; err == LL_OK && i < p->channel_count; i++) {
        const struct channel_spec *c = &p->channels[i];
        db_bind_text(st, 1, p->name);
        db_bind_text(st, 2, c->name);
        db_bind_text(st, 3, c->field);
        db_bind_text(st, 4, field_type_keys[c->type]);
        err = db_run(st);
    }
    return err;
}

static ll_err put_profile(struct import *im, const struct profile *p, const char *json, size_t len)
{
    sqlite3_stmt *st = im->st[PUT_PROFILE];
    db_bind_text(st, 1, p->name);
    db_bind_text(st, 2, p->kind->key);
    sqlite3_bind_text(st, 3, p->title_en, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 4, p->title_zh, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 5, json, (int)len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 6, clock_wall().ms);
    const ll_err err = db_run(st);
    return err == LL_OK && sqlite3_changes(im->db->sql) > 0 ? put_channels(im, p) : err;
}

/* Whether the statement finds the field with another type. */
static bool has_other_type(struct import *im, enum statement which, const struct channel_spec *c,
                           ll_err *err)
{
    db_bind_text(im->st[which], 1, c->field);
    db_bind_text(im->st[which], 2, field_type_keys[c->type]);
    return db_row(im->st[which], err);
}

static void name_pin(struct import *im, const char *place, const struct channel_spec *c)
{
    sqlite3_stmt *st = im->st[OTHER_PIN];
    const char *measurement = db_text(st, 0);
    char since[LL_TIME_TEXT];
    wall_format((struct wall_ms){sqlite3_column_int64(st, 3)}, since);
    diag_add(im->diag, jsonfile_name(im->file), jsonfile_line(im->file, place),
             "%s: field '%s' is %s, but pinned as %s in '%s' since %s by profile '%s': rename the "
             "channel or, if it is dropped there, 'lifelinectl field release %s %s'",
             place, c->field, field_type_keys[c->type], db_text(st, 1), measurement, since,
             db_text(st, 2), measurement, c->field);
}

/* Every channel whose field has another type in another profile, or by its pin. */
static ll_err check_types(struct import *im, const struct profile *p, const char *path)
{
    ll_err err = LL_OK;
    for (size_t i = 0; err == LL_OK && i < p->channel_count; i++) {
        const struct channel_spec *c = &p->channels[i];
        char place[LL_MAX_NAME];
        snprintf(place, sizeof place, "%s%schannels.%s", path, path[0] != '\0' ? "." : "", c->name);
        if (has_other_type(im, OTHER_TYPE, c, &err)) {
            diag_add(im->diag, jsonfile_name(im->file), jsonfile_line(im->file, place),
                     "%s: field '%s' is %s in profile '%s' but %s in profile '%s'; a field has "
                     "one type, so rename the channel or change its type",
                     place, c->field, field_type_keys[c->type], p->name,
                     db_text(im->st[OTHER_TYPE], 1), db_text(im->st[OTHER_TYPE], 0));
        } else if (err == LL_OK && has_other_type(im, OTHER_PIN, c, &err)) {
            name_pin(im, place, c);
        }
        sqlite3_reset(im->st[OTHER_TYPE]);
        sqlite3_reset(im->st[OTHER_PIN]);
    }
    return err;
}

/* The profiles of a file, parsed, with their places in it. */
struct parsed {
    struct profile *profile;
    struct json_object *json;
    char path[32];
};

static ll_err parse_all(struct import *im, struct parsed *all, size_t count)
{
    struct json_object *root = jsonfile_root(im->file);
    const bool array = json_object_is_type(root, json_type_array);
    const size_t before = im->diag->count;
    for (size_t i = 0; i < count; i++) {
        struct parsed *one = &all[i];
        one->json = array ? json_object_array_get_idx(root, i) : root;
        if (array) {
            snprintf(one->path, sizeof one->path, "[%zu]", i);
        }
        const ll_err err = profile_parse(im->file, one->json, one->path, im->diag, &one->profile);
        if (err != LL_OK && err != LL_EFORMAT) {
            return err;
        }
        for (size_t k = 0; err == LL_OK && k < i; k++) {
            if (all[k].profile != NULL && strcmp(all[k].profile->name, one->profile->name) == 0) {
                diag_add(im->diag, jsonfile_name(im->file), jsonfile_line(im->file, one->path),
                         "%s: profile '%s' stands here a second time", one->path,
                         one->profile->name);
            }
        }
    }
    return im->diag->count == before ? LL_OK : LL_EFORMAT;
}

/* All of them first, the types after: two profiles of one file may change a type together. */
static ll_err put_all(struct import *im, const struct parsed *all, size_t count)
{
    const size_t before = im->diag->count;
    ll_err err = LL_OK;
    for (size_t i = 0; err == LL_OK && i < count; i++) {
        size_t len;
        /* A file of one profile is kept with its comments. */
        const char *json =
            all[i].path[0] == '\0'
                ? jsonfile_text(im->file, &len)
                : json_object_to_json_string_length(all[i].json, JSON_C_TO_STRING_PLAIN, &len);
        err = json != NULL ? put_profile(im, all[i].profile, json, len) : LL_ENOMEM;
    }
    for (size_t i = 0; err == LL_OK && i < count; i++) {
        err = check_types(im, all[i].profile, all[i].path);
    }
    return err == LL_OK && im->diag->count != before ? LL_EFORMAT : err;
}

static ll_err check_room(struct registry_db *db, const struct jsonfile *f, struct diag *d)
{
    sqlite3_stmt *st = NULL;
    ll_err err = db_prepare(db->sql, "SELECT count(*) FROM profile", &st);
    if (err == LL_OK && db_row(st, &err) && sqlite3_column_int64(st, 0) > LL_MAX_PROFILES) {
        diag_add(d, jsonfile_name(f), 0, "there would be more than %d profiles", LL_MAX_PROFILES);
        err = LL_ELIMIT;
    }
    sqlite3_finalize(st);
    return err;
}

static ll_err import_file(struct registry_db *db, const struct jsonfile *f, struct diag *d,
                          size_t *count)
{
    struct json_object *root = jsonfile_root(f);
    const size_t n =
        json_object_is_type(root, json_type_array) ? json_object_array_length(root) : 1;
    if (n > LL_MAX_PROFILES) {
        diag_add(d, jsonfile_name(f), 0, "more than %d profiles", LL_MAX_PROFILES);
        return LL_ELIMIT;
    }
    struct parsed *all = calloc(n + 1, sizeof *all);
    if (all == NULL) {
        return LL_ENOMEM;
    }
    struct import im = {.db = db, .file = f, .diag = d};
    ll_err err = parse_all(&im, all, n);
    for (int i = 0; err == LL_OK && i < STATEMENT_COUNT; i++) {
        err = db_prepare(db->sql, statement_sql[i], &im.st[i]);
    }
    if (err == LL_OK) {
        err = registry_db_begin(db);
    }
    if (err == LL_OK) {
        err = put_all(&im, all, n);
        if (err == LL_OK) {
            err = check_room(db, f, d);
        }
        err = registry_db_end(db, err);
    }
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(im.st[i]);
    }
    for (size_t i = 0; i < n; i++) {
        profile_free(all[i].profile);
    }
    free(all);
    if (err == LL_OK) {
        *count = n;
    }
    return err;
}

ll_err registry_import_profiles(struct registry_db *db, const char *name, const char *text,
                                size_t len, struct diag *d, size_t *count)
{
    struct jsonfile *f = NULL;
    ll_err err = jsonfile_parse(name, text, len, d, &f);
    if (err == LL_OK) {
        err = import_file(db, f, d, count);
    }
    jsonfile_free(f);
    return err;
}

static int is_json(const struct dirent *e)
{
    const size_t len = strlen(e->d_name);
    return len > 5 && e->d_name[0] != '.' && strcmp(e->d_name + len - 5, ".json") == 0;
}

ll_err registry_import_profile_dir(struct registry_db *db, const char *dir, struct diag *d,
                                   size_t *count)
{
    struct dirent **entries = NULL;
    const int n = scandir(dir, &entries, is_json, alphasort);
    if (n < 0) {
        diag_add(d, dir, 0, "the folder of profiles ('registry.profiles_dir') cannot be read");
        return LL_ENOENT;
    }
    ll_err err = LL_OK;
    size_t taken = 0;
    for (int i = 0; i < n; i++) {
        char path[LL_MAX_PATH];
        const int len = snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        struct jsonfile *f = NULL;
        size_t of_file = 0;
        if (len < 0 || (size_t)len >= sizeof path) {
            diag_add(d, entries[i]->d_name, 0, "the path is longer than %d bytes", LL_MAX_PATH - 1);
        } else if (err == LL_OK) {
            const size_t before = d->count;
            err = jsonfile_load(path, d, &f);
            err = err == LL_OK ? import_file(db, f, d, &of_file) : err;
            taken += of_file;
            err = d->count > before ? LL_OK : err; /* named; the next may be good */
        }
        jsonfile_free(f);
        free(entries[i]);
    }
    free(entries);
    if (err == LL_OK) {
        *count = taken;
    }
    return err;
}
