/* The names of what is measured. */
#include "tests/unit/unit.h"

#include "gateway/model/quantity.h"

static void a_quantity_has_a_name_in_both_languages(void **state)
{
    (void)state;
    const struct quantity *q = quantity_find("methane");
    assert_non_null(q);
    assert_string_equal(q->name_en, "methane");
    assert_string_equal(q->name_zh, "甲烷");
}

static void an_unknown_quantity_has_none(void **state)
{
    (void)state;
    assert_null(quantity_find("methan"));
    assert_null(quantity_find(""));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_quantity_has_a_name_in_both_languages),
    cmocka_unit_test(an_unknown_quantity_has_none),
};

UNIT_MAIN(tests)
