#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/map.h"

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct map m = {0};
    assert_null(map_get(&m, "a", 1));
    map_free(&m);
    map_free(&m);
}

static void a_key_is_its_bytes_and_its_length(void **state)
{
    (void)state;
    struct map m = {0};
    int values[4];
    assert_int_equal(map_put(&m, "ab", 2, &values[0]), LL_OK);
    assert_int_equal(map_put(&m, "abc", 3, &values[1]), LL_OK);
    assert_int_equal(map_put(&m, "", 0, &values[2]), LL_OK);
    assert_int_equal(map_put(&m, "ab\0", 3, &values[3]), LL_OK);
    assert_ptr_equal(map_get(&m, "abx", 2), &values[0]);
    assert_ptr_equal(map_get(&m, "abc", 3), &values[1]);
    assert_ptr_equal(map_get(&m, "", 0), &values[2]);
    assert_ptr_equal(map_get(&m, "ab\0", 3), &values[3]);
    assert_null(map_get(&m, "a", 1));
    map_free(&m);
}

static void a_second_value_for_a_key_is_refused(void **state)
{
    (void)state;
    struct map m = {0};
    int first;
    int second;
    assert_int_equal(map_put(&m, "k", 1, &first), LL_OK);
    assert_int_equal(map_put(&m, "k", 1, &second), LL_EEXIST);
    assert_ptr_equal(map_get(&m, "k", 1), &first);
    assert_int_equal(m.count, 1);
    map_free(&m);
}

static void many_keys_are_found_and_strangers_are_not(void **state)
{
    (void)state;
    enum { COUNT = 20000, ALL = 40000 };
    static char keys[ALL][12];
    struct map m = {0};
    for (size_t i = 0; i < ALL; i++) {
        snprintf(keys[i], sizeof keys[i], "dev-%zu", i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(map_put(&m, keys[i], strlen(keys[i]), keys[i]), LL_OK);
    }
    assert_int_equal(m.count, COUNT);
    for (size_t i = 0; i < ALL; i++) {
        assert_ptr_equal(map_get(&m, keys[i], strlen(keys[i])), i < COUNT ? keys[i] : NULL);
    }
    map_free(&m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_map_holds_nothing),
    cmocka_unit_test(a_key_is_its_bytes_and_its_length),
    cmocka_unit_test(a_second_value_for_a_key_is_refused),
    cmocka_unit_test(many_keys_are_found_and_strangers_are_not),
};

UNIT_MAIN(tests)
