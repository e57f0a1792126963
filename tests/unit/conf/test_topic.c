#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/conf/conf.h"

static void filters_of_the_standard_are_valid(void **state)
{
    (void)state;
    static const char *const valid[] = {
        "#",    "+",     "/",         "a",          "a/b",
        "a/#",  "+/#",   "+/+",       "/+",         "a/",
        "a//b", "+/b/#", "sport/+/c", "$SYS/#",     "$share/g/a/#",
        " ",    "$s",    "$share",    "$share/g/#", "\xe6\xb0\xb4/+"};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        const char *why = "";
        if (!conf_topic_filter_valid(valid[i], &why)) {
            fail_msg("'%s' was refused: %s", valid[i], why);
        }
    }
}

static void filters_against_the_standard_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const invalid[] = {
        "",          "foo/#/baz", "a#",         "#a",          "a/b#", "a+",         "+a/b",
        "a/b+/c",    "#/",        "##",         "++",          "+#",   "$share/",    "$share/g",
        "$share/g/", "$share//a", "$share/+/a", "$share/g#/a", "\xff", "$share/g/a#"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        const char *why = NULL;
        if (conf_topic_filter_valid(invalid[i], &why)) {
            fail_msg("'%s' was accepted", invalid[i]);
        }
        assert_non_null(why);
    }
}

static void a_topic_to_publish_under_is_one_place(void **state)
{
    (void)state;
    static const char *const valid[] = {"",   "a",    "lifeline/v1/alarms",
                                        "/a", "a//b", "\xe6\xb0\xb4/alarms"};
    static const char *const invalid[] = {"a/+", "a/#",    "+",          "a/",
                                          "/",   "$SYS/a", "$share/g/a", "\xff"};
    const char *why = "";
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        if (!conf_topic_prefix_valid(valid[i], &why)) {
            fail_msg("'%s' was refused: %s", valid[i], why);
        }
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        why = NULL;
        if (conf_topic_prefix_valid(invalid[i], &why)) {
            fail_msg("'%s' was accepted", invalid[i]);
        }
        assert_non_null(why);
    }
}

static void a_filter_has_at_most_65535_bytes(void **state)
{
    (void)state;
    static char filter[65537];
    const char *why;
    memset(filter, 'a', 65535);
    assert_true(conf_topic_filter_valid(filter, &why));
    filter[65535] = 'a';
    assert_false(conf_topic_filter_valid(filter, &why));
}

/* The examples of section 4.7 among them. */
static void matching_follows_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        const char *topic;
        bool matches;
    } cases[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/tennis/player1/#", "sport/tennis/player10", false},
        {"sport/#", "sport", true},
        {"#", "a/b/c", true},
        {"#", "/", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"+/#", "a", true},
        {"#", "$SYS/broker", false},
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"$SYS/#", "$SYS/broker", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"a/b", "a/b", true},
        {"a/b", "a/B", false},
        {"a/b", "a/b/", false},
        {"a/b/", "a/b", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"a//b", "a//b", true},
        {"a/+/b", "a//b", true},
        {"lifeline/v1/up/+", "lifeline/v1/up/dev-1", true},
        {"$share/group/a/+", "a/b", true},
        {"$share/group/#", "$SYS/a", false},
        {"$share/group/a", "$share/group/a", false},
        {"+", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (conf_topic_matches(cases[i].filter, cases[i].topic, strlen(cases[i].topic)) !=
            cases[i].matches) {
            fail_msg("'%s' and '%s': expected %s", cases[i].filter, cases[i].topic,
                     cases[i].matches ? "a match" : "no match");
        }
    }
}

static void only_the_given_bytes_of_the_topic_count(void **state)
{
    (void)state;
    assert_true(conf_topic_matches("a/b", "a/bc", 3));
    assert_false(conf_topic_matches("a/b", "a/bc", 4));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(filters_of_the_standard_are_valid),
    cmocka_unit_test(filters_against_the_standard_are_refused_with_a_reason),
    cmocka_unit_test(a_topic_to_publish_under_is_one_place),
    cmocka_unit_test(a_filter_has_at_most_65535_bytes),
    cmocka_unit_test(matching_follows_the_standard),
    cmocka_unit_test(only_the_given_bytes_of_the_topic_count),
};

UNIT_MAIN(tests)
