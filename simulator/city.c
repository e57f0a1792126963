#include "simulator/city.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/crc32c.h"

#define NOT_YET     INT64_MIN
#define SAMPLE_TEXT 64

struct fault {
    const struct scenario_fault *spec;
    bool on;
    int64_t observable_ms; /* or NOT_YET */
};

struct site {
    const struct scenario_asset *asset;
    struct rng rng;
    int64_t now_ms; /* its state is of then */
    int64_t due_ms;
    uint64_t seq;
    alignas(max_align_t) unsigned char state[MODEL_MAX_STATE];
};

struct city {
    const struct scenario *scenario;
    int64_t start_ms;
    int64_t now_ms;
    struct weather weather;
    struct site *sites;
    struct fault *faults;
    size_t *heap; /* sites by due time, the earliest first; ties by number */
};

/* --- the heap -------------------------------------------------------------------------------- */

static bool earlier(const struct city *c, size_t a, size_t b)
{
    const int64_t x = c->sites[a].due_ms;
    const int64_t y = c->sites[b].due_ms;
    return x != y ? x < y : a < b;
}

static void sift_down(struct city *c, size_t at)
{
    const size_t count = c->scenario->asset_count;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (earlier(c, c->heap[child], c->heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        const size_t swap = c->heap[at];
        c->heap[at] = c->heap[least];
        c->heap[least] = swap;
        at = least;
    }
}

/* --- sites ----------------------------------------------------------------------------------- */

/* A stream of its own for each asset: its id mixed into the seed. */
static struct rng rng_of(uint64_t seed, const char *id)
{
    struct rng mix = rng_seeded(seed ^ (uint64_t)crc32c(0, id, strlen(id)) << 32);
    return rng_seeded(rng_next(&mix));
}

static void init_site(struct city *c, size_t index, uint64_t seed, uint64_t first_seq)
{
    struct site *s = &c->sites[index];
    s->asset = &c->scenario->assets[index];
    s->rng = rng_of(seed, s->asset->id);
    s->seq = first_seq;
    s->now_ms = c->start_ms;
    s->due_ms = c->start_ms + 1 + (int64_t)(rng_uniform(&s->rng) * (double)s->asset->period_ms);
    assert(s->asset->model->state_size <= MODEL_MAX_STATE);
    s->asset->model->init(s->state, s->asset->model, &s->rng);
    c->heap[index] = index;
}

ll_err city_new(const struct scenario *s, uint64_t seed, int64_t start_ms, uint64_t first_seq,
                struct city **out)
{
    struct city *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return LL_ENOMEM;
    }
    c->scenario = s;
    c->start_ms = start_ms;
    c->now_ms = start_ms;
    c->weather = (struct weather){
        .seed = seed,
        .start_ms = start_ms,
        .latitude = s->latitude,
        .wet_days = s->wet_days,
        .storms = s->storms,
        .storm_count = s->storm_count,
    };
    c->sites = calloc(s->asset_count, sizeof *c->sites);
    c->heap = calloc(s->asset_count, sizeof *c->heap);
    c->faults = calloc(s->fault_count + 1, sizeof *c->faults);
    if (c->sites == NULL || c->heap == NULL || c->faults == NULL) {
        city_free(c);
        return LL_ENOMEM;
    }
    for (size_t i = 0; i < s->asset_count; i++) {
        init_site(c, i, seed, first_seq);
    }
    for (size_t i = s->asset_count / 2; i-- > 0;) {
        sift_down(c, i);
    }
    for (size_t i = 0; i < s->fault_count; i++) {
        c->faults[i] = (struct fault){.spec = &s->faults[i], .observable_ms = NOT_YET};
    }
    *out = c;
    return LL_OK;
}

void city_free(struct city *c)
{
    if (c == NULL) {
        return;
    }
    free(c->faults);
    free(c->heap);
    free(c->sites);
    free(c);
}

size_t city_next_device(const struct city *c)
{
    return c->heap[0];
}

int64_t city_next_ms(const struct city *c)
{
    return c->sites[c->heap[0]].due_ms;
}

/* --- time and faults ------------------------------------------------------------------------- */

static int64_t onset_ms(const struct city *c, const struct fault *f)
{
    return c->start_ms + f->spec->at_ms;
}

static int64_t end_ms(const struct city *c, const struct fault *f)
{
    return f->spec->end_ms == INT64_MAX ? INT64_MAX : c->start_ms + f->spec->end_ms;
}

/* Where a fault of the site begins or ends next, up to `to`. */
static int64_t next_change(const struct city *c, const struct site *s, int64_t to)
{
    for (size_t i = 0; i < c->scenario->fault_count; i++) {
        const struct fault *f = &c->faults[i];
        if (f->spec->asset != s->asset) {
            continue;
        }
        const int64_t change = f->on ? end_ms(c, f) : onset_ms(c, f);
        if (change > s->now_ms && change < to) {
            to = change;
        }
    }
    return to;
}

static void switch_faults(struct city *c, struct site *s)
{
    const struct model *m = s->asset->model;
    for (size_t i = 0; i < c->scenario->fault_count; i++) {
        struct fault *f = &c->faults[i];
        if (f->spec->asset != s->asset) {
            continue;
        }
        const bool on = s->now_ms >= onset_ms(c, f) && s->now_ms < end_ms(c, f);
        if (on != f->on) {
            m->set_fault(s->state, f->spec->kind, on ? f->spec->magnitude : 0);
            f->on = on;
        }
    }
}

/* Steps end where faults begin and end, so that no fault acts too early or too late. */
static void advance(struct city *c, struct site *s, int64_t to)
{
    switch_faults(c, s);
    while (s->now_ms < to) {
        const int64_t until = next_change(c, s, to);
        s->asset->model->step(s->state, &c->weather, s->now_ms,
                              (double)(until - s->now_ms) / LL_MS_PER_S, &s->rng);
        s->now_ms = until;
        switch_faults(c, s);
    }
}

static void note_observable(struct city *c, const struct site *s)
{
    for (size_t i = 0; i < c->scenario->fault_count; i++) {
        struct fault *f = &c->faults[i];
        if (f->spec->asset == s->asset && f->on && f->observable_ms == NOT_YET &&
            s->asset->model->observable(s->state, f->spec->kind)) {
            f->observable_ms = s->now_ms;
        }
    }
}

/* Rounded to the device's resolution; a value that rounds to nothing has no sign. */
static size_t sample_format(const struct sample *s, char *out)
{
    if (s->decimals == SAMPLE_BOOL) {
        return (size_t)snprintf(out, SAMPLE_TEXT, "%s", s->value != 0 ? "true" : "false");
    }
    const double unit = pow(10, -s->decimals);
    const double value = fabs(s->value) < unit / 2 ? 0 : s->value;
    return (size_t)snprintf(out, SAMPLE_TEXT, "%.*f", s->decimals, value);
}

void city_report(struct city *c, struct message *m)
{
    struct site *s = &c->sites[c->heap[0]];
    struct sample samples[MODEL_MAX_SAMPLES];
    char text[SAMPLE_TEXT];
    advance(c, s, s->due_ms);
    c->now_ms = s->due_ms;
    note_observable(c, s);
    message_begin(m, s->asset->device, s->seq++, s->due_ms);
    const size_t count = s->asset->model->read(s->state, &s->rng, samples);
    assert(count <= MODEL_MAX_SAMPLES);
    for (size_t i = 0; i < count; i++) {
        const size_t len = sample_format(&samples[i], text);
        message_value(m, samples[i].channel, text, len);
    }
    s->due_ms += s->asset->period_ms;
    sift_down(c, 0);
}

/* --- truth ----------------------------------------------------------------------------------- */

static void put_time(struct buf *out, const char *key, bool known, int64_t ms)
{
    if (known) {
        buf_printf(out, ",\"%s\":%" PRId64, key, ms);
    } else {
        buf_printf(out, ",\"%s\":null", key);
    }
}

void city_truth(const struct city *c, struct buf *out)
{
    for (size_t i = 0; i < c->scenario->fault_count; i++) {
        const struct fault *f = &c->faults[i];
        const struct model_fault *kind = &f->spec->asset->model->faults[f->spec->kind];
        if (onset_ms(c, f) > c->now_ms) {
            continue;
        }
        buf_printf(out, "{\"asset\":\"%s\",\"device\":\"%s\",\"channel\":\"%s\",\"kind\":\"%s\"",
                   f->spec->asset->id, f->spec->asset->device, kind->channel, kind->kind);
        put_time(out, "onset", true, onset_ms(c, f));
        put_time(out, "end", end_ms(c, f) <= c->now_ms, end_ms(c, f));
        buf_printf(out, ",\"magnitude\":%.9g,\"unit\":\"%s\"", f->spec->magnitude, kind->unit);
        put_time(out, "observable_from", f->observable_ms != NOT_YET, f->observable_ms);
        buf_str_add(out, "}\n");
    }
}
