#include "simulator/model/faults.h"

#include <assert.h>
#include <math.h>

void faults_set(void *state, size_t fault, double magnitude)
{
    struct faults *f = state;
    assert(fault < FAULTS_MAX);
    f->magnitude[fault] = magnitude;
    f->age_s[fault] = 0;
}

void faults_age(struct faults *f, double dt_s)
{
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        f->age_s[i] += dt_s;
    }
}

double faults_grown(const struct faults *f, size_t fault, double over_s)
{
    return f->magnitude[fault] * fmin(f->age_s[fault] / over_s, 1);
}
