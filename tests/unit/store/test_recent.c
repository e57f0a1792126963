#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/limits.h"
#include "gateway/store/recent.h"

#define START_MS 1764000000000LL

static struct channel_spec channels[] = {{.name = "level", .field = "level_m"}};
static const struct profile profile = {.channel_count = 1, .channels = channels};
static const struct asset asset = {.id = "well-1"};
static const struct device often = {.id = "often", .asset = &asset, .profile = &profile};
static const struct device seldom = {.id = "seldom", .asset = &asset, .profile = &profile};

static struct recent *new_ring(void)
{
    struct recent *r = NULL;
    channels[0].unit = unit_find("m", 1);
    assert_non_null(channels[0].unit);
    assert_int_equal(recent_new(&r), LL_OK);
    return r;
}

static void add(struct recent *r, const struct device *device, int value)
{
    const struct reading reading = {.device = device, .value = value, .ts_ms = START_MS + value};
    recent_add(r, &reading, 1);
}

static void expect_list(struct recent *r, uint64_t after, const char *device, size_t limit,
                        const char *values)
{
    char seen[256] = "";
    struct buf b;
    buf_init(&b, 1UL << 20);
    assert_int_equal(recent_list(r, after, device, limit, &b), LL_OK);
    for (const char *p = strstr(buf_str(&b), "\"value\":"); p != NULL;
         p = strstr(p + 1, "\"value\":")) {
        const char *value = p + strlen("\"value\":");
        strncat(seen, value, strcspn(value, ","));
        strncat(seen, " ", 2);
    }
    assert_string_equal(seen, values);
    buf_free(&b);
}

static void readings_are_listed_oldest_first_from_a_number_on(void **state)
{
    (void)state;
    struct recent *r = new_ring();
    expect_list(r, UINT64_MAX, "", 10, "");
    for (int i = 1; i <= 5; i++) {
        add(r, &often, i);
    }
    expect_list(r, 0, "", 10, "1 2 3 4 5 ");
    expect_list(r, 3, "", 10, "4 5 ");
    expect_list(r, 0, "", 2, "1 2 ");
    expect_list(r, UINT64_MAX, "", 2, "4 5 ");
    expect_list(r, 99, "", 10, ""); /* of an earlier run */
    recent_free(r);
}

static void a_full_ring_gives_up_its_oldest(void **state)
{
    (void)state;
    struct recent *r = new_ring();
    for (int i = 1; i <= LL_RECENT_READINGS + 3; i++) {
        add(r, &often, i);
    }
    expect_list(r, 0, "", 2, "4 5 ");
    expect_list(r, UINT64_MAX, "", 1, "16387 ");
    recent_free(r);
}

static void the_newest_of_a_device_are_found_behind_those_of_others(void **state)
{
    (void)state;
    struct recent *r = new_ring();
    for (int i = 1; i <= 3; i++) {
        add(r, &seldom, i);
    }
    for (int i = 4; i <= 100; i++) {
        add(r, &often, i);
    }
    expect_list(r, UINT64_MAX, "seldom", 2, "2 3 ");
    expect_list(r, UINT64_MAX, "seldom", 10, "1 2 3 ");
    expect_list(r, UINT64_MAX, "often", 1, "100 ");
    expect_list(r, UINT64_MAX, "nobody", 10, "");
    recent_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(readings_are_listed_oldest_first_from_a_number_on),
    cmocka_unit_test(a_full_ring_gives_up_its_oldest),
    cmocka_unit_test(the_newest_of_a_device_are_found_behind_those_of_others),
};

UNIT_MAIN(tests)
