/*
 * A device's link: what becomes of its messages on the way to the broker.
 *
 * Without a fault a message leaves as it comes. silent: none does. dropout: some are lost, in
 * bursts (Gilbert, 1960; Elliott, 1963). duplicates, disorder: some leave twice, or late, behind
 * their successor. backfill: the device is offline and keeps its messages, the latest `magnitude`
 * of them; back online it uploads them in order, and with their times.
 * Pure: chance comes from the generator handed in. Threads: one at a time for each link.
 */
#ifndef LL_SIM_LINK_H
#define LL_SIM_LINK_H

#include "gateway/base/err.h"
#include "simulator/fault.h"
#include "simulator/message.h"

extern const struct model_fault link_faults[];
extern const size_t link_fault_count;

struct kept_message;

struct link {
    struct kept_message *first; /* the buffer, oldest first */
    struct kept_message *last;
    size_t count;
    int64_t upload_ms;         /* when `first` leaves, or FAULT_NEVER */
    struct kept_message *held; /* a double, or one that is to come late */
    int64_t held_ms;           /* when that leaves, or FAULT_NEVER */
};

void link_init(struct link *l);
void link_free(struct link *l);

/* When it next has something to send of its own: link_take then. FAULT_NEVER: nothing waits. */
int64_t link_due_ms(const struct link *l);
/* What is due by `now_ms` into `m`; false where it could not leave. */
bool link_take(struct link *l, const struct fault_list *faults, int64_t now_ms, struct message *m);

/* A new message, at `now_ms`; the next is expected `interval_ms` later. *out: whether it leaves at
 * once; otherwise it was lost or kept, and `m` may be used again. */
ll_err link_pass(struct link *l, struct fault_list *faults, int64_t now_ms, int64_t interval_ms,
                 struct rng *rng, const struct message *m, bool *out);

#endif
