#include "gateway/registry/profile_parse.h"

#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/utf8.h"
#include "gateway/model/asset.h"

#define PATH_BYTES   256
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define DAY_S        86400
#define LATE_AFTER_S 1800
#define LATE_LIMIT_S (7 * DAY_S)
#define MAX_LATE_S   (36500.0 * DAY_S)
#define MAX_PERIOD_S (30.0 * DAY_S)
#define MAX_DELAY_S  (7.0 * DAY_S)
/* Silence is three missed reports (T/CGAS 013-2021). */
#define SILENT_PERIODS 3

/* A value in the file. */
struct node {
    const struct jsonfile *file;
    struct diag *diag;
    struct json_object *json;
    char path[PATH_BYTES];
};

static void join(char *out, const char *path, const char *key)
{
    snprintf(out, PATH_BYTES, "%.190s%s%.60s", path, path[0] != '\0' && key[0] != '\0' ? "." : "",
             key);
}

/* Names a fault of the member `key` ("": of the node itself). */
__attribute__((format(printf, 3, 4))) static void fault(const struct node *n, const char *key,
                                                        const char *fmt, ...)
{
    char path[PATH_BYTES];
    char text[LL_DIAG_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    join(path, n->path, key);
    diag_add(n->diag, jsonfile_name(n->file), jsonfile_line(n->file, path), "%s%s%s", path,
             path[0] != '\0' ? ": " : "", text);
}

/* `what` is not among the words; the nearest is suggested. */
static void unknown(const struct node *n, const char *key, const char *what, const char *word,
                    const char *nearest)
{
    if (nearest != NULL) {
        fault(n, key, "unknown %s '%.60s'; did you mean '%s'?", what, word, nearest);
    } else {
        fault(n, key, "unknown %s '%.60s'", what, word);
    }
}

static struct node child(const struct node *n, const char *key)
{
    struct node c = {.file = n->file, .diag = n->diag};
    json_object_object_get_ex(n->json, key, &c.json);
    join(c.path, n->path, key);
    return c;
}

static bool has(const struct node *n, const char *key)
{
    return json_object_object_get_ex(n->json, key, NULL);
}

static bool is_object(const struct node *n)
{
    if (json_object_is_type(n->json, json_type_object)) {
        return true;
    }
    fault(n, "", "an object was expected");
    return false;
}

static void check_keys(const struct node *n, const char *const *keys, size_t count)
{
    json_object_object_foreach(n->json, key, value)
    {
        (void)value;
        size_t i = 0;
        while (i < count && strcmp(keys[i], key) != 0) {
            i++;
        }
        if (i == count) {
            unknown(n, key, "key", key, diag_nearest(key, keys, count));
        }
    }
}

/* Reads a text that is there into `out`; false where it is not or is faulty. */
static bool read_text(const struct node *n, const char *key, char *out, size_t size)
{
    struct json_object *v;
    if (!json_object_object_get_ex(n->json, key, &v)) {
        return false;
    }
    if (!json_object_is_type(v, json_type_string)) {
        fault(n, key, "a text was expected");
        return false;
    }
    const char *text = json_object_get_string(v);
    const size_t len = (size_t)json_object_get_string_len(v);
    if (len >= size || strlen(text) != len || !utf8_valid(text, len)) {
        fault(n, key, "the text is longer than %zu bytes or is not UTF-8", size - 1);
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

/* The same for a number between the bounds. */
static bool read_number(const struct node *n, const char *key, double min, double max,
                        const char *unit, double *out)
{
    struct json_object *v;
    if (!json_object_object_get_ex(n->json, key, &v)) {
        return false;
    }
    const double number = json_object_get_double(v);
    const bool is_number =
        json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
    if (!is_number || !isfinite(number)) {
        fault(n, key, "a number was expected");
        return false;
    }
    if (number < min || number > max) {
        fault(n, key, "%.12g is outside %.12g to %.12g %s", number, min, max, unit);
        return false;
    }
    *out = number;
    return true;
}

static void read_seconds(const struct node *n, const char *key, double min, double max,
                         int32_t *out)
{
    double v;
    if (read_number(n, key, min, max, "s", &v)) {
        if (v != floor(v)) {
            fault(n, key, "%.12g is not a whole number of seconds", v);
            return;
        }
        *out = (int32_t)v;
    }
}

/* One of the words: its index, or -1 with the fault named. */
static int pick(const struct node *n, const char *key, const char *const *words, size_t count)
{
    char word[LL_MAX_NAME];
    if (!read_text(n, key, word, sizeof word)) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    unknown(n, key, key, word, diag_nearest(word, words, count));
    return -1;
}

/* Channels and detectors become parts of field names and topics. */
static bool word_valid(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len < LL_MAX_CHANNEL &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* --- detectors ------------------------------------------------------------------------------- */

/* Values outside the range are refused, so a limit out there would never be passed. */
static void check_limit(const struct node *n, const struct channel_spec *c, struct detector_spec *s)
{
    const double above = s->param[LIMIT_ABOVE];
    const double below = s->param[LIMIT_BELOW];
    const double band = s->param[LIMIT_DEAD_BAND];
    if (isnan(above) == isnan(below)) {
        fault(n, "", "a limit needs 'above' or 'below', one of them");
    } else if (above >= c->max) {
        fault(n, "above", "%.12g can never be passed: the channel's range ends at %.12g", above,
              c->max);
    } else if (below <= c->min) {
        fault(n, "below", "%.12g can never be passed: the channel's range begins at %.12g", below,
              c->min);
    } else if (above - band < c->min || below + band > c->max) {
        fault(n, "dead_band", "%.12g reaches past the channel's range: the alarm could never clear",
              band);
    }
}

static void check_silence(const struct node *n, const struct channel_spec *c,
                          struct detector_spec *s)
{
    if (!isnan(s->param[SILENCE_AFTER_S])) {
        return;
    }
    if (c->period_s == 0) {
        fault(n, "", "silence needs 'after_s', since the channel has no 'period_s'");
    } else {
        s->param[SILENCE_AFTER_S] = (double)SILENT_PERIODS * c->period_s;
    }
}

static void check_stuck(const struct node *n, const struct channel_spec *c, struct detector_spec *s)
{
    if (s->param[STUCK_TOLERANCE] >= c->max - c->min) {
        fault(n, "tolerance", "%.12g is as wide as the channel's range", s->param[STUCK_TOLERANCE]);
    }
}

/* What the settings table cannot say, by detector. */
static void (*const checks[DETECTOR_TYPE_COUNT])(const struct node *n, const struct channel_spec *c,
                                                 struct detector_spec *s) = {
    [DETECTOR_LIMIT] = check_limit,
    [DETECTOR_SILENCE] = check_silence,
    [DETECTOR_STUCK] = check_stuck,
};

static void parse_detector(const struct node *n, const struct channel_spec *c,
                           struct detector_spec *s)
{
    static const char *const common[] = {"detector", "name", "priority", "on_delay_s",
                                         "off_delay_s"};
    const char *keys[COUNT(common) + LL_MAX_DETECTOR_PARAMS];
    const char *types[DETECTOR_TYPE_COUNT];
    if (!is_object(n)) {
        return;
    }
    for (int i = 0; i < DETECTOR_TYPE_COUNT; i++) {
        types[i] = detector_kinds[i].key;
    }
    if (!has(n, "detector")) {
        fault(n, "", "'detector' is missing: limit, silence, …");
        return;
    }
    const int type = pick(n, "detector", types, DETECTOR_TYPE_COUNT);
    if (type < 0) {
        return;
    }
    const size_t before = n->diag->count;
    const struct detector_kind *kind = &detector_kinds[type];
    memcpy(keys, common, sizeof common);
    for (size_t i = 0; i < kind->setting_count; i++) {
        const struct detector_setting *set = &kind->settings[i];
        const bool of_channel = strcmp(set->unit, "channel") == 0;
        keys[COUNT(common) + i] = set->key;
        s->param[i] = set->fallback;
        read_number(n, set->key, set->min, set->max, of_channel ? c->unit->symbol : set->unit,
                    &s->param[i]);
    }
    check_keys(n, keys, COUNT(common) + kind->setting_count);
    s->type = (enum detector_type)type;
    s->priority = PRIORITY_MEDIUM;
    if (has(n, "priority")) {
        const int p = pick(n, "priority", alarm_priority_keys, PRIORITY_COUNT);
        s->priority = p < 0 ? PRIORITY_MEDIUM : (enum alarm_priority)p;
    }
    snprintf(s->name, sizeof s->name, "%s", kind->key);
    if (read_text(n, "name", s->name, sizeof s->name) && !word_valid(s->name)) {
        fault(n, "name", "'%s' is not a name: letters, digits and _", s->name);
    }
    read_seconds(n, "on_delay_s", 0, MAX_DELAY_S, &s->on_delay_s);
    read_seconds(n, "off_delay_s", 0, MAX_DELAY_S, &s->off_delay_s);
    if (n->diag->count == before) {
        checks[type](n, c, s);
    }
}

static void parse_detectors(const struct node *n, struct channel_spec *c)
{
    if (!json_object_is_type(n->json, json_type_array)) {
        fault(n, "", "an array was expected");
        return;
    }
    const size_t count = json_object_array_length(n->json);
    if (count > LL_MAX_DETECTORS) {
        fault(n, "", "%zu detectors; a channel may have %d", count, LL_MAX_DETECTORS);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct node item = {.file = n->file, .diag = n->diag};
        item.json = json_object_array_get_idx(n->json, i);
        snprintf(item.path, sizeof item.path, "%.200s[%zu]", n->path, i);
        struct detector_spec *s = &c->detectors[c->detector_count];
        const size_t before = n->diag->count;
        parse_detector(&item, c, s);
        if (n->diag->count != before) {
            continue;
        }
        for (size_t k = 0; k < c->detector_count; k++) {
            if (strcmp(c->detectors[k].name, s->name) == 0) {
                fault(&item, has(&item, "name") ? "name" : "",
                      "a second detector named '%s' on this channel; give it another name",
                      s->name);
            }
        }
        c->detector_count++;
    }
}

/* --- channels -------------------------------------------------------------------------------- */

static void set_field_name(struct channel_spec *c)
{
    const size_t len = strlen(c->name);
    const char *suffix = c->unit->suffix;
    const size_t tail = strlen(suffix);
    const bool has_it =
        len > tail && c->name[len - tail - 1] == '_' && strcmp(c->name + len - tail, suffix) == 0;
    snprintf(c->field, sizeof c->field, "%s%s%s", c->name, tail == 0 || has_it ? "" : "_",
             has_it ? "" : suffix);
}

static void parse_range(const struct node *n, struct channel_spec *c)
{
    const bool is_bool = c->type == FIELD_BOOL;
    const bool min =
        read_number(n, "min", is_bool ? 0 : -1e12, is_bool ? 1 : 1e12, c->unit->symbol, &c->min);
    const bool max =
        read_number(n, "max", is_bool ? 0 : -1e12, is_bool ? 1 : 1e12, c->unit->symbol, &c->max);
    if (is_bool && !has(n, "min") && !has(n, "max")) {
        c->min = 0;
        c->max = 1;
    } else if (!has(n, "min") || !has(n, "max")) {
        fault(n, "", "'min' and 'max' are missing: the plausible range in %s", c->unit->symbol);
    } else if (min && max && c->min >= c->max) {
        fault(n, "max", "%.12g is not above 'min', %.12g", c->max, c->min);
    }
}

static void parse_channel(const struct node *n, const char *name, struct channel_spec *c)
{
    static const char *const keys[] = {"quantity", "unit",     "type",     "min",
                                       "max",      "period_s", "detectors"};
    if (!word_valid(name)) {
        fault(n, "", "'%.60s' is not a channel name: letters, digits and _, at most %d", name,
              LL_MAX_CHANNEL - 1);
        return;
    }
    if (!is_object(n)) {
        return;
    }
    const size_t before = n->diag->count;
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->quantity, sizeof c->quantity, "%s", name);
    check_keys(n, keys, COUNT(keys));
    if (read_text(n, "quantity", c->quantity, sizeof c->quantity) && !word_valid(c->quantity)) {
        fault(n, "quantity", "'%s' is not a word: letters, digits and _", c->quantity);
    }
    char unit[LL_MAX_CHANNEL];
    if (!has(n, "unit")) {
        fault(n, "", "'unit' is missing; \"state\" and \"1\" stand for none");
    } else if (read_text(n, "unit", unit, sizeof unit)) {
        c->unit = unit_find(unit, strlen(unit));
        if (c->unit == NULL) {
            unknown(n, "unit", "unit", unit, unit_nearest(unit));
        }
    }
    if (has(n, "type")) {
        const int type = pick(n, "type", field_type_keys, FIELD_TYPE_COUNT);
        c->type = type < 0 ? FIELD_FLOAT : (enum field_type)type;
    }
    read_seconds(n, "period_s", 0, MAX_PERIOD_S, &c->period_s);
    if (n->diag->count != before || c->unit == NULL) {
        return; /* the rest builds on these */
    }
    set_field_name(c);
    parse_range(n, c);
    if (has(n, "detectors") && n->diag->count == before) {
        const struct node detectors = child(n, "detectors");
        parse_detectors(&detectors, c);
    }
}

static void add_builtin(struct profile *p, const char *name, const char *quantity, const char *unit,
                        double min, double max)
{
    if (profile_channel(p, name, strlen(name)) >= 0) {
        return;
    }
    struct channel_spec *c = &p->channels[p->channel_count++];
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->quantity, sizeof c->quantity, "%s", quantity);
    c->unit = unit_find(unit, strlen(unit));
    c->type = FIELD_FLOAT;
    c->min = min;
    c->max = max;
    set_field_name(c);
}

static ll_err parse_channels(const struct node *n, struct profile *p)
{
    if (!is_object(n)) {
        return LL_OK;
    }
    const int count = json_object_object_length(n->json);
    if (count == 0 || count > LL_MAX_CHANNELS) {
        fault(n, "", "%d channels; a profile has 1 to %d", count, LL_MAX_CHANNELS);
        return LL_OK;
    }
    p->channels = calloc((size_t)count + 2, sizeof *p->channels);
    if (p->channels == NULL) {
        return LL_ENOMEM;
    }
    json_object_object_foreach(n->json, name, value)
    {
        (void)value;
        const struct node channel = child(n, name);
        parse_channel(&channel, name, &p->channels[p->channel_count++]);
    }
    add_builtin(p, "bat", "battery", "V", 0, 100);
    add_builtin(p, "rssi", "signal", "dBm", -200, 20);
    for (size_t i = 0; i < p->channel_count; i++) {
        if (strcmp(p->channels[i].field, LINE_TIME_QUALITY) == 0) {
            fault(n, p->channels[i].name, "field '" LINE_TIME_QUALITY "' is the gateway's own");
        }
        for (size_t k = i + 1; k < p->channel_count; k++) {
            if (p->channels[i].field[0] != '\0' &&
                strcmp(p->channels[i].field, p->channels[k].field) == 0) {
                fault(n, p->channels[i].name, "field '%s' would also be that of channel '%s'",
                      p->channels[i].field, p->channels[k].name);
            }
        }
    }
    return LL_OK;
}

/* --- the profile ----------------------------------------------------------------------------- */

static void parse_title(const struct node *n, struct profile *p)
{
    static const char *const keys[] = {"en", "zh"};
    if (is_object(n)) {
        check_keys(n, keys, COUNT(keys));
        read_text(n, "en", p->title_en, sizeof p->title_en);
        read_text(n, "zh", p->title_zh, sizeof p->title_zh);
    }
}

static void parse_kind(const struct node *n, struct profile *p)
{
    char kind[LL_MAX_NAME];
    if (!has(n, "kind")) {
        fault(n, "", "'kind' is missing: the asset kind");
    } else if (read_text(n, "kind", kind, sizeof kind)) {
        p->kind = asset_kind_find(kind);
        if (p->kind == NULL) {
            unknown(n, "kind", "asset kind", kind, asset_kind_nearest(kind));
        }
    }
}

static ll_err parse_members(const struct node *n, struct profile *p)
{
    static const char *const keys[] = {"profile",      "kind",         "title",   "device_clock",
                                       "late_after_s", "late_limit_s", "channels"};
    if (!is_object(n)) {
        return LL_OK;
    }
    check_keys(n, keys, COUNT(keys));
    if (!has(n, "profile")) {
        fault(n, "", "'profile' is missing: the profile's name");
    } else if (read_text(n, "profile", p->name, sizeof p->name) &&
               !asset_id_valid(p->name, strlen(p->name))) {
        fault(n, "profile", "'%s' is not a name: letters, digits and . _ - :", p->name);
    }
    parse_kind(n, p);
    snprintf(p->title_en, sizeof p->title_en, "%s", p->name);
    snprintf(p->title_zh, sizeof p->title_zh, "%s", p->name);
    if (has(n, "title")) {
        const struct node title = child(n, "title");
        parse_title(&title, p);
    }
    int32_t after_s = LATE_AFTER_S;
    int32_t limit_s = LATE_LIMIT_S;
    read_seconds(n, "late_after_s", 1, MAX_LATE_S, &after_s);
    read_seconds(n, "late_limit_s", 1, MAX_LATE_S, &limit_s);
    p->late_after_s = after_s;
    p->late_limit_s = limit_s;
    if (has(n, "device_clock")) {
        const int policy = pick(n, "device_clock", clock_policy_keys, CLOCK_POLICY_COUNT);
        p->device_clock = policy < 0 ? CLOCK_CORRECT_AHEAD : (enum clock_policy)policy;
    }
    if (!has(n, "channels")) {
        fault(n, "", "'channels' is missing");
        return LL_OK;
    }
    const struct node channels = child(n, "channels");
    return parse_channels(&channels, p);
}

ll_err profile_parse(const struct jsonfile *f, struct json_object *obj, const char *path,
                     struct diag *d, struct profile **out)
{
    struct profile *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return LL_ENOMEM;
    }
    struct node n = {.file = f, .diag = d, .json = obj};
    snprintf(n.path, sizeof n.path, "%s", path);
    const size_t before = d->count;
    ll_err err = parse_members(&n, p);
    if (err == LL_OK && d->count != before) {
        err = LL_EFORMAT;
    }
    if (err != LL_OK) {
        profile_free(p);
        return err;
    }
    *out = p;
    return LL_OK;
}
