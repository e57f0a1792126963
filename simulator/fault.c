#include "simulator/fault.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "simulator/link.h"
#include "simulator/sensor.h"

static bool find_row(const struct model_fault *rows, size_t count, enum fault_layer layer,
                     const char *name, struct fault_kind *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].kind, name) == 0) {
            *out = (struct fault_kind){layer, i, &rows[i]};
            return true;
        }
    }
    return false;
}

bool fault_find(const struct model *m, const char *name, struct fault_kind *out)
{
    return find_row(m->faults, m->fault_count, FAULT_OF_PROCESS, name, out) ||
           find_row(sensor_faults, sensor_fault_count, FAULT_OF_SENSOR, name, out) ||
           find_row(link_faults, link_fault_count, FAULT_OF_LINK, name, out);
}

/* The channels stand nowhere but in what a model reads: so one is made and read. */
static size_t read_once(const struct model *m, struct sample *out)
{
    alignas(max_align_t) unsigned char state[MODEL_MAX_STATE] = {0};
    struct rng rng = rng_seeded(1);
    m->init(state, m, &rng);
    const size_t count = m->read(state, &rng, out);
    assert(count <= MODEL_MAX_SAMPLES);
    return count;
}

const char *fault_channel(const struct model *m, const struct fault_kind *kind, const char *wanted)
{
    struct sample samples[MODEL_MAX_SAMPLES];
    if (kind->layer != FAULT_OF_SENSOR || !sensor_fault_has_channel(kind->index)) {
        return wanted[0] == '\0' ? kind->spec->channel : NULL;
    }
    const char *own = kind->spec->channel;
    if (own[0] != '\0' && wanted[0] != '\0' && strcmp(own, wanted) != 0) {
        return NULL;
    }
    const char *name = own[0] != '\0' ? own : wanted;
    const size_t count = read_once(m, samples);
    for (size_t i = 0; i < count; i++) {
        const bool fits =
            samples[i].decimals != SAMPLE_BOOL || sensor_fault_takes_bool(kind->index);
        if (name[0] == '\0' ? samples[i].decimals != SAMPLE_BOOL
                            : fits && strcmp(samples[i].channel, name) == 0) {
            return samples[i].channel;
        }
    }
    return NULL;
}

void fault_list_init(struct fault_list *l)
{
    *l = (struct fault_list){.change_ms = FAULT_NEVER, .process_ms = FAULT_NEVER};
}

static void note_change(struct fault_list *l, const struct fault *f)
{
    const int64_t change_ms = f->on ? f->end_ms : f->onset_ms;
    if (change_ms < l->change_ms) {
        l->change_ms = change_ms;
    }
    if (f->kind.layer == FAULT_OF_PROCESS && change_ms < l->process_ms) {
        l->process_ms = change_ms;
    }
}

void fault_list_add(struct fault_list *l, struct fault *f)
{
    struct fault **at = &l->first;
    while (*at != NULL && (*at)->onset_ms <= f->onset_ms) {
        at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
    note_change(l, f);
}

/* Of several of one kind at once, the greatest acts. */
static void tell_model(const struct fault_list *l, size_t index, const struct model *m, void *state)
{
    double magnitude = 0;
    for (const struct fault *f = l->first; f != NULL; f = f->next) {
        if (f->on && f->kind.layer == FAULT_OF_PROCESS && f->kind.index == index &&
            f->magnitude > magnitude) {
            magnitude = f->magnitude;
        }
    }
    m->set_fault(state, index, magnitude);
}

struct fault *fault_list_switch(struct fault_list *l, int64_t now_ms, const struct model *m,
                                void *state)
{
    struct fault *ended = NULL;
    if (now_ms < l->change_ms) {
        return NULL;
    }
    l->change_ms = FAULT_NEVER;
    l->process_ms = FAULT_NEVER;
    for (struct fault **at = &l->first; *at != NULL;) {
        struct fault *f = *at;
        const bool over = now_ms >= f->end_ms;
        const bool on = now_ms >= f->onset_ms && !over;
        const bool switched = on != f->on;
        if (switched) {
            f->on = on;
            l->on[f->kind.layer] += on ? 1 : -1U;
        }
        if (over) {
            *at = f->next;
            f->next = ended;
            ended = f;
        } else {
            note_change(l, f);
            at = &f->next;
        }
        if (switched && f->kind.layer == FAULT_OF_PROCESS) {
            tell_model(l, f->kind.index, m, state);
        }
    }
    return ended;
}

void fault_seen(struct fault *f, int64_t now_ms)
{
    if (f->observable_ms == FAULT_UNSEEN) {
        f->observable_ms = now_ms;
    }
}
