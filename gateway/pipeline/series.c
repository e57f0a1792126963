#include "gateway/pipeline/series.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/crc32c.h"

static uint32_t count_watches(const struct registry *r)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < registry_device_count(r); i++) {
        const struct profile *p = registry_device_at(r, i)->profile;
        for (size_t c = 0; c < p->channel_count; c++) {
            count += (uint32_t)p->channels[c].detector_count;
        }
    }
    return count;
}

static void number_everything(struct series_table *t)
{
    uint32_t series = 0;
    uint32_t watch = 0;
    for (uint32_t i = 0; i < t->device_count; i++) {
        const struct profile *p = registry_device_at(t->registry, i)->profile;
        for (size_t c = 0; c < p->channel_count; c++, series++) {
            t->series[series] = (struct series){.last_ts_ms = INT64_MIN,
                                                .last_own_ms = INT64_MIN,
                                                .retained_ms = INT64_MIN,
                                                .device = i,
                                                .first_watch = watch};
            for (size_t k = 0; k < p->channels[c].detector_count; k++) {
                t->watches[watch++].series = series;
            }
        }
    }
}

ll_err series_table_new(struct registry *registry, struct series_table **out)
{
    struct series_table *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return LL_ENOMEM;
    }
    t->registry = registry_ref(registry);
    t->device_count = registry_device_count(registry);
    t->series_count = registry_series_count(registry);
    t->watch_count = count_watches(registry);
    /* One more than needed, so that an empty registry is no special case. */
    t->devices = calloc((size_t)t->device_count + 1, sizeof *t->devices);
    t->series = calloc((size_t)t->series_count + 1, sizeof *t->series);
    t->watches = calloc((size_t)t->watch_count + 1, sizeof *t->watches);
    if (t->devices == NULL || t->series == NULL || t->watches == NULL) {
        series_table_free(t);
        return LL_ENOMEM;
    }
    number_everything(t);
    *out = t;
    return LL_OK;
}

void series_table_free(struct series_table *t)
{
    if (t == NULL) {
        return;
    }
    registry_unref(t->registry);
    free(t->devices);
    free(t->series);
    free(t->watches);
    free(t);
}

const struct device *series_device(const struct series_table *t, uint32_t series)
{
    return registry_device_at(t->registry, t->series[series].device);
}

const struct channel_spec *series_channel(const struct series_table *t, uint32_t series)
{
    const struct device *d = series_device(t, series);
    return &d->profile->channels[series - d->first_series];
}

const struct detector_spec *watch_spec(const struct series_table *t, uint32_t watch)
{
    const uint32_t series = t->watches[watch].series;
    return &series_channel(t, series)->detectors[watch - t->series[series].first_watch];
}

static uint32_t find_in_channel(const struct series_table *t, const struct device *d,
                                size_t channel, const char *condition)
{
    const struct channel_spec *c = &d->profile->channels[channel];
    for (size_t k = 0; k < c->detector_count; k++) {
        if (strcmp(c->detectors[k].name, condition) == 0) {
            return t->series[d->first_series + channel].first_watch + (uint32_t)k;
        }
    }
    return UINT32_MAX;
}

uint32_t series_find_watch(const struct series_table *t, const char *device, const char *channel,
                           const char *condition)
{
    const struct device *d = registry_device(t->registry, device, strlen(device));
    if (d == NULL) {
        return UINT32_MAX;
    }
    const int c = profile_channel(d->profile, channel, strlen(channel));
    return c < 0 ? UINT32_MAX : find_in_channel(t, d, (size_t)c, condition);
}

static void adopt_channel(struct series_table *t, const struct device *d, size_t channel,
                          const struct series_table *old, uint32_t old_series)
{
    struct series *to = &t->series[d->first_series + channel];
    to->last_ts_ms = old->series[old_series].last_ts_ms;
    to->last_own_ms = old->series[old_series].last_own_ms;
    to->last_value = old->series[old_series].last_value;
    to->retained_ms = old->series[old_series].retained_ms;
    to->retained_value = old->series[old_series].retained_value;
    const struct channel_spec *before = series_channel(old, old_series);
    for (size_t k = 0; k < before->detector_count; k++) {
        const uint32_t w = find_in_channel(t, d, channel, before->detectors[k].name);
        if (w != UINT32_MAX && watch_spec(t, w)->type == before->detectors[k].type) {
            const struct watch *from = &old->watches[old->series[old_series].first_watch + k];
            t->watches[w].detect = from->detect;
            t->watches[w].point = from->point;
        }
    }
}

void series_table_adopt(struct series_table *t, const struct series_table *old)
{
    for (uint32_t i = 0; i < old->device_count; i++) {
        const struct device *before = registry_device_at(old->registry, i);
        const struct device *d = registry_device(t->registry, before->id, strlen(before->id));
        if (d == NULL) {
            continue;
        }
        t->devices[d->index] = old->devices[i];
        for (size_t c = 0; c < before->profile->channel_count; c++) {
            const char *name = before->profile->channels[c].name;
            const int now = profile_channel(d->profile, name, strlen(name));
            if (now >= 0) {
                adopt_channel(t, d, (size_t)now, old, before->first_series + (uint32_t)c);
            }
        }
    }
}

/* --- checkpoint ------------------------------------------------------------------------------ */

/*
 * u32 devices, then for each: u8 id length, id, u32 shape, u32 length of what follows, u64 highest,
 * u64 seen, u64 missed (since version 3), i64 newest time, its books as books_field() lists them,
 * its clock as clock_field() lists it (since version 2), and for each channel i64 last time, i64
 * last own time, f64 last value and for each of its detectors i64 since, f64 reference, u32 count,
 * u32 active, i64 since, u8 state, u8 condition.
 */
#define DEVICE_BYTES 96
#define MISSED_BYTES 8
#define BOOKS_FIELDS 8
#define CLOCK_FIELDS 4
#define CLOCK_BYTES  36
#define SERIES_BYTES 24
#define WATCH_BYTES  34

/* Which channels and detectors a profile has, in which order: state is only valid for the same. */
static uint32_t profile_shape(const struct profile *p)
{
    uint32_t crc = 0;
    for (size_t c = 0; c < p->channel_count; c++) {
        const struct channel_spec *channel = &p->channels[c];
        crc = crc32c(crc, channel->name, strlen(channel->name) + 1);
        for (size_t k = 0; k < channel->detector_count; k++) {
            const struct detector_spec *spec = &channel->detectors[k];
            const unsigned char type = (unsigned char)spec->type;
            crc = crc32c(crc, &type, 1);
            crc = crc32c(crc, spec->name, strlen(spec->name) + 1);
        }
    }
    return crc;
}

static void put_double(struct buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_u64(out, bits);
}

static double get_double(struct cursor *in)
{
    const uint64_t bits = cursor_u64(in);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* A time on the gateway's own clock. One that cannot be would overflow the detectors' sums. */
static int64_t get_alive_ms(struct cursor *in)
{
    const uint64_t ms = cursor_u64(in);
    return ms <= INT64_MAX / 2 ? (int64_t)ms : 0;
}

static uint64_t *books_field(struct device_books *b, size_t i)
{
    uint64_t *const fields[] = {
        &b->messages,          &b->messages_duplicate, &b->messages_missing, &b->readings,
        &b->readings_accepted, &b->readings_duplicate, &b->readings_late,    &b->readings_rejected,
    };
    return i < BOOKS_FIELDS ? fields[i] : NULL;
}

static int64_t *clock_field(struct device_clock *c, size_t i)
{
    int64_t *const fields[CLOCK_FIELDS] = {&c->behind_ms, &c->least_ms, &c->most_ms, &c->since_ms};
    return fields[i];
}

static uint32_t device_bytes(const struct profile *p, uint32_t version)
{
    size_t bytes = DEVICE_BYTES + p->channel_count * SERIES_BYTES;
    bytes += version > 1 ? CLOCK_BYTES : 0;
    bytes += version > 2 ? MISSED_BYTES : 0;
    for (size_t c = 0; c < p->channel_count; c++) {
        bytes += p->channels[c].detector_count * WATCH_BYTES;
    }
    return (uint32_t)bytes;
}

static void save_device(const struct series_table *t, uint32_t index, struct buf *out)
{
    const struct device *d = registry_device_at(t->registry, index);
    const size_t id_len = strlen(d->id);
    buf_char(out, (char)id_len);
    buf_add(out, d->id, id_len);
    buf_u32(out, profile_shape(d->profile));
    buf_u32(out, device_bytes(d->profile, SERIES_TABLE_VERSION));
    struct device_state *state = &t->devices[index];
    buf_u64(out, state->seq.highest);
    buf_u64(out, state->seq.seen);
    buf_u64(out, state->seq.missed);
    buf_u64(out, (uint64_t)state->newest_ms);
    for (size_t i = 0; i < BOOKS_FIELDS; i++) {
        buf_u64(out, *books_field(&state->books, i));
    }
    buf_u64(out, (uint64_t)state->books.last_ms);
    for (size_t i = 0; i < CLOCK_FIELDS; i++) {
        buf_u64(out, (uint64_t)*clock_field(&state->clock, i));
    }
    buf_u32(out, state->clock.messages);
    for (size_t c = 0; c < d->profile->channel_count; c++) {
        const struct series *s = &t->series[d->first_series + c];
        buf_u64(out, (uint64_t)s->last_ts_ms);
        buf_u64(out, (uint64_t)s->last_own_ms);
        put_double(out, s->last_value);
        for (size_t k = 0; k < d->profile->channels[c].detector_count; k++) {
            const struct watch *w = &t->watches[s->first_watch + k];
            buf_u64(out, (uint64_t)w->detect.since_ms);
            put_double(out, w->detect.reference);
            buf_u32(out, w->detect.count);
            buf_u32(out, w->detect.active);
            buf_u64(out, (uint64_t)w->point.since_ms);
            buf_char(out, (char)w->point.state);
            buf_char(out, w->point.condition ? 1 : 0);
        }
    }
}

void series_table_save(const struct series_table *t, struct buf *out)
{
    buf_u32(out, t->device_count);
    for (uint32_t i = 0; i < t->device_count; i++) {
        save_device(t, i, out);
    }
}

/* Times that cannot be would overflow its differences. */
static void load_clock(struct device_clock *c, struct cursor *in)
{
    for (size_t i = 0; i < CLOCK_FIELDS; i++) {
        *clock_field(c, i) = get_alive_ms(in);
    }
    c->messages = cursor_u32(in);
}

static void load_device(struct series_table *t, const struct device *d, uint32_t version,
                        struct cursor *in)
{
    struct device_state *own = &t->devices[d->index];
    own->seq.highest = cursor_u64(in);
    own->seq.seen = cursor_u64(in);
    own->seq.missed = version > 2 ? cursor_u64(in) : 0;
    own->newest_ms = (int64_t)cursor_u64(in);
    for (size_t i = 0; i < BOOKS_FIELDS; i++) {
        *books_field(&own->books, i) = cursor_u64(in);
    }
    own->books.last_ms = (int64_t)cursor_u64(in);
    if (version > 1) {
        load_clock(&own->clock, in);
    }
    for (size_t c = 0; c < d->profile->channel_count; c++) {
        struct series *s = &t->series[d->first_series + c];
        s->last_ts_ms = (int64_t)cursor_u64(in);
        s->last_own_ms = (int64_t)cursor_u64(in);
        s->last_value = get_double(in);
        for (size_t k = 0; k < d->profile->channels[c].detector_count; k++) {
            struct watch *w = &t->watches[s->first_watch + k];
            w->detect.since_ms = get_alive_ms(in);
            w->detect.reference = get_double(in);
            w->detect.count = cursor_u32(in);
            w->detect.active = cursor_u32(in);
            w->point.since_ms = get_alive_ms(in);
            const uint8_t state = cursor_u8(in);
            w->point.state = state < ALARM_STATE_COUNT ? state : (uint8_t)ALARM_NORMAL;
            w->point.condition = cursor_u8(in) != 0;
        }
    }
}

ll_err series_table_load(struct series_table *t, uint32_t version, struct cursor *in)
{
    const uint32_t count = cursor_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        const uint8_t id_len = cursor_u8(in);
        const uint8_t *id = cursor_bytes(in, id_len);
        const uint32_t shape = cursor_u32(in);
        const uint32_t len = cursor_u32(in);
        const uint8_t *body = cursor_bytes(in, len);
        if (in->bad) {
            break;
        }
        const struct device *d = registry_device(t->registry, (const char *)id, id_len);
        if (d != NULL && profile_shape(d->profile) == shape &&
            device_bytes(d->profile, version) == len) {
            struct cursor c = cursor_over(body, len);
            load_device(t, d, version, &c);
        }
    }
    return in->bad ? LL_ECORRUPT : LL_OK;
}

/*
 * u32 count, then for each: u8 id length, id, u8 channel length, channel, i64 time, f64 value: by
 * name, since they are few.
 */
static void save_name(const char *name, struct buf *out)
{
    const size_t len = strlen(name);
    buf_char(out, (char)len);
    buf_add(out, name, len);
}

void series_retained_save(const struct series_table *t, struct buf *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->series_count; i++) {
        count += series_shows_retained(&t->series[i]);
    }
    buf_u32(out, count);
    for (uint32_t i = 0; i < t->series_count; i++) {
        const struct series *s = &t->series[i];
        if (series_shows_retained(s)) {
            save_name(series_device(t, i)->id, out);
            save_name(series_channel(t, i)->name, out);
            buf_u64(out, (uint64_t)s->retained_ms);
            put_double(out, s->retained_value);
        }
    }
}

ll_err series_retained_load(struct series_table *t, struct cursor *in)
{
    const uint32_t count = cursor_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        const uint8_t id_len = cursor_u8(in);
        const char *id = (const char *)cursor_bytes(in, id_len);
        const uint8_t name_len = cursor_u8(in);
        const char *name = (const char *)cursor_bytes(in, name_len);
        const int64_t ms = (int64_t)cursor_u64(in);
        const double value = get_double(in);
        const struct device *d = in->bad ? NULL : registry_device(t->registry, id, id_len);
        const int channel = d != NULL ? profile_channel(d->profile, name, name_len) : -1;
        if (channel >= 0) {
            struct series *s = &t->series[d->first_series + (uint32_t)channel];
            s->retained_ms = ms;
            s->retained_value = value;
        }
    }
    return in->bad ? LL_ECORRUPT : LL_OK;
}
