/*
 * Faults in time: which kinds there are, and for each asset a list of those that come, are there
 * or wait to come.
 *
 * Three layers can go wrong: the process (the model's faults), the device's sensors and clock
 * (sensor.h), and its link (link.h). Pure. Threads: one at a time for each list.
 */
#ifndef LL_SIM_FAULT_H
#define LL_SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/model/model.h"

#define FAULT_NEVER  INT64_MAX
#define FAULT_UNSEEN INT64_MIN

enum fault_layer { FAULT_OF_PROCESS, FAULT_OF_SENSOR, FAULT_OF_LINK };
enum { FAULT_LAYERS = 3 };

struct fault_kind {
    enum fault_layer layer;
    size_t index;                   /* in the layer's table */
    const struct model_fault *spec; /* its row there */
};

/* One fault of one asset. */
struct fault {
    struct fault *next;
    struct fault_kind kind;
    const char *channel; /* "" where it is none's */
    double magnitude;
    int64_t onset_ms;      /* ms since 1970 UTC */
    int64_t end_ms;        /* or FAULT_NEVER */
    int64_t observable_ms; /* or FAULT_UNSEEN */
    const void *source;    /* what drew it, or NULL; the owner's */
    size_t site;           /* whose it is; the owner's */
    bool on;
    /* What a sensor or a link keeps while it is on. */
    bool kept;
    double value;
};

/* Of one asset: what has not ended, by onset. A zeroed list needs fault_list_init. */
struct fault_list {
    struct fault *first;
    unsigned on[FAULT_LAYERS]; /* how many are on */
    int64_t change_ms;         /* when the next one begins or ends */
    int64_t process_ms;        /* the same of the process's alone */
};

/* The kind of that name which the model, a sensor or a link can have. */
bool fault_find(const struct model *m, const char *name, struct fault_kind *out);

/* The channel that a fault of the kind is on: `wanted`, or where that is "" the kind's own or the
 * model's first number. NULL where the model has no such channel, or it cannot have that fault. */
const char *fault_channel(const struct model *m, const struct fault_kind *kind, const char *wanted);

void fault_list_init(struct fault_list *l);
/* Takes the fault. */
void fault_list_add(struct fault_list *l, struct fault *f);
/* Begins and ends what does so by `now_ms`; tells the model. Those that have ended are taken off
 * the list and returned, chained. */
struct fault *fault_list_switch(struct fault_list *l, int64_t now_ms, const struct model *m,
                                void *state);
/* Marks a fault as one that shows. */
void fault_seen(struct fault *f, int64_t now_ms);

#endif
