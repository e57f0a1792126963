/* Signals and timers of the main thread. */
#include "tests/unit/unit.h"

#include <signal.h>

#include "gateway/loop/loop.h"

struct seen {
    struct loop *loop;
    int signal_number;
    int timers;
};

static void on_signal(void *ctx, int signal_number)
{
    struct seen *s = ctx;
    s->signal_number = signal_number;
    loop_stop(s->loop);
}

static void on_timer(void *ctx)
{
    struct seen *s = ctx;
    if (++s->timers == 3) {
        kill(getpid(), SIGUSR1);
    }
}

static void ignore(void *ctx)
{
    (void)ctx;
}

static void a_timer_repeats_and_a_signal_ends_the_loop(void **state)
{
    (void)state;
    struct seen s = {0};
    const int signals[] = {SIGUSR1};
    assert_int_equal(loop_new(signals, 1, on_signal, &s, &s.loop), LL_OK);
    assert_int_equal(loop_every(s.loop, 1, on_timer, &s), LL_OK);
    assert_int_equal(loop_run(s.loop), LL_OK);
    assert_int_equal(s.signal_number, SIGUSR1);
    assert_true(s.timers >= 3);
    loop_free(s.loop);
}

static void more_timers_than_the_cap_are_refused(void **state)
{
    (void)state;
    struct seen s = {0};
    const int signals[] = {SIGUSR1};
    assert_int_equal(loop_new(signals, 1, on_signal, &s, &s.loop), LL_OK);
    for (int i = 0; i < LOOP_MAX_TIMERS; i++) {
        assert_int_equal(loop_every(s.loop, 1000, ignore, NULL), LL_OK);
    }
    assert_int_equal(loop_every(s.loop, 1000, ignore, NULL), LL_ELIMIT);
    loop_free(s.loop);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_timer_repeats_and_a_signal_ends_the_loop),
    cmocka_unit_test(more_timers_than_the_cap_are_refused),
};

UNIT_MAIN(tests)
