/*
 * The faults that a model's state has: how large each is and for how long it has been there.
 *
 * A state that begins with a `struct faults` needs no set_fault of its own. A fault that grows
 * does so in a straight line over the time that its model states, up to the scenario's magnitude.
 * Pure. Threads: one at a time for each state.
 */
#ifndef LL_SIM_FAULTS_H
#define LL_SIM_FAULTS_H

#include <stddef.h>

#define FAULTS_MAX 8

#define FAULTS_DAY_S 86400.0

struct faults {
    double magnitude[FAULTS_MAX]; /* 0: none */
    double age_s[FAULTS_MAX];
};

/* As `set_fault` of a model whose state begins with its faults. */
void faults_set(void *state, size_t fault, double magnitude);

/* `dt_s` seconds pass. */
void faults_age(struct faults *f, double dt_s);

/* What has come of a fault that takes `over_s` to its full magnitude. */
double faults_grown(const struct faults *f, size_t fault, double over_s);

/* The fields that all such models fill in the same way. */
#define FAULTS_MODEL(its_state)                                                                \
    .state_size = sizeof(its_state), .faults = faults,                                         \
    .fault_count = sizeof faults / sizeof faults[0], .init = init, .step = step, .read = read, \
    .set_fault = faults_set, .observable = observable

#endif
