#include "simulator/scenario.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/crc32c.h"
#include "gateway/base/jsonfile.h"
#include "gateway/model/kind.h"
#include "simulator/record.h"
#include "simulator/scenario_faults.h"

#define COUNT(array)  (sizeof(array) / sizeof(array)[0])
#define MAX_MATERIALS 16

struct top {
    char title[LL_MAX_NAME];
    char name[LL_MAX_ID];
    struct json_object *districts;
    struct json_object *centre;
    struct json_object *weather;
    struct json_object *assets;
    struct json_object *faults;
    struct json_object *chances;
};

static const struct record_field top_fields[] = {
    {"scenario", RECORD_TEXT, true, offsetof(struct top, name), LL_MAX_ID, 0, 0, "its name"},
    {"title", RECORD_TEXT, false, offsetof(struct top, title), LL_MAX_NAME, 0, 0, "a text"},
    {"districts", RECORD_LIST, true, offsetof(struct top, districts), 0, 0, 0, "a list of names"},
    {"centre", RECORD_OBJECT, false, offsetof(struct top, centre), 0, 0, 0,
     "an object with latitude and longitude"},
    {"weather", RECORD_OBJECT, false, offsetof(struct top, weather), 0, 0, 0,
     "an object with wet_days and storms"},
    {"assets", RECORD_LIST, true, offsetof(struct top, assets), 0, 0, 0,
     "a list of {kind, count, period_s}"},
    {"faults", RECORD_LIST, false, offsetof(struct top, faults), 0, 0, 0,
     "a list of {kind, asset, at_s}"},
    {"random_faults", RECORD_LIST, false, offsetof(struct top, chances), 0, 0, 0,
     "a list of {kind, per_asset_year}"},
};

static const struct record_field centre_fields[] = {
    {"latitude", RECORD_NUMBER, true, offsetof(struct scenario, latitude), 0, -89, 89, "degrees"},
    {"longitude", RECORD_NUMBER, true, offsetof(struct scenario, longitude), 0, -180, 180,
     "degrees"},
};

struct weather_entry {
    double wet_days;
    struct json_object *storms;
};

static const struct record_field weather_fields[] = {
    {"wet_days", RECORD_NUMBER, false, offsetof(struct weather_entry, wet_days), 0, 0, 1,
     "a share"},
    {"storms", RECORD_LIST, false, offsetof(struct weather_entry, storms), 0, 0, 0,
     "a list of {at_s, for_s, depth_mm}"},
};

struct storm_entry {
    double at_s;
    double for_s;
    double depth_mm;
};

static const struct record_field storm_fields[] = {
    {"at_s", RECORD_NUMBER, true, offsetof(struct storm_entry, at_s), 0, -1e9, 1e9,
     "seconds after the start"},
    {"for_s", RECORD_NUMBER, true, offsetof(struct storm_entry, for_s), 0, 60, 604800, "seconds"},
    {"depth_mm", RECORD_NUMBER, true, offsetof(struct storm_entry, depth_mm), 0, 0, 2000, "mm"},
};

struct group {
    char kind[LL_MAX_CHANNEL];
    char profile[LL_MAX_ID];
    int64_t count;
    double period_s;
    int64_t batch;
    double dead_band;
    double heartbeat_s;
    char payload[LL_MAX_ID];
    double installed[2];
    struct json_object *materials;
};

static const struct record_field group_fields[] = {
    {"kind", RECORD_TEXT, true, offsetof(struct group, kind), LL_MAX_CHANNEL, 0, 0,
     "an asset kind"},
    {"profile", RECORD_TEXT, false, offsetof(struct group, profile), LL_MAX_ID, 0, 0,
     "the name of a profile"},
    {"count", RECORD_INTEGER, true, offsetof(struct group, count), 0, 1, SCENARIO_MAX_ASSETS,
     "a whole number"},
    {"period_s", RECORD_NUMBER, true, offsetof(struct group, period_s), 0, 0.1, 86400,
     "seconds between samples"},
    {"batch", RECORD_INTEGER, false, offsetof(struct group, batch), 0, 1, 1000,
     "a whole number of samples in a message"},
    {"dead_band", RECORD_NUMBER, false, offsetof(struct group, dead_band), 0, 0, 1e6,
     "steps of the resolution"},
    {"heartbeat_s", RECORD_NUMBER, false, offsetof(struct group, heartbeat_s), 0, 0.1, 604800,
     "seconds after which it reports without a change"},
    {"payload", RECORD_TEXT, false, offsetof(struct group, payload), LL_MAX_ID, 0, 0,
     "a payload format"},
    {"installed", RECORD_RANGE, false, offsetof(struct group, installed), 0, 1900, 2100,
     "the first and the last year"},
    {"materials", RECORD_OBJECT, false, offsetof(struct group, materials), 0, 0, 0,
     "an object of materials with their shares"},
};

static bool read_districts(const struct record_source *src, struct json_object *list,
                           struct scenario *s)
{
    const size_t n = json_object_array_length(list);
    bool ok = true;
    s->districts = calloc(n, sizeof *s->districts);
    if (s->districts == NULL) {
        return record_fault(src, "districts", "%s", ll_err_str(LL_ENOMEM));
    }
    s->district_count = n;
    for (size_t i = 0; i < n; i++) {
        ok = record_text_item(src, list, "districts", i, s->districts[i], LL_MAX_NAME) && ok;
    }
    return ok;
}

static bool read_storms(const struct record_source *src, struct json_object *list,
                        struct scenario *s)
{
    if (list == NULL) {
        return true;
    }
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    s->storms = calloc(n, sizeof *s->storms);
    if (s->storms == NULL) {
        return record_fault(src, "weather.storms", "%s", ll_err_str(LL_ENOMEM));
    }
    s->storm_count = n;
    for (size_t i = 0; i < n; i++) {
        struct storm_entry e = {0};
        record_item(path, "weather.storms", i);
        ok = record_read(src, json_object_array_get_idx(list, i), path, storm_fields,
                         COUNT(storm_fields), &e) &&
             ok;
        s->storms[i] = (struct weather_storm){llround(e.at_s * LL_MS_PER_S),
                                              llround(e.for_s * LL_MS_PER_S), e.depth_mm};
    }
    return ok;
}

static bool read_weather(const struct record_source *src, struct json_object *weather,
                         struct scenario *s)
{
    struct weather_entry e = {0};
    if (weather != NULL &&
        !record_read(src, weather, "weather", weather_fields, COUNT(weather_fields), &e)) {
        return false;
    }
    s->wet_days = e.wet_days;
    return read_storms(src, e.storms, s);
}

static const struct model *find_model(const struct record_source *src, const struct group *g,
                                      const char *path)
{
    char sub[RECORD_PATH];
    const struct model *m = model_find(g->kind, g->profile);
    if (m != NULL) {
        return m;
    }
    if (asset_kind_find(g->kind) == NULL) {
        const char *nearest = asset_kind_nearest(g->kind);
        record_fault(src, record_member(sub, path, "kind"), "unknown asset kind '%s'%s%s", g->kind,
                     nearest != NULL ? "; nearest: " : "", nearest != NULL ? nearest : "");
    } else {
        m = model_find(g->kind, "");
        record_fault(src, record_member(sub, path, "profile"),
                     "no model of '%s' with the profile '%s'%s%s", g->kind, g->profile,
                     m != NULL ? "; expected " : "", m != NULL ? m->profile : "");
    }
    return NULL;
}

static bool grow_assets(struct scenario *s, size_t more)
{
    struct scenario_asset *assets = realloc(s->assets, (s->asset_count + more) * sizeof *assets);
    if (assets == NULL) {
        return false;
    }
    s->assets = assets;
    return true;
}

/* Numbers go on where an earlier group of the kind ended. */
static size_t count_kind(const struct scenario *s, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->asset_count; i++) {
        n += strcmp(s->assets[i].model->kind, kind) == 0;
    }
    return n;
}

/* Shares by the order of the kind's materials. */
static bool read_shares(const struct record_source *src, struct json_object *materials,
                        const char *kind, const char *path, double *out)
{
    char sub[RECORD_PATH];
    struct record_field fields[MAX_MATERIALS];
    double sum = 0;
    size_t count;
    const struct ageing_material *rows = ageing_materials(kind, &count);
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        fields[i] = (struct record_field){
            rows[i].material, RECORD_NUMBER, false, i * sizeof out[0], 0, 0, 1, "a share",
        };
    }
    record_member(sub, path, "materials");
    if (!record_read(src, materials, sub, fields, count, out)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sum += out[i];
    }
    return sum > 0 || record_fault(src, sub, "expected a share above 0");
}

static bool check_reporting(const struct record_source *src, const struct group *g,
                            const struct message_format *format, const char *path)
{
    char sub[RECORD_PATH];
    if (format == NULL) {
        return record_fault(src, record_member(sub, path, "payload"),
                            "unknown payload format '%s'; expected native", g->payload);
    }
    if (g->dead_band > 0 && g->heartbeat_s == 0) {
        return record_fault(src, record_member(sub, path, "dead_band"),
                            "expected a heartbeat_s beside it");
    }
    return true;
}

static bool add_group(const struct record_source *src, struct scenario *s, const struct group *g,
                      const char *path)
{
    double shares[MAX_MATERIALS];
    const struct model *model = find_model(src, g, path);
    const struct message_format *format = message_format_find(g->payload);
    if (model == NULL || !check_reporting(src, g, format, path) ||
        (g->materials != NULL && !read_shares(src, g->materials, g->kind, path, shares))) {
        return false;
    }
    const size_t count = (size_t)g->count;
    if (s->asset_count + count > SCENARIO_MAX_ASSETS || !grow_assets(s, count)) {
        return record_fault(src, path, "expected at most %d assets in all", SCENARIO_MAX_ASSETS);
    }
    const size_t before = count_kind(s, model->kind);
    for (size_t i = 0; i < count; i++) {
        struct scenario_asset *a = &s->assets[s->asset_count];
        *a = (struct scenario_asset){
            .model = model,
            .district = s->districts[s->asset_count % s->district_count],
            .period_ms = llround(g->period_s * LL_MS_PER_S),
            .batch = g->batch,
            .heartbeat_ms = llround(g->heartbeat_s * LL_MS_PER_S),
            .dead_band = g->dead_band,
            .format = format,
        };
        snprintf(a->id, sizeof a->id, "%.40s-%04zu", model->kind, before + i + 1);
        snprintf(a->device, sizeof a->device, "%.60s-1", a->id);
        struct rng rng = rng_seeded(crc32c(0, a->id, strlen(a->id)));
        ageing_draw(model->kind, g->materials != NULL ? shares : NULL, g->installed, &rng,
                    &a->ageing);
        s->asset_count++;
    }
    return true;
}

static bool read_groups(const struct record_source *src, struct json_object *list,
                        struct scenario *s)
{
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        struct group g = {.batch = 1, .payload = "native", .installed = {1995, 2022}};
        record_item(path, "assets", i);
        ok = record_read(src, json_object_array_get_idx(list, i), path, group_fields,
                         COUNT(group_fields), &g) &&
             add_group(src, s, &g, path) && ok;
    }
    for (size_t i = 0; i < s->asset_count; i++) {
        struct scenario_asset *a = &s->assets[i];
        if (map_put(&s->by_id, a->id, strlen(a->id), a) != LL_OK) {
            return record_fault(src, "assets", "%s", ll_err_str(LL_ENOMEM));
        }
    }
    return ok;
}

static bool read_scenario(const struct record_source *src, struct scenario *s)
{
    struct top top = {0};
    if (!record_read(src, jsonfile_root(src->file), "", top_fields, COUNT(top_fields), &top)) {
        return false;
    }
    snprintf(s->name, sizeof s->name, "%s", top.name);
    bool ok = top.centre == NULL ||
              record_read(src, top.centre, "centre", centre_fields, COUNT(centre_fields), s);
    ok = read_weather(src, top.weather, s) && ok;
    return read_districts(src, top.districts, s) && read_groups(src, top.assets, s) &&
           scenario_read_faults(src, top.faults, s) && scenario_read_chances(src, top.chances, s) &&
           ok;
}

ll_err scenario_load(const char *path, struct diag *d, struct scenario **out)
{
    struct jsonfile *file = NULL;
    struct scenario *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    ll_err err = jsonfile_load(path, d, &file);
    if (err == LL_OK) {
        const struct record_source src = {file, d};
        s->latitude = 24.9; /* Licheng, Quanzhou */
        s->longitude = 118.58;
        err = read_scenario(&src, s) ? LL_OK : LL_EFORMAT;
        jsonfile_free(file);
    }
    if (err != LL_OK) {
        scenario_free(s);
        return err;
    }
    *out = s;
    return LL_OK;
}

void scenario_free(struct scenario *s)
{
    if (s == NULL) {
        return;
    }
    map_free(&s->by_id);
    free(s->chances);
    free(s->faults);
    free(s->storms);
    free(s->assets);
    free(s->districts);
    free(s);
}
