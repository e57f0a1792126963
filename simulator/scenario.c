#include "simulator/scenario.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/jsonfile.h"
#include "gateway/model/kind.h"
#include "simulator/record.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct top {
    char title[LL_MAX_NAME];
    char name[LL_MAX_ID];
    struct json_object *districts;
    struct json_object *centre;
    struct json_object *weather;
    struct json_object *assets;
    struct json_object *faults;
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
};

static const struct record_field group_fields[] = {
    {"kind", RECORD_TEXT, true, offsetof(struct group, kind), LL_MAX_CHANNEL, 0, 0,
     "an asset kind"},
    {"profile", RECORD_TEXT, false, offsetof(struct group, profile), LL_MAX_ID, 0, 0,
     "the name of a profile"},
    {"count", RECORD_INTEGER, true, offsetof(struct group, count), 0, 1, SCENARIO_MAX_ASSETS,
     "a whole number"},
    {"period_s", RECORD_NUMBER, true, offsetof(struct group, period_s), 0, 0.1, 86400,
     "seconds between reports"},
};

struct fault_entry {
    char kind[LL_MAX_CHANNEL];
    char asset[LL_MAX_ID];
    double at_s;
    double for_s;
    double magnitude;
};

static const struct record_field fault_fields[] = {
    {"kind", RECORD_TEXT, true, offsetof(struct fault_entry, kind), LL_MAX_CHANNEL, 0, 0,
     "a kind of fault"},
    {"asset", RECORD_TEXT, true, offsetof(struct fault_entry, asset), LL_MAX_ID, 0, 0,
     "an asset of this scenario"},
    {"at_s", RECORD_NUMBER, true, offsetof(struct fault_entry, at_s), 0, 0, 1e9,
     "seconds after the start"},
    {"for_s", RECORD_NUMBER, false, offsetof(struct fault_entry, for_s), 0, 0.1, 1e9, "seconds"},
    {"magnitude", RECORD_NUMBER, false, offsetof(struct fault_entry, magnitude), 0, -1e9, 1e9,
     "a number"},
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

static bool add_group(const struct record_source *src, struct scenario *s, const struct group *g,
                      const char *path)
{
    const struct model *model = find_model(src, g, path);
    if (model == NULL) {
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
        };
        snprintf(a->id, sizeof a->id, "%.40s-%04zu", model->kind, before + i + 1);
        snprintf(a->device, sizeof a->device, "%.60s-1", a->id);
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
        struct group g = {0};
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

static bool unknown_fault(const struct record_source *src, const struct model *m, const char *kind,
                          const char *path)
{
    char known[LL_DIAG_TEXT / 2];
    size_t len = 0;
    known[0] = '\0';
    for (size_t i = 0; i < m->fault_count && len < sizeof known; i++) {
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                                m->faults[i].kind);
    }
    return record_fault(src, path, "'%s' has no fault '%s'; expected %s", m->kind, kind,
                        m->fault_count > 0 ? known : "none");
}

static bool resolve_fault(const struct record_source *src, const struct fault_entry *e,
                          const struct scenario *s, const char *path, struct scenario_fault *out)
{
    char sub[RECORD_PATH];
    const struct scenario_asset *a = map_get(&s->by_id, e->asset, strlen(e->asset));
    if (a == NULL) {
        return record_fault(src, record_member(sub, path, "asset"), "no asset '%s' here", e->asset);
    }
    const struct model *m = a->model;
    size_t i = 0;
    while (i < m->fault_count && strcmp(m->faults[i].kind, e->kind) != 0) {
        i++;
    }
    if (i == m->fault_count) {
        return unknown_fault(src, m, e->kind, record_member(sub, path, "kind"));
    }
    const struct model_fault *f = &m->faults[i];
    const double magnitude = isnan(e->magnitude) ? f->fallback : e->magnitude;
    if (magnitude < f->min || magnitude > f->max) {
        return record_fault(src, record_member(sub, path, "magnitude"), "expected %g to %g %s",
                            f->min, f->max, f->unit);
    }
    *out = (struct scenario_fault){
        .asset = a,
        .kind = i,
        .magnitude = magnitude,
        .at_ms = llround(e->at_s * LL_MS_PER_S),
        .end_ms = isnan(e->for_s) ? INT64_MAX : llround((e->at_s + e->for_s) * LL_MS_PER_S),
    };
    return true;
}

static bool read_faults(const struct record_source *src, struct json_object *list,
                        struct scenario *s)
{
    if (list == NULL) {
        return true;
    }
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    s->faults = calloc(n, sizeof *s->faults);
    if (s->faults == NULL) {
        return record_fault(src, "faults", "%s", ll_err_str(LL_ENOMEM));
    }
    for (size_t i = 0; i < n; i++) {
        struct fault_entry e = {.for_s = NAN, .magnitude = NAN};
        record_item(path, "faults", i);
        if (record_read(src, json_object_array_get_idx(list, i), path, fault_fields,
                        COUNT(fault_fields), &e) &&
            resolve_fault(src, &e, s, path, &s->faults[s->fault_count])) {
            s->fault_count++;
        } else {
            ok = false;
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
           read_faults(src, top.faults, s) && ok;
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
    free(s->faults);
    free(s->storms);
    free(s->assets);
    free(s->districts);
    free(s);
}
