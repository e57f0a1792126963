#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/notify/alarm_topic.h"

#define BASE "lifeline/v1/alarms/north-1/"

static void a_topic_is_made_of_prefix_gateway_and_id(void **state)
{
    (void)state;
    char base[LL_MAX_TOPIC];
    char topic[LL_MAX_TOPIC];
    assert_true(alarm_topic_base("lifeline/v1/alarms", "north-1", base));
    assert_string_equal(base, BASE);
    alarm_topic_of(base, 12, topic);
    assert_string_equal(topic, BASE "12");
    alarm_topic_filter(base, topic);
    assert_string_equal(topic, BASE "+");
}

static void a_prefix_that_leaves_no_room_for_the_id_is_refused(void **state)
{
    (void)state;
    char prefix[LL_MAX_TOPIC];
    char base[LL_MAX_TOPIC];
    char topic[LL_MAX_TOPIC];
    memset(prefix, 'a', sizeof prefix);
    prefix[sizeof prefix - 1] = '\0';
    assert_false(alarm_topic_base(prefix, "north-1", base));
    size_t len = sizeof prefix - 1;
    while (!alarm_topic_base(prefix, "north-1", base)) {
        prefix[--len] = '\0';
    }
    alarm_topic_of(base, UINT64_MAX, topic);
    assert_string_equal(topic + strlen(base), "18446744073709551615");
}

static void every_id_comes_back(void **state)
{
    (void)state;
    static const uint64_t ids[] = {1, 9, 10, 4711, INT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char topic[LL_MAX_TOPIC];
        uint64_t id = 0;
        alarm_topic_of(BASE, ids[i], topic);
        assert_true(alarm_topic_id(BASE, topic, &id));
        assert_int_equal(id, ids[i]);
    }
}

static void what_is_not_made_here_is_nobodys_alarm(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "",         BASE,         BASE "x",
        BASE "0",   BASE "012",   BASE "-1",
        BASE "+1",  BASE " 1",    BASE "1 ",
        BASE "1/2", BASE "12x",   BASE "9223372036854775808",
        BASE "1e3", BASE "note",  BASE "18446744073709551616",
        "other/1",  "lifeline/1", "lifeline/v1/alarms/north-10/1",
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        uint64_t id = 5;
        if (alarm_topic_id(BASE, topics[i], &id)) {
            fail_msg("'%s' was taken for alarm %llu", topics[i], (unsigned long long)id);
        }
        assert_int_equal(id, 5);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_topic_is_made_of_prefix_gateway_and_id),
    cmocka_unit_test(a_prefix_that_leaves_no_room_for_the_id_is_refused),
    cmocka_unit_test(every_id_comes_back),
    cmocka_unit_test(what_is_not_made_here_is_nobodys_alarm),
};

UNIT_MAIN(tests)
