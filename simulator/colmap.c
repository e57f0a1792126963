#include "simulator/colmap.h"

#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/jsonfile.h"
#include "gateway/model/asset.h"
#include "simulator/record.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The top level as it stands in the file, before its lists are read. */
struct top {
    char title[LL_MAX_NAME];
    char separator[2];
    bool trim;
    struct json_object *time;
    struct json_object *missing;
    struct json_object *ignore;
    struct json_object *assets;
    struct json_object *devices;
};

static const struct record_field top_fields[] = {
    {"title", RECORD_TEXT, false, offsetof(struct top, title), LL_MAX_NAME, 0, 0, "a text"},
    {"separator", RECORD_TEXT, false, offsetof(struct top, separator), 2, 0, 0, "one character"},
    {"trim", RECORD_BOOL, false, offsetof(struct top, trim), 0, 0, 0, "true or false"},
    {"time", RECORD_OBJECT, true, offsetof(struct top, time), 0, 0, 0,
     "an object with column and format"},
    {"missing", RECORD_LIST, false, offsetof(struct top, missing), 0, 0, 0, "a list of texts"},
    {"ignore", RECORD_LIST, false, offsetof(struct top, ignore), 0, 0, 0, "a list of column names"},
    {"assets", RECORD_LIST, true, offsetof(struct top, assets), 0, 0, 0, "a list of assets"},
    {"devices", RECORD_LIST, true, offsetof(struct top, devices), 0, 0, 0, "a list of devices"},
};

static const struct record_field time_fields[] = {
    {"column", RECORD_TEXT, true, offsetof(struct colmap, time_column), LL_MAX_NAME, 0, 0,
     "a column name"},
    {"format", RECORD_TEXT, true, offsetof(struct colmap, time_format), LL_MAX_NAME, 0, 0,
     "a strptime format such as %d/%m/%y %H"},
};

static const struct record_field asset_fields[] = {
    {"id", RECORD_TEXT, true, offsetof(struct roster_asset, id), LL_MAX_ID, 0, 0, "an id"},
    {"kind", RECORD_TEXT, true, offsetof(struct roster_asset, kind), LL_MAX_CHANNEL, 0, 0,
     "an asset kind"},
    {"name", RECORD_TEXT, true, offsetof(struct roster_asset, name), LL_MAX_NAME, 0, 0, "a name"},
    {"district", RECORD_TEXT, true, offsetof(struct roster_asset, district), LL_MAX_NAME, 0, 0,
     "a district"},
    {"installed", RECORD_TEXT, false, offsetof(struct roster_asset, installed), 16, 0, 0,
     "a date YYYY-MM-DD"},
    {"latitude", RECORD_NUMBER, false, offsetof(struct roster_asset, latitude), 0, -90, 90,
     "degrees"},
    {"longitude", RECORD_NUMBER, false, offsetof(struct roster_asset, longitude), 0, -180, 180,
     "degrees"},
    {"criticality", RECORD_INTEGER, false, offsetof(struct roster_asset, criticality), 0,
     LL_CRITICALITY_MIN, LL_CRITICALITY_MAX, "a whole number"},
};

struct device_entry {
    struct colmap_device device;
    struct json_object *channels;
};

static const struct record_field device_fields[] = {
    {"id", RECORD_TEXT, true, offsetof(struct device_entry, device.id), LL_MAX_ID, 0, 0, "an id"},
    {"asset", RECORD_TEXT, true, offsetof(struct device_entry, device.asset), LL_MAX_ID, 0, 0,
     "the id of an asset in this map"},
    {"profile", RECORD_TEXT, true, offsetof(struct device_entry, device.profile), LL_MAX_ID, 0, 0,
     "the name of a profile"},
    {"channels", RECORD_OBJECT, true, offsetof(struct device_entry, channels), 0, 0, 0,
     "an object from channels to columns"},
};

static bool read_texts(const struct record_source *src, struct json_object *list, const char *path,
                       char (**out)[LL_MAX_NAME], size_t *count)
{
    bool ok = true;
    if (list == NULL) {
        return true;
    }
    const size_t n = json_object_array_length(list);
    *out = calloc(n, sizeof **out);
    if (*out == NULL) {
        return record_fault(src, path, "%s", ll_err_str(LL_ENOMEM));
    }
    *count = n;
    for (size_t i = 0; i < n; i++) {
        ok = record_text_item(src, list, path, i, (*out)[i], LL_MAX_NAME) && ok;
    }
    return ok;
}

static bool check_asset(const struct record_source *src, const struct roster_asset *a,
                        const char *path)
{
    char sub[RECORD_PATH];
    int64_t day;
    if (!asset_id_valid(a->id, strlen(a->id))) {
        return record_fault(src, record_member(sub, path, "id"),
                            "expected letters, digits, '.', '_', '-' and ':'");
    }
    if (asset_kind_find(a->kind) == NULL) {
        const char *nearest = asset_kind_nearest(a->kind);
        return record_fault(src, record_member(sub, path, "kind"), "unknown asset kind '%s'%s%s",
                            a->kind, nearest != NULL ? "; nearest: " : "",
                            nearest != NULL ? nearest : "");
    }
    if (a->installed[0] != '\0' && !clock_parse_date(a->installed, &day)) {
        return record_fault(src, record_member(sub, path, "installed"),
                            "expected a date YYYY-MM-DD");
    }
    return true;
}

static bool read_assets(const struct record_source *src, struct json_object *list, struct colmap *m)
{
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    m->assets = calloc(n, sizeof *m->assets);
    if (m->assets == NULL) {
        return record_fault(src, "assets", "%s", ll_err_str(LL_ENOMEM));
    }
    for (size_t i = 0; i < n; i++) {
        struct roster_asset *a = &m->assets[m->asset_count++];
        record_item(path, "assets", i);
        a->latitude = NAN;
        a->longitude = NAN;
        a->length_m = NAN;
        a->diameter_mm = NAN;
        a->criticality = LL_CRITICALITY_MIN;
        ok = record_read(src, json_object_array_get_idx(list, i), path, asset_fields,
                         COUNT(asset_fields), a) &&
             check_asset(src, a, path) && ok;
    }
    return ok;
}

/* Names of channels go into the books as they are. */
static bool channel_name_valid(const char *name)
{
    return name[0] != '\0' && strlen(name) < LL_MAX_CHANNEL && asset_id_valid(name, strlen(name));
}

static bool read_channels(const struct record_source *src, struct json_object *object,
                          const char *parent, struct colmap_device *device)
{
    char path[RECORD_PATH];
    char sub[RECORD_PATH];
    bool ok = true;
    record_member(path, parent, "channels");
    device->channels =
        calloc((size_t)json_object_object_length(object) + 1, sizeof *device->channels);
    if (device->channels == NULL) {
        return record_fault(src, path, "%s", ll_err_str(LL_ENOMEM));
    }
    json_object_object_foreach(object, key, v)
    {
        struct colmap_channel *c = &device->channels[device->channel_count];
        record_member(sub, path, key);
        const char *column =
            json_object_get_type(v) == json_type_string ? json_object_get_string(v) : NULL;
        const size_t len = column != NULL ? strlen(column) : 0;
        if (!channel_name_valid(key) || len == 0 || len >= sizeof c->column) {
            ok = record_fault(src, sub, "expected \"<channel>\": \"<column>\"");
            continue;
        }
        memcpy(c->name, key, strlen(key) + 1);
        memcpy(c->column, column, len + 1);
        device->channel_count++;
    }
    if (ok && device->channel_count == 0) {
        ok = record_fault(src, path, "expected at least one channel");
    }
    return ok;
}

static bool check_device(const struct record_source *src, const struct colmap *m,
                         const struct colmap_device *device, const char *path)
{
    char sub[RECORD_PATH];
    assert(m->assets != NULL); /* they are read first */
    if (!asset_id_valid(device->id, strlen(device->id))) {
        return record_fault(src, record_member(sub, path, "id"),
                            "expected letters, digits, '.', '_', '-' and ':'");
    }
    for (size_t i = 0; i < m->asset_count; i++) {
        if (strcmp(m->assets[i].id, device->asset) == 0) {
            return true;
        }
    }
    return record_fault(src, record_member(sub, path, "asset"), "no asset '%s' in this map",
                        device->asset);
}

static bool read_devices(const struct record_source *src, struct json_object *list,
                         struct colmap *m)
{
    const size_t n = json_object_array_length(list);
    char path[RECORD_PATH];
    bool ok = true;
    m->devices = calloc(n, sizeof *m->devices);
    if (m->devices == NULL) {
        return record_fault(src, "devices", "%s", ll_err_str(LL_ENOMEM));
    }
    for (size_t i = 0; i < n; i++) {
        struct device_entry e = {0};
        record_item(path, "devices", i);
        if (!record_read(src, json_object_array_get_idx(list, i), path, device_fields,
                         COUNT(device_fields), &e)) {
            ok = false;
            continue;
        }
        ok = read_channels(src, e.channels, path, &e.device) && ok;
        m->devices[m->device_count++] = e.device;
        ok = check_device(src, m, &e.device, path) && ok;
    }
    return ok;
}

static bool read_map(const struct record_source *src, struct colmap *m)
{
    struct top top = {.separator = ",", .trim = false};
    if (!record_read(src, jsonfile_root(src->file), "", top_fields, COUNT(top_fields), &top)) {
        return false;
    }
    m->separator = top.separator[0];
    m->trim = top.trim;
    bool ok = record_read(src, top.time, "time", time_fields, COUNT(time_fields), m);
    ok = read_texts(src, top.missing, "missing", &m->missing, &m->missing_count) && ok;
    ok = read_texts(src, top.ignore, "ignore", &m->ignore, &m->ignore_count) && ok;
    return read_assets(src, top.assets, m) && read_devices(src, top.devices, m) && ok;
}

ll_err colmap_load(const char *path, struct diag *d, struct colmap **out)
{
    struct jsonfile *file = NULL;
    struct colmap *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return LL_ENOMEM;
    }
    ll_err err = jsonfile_load(path, d, &file);
    if (err == LL_OK) {
        const struct record_source src = {file, d};
        err = read_map(&src, m) ? LL_OK : LL_EFORMAT;
        jsonfile_free(file);
    }
    if (err != LL_OK) {
        colmap_free(m);
        return err;
    }
    *out = m;
    return LL_OK;
}

void colmap_free(struct colmap *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->device_count; i++) {
        free(m->devices[i].channels);
    }
    free(m->devices);
    free(m->assets);
    free(m->ignore);
    free(m->missing);
    free(m);
}

/* Marks the column as taken; false where the header lacks it or it is taken already. */
static bool claim(const char *csv, const struct csv_row *header, const char *column, bool *taken,
                  struct diag *d, size_t *index)
{
    for (size_t i = 0; i < header->count; i++) {
        if (strcmp(header->cells[i], column) != 0) {
            continue;
        }
        if (taken[i]) {
            diag_add(d, csv, header->line, "the map uses the column '%s' twice", column);
            return false;
        }
        taken[i] = true;
        *index = i;
        return true;
    }
    const char *nearest = diag_nearest(column, (const char *const *)header->cells, header->count);
    diag_add(d, csv, header->line, "the map expects a column '%s'%s%s", column,
             nearest != NULL ? "; nearest: " : "", nearest != NULL ? nearest : "");
    return false;
}

ll_err colmap_bind(struct colmap *m, const char *csv, const struct csv_row *header, struct diag *d)
{
    bool taken[CSV_MAX_CELLS] = {false};
    size_t unused;
    bool ok = claim(csv, header, m->time_column, taken, d, &m->time_index);
    for (size_t i = 0; i < m->ignore_count; i++) {
        ok = claim(csv, header, m->ignore[i], taken, d, &unused) && ok;
    }
    for (size_t i = 0; i < m->device_count; i++) {
        for (size_t k = 0; k < m->devices[i].channel_count; k++) {
            struct colmap_channel *c = &m->devices[i].channels[k];
            ok = claim(csv, header, c->column, taken, d, &c->index) && ok;
        }
    }
    for (size_t i = 0; i < header->count; i++) {
        if (!taken[i]) {
            diag_add(d, csv, header->line,
                     "the column '%s' is in no device of the map; list it under \"ignore\" to "
                     "leave it out",
                     header->cells[i]);
            ok = false;
        }
    }
    return ok ? LL_OK : LL_EFORMAT;
}

bool colmap_is_missing(const struct colmap *m, const char *cell)
{
    bool missing = cell[0] == '\0';
    for (size_t i = 0; i < m->missing_count && !missing; i++) {
        missing = strcmp(m->missing[i], cell) == 0;
    }
    return missing;
}

bool colmap_time(const struct colmap *m, const char *cell, int64_t *out)
{
    struct tm tm = {.tm_mday = 1};
    const char *end = strptime(cell, m->time_format, &tm);
    if (end == NULL || *end != '\0') {
        return false;
    }
    *out = (int64_t)timegm(&tm) * LL_MS_PER_S;
    return true;
}
