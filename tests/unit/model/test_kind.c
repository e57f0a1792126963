#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/model/kind.h"

static void the_thirteen_kinds_of_asset_and_the_gateway_are_there(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "gas_pipe", "gas_station",  "water_main",       "secondary_supply", "sewer",
        "manhole",  "pump_station", "hydrant",          "elevator",         "bridge",
        "tunnel",   "heat_supply",  "transfer_station", "lifeline_gateway"};
    assert_int_equal(asset_kind_count, sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < asset_kind_count; i++) {
        const struct asset_kind *k = asset_kind_find(keys[i]);
        assert_non_null(k);
        assert_string_equal(k->key, keys[i]);
    }
}

/* The key is a measurement in line protocol as it stands. */
static void each_row_is_whole_and_its_key_needs_no_escape(void **state)
{
    (void)state;
    for (size_t i = 0; i < asset_kind_count; i++) {
        const struct asset_kind *k = &asset_kinds[i];
        assert_int_equal(strspn(k->key, "abcdefghijklmnopqrstuvwxyz_"), strlen(k->key));
        assert_ptr_equal(asset_kind_find(k->key), k);
        assert_string_not_equal(k->name_en, "");
        assert_string_not_equal(k->name_zh, "");
        assert_string_not_equal(k->count_unit, "");
    }
}

static void strangers_are_not_found_but_have_a_nearest_kind(void **state)
{
    (void)state;
    assert_null(asset_kind_find("gas"));
    assert_null(asset_kind_find(""));
    assert_string_equal(asset_kind_nearest("gas_pip"), "gas_pipe");
    assert_string_equal(asset_kind_nearest("man_hole"), "manhole");
    assert_null(asset_kind_nearest("xyz"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_thirteen_kinds_of_asset_and_the_gateway_are_there),
    cmocka_unit_test(each_row_is_whole_and_its_key_needs_no_escape),
    cmocka_unit_test(strangers_are_not_found_but_have_a_nearest_kind),
};

UNIT_MAIN(tests)
