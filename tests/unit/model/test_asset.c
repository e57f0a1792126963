#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/model/asset.h"

static void ids_are_letters_digits_and_four_marks(void **state)
{
    (void)state;
    assert_true(asset_id_valid("a", 1));
    assert_true(asset_id_valid("Dev-1_2.3:4", 11));
    for (int c = 0; c < 256; c++) {
        const char id = (char)c;
        const bool valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == ':';
        assert_int_equal(asset_id_valid(&id, 1), valid);
    }
}

static void ids_have_1_to_63_bytes(void **state)
{
    (void)state;
    char id[LL_MAX_ID];
    memset(id, 'x', sizeof id);
    assert_false(asset_id_valid(id, 0));
    assert_true(asset_id_valid(id, 63));
    assert_false(asset_id_valid(id, 64));
    id[62] = '/';
    assert_false(asset_id_valid(id, 63));
}

static void a_channel_belongs_to_the_devices_asset_unless_it_says_otherwise(void **state)
{
    (void)state;
    const struct asset station = {.id = "station"};
    const struct asset pipe = {.id = "pipe"};
    const struct asset *const channels[] = {NULL, &pipe};
    struct device d = {.id = "rtu", .asset = &station};
    assert_ptr_equal(device_asset(&d, 1), &station);
    d.channel_assets = channels;
    assert_ptr_equal(device_asset(&d, 0), &station);
    assert_ptr_equal(device_asset(&d, 1), &pipe);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_are_letters_digits_and_four_marks),
    cmocka_unit_test(ids_have_1_to_63_bytes),
    cmocka_unit_test(a_channel_belongs_to_the_devices_asset_unless_it_says_otherwise),
};

UNIT_MAIN(tests)
