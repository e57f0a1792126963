#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/model/reason.h"

/* Keys are metric labels and quarantine file names. */
static void each_reason_has_a_key_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    for (int a = 0; a < REASON_COUNT; a++) {
        const struct reason_info *info = reason_info((enum reason)a);
        assert_int_equal(strspn(info->key, "abcdefghijklmnopqrstuvwxyz_"), strlen(info->key));
        assert_string_not_equal(info->text, "");
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(info->key, reason_info((enum reason)b)->key);
        }
    }
}

static void messages_and_readings_are_told_apart(void **state)
{
    (void)state;
    assert_string_equal(reason_info(REASON_NONE)->key, "none");
    assert_int_equal(reason_info(REASON_MALFORMED)->scope, SCOPE_MESSAGE);
    assert_int_equal(reason_info(REASON_UNKNOWN_DEVICE)->scope, SCOPE_MESSAGE);
    assert_int_equal(reason_info(REASON_UNKNOWN_CHANNEL)->scope, SCOPE_READING);
    assert_int_equal(reason_info(REASON_TIME_AHEAD)->scope, SCOPE_READING);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_reason_has_a_key_of_its_own_and_a_sentence),
    cmocka_unit_test(messages_and_readings_are_told_apart),
};

UNIT_MAIN(tests)
