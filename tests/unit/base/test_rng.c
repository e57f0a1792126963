#include "tests/unit/unit.h"

#include <math.h>

#include "gateway/base/rng.h"

/* The first outputs of SplitMix64 from 1234567, as its reference code prints them. */
static void the_sequence_is_that_of_the_reference(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1234567);
    static const uint64_t expected[] = {6457827717110365317U, 3203168211198807973U,
                                        9817491932198370423U, 4593380528125082431U,
                                        16408922859458223821U};
    for (size_t i = 0; i < 5; i++) {
        assert_true(rng_next(&r) == expected[i]);
    }
}

static void uniform_numbers_fill_zero_to_one_evenly(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1);
    enum { COUNT = 100000 };
    int tenths[10] = {0};
    for (int i = 0; i < COUNT; i++) {
        const double u = rng_uniform(&r);
        assert_true(u >= 0 && u < 1);
        tenths[(int)(u * 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(tenths[i], COUNT / 10 - 600, COUNT / 10 + 600); /* six deviations */
    }
}

static void normal_numbers_have_mean_zero_and_deviation_one(void **state)
{
    (void)state;
    struct rng r = rng_seeded(2);
    enum { COUNT = 100000 };
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < COUNT; i++) {
        const double x = rng_normal(&r);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / COUNT) < 0.02);
    assert_true(fabs(squares / COUNT - 1) < 0.03);
}

static void waits_double_up_to_the_cap_and_are_drawn_from_the_upper_half(void **state)
{
    (void)state;
    struct rng r = rng_seeded(3);
    static const int64_t full[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (unsigned attempt = 0; attempt < 7; attempt++) {
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int i = 0; i < 200; i++) {
            const int64_t wait = rng_backoff_ms(&r, attempt, 1000, 30000);
            assert_in_range(wait, full[attempt] / 2, full[attempt]);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_true(most - least > full[attempt] / 4);
    }
    assert_in_range(rng_backoff_ms(&r, UINT32_MAX, 1000, 30000), 15000, 30000);
}

static void seeds_of_the_kernel_differ(void **state)
{
    (void)state;
    struct rng a = rng_random();
    struct rng b = rng_random();
    assert_true(rng_next(&a) != rng_next(&b));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_sequence_is_that_of_the_reference),
    cmocka_unit_test(uniform_numbers_fill_zero_to_one_evenly),
    cmocka_unit_test(normal_numbers_have_mean_zero_and_deviation_one),
    cmocka_unit_test(waits_double_up_to_the_cap_and_are_drawn_from_the_upper_half),
    cmocka_unit_test(seeds_of_the_kernel_differ),
};

UNIT_MAIN(tests)
