#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/model/profile.h"

static void a_channel_is_found_by_its_whole_name(void **state)
{
    (void)state;
    struct channel_spec channels[] = {{.name = "pressure"}, {.name = "press"}, {.name = "flow"}};
    const struct profile p = {.channel_count = 3, .channels = channels};
    assert_int_equal(profile_channel(&p, "pressure", 8), 0);
    assert_int_equal(profile_channel(&p, "press", 5), 1);
    assert_int_equal(profile_channel(&p, "pressure2", 8), 0);
    assert_int_equal(profile_channel(&p, "pressure2", 9), -1);
    assert_int_equal(profile_channel(&p, "flo", 3), -1);
    assert_int_equal(profile_channel(&p, "", 0), -1);
    assert_int_equal(profile_channel(&p, "Flow", 4), -1);
}

/* A device may send any bytes as a name. */
static void a_zero_byte_in_a_name_does_not_end_it(void **state)
{
    (void)state;
    struct channel_spec *channels = calloc(1, sizeof *channels);
    assert_non_null(channels);
    snprintf(channels[0].name, sizeof channels[0].name, "flow");
    const struct profile p = {.channel_count = 1, .channels = channels};
    static char name[100000] = "flow";
    assert_int_equal(profile_channel(&p, name, 6), -1);
    assert_int_equal(profile_channel(&p, name, sizeof name), -1);
    free(channels);
}

static void field_types_have_keys(void **state)
{
    (void)state;
    assert_string_equal(field_type_keys[FIELD_FLOAT], "float");
    assert_string_equal(field_type_keys[FIELD_INT], "int");
    assert_string_equal(field_type_keys[FIELD_BOOL], "bool");
}

static void a_profile_frees_its_channels(void **state)
{
    (void)state;
    struct profile *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->channels = calloc(2, sizeof *p->channels);
    profile_free(p);
    profile_free(NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_channel_is_found_by_its_whole_name),
    cmocka_unit_test(a_zero_byte_in_a_name_does_not_end_it),
    cmocka_unit_test(field_types_have_keys),
    cmocka_unit_test(a_profile_frees_its_channels),
};

UNIT_MAIN(tests)
