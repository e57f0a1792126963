#include "simulator/scenario_faults.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/model/kind.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct fault_entry {
    char kind[LL_MAX_CHANNEL];
    char asset[LL_MAX_ID];
    char channel[LL_MAX_CHANNEL];
    double at_s;
    double for_s;
    double magnitude;
};

static const struct record_field fault_fields[] = {
    {"kind", RECORD_TEXT, true, offsetof(struct fault_entry, kind), LL_MAX_CHANNEL, 0, 0,
     "a kind of fault"},
    {"asset", RECORD_TEXT, true, offsetof(struct fault_entry, asset), LL_MAX_ID, 0, 0,
     "an asset of this scenario"},
    {"channel", RECORD_TEXT, false, offsetof(struct fault_entry, channel), LL_MAX_CHANNEL, 0, 0,
     "a channel of its device"},
    {"at_s", RECORD_NUMBER, true, offsetof(struct fault_entry, at_s), 0, 0, 1e9,
     "seconds after the start"},
    {"for_s", RECORD_NUMBER, false, offsetof(struct fault_entry, for_s), 0, 0.1, 1e9, "seconds"},
    {"magnitude", RECORD_NUMBER, false, offsetof(struct fault_entry, magnitude), 0, -1e9, 1e9,
     "a number"},
};

static const struct record_field chance_fields[] = {
    {"kind", RECORD_TEXT, true, offsetof(struct scenario_chance, kind), LL_MAX_CHANNEL, 0, 0,
     "a kind of fault"},
    {"of", RECORD_TEXT, false, offsetof(struct scenario_chance, of), LL_MAX_CHANNEL, 0, 0,
     "an asset kind"},
    {"channel", RECORD_TEXT, false, offsetof(struct scenario_chance, channel), LL_MAX_CHANNEL, 0, 0,
     "a channel of the devices"},
    {"per_asset_year", RECORD_NUMBER, true, offsetof(struct scenario_chance, per_asset_year), 0, 0,
     1e6, "faults per asset and year"},
    {"by_age", RECORD_BOOL, false, offsetof(struct scenario_chance, by_age), 0, 0, 0,
     "true or false"},
    {"magnitude", RECORD_RANGE, false, offsetof(struct scenario_chance, magnitude), 0, -1e9, 1e9,
     "the least and the greatest magnitude"},
    {"for_s", RECORD_RANGE, false, offsetof(struct scenario_chance, for_s), 0, 0.1, 1e9,
     "the shortest and the longest time in seconds"},
};

/* --- at a time ------------------------------------------------------------------------------- */

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
    return record_fault(src, path, "'%s' has no fault '%s'; expected %s%sone of a device", m->kind,
                        kind, known, len > 0 ? " or " : "");
}

static bool within(const struct model_fault *f, double magnitude)
{
    return magnitude >= f->min && magnitude <= f->max;
}

static bool check_magnitude(const struct record_source *src, const struct model_fault *f,
                            double magnitude, const char *path)
{
    char sub[RECORD_PATH];
    if (within(f, magnitude)) {
        return true;
    }
    return record_fault(src, record_member(sub, path, "magnitude"), "expected %g to %g %s", f->min,
                        f->max, f->unit);
}

static bool resolve_fault(const struct record_source *src, const struct fault_entry *e,
                          const struct scenario *s, const char *path, struct scenario_fault *out)
{
    char sub[RECORD_PATH];
    struct fault_kind kind;
    const struct scenario_asset *a = map_get(&s->by_id, e->asset, strlen(e->asset));
    if (a == NULL) {
        return record_fault(src, record_member(sub, path, "asset"), "no asset '%s' here", e->asset);
    }
    if (!fault_find(a->model, e->kind, &kind)) {
        return unknown_fault(src, a->model, e->kind, record_member(sub, path, "kind"));
    }
    const char *channel = fault_channel(a->model, &kind, e->channel);
    if (channel == NULL) {
        return record_fault(src,
                            record_member(sub, path, e->channel[0] != '\0' ? "channel" : "kind"),
                            "'%s' has no channel for '%s'", a->device, e->kind);
    }
    const double magnitude = isnan(e->magnitude) ? kind.spec->fallback : e->magnitude;
    if (!check_magnitude(src, kind.spec, magnitude, path)) {
        return false;
    }
    *out = (struct scenario_fault){
        .asset = a,
        .kind = kind,
        .channel = channel,
        .magnitude = magnitude,
        .at_ms = llround(e->at_s * LL_MS_PER_S),
        .end_ms = isnan(e->for_s) ? FAULT_NEVER : llround((e->at_s + e->for_s) * LL_MS_PER_S),
    };
    return true;
}

bool scenario_read_faults(const struct record_source *src, struct json_object *list,
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

/* --- by chance ------------------------------------------------------------------------------- */

bool scenario_chance_fits(const struct scenario_chance *chance, const struct scenario_asset *a,
                          struct fault_kind *kind, const char **channel)
{
    if ((chance->of[0] != '\0' && strcmp(chance->of, a->model->kind) != 0) ||
        !fault_find(a->model, chance->kind, kind)) {
        return false;
    }
    *channel = fault_channel(a->model, kind, chance->channel);
    return *channel != NULL;
}

/* Kinds of one name may have other ranges in other models: each is looked at. Assets of a group
 * stand together, so that one of each is enough. */
static bool check_chance(const struct record_source *src, const struct scenario_chance *c,
                         const struct scenario *s, const char *path)
{
    char sub[RECORD_PATH];
    struct fault_kind kind;
    const char *channel;
    bool fits = false;
    if (c->of[0] != '\0' && asset_kind_find(c->of) == NULL) {
        const char *nearest = asset_kind_nearest(c->of);
        return record_fault(src, record_member(sub, path, "of"), "unknown asset kind '%s'%s%s",
                            c->of, nearest != NULL ? "; nearest: " : "",
                            nearest != NULL ? nearest : "");
    }
    for (size_t i = 0; i < s->asset_count; i++) {
        const struct scenario_asset *a = &s->assets[i];
        if ((i > 0 && a->model == s->assets[i - 1].model) ||
            !scenario_chance_fits(c, a, &kind, &channel)) {
            continue;
        }
        fits = true;
        if (!isnan(c->magnitude[0]) && (!check_magnitude(src, kind.spec, c->magnitude[0], path) ||
                                        !check_magnitude(src, kind.spec, c->magnitude[1], path))) {
            return false;
        }
    }
    return fits || record_fault(src, record_member(sub, path, "kind"),
                                "no asset here can have the fault '%s'%s%s", c->kind,
                                c->channel[0] != '\0' ? " on the channel " : "", c->channel);
}

bool scenario_read_chances(const struct record_source *src, struct json_object *list,
                           struct scenario *s)
{
    if (list == NULL) {
        return true;
    }
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    s->chances = calloc(n, sizeof *s->chances);
    if (s->chances == NULL) {
        return record_fault(src, "random_faults", "%s", ll_err_str(LL_ENOMEM));
    }
    s->chance_count = n;
    for (size_t i = 0; i < n; i++) {
        struct scenario_chance *c = &s->chances[i];
        *c = (struct scenario_chance){.magnitude = {NAN, NAN}, .for_s = {NAN, NAN}};
        record_item(path, "random_faults", i);
        ok = record_read(src, json_object_array_get_idx(list, i), path, chance_fields,
                         COUNT(chance_fields), c) &&
             check_chance(src, c, s, path) && ok;
    }
    return ok;
}
