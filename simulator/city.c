#include "simulator/city.h"

#include <assert.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/crc32c.h"
#include "simulator/chance.h"
#include "simulator/device.h"
#include "simulator/link.h"
#include "simulator/sensor.h"

struct site {
    const struct scenario_asset *asset;
    struct rng rng;    /* the model's and the sensors' */
    struct rng chance; /* the faults', so that a fault changes nothing but what it is of */
    int64_t now_ms;    /* its state is of then */
    int64_t sample_ms; /* the next */
    struct fault_list faults;
    struct device device;
    struct link link;
    alignas(max_align_t) unsigned char state[MODEL_MAX_STATE];
};

struct due {
    int64_t ms;
    size_t site;
};

struct city {
    const struct scenario *scenario;
    int64_t start_ms;
    int64_t now_ms;
    struct weather weather;
    struct site *sites;
    struct due *heap; /* a row a site, the earliest first; ties by number */
    double *hazards;  /* of each chance, the mean over the assets that can have it */
    struct fault *ended;
    struct message message;
};

/* --- the heap -------------------------------------------------------------------------------- */

static bool earlier(struct due a, struct due b)
{
    return a.ms != b.ms ? a.ms < b.ms : a.site < b.site;
}

static void sift_down(struct city *c, size_t at)
{
    const size_t count = c->scenario->asset_count;
    const struct due moved = c->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && earlier(c->heap[child + 1], c->heap[child])) {
            child++;
        }
        if (!earlier(c->heap[child], moved)) {
            break;
        }
        c->heap[at] = c->heap[child];
        at = child;
    }
    c->heap[at] = moved;
}

/* --- faults ---------------------------------------------------------------------------------- */

static ll_err add_fault(struct city *c, struct site *s, const struct fault *f)
{
    struct fault *own = malloc(sizeof *own);
    if (own == NULL) {
        return LL_ENOMEM;
    }
    *own = *f;
    own->site = (size_t)(s - c->sites);
    own->observable_ms = FAULT_UNSEEN;
    fault_list_add(&s->faults, own);
    return LL_OK;
}

/* The next fault of a chance at this site, if any is to come. */
static ll_err add_chance(struct city *c, struct site *s, const struct scenario_chance *chance,
                         int64_t from_ms)
{
    struct fault f = {.source = chance};
    const double mean = c->hazards[chance - c->scenario->chances];
    if (!scenario_chance_fits(chance, s->asset, &f.kind, &f.channel) ||
        !chance_draw(chance, &s->asset->ageing, mean, from_ms, &s->chance, &f)) {
        return LL_OK;
    }
    return add_fault(c, s, &f);
}

static ll_err add_scheduled(struct city *c)
{
    ll_err err = LL_OK;
    for (size_t i = 0; i < c->scenario->fault_count && err == LL_OK; i++) {
        const struct scenario_fault *spec = &c->scenario->faults[i];
        const struct fault f = {
            .kind = spec->kind,
            .channel = spec->channel,
            .magnitude = spec->magnitude,
            .onset_ms = c->start_ms + spec->at_ms,
            .end_ms = spec->end_ms == FAULT_NEVER ? FAULT_NEVER : c->start_ms + spec->end_ms,
        };
        err = add_fault(c, &c->sites[spec->asset - c->scenario->assets], &f);
    }
    return err;
}

static ll_err add_chances(struct city *c)
{
    ll_err err = LL_OK;
    for (size_t i = 0; i < c->scenario->chance_count && err == LL_OK; i++) {
        const struct scenario_chance *chance = &c->scenario->chances[i];
        c->hazards[i] = chance_mean_hazard(c->scenario, chance, c->start_ms);
        for (size_t k = 0; k < c->scenario->asset_count && err == LL_OK; k++) {
            err = add_chance(c, &c->sites[k], chance, c->start_ms);
        }
    }
    return err;
}

/* Those that have ended are kept for the truth; where one came by chance, the next is drawn, which
 * may have begun already. */
static ll_err switch_faults(struct city *c, struct site *s)
{
    ll_err err = LL_OK;
    while (err == LL_OK && s->faults.change_ms <= s->now_ms) {
        struct fault *f = fault_list_switch(&s->faults, s->now_ms, s->asset->model, s->state);
        while (f != NULL) {
            struct fault *next = f->next;
            f->next = c->ended;
            c->ended = f;
            if (f->source != NULL && err == LL_OK) {
                err = add_chance(c, s, f->source, f->end_ms);
            }
            f = next;
        }
    }
    return err;
}

/* --- sites ----------------------------------------------------------------------------------- */

/* A stream of its own for each asset: its id mixed into the seed. */
static struct rng rng_of(uint64_t seed, const char *id)
{
    struct rng mix = rng_seeded(seed ^ (uint64_t)crc32c(0, id, strlen(id)) << 32);
    return rng_seeded(rng_next(&mix));
}

static ll_err init_site(struct city *c, size_t index, uint64_t seed, uint64_t first_seq)
{
    struct site *s = &c->sites[index];
    s->asset = &c->scenario->assets[index];
    s->rng = rng_of(seed, s->asset->id);
    s->chance = rng_seeded(~s->rng.state);
    s->now_ms = c->start_ms;
    s->sample_ms = c->start_ms + 1 + (int64_t)(rng_uniform(&s->rng) * (double)s->asset->period_ms);
    fault_list_init(&s->faults);
    link_init(&s->link);
    assert(s->asset->model->state_size <= MODEL_MAX_STATE);
    s->asset->model->init(s->state, s->asset->model, &s->rng);
    c->heap[index] = (struct due){s->sample_ms, index};
    return device_init(&s->device, s->asset, first_seq);
}

/* Steps end where faults of the process begin and end, so that none acts too early or too late;
 * those of devices change nothing of the process. */
static ll_err advance(struct city *c, struct site *s, int64_t to)
{
    ll_err err = switch_faults(c, s);
    while (s->now_ms < to && err == LL_OK) {
        const int64_t until = s->faults.process_ms < to ? s->faults.process_ms : to;
        s->asset->model->step(s->state, &c->weather, s->now_ms,
                              (double)(until - s->now_ms) / LL_MS_PER_S, &s->rng);
        s->now_ms = until;
        err = switch_faults(c, s);
    }
    return err;
}

static void note_observable(struct site *s)
{
    if (s->faults.on[FAULT_OF_PROCESS] == 0) {
        return;
    }
    for (struct fault *f = s->faults.first; f != NULL; f = f->next) {
        if (f->on && f->kind.layer == FAULT_OF_PROCESS && f->observable_ms == FAULT_UNSEEN &&
            s->asset->model->observable(s->state, f->kind.index)) {
            fault_seen(f, s->now_ms);
        }
    }
}

/* *out: the message that leaves at once, or NULL. */
static ll_err take_sample(struct city *c, struct site *s, struct message **out)
{
    struct sample samples[MODEL_MAX_SAMPLES];
    const struct model *m = s->asset->model;
    const int64_t interval_ms = s->asset->period_ms * s->asset->batch;
    bool leaves = false;
    ll_err err = LL_OK;
    note_observable(s);
    const size_t count = m->read(s->state, &s->rng, samples);
    assert(count <= MODEL_MAX_SAMPLES);
    sensor_apply(&s->faults, s->now_ms, m, s->state, &s->chance, samples, count);
    struct message *made = device_take(&s->device, s->now_ms, sensor_clock(&s->faults, s->now_ms),
                                       samples, count, &c->message);
    if (made != NULL) {
        err = link_pass(&s->link, &s->faults, s->now_ms, interval_ms, &s->chance, made, &leaves);
    }
    s->sample_ms += s->asset->period_ms;
    *out = leaves ? made : NULL;
    return err;
}

/* What the site does when its time has come. */
static ll_err act(struct city *c, struct site *s, int64_t now_ms, struct message **out)
{
    *out = NULL;
    if (link_due_ms(&s->link) <= now_ms) {
        *out = link_take(&s->link, &s->faults, now_ms, &c->message) ? &c->message : NULL;
        return LL_OK;
    }
    const ll_err err = advance(c, s, now_ms);
    return err == LL_OK ? take_sample(c, s, out) : err;
}

/* --- the city -------------------------------------------------------------------------------- */

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
    message_init(&c->message);
    c->sites = calloc(s->asset_count, sizeof *c->sites);
    c->heap = calloc(s->asset_count, sizeof *c->heap);
    c->hazards = calloc(s->chance_count + 1, sizeof *c->hazards);
    ll_err err = c->sites != NULL && c->heap != NULL && c->hazards != NULL ? LL_OK : LL_ENOMEM;
    for (size_t i = 0; i < s->asset_count && err == LL_OK; i++) {
        err = init_site(c, i, seed, first_seq);
    }
    if (err == LL_OK) {
        err = add_scheduled(c);
    }
    if (err == LL_OK) {
        err = add_chances(c);
    }
    if (err != LL_OK) {
        city_free(c);
        return err;
    }
    for (size_t i = s->asset_count / 2; i-- > 0;) {
        sift_down(c, i);
    }
    *out = c;
    return LL_OK;
}

static void free_faults(struct fault *f)
{
    while (f != NULL) {
        struct fault *next = f->next;
        free(f);
        f = next;
    }
}

void city_free(struct city *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; c->sites != NULL && i < c->scenario->asset_count; i++) {
        free_faults(c->sites[i].faults.first);
        device_free(&c->sites[i].device);
        link_free(&c->sites[i].link);
    }
    free_faults(c->ended);
    message_free(&c->message);
    free(c->hazards);
    free(c->heap);
    free(c->sites);
    free(c);
}

ll_err city_next(struct city *c, int64_t until_ms, struct message **out)
{
    struct message *m = NULL;
    while (m == NULL && c->heap[0].ms < until_ms) {
        const struct due due = c->heap[0];
        struct site *s = &c->sites[due.site];
        const ll_err err = act(c, s, due.ms, &m);
        if (err != LL_OK) {
            return err;
        }
        const int64_t link_ms = link_due_ms(&s->link);
        c->heap[0].ms = link_ms < s->sample_ms ? link_ms : s->sample_ms;
        sift_down(c, 0);
        c->now_ms = due.ms;
        if (m != NULL) {
            m->index = due.site;
            m->sent_ms = due.ms;
        }
    }
    if (m == NULL && c->now_ms < until_ms) {
        c->now_ms = until_ms;
    }
    *out = m;
    return LL_OK;
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

static void put_fault(const struct city *c, const struct fault *f, struct buf *out)
{
    const struct scenario_asset *a = c->sites[f->site].asset;
    buf_printf(out, "{\"asset\":\"%s\",\"device\":\"%s\",\"channel\":\"%s\",\"kind\":\"%s\"", a->id,
               a->device, f->channel, f->kind.spec->kind);
    put_time(out, "onset", true, f->onset_ms);
    put_time(out, "end", f->end_ms <= c->now_ms, f->end_ms);
    buf_printf(out, ",\"magnitude\":%.9g,\"unit\":\"%s\"", f->magnitude, f->kind.spec->unit);
    put_time(out, "observable_from", f->observable_ms != FAULT_UNSEEN, f->observable_ms);
    buf_str_add(out, "}\n");
}

static int by_onset(const void *a, const void *b)
{
    const struct fault *x = *(const struct fault *const *)a;
    const struct fault *y = *(const struct fault *const *)b;
    if (x->onset_ms != y->onset_ms) {
        return x->onset_ms < y->onset_ms ? -1 : 1;
    }
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    return strcmp(x->kind.spec->kind, y->kind.spec->kind);
}

/* Adds a list's faults that have begun to `all`, or only counts them where that is NULL. */
static size_t gather(const struct city *c, const struct fault *f, const struct fault **all,
                     size_t count)
{
    for (; f != NULL; f = f->next) {
        if (f->onset_ms <= c->now_ms) {
            if (all != NULL) {
                all[count] = f;
            }
            count++;
        }
    }
    return count;
}

static size_t gather_all(const struct city *c, const struct fault **all)
{
    size_t count = gather(c, c->ended, all, 0);
    for (size_t i = 0; i < c->scenario->asset_count; i++) {
        count = gather(c, c->sites[i].faults.first, all, count);
    }
    return count;
}

ll_err city_truth(const struct city *c, struct buf *out)
{
    const size_t count = gather_all(c, NULL);
    const struct fault **all = calloc(count + 1, sizeof(void *));
    if (all == NULL) {
        return LL_ENOMEM;
    }
    gather_all(c, all);
    qsort(all, count, sizeof(void *), by_onset);
    for (size_t i = 0; i < count; i++) {
        put_fault(c, all[i], out);
    }
    free(all);
    return LL_OK;
}

void city_condition(const struct city *c, struct buf *out)
{
    struct fault_kind kind;
    const char *channel;
    buf_str_add(out, "id,health,faults_per_year\n");
    for (size_t i = 0; i < c->scenario->asset_count; i++) {
        const struct scenario_asset *a = &c->scenario->assets[i];
        double per_year = 0;
        for (size_t k = 0; k < c->scenario->chance_count; k++) {
            const struct scenario_chance *chance = &c->scenario->chances[k];
            if (scenario_chance_fits(chance, a, &kind, &channel) &&
                kind.layer == FAULT_OF_PROCESS) {
                per_year += chance_per_year(chance, &a->ageing, c->hazards[k], c->now_ms);
            }
        }
        buf_printf(out, "%s,%.3f,%.6g\n", a->id, ageing_health(&a->ageing, c->now_ms), per_year);
    }
}
