#include "simulator/link.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/base/clock.h"

#define BURST_MESSAGES  10 /* that a bad stretch of a link loses, in the mean */
#define UPLOAD_EVERY_MS 50
#define DOUBLE_AFTER_MS 1000

enum { SILENT, DROPOUT, DUPLICATES, DISORDER, BACKFILL };

/* T/CGAS 013-2021: a device keeps 500 records at least. */
const struct model_fault link_faults[] = {
    [SILENT] = {"silent", "", "", 1, 1, 1},
    [DROPOUT] = {"dropout", "", "%", 0.1, 90, 10},
    [DUPLICATES] = {"duplicates", "", "%", 0.1, 100, 10},
    [DISORDER] = {"disorder", "", "%", 0.1, 100, 10},
    [BACKFILL] = {"backfill", "", "messages", 500, 100000, 500},
};
const size_t link_fault_count = sizeof link_faults / sizeof link_faults[0];

struct kept_message {
    struct kept_message *next;
    struct message message;
};

static struct kept_message *keep(const struct message *m)
{
    struct kept_message *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    message_init(&k->message);
    message_copy(&k->message, m);
    return k;
}

static void release(struct kept_message *k)
{
    if (k != NULL) {
        message_free(&k->message);
        free(k);
    }
}

void link_init(struct link *l)
{
    *l = (struct link){.upload_ms = FAULT_NEVER, .held_ms = FAULT_NEVER};
}

/* Of a buffer that is not empty. */
static struct kept_message *pop(struct link *l)
{
    struct kept_message *k = l->first;
    assert(k != NULL);
    l->first = k->next;
    if (l->first == NULL) {
        l->last = NULL;
    }
    l->count--;
    return k;
}

static void push(struct link *l, struct kept_message *k)
{
    k->next = NULL;
    if (l->last != NULL) {
        l->last->next = k;
    } else {
        l->first = k;
    }
    l->last = k;
    l->count++;
}

void link_free(struct link *l)
{
    while (l->first != NULL) {
        release(pop(l));
    }
    release(l->held);
    link_init(l);
}

/* By the time and not by `on`, which is of the last sample. */
static struct fault *find_on(const struct fault_list *faults, size_t index, int64_t now_ms)
{
    struct fault *f = faults->first;
    while (f != NULL && !(f->kind.layer == FAULT_OF_LINK && f->kind.index == index &&
                          f->onset_ms <= now_ms && now_ms < f->end_ms)) {
        f = f->next;
    }
    return f;
}

int64_t link_due_ms(const struct link *l)
{
    return l->upload_ms < l->held_ms ? l->upload_ms : l->held_ms;
}

static struct kept_message *unhold(struct link *l)
{
    struct kept_message *k = l->held;
    l->held = NULL;
    l->held_ms = FAULT_NEVER;
    return k;
}

bool link_take(struct link *l, const struct fault_list *faults, int64_t now_ms, struct message *m)
{
    const bool held = l->held_ms <= now_ms;
    if (find_on(faults, SILENT, now_ms) != NULL) {
        if (held) {
            release(unhold(l));
        } else {
            l->upload_ms = FAULT_NEVER;
        }
        return false;
    }
    if (find_on(faults, BACKFILL, now_ms) != NULL) {
        if (held) {
            push(l, unhold(l));
        }
        l->upload_ms = FAULT_NEVER;
        return false;
    }
    struct kept_message *k = held ? unhold(l) : pop(l);
    if (!held) {
        l->upload_ms = l->first != NULL ? now_ms + UPLOAD_EVERY_MS : FAULT_NEVER;
    }
    message_copy(m, &k->message);
    release(k);
    return true;
}

/* To the end of the buffer; where it is full, the oldest gives way. */
static ll_err store(struct link *l, const struct message *m, size_t room)
{
    struct kept_message *k = keep(m);
    if (k == NULL) {
        return LL_ENOMEM;
    }
    if (l->count >= room) {
        release(pop(l));
    }
    push(l, k);
    return LL_OK;
}

static ll_err hold(struct link *l, const struct message *m, int64_t until_ms)
{
    l->held = keep(m);
    if (l->held == NULL) {
        return LL_ENOMEM;
    }
    l->held_ms = until_ms;
    return LL_OK;
}

/* Two states; the good one loses nothing, the bad one everything. A message in n ends the bad one;
 * that the share lost is p needs 1 in n (1 - p)/p to begin it. */
static bool drops(struct fault *f, struct rng *rng)
{
    const double share = f->magnitude / 100;
    const double change = f->kept ? 1.0 / BURST_MESSAGES : share / (1 - share) / BURST_MESSAGES;
    if (rng_uniform(rng) < change) {
        f->kept = !f->kept;
    }
    return f->kept;
}

static bool happens(const struct fault *f, struct rng *rng)
{
    return f != NULL && rng_uniform(rng) < f->magnitude / 100;
}

/* Of a link that is up, with nothing waiting. */
static ll_err pass_up(struct link *l, struct fault_list *faults, int64_t now_ms,
                      int64_t interval_ms, struct rng *rng, const struct message *m, bool *out)
{
    struct fault *disorder = find_on(faults, DISORDER, now_ms);
    struct fault *duplicates = find_on(faults, DUPLICATES, now_ms);
    *out = true;
    if (l->held != NULL) {
        return LL_OK;
    }
    if (happens(disorder, rng)) {
        fault_seen(disorder, now_ms);
        *out = false;
        return hold(l, m,
                    now_ms + interval_ms + 1 + (int64_t)(rng_uniform(rng) * (double)interval_ms));
    }
    if (happens(duplicates, rng)) {
        fault_seen(duplicates, now_ms);
        return hold(l, m, now_ms + DOUBLE_AFTER_MS);
    }
    return LL_OK;
}

ll_err link_pass(struct link *l, struct fault_list *faults, int64_t now_ms, int64_t interval_ms,
                 struct rng *rng, const struct message *m, bool *out)
{
    const bool waits = l->first != NULL;
    *out = true;
    if (faults->on[FAULT_OF_LINK] == 0 && !waits) {
        return LL_OK;
    }
    struct fault *silent = find_on(faults, SILENT, now_ms);
    struct fault *dropout = find_on(faults, DROPOUT, now_ms);
    struct fault *offline = find_on(faults, BACKFILL, now_ms);
    *out = false;
    if (silent != NULL) {
        fault_seen(silent, now_ms);
        return LL_OK;
    }
    if (offline != NULL) {
        fault_seen(offline, now_ms);
        l->upload_ms = FAULT_NEVER;
        return store(l, m, (size_t)offline->magnitude);
    }
    if (dropout != NULL && drops(dropout, rng)) {
        fault_seen(dropout, now_ms);
        return LL_OK;
    }
    if (waits) {
        if (l->upload_ms == FAULT_NEVER) {
            l->upload_ms = now_ms + UPLOAD_EVERY_MS;
        }
        return store(l, m, SIZE_MAX);
    }
    return pass_up(l, faults, now_ms, interval_ms, rng, m, out);
}
