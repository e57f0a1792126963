/* What the tests of the models share: a comparison that prints both sides. */
#ifndef LL_TESTS_NEAR_H
#define LL_TESTS_NEAR_H

#include "tests/unit/unit.h"

#include <math.h>

static inline void expect_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        fail_msg("expected %.12g within %.3g, got %.12g", expected, tolerance, actual);
    }
}

static inline void expect_between(const char *what, double actual, double low, double high)
{
    if (!(actual >= low && actual <= high)) {
        fail_msg("%s: expected %g to %g, got %.9g", what, low, high, actual);
    }
}

#endif
