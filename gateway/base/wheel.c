#include "gateway/base/wheel.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define SLOTS \
    4096 /* a power of two: a little over an hour; later deadlines are visited on the way */
#define NONE UINT32_MAX

struct timer {
    int64_t due_s;
    uint32_t next;
    uint32_t prev; /* NONE at the head of its slot */
    uint32_t slot; /* NONE: not armed */
};

struct wheel {
    int64_t now_s;
    struct timer *timers;
    uint32_t timer_cap;
    uint32_t *due; /* ids that one advance found due */
    uint32_t due_cap;
    uint32_t heads[SLOTS];
};

ll_err wheel_new(int64_t start_s, struct wheel **out)
{
    struct wheel *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return LL_ENOMEM;
    }
    w->now_s = start_s;
    for (size_t i = 0; i < SLOTS; i++) {
        w->heads[i] = NONE;
    }
    *out = w;
    return LL_OK;
}

void wheel_free(struct wheel *w)
{
    if (w != NULL) {
        free(w->timers);
        free(w->due);
        free(w);
    }
}

static bool grow_timers(struct wheel *w, uint32_t id)
{
    uint32_t cap = w->timer_cap > 0 ? w->timer_cap : 256;
    while (cap <= id) {
        cap *= 2;
    }
    struct timer *t = realloc(w->timers, cap * sizeof *t);
    if (t == NULL) {
        return false;
    }
    for (uint32_t i = w->timer_cap; i < cap; i++) {
        t[i].slot = NONE;
    }
    w->timers = t;
    w->timer_cap = cap;
    return true;
}

static void unlink_timer(struct wheel *w, uint32_t id)
{
    struct timer *t = &w->timers[id];
    if (t->prev != NONE) {
        w->timers[t->prev].next = t->next;
    } else {
        w->heads[t->slot] = t->next;
    }
    if (t->next != NONE) {
        w->timers[t->next].prev = t->prev;
    }
    t->slot = NONE;
}

static void link_timer(struct wheel *w, uint32_t id, int64_t visit_s)
{
    struct timer *t = &w->timers[id];
    t->slot = (uint32_t)((uint64_t)visit_s % SLOTS);
    t->prev = NONE;
    t->next = w->heads[t->slot];
    if (t->next != NONE) {
        w->timers[t->next].prev = id;
    }
    w->heads[t->slot] = id;
}

/* When a deadline is looked at next: itself, but after now and within one turn of the wheel. */
static int64_t visit_time(const struct wheel *w, int64_t due_s)
{
    if (due_s <= w->now_s) {
        return w->now_s + 1;
    }
    return due_s - w->now_s < SLOTS ? due_s : w->now_s + SLOTS - 1;
}

ll_err wheel_arm(struct wheel *w, uint32_t id, int64_t due_s)
{
    assert(id != NONE);
    if (id >= w->timer_cap && !grow_timers(w, id)) {
        return LL_ENOMEM;
    }
    struct timer *t = &w->timers[id];
    if (t->slot != NONE && due_s >= t->due_s) {
        t->due_s = due_s; /* its slot comes first and will put it where it belongs */
        return LL_OK;
    }
    if (t->slot != NONE) {
        unlink_timer(w, id);
    }
    t->due_s = due_s;
    link_timer(w, id, visit_time(w, due_s));
    return LL_OK;
}

void wheel_disarm(struct wheel *w, uint32_t id)
{
    if (id < w->timer_cap && w->timers[id].slot != NONE) {
        unlink_timer(w, id);
    }
}

static int by_id(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool grow_due(struct wheel *w)
{
    const uint32_t cap = w->due_cap > 0 ? w->due_cap * 2 : 64;
    uint32_t *due = realloc(w->due, cap * sizeof *due);
    if (due == NULL) {
        return false;
    }
    w->due = due;
    w->due_cap = cap;
    return true;
}

/* Takes the due timers out of a slot into w->due and moves the others on. Where memory for the list
 * runs out the rest come a second later. */
static uint32_t collect_due(struct wheel *w, uint32_t slot)
{
    uint32_t found = 0;
    uint32_t id = w->heads[slot];
    while (id != NONE) {
        const uint32_t next = w->timers[id].next;
        unlink_timer(w, id);
        if (w->timers[id].due_s > w->now_s || (found == w->due_cap && !grow_due(w))) {
            link_timer(w, id, visit_time(w, w->timers[id].due_s));
        } else {
            w->due[found++] = id;
        }
        id = next;
    }
    if (found > 1) {
        qsort(w->due, found, sizeof w->due[0], by_id);
    }
    return found;
}

void wheel_advance(struct wheel *w, int64_t now_s, void (*fire)(void *ctx, uint32_t id), void *ctx)
{
    if (now_s <= w->now_s) {
        return;
    }
    /* After a gap longer than one turn each slot is visited once, at the new time. */
    if (now_s - w->now_s > SLOTS) {
        w->now_s = now_s - SLOTS;
    }
    while (w->now_s < now_s) {
        w->now_s++;
        const uint32_t found = collect_due(w, (uint32_t)((uint64_t)w->now_s % SLOTS));
        for (uint32_t i = 0; i < found; i++) {
            if (w->timers[w->due[i]].slot == NONE) { /* else one before it armed it anew */
                fire(ctx, w->due[i]);
            }
        }
    }
}
