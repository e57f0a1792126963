/*
 * Load: many small messages of about 142 bytes (topic and payload, with the two default readings).
 * The values lie low in the profile's range. By default they have all the digits of a double, so
 * that a store cannot pass by keeping fewer; --decimals gives them as few as a sensor sends.
 */
#include "simulator/verbs.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/jsonfile.h"
#include "gateway/base/num.h"
#include "gateway/base/rng.h"
#include "gateway/model/kind.h"
#include "simulator/roster.h"
#include "simulator/session.h"

#define MAX_READINGS 64
#define PAYLOAD_END  2 /* the braces that message_end adds */

struct channel {
    char name[LL_MAX_CHANNEL];
    double min;
    double max;
};

/* What is needed of a profile. */
struct profile_extract {
    char name[LL_MAX_ID];
    char kind[LL_MAX_CHANNEL];
    struct channel channels[MAX_READINGS];
    size_t count;
};

struct load {
    const struct sim_options *options;
    struct profile_extract profile;
    struct session session;
    struct rng rng;
    int64_t *last_ts_ms; /* of each device */
};

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    json_object_object_get_ex(o, key, &v);
    return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static bool number_of(struct json_object *o, const char *key, double *out)
{
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(o, key, &v)) {
        return false;
    }
    *out = json_object_get_double(v);
    return true;
}

/* The first channels that are decimal numbers with a range. */
static void take_channels(struct json_object *channels, size_t wanted, struct profile_extract *out)
{
    json_object_object_foreach(channels, key, v)
    {
        struct channel c;
        const char *type = text_of(v, "type");
        const int n = snprintf(c.name, sizeof c.name, "%s", key);
        if (out->count < wanted && n > 0 && (size_t)n < sizeof c.name &&
            (type[0] == '\0' || strcmp(type, "float") == 0) && number_of(v, "min", &c.min) &&
            number_of(v, "max", &c.max)) {
            out->channels[out->count++] = c;
        }
    }
}

static ll_err read_profile(const char *path, size_t wanted, struct profile_extract *out)
{
    struct diag d = {0};
    struct jsonfile *file;
    struct json_object *channels = NULL;
    ll_err err = jsonfile_load(path, &d, &file);
    if (err == LL_OK) {
        struct json_object *root = jsonfile_root(file);
        snprintf(out->name, sizeof out->name, "%s", text_of(root, "profile"));
        snprintf(out->kind, sizeof out->kind, "%s", text_of(root, "kind"));
        if (json_object_object_get_ex(root, "channels", &channels) &&
            json_object_is_type(channels, json_type_object)) {
            take_channels(channels, wanted, out);
        }
        if (out->count < wanted || out->name[0] == '\0' || asset_kind_find(out->kind) == NULL) {
            diag_add(&d, path, 0, "expected a profile with at least %zu float channels; it has %zu",
                     wanted, out->count);
            err = LL_EFORMAT;
        }
        jsonfile_free(file);
    }
    session_print_diag(&d);
    return err;
}

static const char *device_name(char *out, size_t size, int64_t index)
{
    snprintf(out, size, "load-%06lld", (long long)index + 1);
    return out;
}

static ll_err write_roster(const struct load *l, const char *dir)
{
    struct roster *r;
    ll_err err = roster_open(dir, &r);
    if (err == LL_OK) {
        struct roster_asset asset = {.latitude = NAN,
                                     .longitude = NAN,
                                     .length_m = NAN,
                                     .diameter_mm = NAN,
                                     .criticality = 1};
        snprintf(asset.kind, sizeof asset.kind, "%s", l->profile.kind);
        snprintf(asset.district, sizeof asset.district, "load");
        for (int64_t i = 0; i < l->options->devices; i++) {
            device_name(asset.id, sizeof asset.id, i);
            memcpy(asset.name, asset.id, sizeof asset.id);
            roster_add_asset(r, &asset);
            roster_add_device(r, asset.id, asset.id, l->profile.name);
        }
        err = roster_close(r);
    }
    if (err != LL_OK) {
        fprintf(stderr, "%s: cannot be written: %s\n", dir, ll_err_str(err));
    }
    return err;
}

static double value_of(struct load *l, const struct channel *c)
{
    const double share = 0.2 + 0.05 * rng_uniform(&l->rng);
    const double value = c->min + share * (c->max - c->min);
    if (l->options->decimals == SIM_ALL_DECIMALS) {
        return value;
    }
    const double scale = pow(10, (double)l->options->decimals);
    return nearbyint(value * scale) / scale;
}

static void fill(struct load *l, struct message *m, int64_t device, int64_t turn)
{
    const int64_t turns = l->options->messages / l->options->devices + 1;
    char name[LL_MAX_ID];
    char text[LL_NUM_TEXT];
    /* A millisecond apart at least, and never ahead of the clock. */
    int64_t ts_ms = clock_wall().ms - turns;
    if (ts_ms <= l->last_ts_ms[device]) {
        ts_ms = l->last_ts_ms[device] + 1;
    }
    l->last_ts_ms[device] = ts_ms;
    message_begin(m, device_name(name, sizeof name, device),
                  (uint64_t)(l->options->first_seq + turn), ts_ms);
    for (size_t i = 0; i < l->profile.count; i++) {
        const struct channel *c = &l->profile.channels[i];
        const size_t len = num_format(value_of(l, c), text);
        message_value(m, c->name, text, len);
    }
    while (m->payload.len + PAYLOAD_END < (size_t)l->options->bytes) {
        buf_char(&m->payload, ' ');
    }
}

static ll_err send_all(struct load *l)
{
    const struct sim_options *o = l->options;
    const struct mono_ns start = clock_mono();
    ll_err err = LL_OK;
    for (int64_t i = 0; i < o->messages && err == LL_OK; i++) {
        struct message *m;
        if (o->rate > 0) {
            const double due_ns = (double)i / o->rate * 1e9;
            publisher_wait_until(l->session.publisher,
                                 (struct mono_ns){start.ns + (int64_t)due_ns});
        }
        err = publisher_message(l->session.publisher, (size_t)(i % o->devices), &m);
        if (err == LL_OK) {
            fill(l, m, i % o->devices, i / o->devices);
            err = publisher_send(l->session.publisher, m);
        }
    }
    return err;
}

int verb_load(const struct sim_options *o)
{
    struct load l = {.options = o, .rng = rng_seeded((uint64_t)o->seed)};
    int status = SIM_FAILED;
    if (read_profile(o->profile, (size_t)o->readings, &l.profile) != LL_OK ||
        (o->registry_out != NULL && write_roster(&l, o->registry_out) != LL_OK)) {
        return SIM_FAILED;
    }
    l.last_ts_ms = calloc((size_t)o->devices, sizeof *l.last_ts_ms);
    if (l.last_ts_ms == NULL) {
        fprintf(stderr, "lifelinesim load: %s\n", ll_err_str(LL_ENOMEM));
        return SIM_FAILED;
    }
    if (session_open(o, &l.session) == LL_OK) {
        status = session_close(&l.session, send_all(&l));
    }
    free(l.last_ts_ms);
    return status;
}
