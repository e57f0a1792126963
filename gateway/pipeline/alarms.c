#include "gateway/pipeline/alarms.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/alarm/alarm.h"
#include "gateway/base/clock.h"

struct open_alarm {
    struct alarm_record record;
    uint32_t watch; /* UINT32_MAX: not attached */
};

struct alarms {
    alarms_emit emit;
    alarms_known known;
    void *ctx;
    uint64_t next_id;
    struct open_alarm *open;
    uint32_t cap;
    _Atomic uint32_t count;
};

ll_err alarms_new(alarms_emit emit, alarms_known known, void *ctx, struct alarms **out)
{
    struct alarms *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return LL_ENOMEM;
    }
    a->emit = emit;
    a->known = known;
    a->ctx = ctx;
    a->next_id = 1;
    *out = a;
    return LL_OK;
}

void alarms_free(struct alarms *a)
{
    if (a != NULL) {
        free(a->open);
        free(a);
    }
}

uint32_t alarms_open_count(const struct alarms *a)
{
    return atomic_load(&a->count);
}

void alarms_begin_after(struct alarms *a, uint64_t id)
{
    a->next_id = id + 1;
}

/* One more, zeroed, at the end; NULL without memory. */
static struct open_alarm *add_open(struct alarms *a)
{
    const uint32_t count = atomic_load(&a->count);
    if (count == a->cap) {
        const uint32_t cap = a->cap > 0 ? a->cap * 2 : 16;
        struct open_alarm *open = realloc(a->open, cap * sizeof *open);
        if (open == NULL) {
            return NULL;
        }
        a->open = open;
        a->cap = cap;
    }
    struct open_alarm *o = &a->open[count];
    *o = (struct open_alarm){.watch = UINT32_MAX};
    atomic_store(&a->count, count + 1);
    return o;
}

/* The last one takes the place of the one removed. */
static void remove_open(struct alarms *a, struct series_table *t, uint32_t index)
{
    const uint32_t last = atomic_load(&a->count) - 1;
    if (a->open[index].watch != UINT32_MAX) {
        t->watches[a->open[index].watch].alarm = 0;
    }
    if (index != last) {
        a->open[index] = a->open[last];
        if (a->open[index].watch != UINT32_MAX) {
            t->watches[a->open[index].watch].alarm = index + 1;
        }
    }
    atomic_store(&a->count, last);
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void describe(struct alarm_record *r, const struct series_table *t, uint32_t watch)
{
    const uint32_t series = t->watches[watch].series;
    const struct device *d = series_device(t, series);
    const struct channel_spec *c = series_channel(t, series);
    const struct detector_spec *spec = watch_spec(t, watch);
    const struct asset *asset = device_asset(d, series - d->first_series);
    r->priority = spec->priority;
    copy_text(r->asset, sizeof r->asset, asset->id);
    copy_text(r->kind, sizeof r->kind, asset->kind->key);
    copy_text(r->district, sizeof r->district, asset->district);
    copy_text(r->device, sizeof r->device, d->id);
    copy_text(r->channel, sizeof r->channel, c->name);
    copy_text(r->condition, sizeof r->condition, spec->name);
    detect_explain(spec, c, r->value, DETECT_ENGLISH, r->text_en, sizeof r->text_en);
    detect_explain(spec, c, r->value, DETECT_CHINESE, r->text_zh, sizeof r->text_zh);
}

/* Moves the record along with its point, tells it, and closes it where it is normal again. */
static void transition(struct alarms *a, struct series_table *t, uint32_t index,
                       enum alarm_state to, struct alarm_cause *cause)
{
    struct alarm_record *r = &a->open[index].record;
    r->from = r->state;
    r->state = to;
    /* Two points of an alarm at one time would be one in the database, so the later one moves on;
     * by more than that, the clock was set back. */
    const int64_t ahead_ms = r->at_ms - cause->now.event_ms;
    const bool taken = ahead_ms >= 0 && ahead_ms < LL_MS_PER_S;
    r->at_ms = taken ? r->at_ms + 1 : cause->now.event_ms;
    r->at_estimated = cause->estimated;
    r->source_seq = cause->seq;
    r->source_nth = cause->nth++;
    a->emit(a->ctx, r);
    if (to == ALARM_NORMAL) {
        remove_open(a, t, index);
    }
}

static ll_err raise_alarm(struct alarms *a, struct series_table *t, uint32_t watch, double value,
                          struct alarm_cause *cause)
{
    struct watch *w = &t->watches[watch];
    if (w->alarm == 0) {
        struct open_alarm *o = add_open(a);
        if (o == NULL) {
            return LL_ENOMEM; /* the point stays normal: the next reading tries again */
        }
        o->watch = watch;
        const uint64_t known = a->known(a->ctx, cause);
        o->record.id = known != 0 ? known : a->next_id++;
        o->record.raised_ms = cause->now.event_ms;
        w->alarm = alarms_open_count(a);
    }
    struct alarm_record *r = &a->open[w->alarm - 1].record;
    r->value = value;
    r->acked_ms = 0;
    r->cleared_ms = 0;
    r->acked_by[0] = '\0';
    r->note[0] = '\0';
    describe(r, t, watch);
    alarm_apply(&w->point, ALARM_RAISE);
    transition(a, t, w->alarm - 1, (enum alarm_state)w->point.state, cause);
    return LL_OK;
}

ll_err alarms_settle(struct alarms *a, struct series_table *t, uint32_t watch, bool condition,
                     double value, struct alarm_cause *cause)
{
    struct watch *w = &t->watches[watch];
    enum alarm_event event;
    if (!alarm_condition(&w->point, watch_spec(t, watch), condition, cause->now.alive_ms, &event)) {
        return LL_OK;
    }
    if (event == ALARM_RAISE) {
        return raise_alarm(a, t, watch, value, cause);
    }
    alarm_apply(&w->point, ALARM_CLEAR);
    if (w->alarm > 0) {
        a->open[w->alarm - 1].record.cleared_ms = cause->now.event_ms;
        transition(a, t, w->alarm - 1, (enum alarm_state)w->point.state, cause);
    }
    return LL_OK;
}

ll_err alarms_ack(struct alarms *a, struct series_table *t, uint64_t id, const char *by,
                  const char *note, struct alarm_cause *cause)
{
    const uint32_t count = alarms_open_count(a);
    uint32_t i = 0;
    while (i < count && a->open[i].record.id != id) {
        i++;
    }
    if (i == count) {
        return LL_ENOENT;
    }
    struct alarm_point *point = &t->watches[a->open[i].watch].point;
    const ll_err err = alarm_apply(point, ALARM_ACK);
    if (err != LL_OK) {
        return err;
    }
    struct alarm_record *r = &a->open[i].record;
    r->acked_ms = cause->now.event_ms;
    copy_text(r->acked_by, sizeof r->acked_by, by);
    copy_text(r->note, sizeof r->note, note);
    transition(a, t, i, (enum alarm_state)point->state, cause);
    return LL_OK;
}

void alarms_correct(struct alarms *a, int64_t from_ms, int64_t by_ms)
{
    for (uint32_t i = 0; i < alarms_open_count(a); i++) {
        struct alarm_record *r = &a->open[i].record;
        int64_t *const times[] = {&r->at_ms, &r->raised_ms, &r->acked_ms, &r->cleared_ms};
        for (size_t k = 0; k < sizeof times / sizeof times[0]; k++) {
            if (*times[k] >= from_ms) {
                *times[k] += by_ms;
            }
        }
    }
}

void alarms_attach(struct alarms *a, struct series_table *t, struct alarm_cause *cause)
{
    uint32_t i;
    for (i = 0; i < alarms_open_count(a); i++) {
        a->open[i].watch = UINT32_MAX; /* an index into the table before */
    }
    i = 0;
    while (i < alarms_open_count(a)) {
        struct open_alarm *o = &a->open[i];
        struct alarm_record *r = &o->record;
        o->watch = series_find_watch(t, r->device, r->channel, r->condition);
        if (o->watch == UINT32_MAX) {
            r->cleared_ms = cause->now.event_ms;
            copy_text(r->note, sizeof r->note, "its device, channel or detector is gone");
            transition(a, t, i, ALARM_NORMAL, cause);
            continue;
        }
        struct watch *w = &t->watches[o->watch];
        w->alarm = i + 1;
        w->point.state = (uint8_t)r->state;
        i++;
    }
}

/* --- checkpoint ------------------------------------------------------------------------------ */

/* u64 next id, u32 count, then each record field by field as fields() lists them. */

static void put_text(struct buf *out, const char *text)
{
    const size_t len = strlen(text);
    buf_u32(out, (uint32_t)len);
    buf_add(out, text, len);
}

static void get_text(struct cursor *in, char *to, size_t size)
{
    const uint32_t len = cursor_u32(in);
    const uint8_t *text = cursor_bytes(in, len);
    if (text == NULL || len >= size) {
        in->bad = true;
        return;
    }
    memcpy(to, text, len);
    to[len] = '\0';
}

struct text_field {
    char *text;
    size_t size;
};

#define TEXT_FIELDS 10

static void text_fields(struct alarm_record *r, struct text_field out[TEXT_FIELDS])
{
    const struct text_field fields[TEXT_FIELDS] = {
        {r->asset, sizeof r->asset},       {r->kind, sizeof r->kind},
        {r->district, sizeof r->district}, {r->device, sizeof r->device},
        {r->channel, sizeof r->channel},   {r->condition, sizeof r->condition},
        {r->acked_by, sizeof r->acked_by}, {r->note, sizeof r->note},
        {r->text_en, sizeof r->text_en},   {r->text_zh, sizeof r->text_zh},
    };
    memcpy(out, fields, sizeof fields);
}

void alarms_save(const struct alarms *a, struct buf *out)
{
    buf_u64(out, a->next_id);
    buf_u32(out, alarms_open_count(a));
    for (uint32_t i = 0; i < alarms_open_count(a); i++) {
        struct alarm_record *r = &a->open[i].record;
        uint64_t bits;
        memcpy(&bits, &r->value, sizeof bits);
        buf_u64(out, r->id);
        buf_u32(out, r->state);
        buf_u32(out, r->priority);
        buf_u64(out, (uint64_t)r->raised_ms);
        buf_u64(out, (uint64_t)r->acked_ms);
        buf_u64(out, (uint64_t)r->cleared_ms);
        buf_u64(out, bits);
        struct text_field texts[TEXT_FIELDS];
        text_fields(r, texts);
        for (size_t k = 0; k < TEXT_FIELDS; k++) {
            put_text(out, texts[k].text);
        }
    }
}

static void load_one(struct alarm_record *r, struct cursor *in)
{
    r->id = cursor_u64(in);
    const uint32_t state = cursor_u32(in);
    const uint32_t priority = cursor_u32(in);
    r->raised_ms = (int64_t)cursor_u64(in);
    r->acked_ms = (int64_t)cursor_u64(in);
    r->cleared_ms = (int64_t)cursor_u64(in);
    const uint64_t bits = cursor_u64(in);
    memcpy(&r->value, &bits, sizeof bits);
    if (state >= ALARM_STATE_COUNT || priority >= PRIORITY_COUNT) {
        in->bad = true;
        return;
    }
    r->at_ms = r->raised_ms > r->acked_ms ? r->raised_ms : r->acked_ms;
    r->at_ms = r->cleared_ms > r->at_ms ? r->cleared_ms : r->at_ms;
    r->state = (enum alarm_state)state;
    r->priority = (enum alarm_priority)priority;
    struct text_field texts[TEXT_FIELDS];
    text_fields(r, texts);
    for (size_t k = 0; k < TEXT_FIELDS; k++) {
        get_text(in, texts[k].text, texts[k].size);
    }
}

ll_err alarms_load(struct alarms *a, struct cursor *in)
{
    a->next_id = cursor_u64(in);
    const uint32_t count = cursor_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        struct open_alarm *o = add_open(a);
        if (o == NULL) {
            return LL_ENOMEM;
        }
        load_one(&o->record, in);
    }
    return in->bad ? LL_ECORRUPT : LL_OK;
}
