#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/model/counters.h"

/* The naming rules of Prometheus: a counter ends in _total, a gauge does not. */
static void metrics_are_named_by_their_type(void **state)
{
    (void)state;
    for (int a = 0; a < COUNTER_COUNT; a++) {
        const struct counter_info *info = counter_info((enum counter)a);
        const size_t len = strlen(info->metric);
        const bool total = len > 6 && strcmp(info->metric + len - 6, "_total") == 0;
        const bool counter = strcmp(info->type, "counter") == 0;
        assert_true(counter || strcmp(info->type, "gauge") == 0);
        if (counter != total) {
            fail_msg("%s is a %s", info->metric, info->type);
        }
        assert_int_equal(strspn(info->metric, "abcdefghijklmnopqrstuvwxyz0123456789_"), len);
        assert_string_not_equal(info->text, "");
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(info->metric, counter_info((enum counter)b)->metric);
        }
    }
}

static void counters_count_and_gauges_are_set(void **state)
{
    (void)state;
    assert_int_equal(counter_get(COUNTER_MQTT_CONNECTS), 0);
    counter_add(COUNTER_MQTT_CONNECTS, 2);
    counter_add(COUNTER_MQTT_CONNECTS, 3);
    counter_set(COUNTER_MQTT_CONNECTED, 1);
    assert_int_equal(counter_get(COUNTER_MQTT_CONNECTS), 5);
    assert_int_equal(counter_get(COUNTER_MQTT_CONNECTED), 1);
    counter_set(COUNTER_MQTT_CONNECTED, 0);
    assert_int_equal(counter_get(COUNTER_MQTT_CONNECTED), 0);
    assert_int_equal(counter_get(COUNTER_MQTT_LOST), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(metrics_are_named_by_their_type),
    cmocka_unit_test(counters_count_and_gauges_are_set),
};

UNIT_MAIN(tests)
