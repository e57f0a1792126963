#include "tests/unit/unit.h"

#include "gateway/notify/changes.h"

static void assert_next(struct changes *c, uint64_t expected)
{
    uint64_t id = 0;
    assert_true(changes_take(c, &id));
    assert_int_equal(id, expected);
}

static void changes_come_out_in_their_order(void **state)
{
    (void)state;
    struct changes c = {.count = 0};
    uint64_t id = 7;
    assert_false(changes_take(&c, &id));
    assert_int_equal(id, 7);
    assert_true(changes_add(&c, 3));
    assert_true(changes_add(&c, 1));
    assert_true(changes_add(&c, 2));
    assert_next(&c, 3);
    assert_next(&c, 1);
    assert_next(&c, 2);
    assert_false(changes_take(&c, &id));
}

static void an_alarm_that_changes_again_waits_once_in_its_place(void **state)
{
    (void)state;
    struct changes c = {.count = 0};
    changes_add(&c, 1);
    changes_add(&c, 2);
    assert_true(changes_add(&c, 1));
    assert_int_equal(c.count, 2);
    assert_next(&c, 1);
    assert_true(changes_add(&c, 1));
    assert_next(&c, 2);
    assert_next(&c, 1);
}

static void one_too_many_is_refused_and_the_others_stay(void **state)
{
    (void)state;
    struct changes c = {.count = 0};
    for (uint64_t id = 1; id <= 10; id++) { /* so that it goes round its end */
        changes_add(&c, id);
        assert_next(&c, id);
    }
    for (uint64_t id = 1; id <= LL_MAX_CHANGED_ALARMS; id++) {
        assert_true(changes_add(&c, id));
    }
    assert_false(changes_add(&c, LL_MAX_CHANGED_ALARMS + 1));
    assert_true(changes_add(&c, LL_MAX_CHANGED_ALARMS)); /* it waits already */
    for (uint64_t id = 1; id <= LL_MAX_CHANGED_ALARMS; id++) {
        assert_next(&c, id);
    }
    assert_int_equal(c.count, 0);
    assert_true(changes_add(&c, LL_MAX_CHANGED_ALARMS + 1));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(changes_come_out_in_their_order),
    cmocka_unit_test(an_alarm_that_changes_again_waits_once_in_its_place),
    cmocka_unit_test(one_too_many_is_refused_and_the_others_stay),
};

UNIT_MAIN(tests)
