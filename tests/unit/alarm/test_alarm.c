/* The alarm's life: the table of ISA-18.2's states A to D, and the delays around it. */
#include "tests/unit/unit.h"

#include "gateway/alarm/alarm.h"
#include "gateway/base/rng.h"

static void every_pair_of_state_and_event_is_as_the_standard_has_it(void **state)
{
    (void)state;
    /* -1: no such transition. ISA-18.2-2016, figure 2. */
    static const int expected[ALARM_STATE_COUNT][ALARM_EVENT_COUNT] = {
        [ALARM_NORMAL] = {[ALARM_RAISE] = ALARM_UNACK, [ALARM_CLEAR] = -1, [ALARM_ACK] = -1},
        [ALARM_UNACK] =
            {[ALARM_RAISE] = -1, [ALARM_CLEAR] = ALARM_RTN_UNACK, [ALARM_ACK] = ALARM_ACKED},
        [ALARM_ACKED] = {[ALARM_RAISE] = -1, [ALARM_CLEAR] = ALARM_NORMAL, [ALARM_ACK] = -1},
        [ALARM_RTN_UNACK] =
            {[ALARM_RAISE] = ALARM_UNACK, [ALARM_CLEAR] = -1, [ALARM_ACK] = ALARM_NORMAL},
    };
    for (int s = 0; s < ALARM_STATE_COUNT; s++) {
        for (int e = 0; e < ALARM_EVENT_COUNT; e++) {
            struct alarm_point p = {.state = (uint8_t)s};
            const ll_err err = alarm_apply(&p, (enum alarm_event)e);
            assert_int_equal(err, expected[s][e] < 0 ? LL_ESTATE : LL_OK);
            assert_int_equal(p.state, expected[s][e] < 0 ? s : expected[s][e]);
        }
    }
}

static void a_condition_must_hold_through_the_on_delay(void **state)
{
    (void)state;
    const struct detector_spec spec = {.on_delay_s = 10, .off_delay_s = 60};
    struct alarm_point p = {0};
    enum alarm_event event = ALARM_EVENT_COUNT;
    assert_int_equal(alarm_due_ms(&p, &spec), INT64_MAX);
    assert_false(alarm_condition(&p, &spec, true, 1000, &event));
    assert_int_equal(alarm_due_ms(&p, &spec), 11000);
    assert_false(alarm_condition(&p, &spec, true, 10999, &event));
    assert_false(alarm_condition(&p, &spec, false, 10999, &event)); /* gone: it starts over */
    assert_false(alarm_condition(&p, &spec, true, 11000, &event));
    assert_false(alarm_condition(&p, &spec, true, 20999, &event));
    assert_true(alarm_condition(&p, &spec, true, 21000, &event));
    assert_int_equal(event, ALARM_RAISE);
}

static void a_condition_must_be_gone_through_the_off_delay(void **state)
{
    (void)state;
    const struct detector_spec spec = {.on_delay_s = 0, .off_delay_s = 60};
    struct alarm_point p = {0};
    enum alarm_event event = ALARM_EVENT_COUNT;
    assert_true(alarm_condition(&p, &spec, true, 0, &event));
    assert_int_equal(alarm_apply(&p, event), LL_OK);
    assert_false(alarm_condition(&p, &spec, true, 1000, &event)); /* raised once */
    assert_int_equal(alarm_due_ms(&p, &spec), INT64_MAX);
    assert_false(alarm_condition(&p, &spec, false, 2000, &event));
    assert_int_equal(alarm_due_ms(&p, &spec), 62000);
    assert_false(alarm_condition(&p, &spec, true, 30000, &event)); /* back within the delay */
    assert_false(alarm_condition(&p, &spec, false, 40000, &event));
    assert_true(alarm_condition(&p, &spec, false, 100000, &event));
    assert_int_equal(event, ALARM_CLEAR);
}

static void random_events_keep_the_invariants(void **state)
{
    (void)state;
    const struct detector_spec spec = {.on_delay_s = 3, .off_delay_s = 5};
    struct rng r = rng_seeded(18);
    struct alarm_point p = {0};
    int raised = 0;
    for (int64_t ms = 0; ms < 2000000; ms += 1000) {
        enum alarm_event event;
        const bool condition = rng_uniform(&r) < 0.5 ? p.condition : rng_uniform(&r) < 0.4;
        if (alarm_condition(&p, &spec, condition, ms, &event)) {
            assert_int_equal(event, condition ? ALARM_RAISE : ALARM_CLEAR);
            assert_true(ms - p.since_ms >= (condition ? 3000 : 5000));
            assert_int_equal(alarm_apply(&p, event), LL_OK);
            raised += event == ALARM_RAISE;
        }
        if (rng_uniform(&r) < 0.1) {
            const bool unacknowledged = p.state == ALARM_UNACK || p.state == ALARM_RTN_UNACK;
            assert_int_equal(alarm_apply(&p, ALARM_ACK), unacknowledged ? LL_OK : LL_ESTATE);
        }
        /* The condition is followed underneath, and a normal point has no delay overdue. */
        assert_int_equal(p.condition, condition);
        assert_true(alarm_due_ms(&p, &spec) > ms);
    }
    assert_true(raised > 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_pair_of_state_and_event_is_as_the_standard_has_it),
    cmocka_unit_test(a_condition_must_hold_through_the_on_delay),
    cmocka_unit_test(a_condition_must_be_gone_through_the_off_delay),
    cmocka_unit_test(random_events_keep_the_invariants),
};

UNIT_MAIN(tests)
