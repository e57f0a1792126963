#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/conf/schema.h"

static struct diag diag;
static struct conf running;
static struct conf next;

static void parse(const char *text, struct conf *out)
{
    memset(&diag, 0, sizeof diag);
    assert_int_equal(conf_parse("l.json", text, strlen(text), &diag, out), LL_OK);
}

static void assert_not_reloadable(const char *a, const char *b, const char *names)
{
    char out[256];
    parse(a, &running);
    parse(b, &next);
    conf_not_reloadable(&running, &next, out, sizeof out);
    assert_string_equal(out, names);
}

static void equal_configurations_name_nothing(void **state)
{
    (void)state;
    assert_not_reloadable("{}", "{\"mqtt\": {\"keepalive_s\": 30}}", "");
}

static void what_can_be_reloaded_is_not_named(void **state)
{
    (void)state;
    assert_not_reloadable("{}",
                          "{\"gateway\": {\"log_level\": \"debug\", \"log_debug\": \"ingest\"},"
                          "\"registry\": {\"profiles_dir\": \"elsewhere\"}}",
                          "");
}

static void what_needs_a_restart_is_named(void **state)
{
    (void)state;
    assert_not_reloadable("{}",
                          "{\"gateway\": {\"data_dir\": \"/d\", \"log_level\": \"warn\"},"
                          "\"intake\": {\"sync\": \"always\"}, \"http\": {\"listen\": \"\"}}",
                          "gateway.data_dir, intake.sync, http.listen");
}

static void a_change_within_a_list_names_the_list(void **state)
{
    (void)state;
#define DESTINATION "\"name\":\"a\",\"type\":\"influxdb1\",\"url\":\"http://h\",\"database\":\"d\""
    assert_not_reloadable("{\"destinations\": [{" DESTINATION "}]}",
                          "{\"destinations\": [{" DESTINATION ",\"gzip\":false}]}", "destinations");
    assert_not_reloadable("{}", "{\"destinations\": [{" DESTINATION "}]}", "destinations");
    assert_not_reloadable("{}", "{\"mqtt\": {\"topics\": [{\"filter\": \"a\"}]}}", "mqtt.topics");
    assert_not_reloadable("{}", "{\"mqtt\": {\"uris\": [\"mqtt://h\"]}}", "mqtt.uris");
}

static void names_that_do_not_fit_are_cut(void **state)
{
    (void)state;
    char out[20];
    parse("{}", &running);
    parse("{\"gateway\": {\"data_dir\": \"/d\"}, \"intake\": {\"sync\": \"always\"}}", &next);
    conf_not_reloadable(&running, &next, out, sizeof out);
    assert_string_equal(out, "gateway.data_dir, i");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(equal_configurations_name_nothing),
    cmocka_unit_test(what_can_be_reloaded_is_not_named),
    cmocka_unit_test(what_needs_a_restart_is_named),
    cmocka_unit_test(a_change_within_a_list_names_the_list),
    cmocka_unit_test(names_that_do_not_fit_are_cut),
};

UNIT_MAIN(tests)
