#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/conf/schema.h"

#define NAME "/etc/lifeline/lifelined.json"

static struct diag diag;
static struct conf conf;

static ll_err parse(const char *text)
{
    memset(&diag, 0, sizeof diag);
    memset(&conf, 0, sizeof conf);
    return conf_parse(NAME, text, strlen(text), &diag, &conf);
}

/* The text is refused, with exactly one message, which is this behind the file's name. */
static void assert_refused(const char *text, const char *message)
{
    assert_int_equal(parse(text), LL_EFORMAT);
    assert_int_equal(diag.count, 1);
    assert_string_equal(diag.text[0] + sizeof NAME, message);
}

static void an_empty_object_gives_every_default(void **state)
{
    (void)state;
    assert_int_equal(parse("{}"), LL_OK);
    assert_string_not_equal(conf.gateway_id, "");
    assert_string_equal(conf.data_dir, "/var/lib/lifeline");
    assert_string_equal(conf.log_level, "info");
    assert_int_equal(conf.uri_count, 1);
    assert_string_equal(conf.uris[0], "mqtt://127.0.0.1:1883");
    assert_int_equal(conf.topic_count, 1);
    assert_string_equal(conf.topics[0].filter, "lifeline/v1/up/+");
    assert_string_equal(conf.topics[0].format, "native");
    assert_string_equal(conf.alarms_topic, "lifeline/v1/alarms");
    assert_int_equal(conf.max_message_bytes, LL_MAX_MESSAGE);
    assert_false(conf.sync_always);
    assert_int_equal(conf.sync_interval_ms, 200);
    assert_int_equal(conf.segment_mib, 16);
    assert_int_equal(conf.intake_max_mib, 1024);
    assert_int_equal(conf.checkpoint_interval_s, 30);
    assert_int_equal(conf.max_ahead_s, 300);
    assert_int_equal(conf.quarantine_max_files, 10000);
    assert_int_equal(conf.quarantine_max_mib, 64);
    assert_int_equal(conf.quarantine_max_damaged_mib, 64);
    assert_int_equal(conf.archive_max_alarms, 100000);
    assert_int_equal(conf.archive_max_audit, 100000);
    assert_int_equal(conf.spool_max_mib, 4096);
    assert_int_equal(conf.destination_count, 0);
    assert_string_equal(conf.http_listen, "127.0.0.1:9464");
}

static void given_values_replace_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"gateway\":{\"id\":\"north-1\"},"
              "\"mqtt\":{\"uris\":[\"mqtts://a:8883\",\"tcp://[::1]:1\"],\"keepalive_s\":5,"
              "\"topics\":[{\"filter\":\"a/#\"},{\"filter\":\"b/+\",\"format\":\"senml\"}]},"
              "\"intake\":{\"sync\":\"always\"},"
              "\"destinations\":[{\"name\":\"v\",\"type\":\"influxdb2\",\"url\":\"http://h:8428\","
              "\"bucket\":\"b\",\"gzip\":false}]}"),
        LL_OK);
    assert_string_equal(conf.gateway_id, "north-1");
    assert_string_equal(conf.client_id, "lifeline-north-1");
    assert_int_equal(conf.uri_count, 2);
    assert_string_equal(conf.uris[1], "tcp://[::1]:1");
    assert_int_equal(conf.keepalive_s, 5);
    assert_int_equal(conf.topic_count, 2);
    assert_string_equal(conf.topics[0].format, "native");
    assert_string_equal(conf.topics[1].format, "senml");
    assert_true(conf.sync_always);
    assert_int_equal(conf.destination_count, 1);
    assert_int_equal(conf.destinations[0].type, DESTINATION_INFLUXDB2);
    assert_string_equal(conf.destinations[0].bucket, "b");
    assert_false(conf.destinations[0].gzip);
    assert_int_equal(conf.destinations[0].batch_lines, 5000);
}

static void an_unknown_key_is_named_with_its_line_and_the_nearest_one(void **state)
{
    (void)state;
    assert_refused("{\n  // comment\n  \"mqtt\": {\n    \"keepalive\": 30\n  }\n}",
                   "4: key 'mqtt.keepalive': unknown key; did you mean 'keepalive_s'?");
    assert_refused("{\"spol\": {}}", "1: key 'spol': unknown key; did you mean 'spool'?");
    assert_refused("{\"zzzzzzzz\": 1}", "1: key 'zzzzzzzz': unknown key");
}

static void a_wrong_value_is_shown_beside_what_would_be_right(void **state)
{
    (void)state;
    assert_refused("{\"mqtt\": {\n\"keepalive_s\": \"abc\"}}",
                   "2: key 'mqtt.keepalive_s': expected an integer from 5 to 3600 (s), "
                   "got \"abc\"");
    assert_refused("{\"mqtt\": {\"keepalive_s\": 4}}",
                   "1: key 'mqtt.keepalive_s': expected an integer from 5 to 3600 (s), got 4");
    assert_refused("{\"mqtt\": {\"keepalive_s\": 3601}}",
                   "1: key 'mqtt.keepalive_s': expected an integer from 5 to 3600 (s), got 3601");
    assert_refused("{\"mqtt\": {\"keepalive_s\": 30.5}}",
                   "1: key 'mqtt.keepalive_s': expected an integer from 5 to 3600 (s), got 30.5");
    assert_refused("{\"intake\": {\"sync\": \"never\"}}",
                   "1: key 'intake.sync': expected \"interval\" or \"always\", got \"never\"");
    assert_refused("{\"gateway\": {\"id\": \"a/b\"}}",
                   "1: key 'gateway.id': expected at most 63 letters, digits, '.', '_', '-' or "
                   "':'");
    assert_refused("{\"gateway\": {\"data_dir\": \"\"}}",
                   "1: key 'gateway.data_dir': must not be empty");
    assert_refused("{\"gateway\": {\"data_dir\": null}}",
                   "1: key 'gateway.data_dir': expected a text, got null");
    assert_refused("{\"gateway\": []}", "1: key 'gateway': expected an object, got an array");
    assert_refused("{\"gateway\": {\"log_level\": \"loud\"}}",
                   "1: key 'gateway.log_level': expected \"error\", \"warn\", \"info\" or "
                   "\"debug\"");
    assert_refused("{\"mqtt\": {\"username\": \"a\\u0000b\"}}",
                   "1: key 'mqtt.username': the text is not UTF-8 or holds a zero byte");
    assert_refused("{\"mqtt\": {\"username\": \"a\\nb\"}}",
                   "1: key 'mqtt.username': the text holds a control character");
    assert_refused("[]", "1: expected an object, got an array");
}

static void a_bad_topic_filter_is_refused_on_its_line(void **state)
{
    (void)state;
    assert_refused("{\"mqtt\": {\"topics\": [\n{\"filter\": \"a/#\"},\n"
                   "{\"filter\": \"foo/#/baz\"}]}}",
                   "3: key 'mqtt.topics[1].filter': '#' may only be the last level; '+' stands "
                   "for one level");
}

static void a_password_in_a_uri_is_refused_and_not_repeated(void **state)
{
    (void)state;
    assert_refused("{\"mqtt\": {\"uris\": [\"mqtt://u:hunter2@h:1883\"]}}",
                   "1: key 'mqtt.uris[0]': a user or password does not belong in a URI; use "
                   "'username' and 'password_file'");
}

#define INFLUX1 "\"name\":\"a\",\"type\":\"influxdb1\",\"url\":\"http://h\""
#define INFLUX2 "\"name\":\"b\",\"type\":\"influxdb2\",\"url\":\"http://h\""

static void secrets_in_the_file_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"mqtt\": {\"password\": \"x\"}}",
                   "1: key 'mqtt.password': secrets do not belong in this file; name a file that "
                   "holds it with 'password_file'");
    assert_refused("{\"destinations\": [{" INFLUX2 ",\"bucket\":\"b\",\"token\":\"x\"}]}",
                   "1: key 'destinations[0].token': secrets do not belong in this file; name a "
                   "file that holds it with 'token_file'");
}

static void each_type_of_destination_has_keys_of_its_own(void **state)
{
    (void)state;
    assert_refused("{\"destinations\": [{" INFLUX1 "}]}",
                   "1: key 'destinations[0].database': missing; it has no default");
    assert_refused("{\"destinations\": [{" INFLUX2 "}]}",
                   "1: key 'destinations[0].bucket': missing; it has no default");
    assert_refused("{\"destinations\": [{" INFLUX1 ",\"database\":\"d\",\"org\":\"o\"}]}",
                   "1: key 'destinations[0].org': not for 'type': \"influxdb1\"; remove it");
    assert_refused("{\"destinations\": [{\"name\":\"a\",\"url\":\"http://h\",\"bucket\":\"b\"}]}",
                   "1: key 'destinations[0].type': missing; it has no default");
}

#define TO_FILE "\"type\":\"file\",\"path\":\"out.lp\""

static void a_file_needs_a_path_of_its_own_and_no_url(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"destinations\": [{\"name\":\"a\"," TO_FILE "}]}"), LL_OK);
    assert_int_equal(conf.destinations[0].type, DESTINATION_FILE);
    assert_string_equal(conf.destinations[0].path, "/etc/lifeline/out.lp");
    assert_int_equal(conf.destinations[0].max_files, 16);
    assert_refused("{\"destinations\": [{\"name\":\"a\",\"type\":\"file\"}]}",
                   "1: key 'destinations[0].path': missing; it has no default");
    assert_refused("{\"destinations\": [{\"name\":\"a\"," TO_FILE ",\"url\":\"http://h\"}]}",
                   "1: key 'destinations[0].url': not for 'type': \"file\"; remove it");
    assert_refused("{\"destinations\": [{\"name\":\"a\"," TO_FILE "},\n{\"name\":\"b\"," TO_FILE
                   "}]}",
                   "2: key 'destinations[1].path': \"/etc/lifeline/out.lp\" stands in the list "
                   "already");
}

static void victoriametrics_needs_neither_database_nor_bucket(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"destinations\": [{\"name\":\"a\",\"type\":\"victoriametrics\","
                           "\"url\":\"http://h\",\"username\":\"u\"},{\"name\":\"b\","
                           "\"type\":\"victoriametrics\",\"url\":\"http://h\"}]}"),
                     LL_OK);
    assert_int_equal(conf.destinations[0].type, DESTINATION_VICTORIAMETRICS);
    assert_string_equal(conf.destinations[0].username, "u");
}

static void a_certificate_without_its_key_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"destinations\": [{" INFLUX1 ",\"database\":\"d\",\n\"cert_file\":\"c\"}]}",
                   "2: key 'destinations[0].cert_file': a certificate and its key go together; "
                   "give 'cert_file' and 'key_file'");
    assert_refused("{\"destinations\": [{" INFLUX1 ",\"database\":\"d\",\n\"key_file\":\"c\"}]}",
                   "2: key 'destinations[0].key_file': a certificate and its key go together; "
                   "give 'cert_file' and 'key_file'");
}

static void a_full_spool_gives_up_readings_unless_it_is_to_hold(void **state)
{
    (void)state;
    assert_int_equal(parse("{}"), LL_OK);
    assert_false(conf.spool_hold);
    assert_int_equal(parse("{\"spool\": {\"on_full\": \"hold\"}}"), LL_OK);
    assert_true(conf.spool_hold);
}

static void two_destinations_of_one_name_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"destinations\": [{" INFLUX1 ",\"database\":\"d\"},\n{" INFLUX1
                   ",\n\"database\":\"e\"}]}",
                   "2: key 'destinations[1].name': \"a\" stands in the list already");
    assert_refused("{\"mqtt\": {\"uris\": [\"mqtt://h\",\n\"mqtt://h\"]}}",
                   "2: key 'mqtt.uris[1]': \"mqtt://h\" stands in the list already");
}

static void lists_have_a_least_and_a_most(void **state)
{
    (void)state;
    assert_refused("{\"mqtt\": {\"uris\": []}}",
                   "1: key 'mqtt.uris': expected 1 to 8 elements, got 0");
    assert_refused("{\"mqtt\": {\"uris\": [1,2,3,4,5,6,7,8,9]}}",
                   "1: key 'mqtt.uris': expected 1 to 8 elements, got 9");
}

static void settings_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"intake\": {\"segment_mib\": 600,\n\"max_mib\": 1199}}",
                   "2: key 'intake.max_mib': expected at least two segments ('segment_mib' is "
                   "600)");
    assert_int_equal(parse("{\"intake\": {\"segment_mib\": 600, \"max_mib\": 1200}}"), LL_OK);

    char text[256];
    char path[128];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[107] = '\0'; /* sun_path has 108 bytes with the zero */
    snprintf(text, sizeof text, "{\"http\": {\"socket\": \"%s\"}}", path);
    assert_int_equal(parse(text), LL_OK);
    snprintf(text, sizeof text, "{\"http\": {\"socket\": \"%sx\"}}", path);
    assert_refused(text, "1: key 'http.socket': the API's socket would have a path longer than "
                         "the system's 107 bytes");
}

static void every_fault_is_reported_and_nothing_is_written(void **state)
{
    (void)state;
    conf.keepalive_s = 4711;
    memset(&diag, 0, sizeof diag);
    static const char text[] = "{\"mqtt\": {\"keepalive_s\": 1, \"nonsense\": 1},\n"
                               "\"spool\": {\"max_mib\": \"big\"},\n"
                               "\"destinations\": [{\"name\": \"?\"}]}";
    assert_int_equal(conf_parse(NAME, text, strlen(text), &diag, &conf), LL_EFORMAT);
    assert_int_equal(conf.keepalive_s, 4711);
    /* keepalive_s, nonsense, max_mib; of the destination: name, type (and so what else it needs) */
    assert_int_equal(diag.count, 5);
}

static void relative_paths_start_at_the_folder_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"gateway\": {\"data_dir\": \"data\"},"
                           "\"mqtt\": {\"password_file\": \"mqtt.password\","
                           "\"ca_file\": \"/etc/ssl/ca.pem\"}}"),
                     LL_OK);
    assert_string_equal(conf.data_dir, "/etc/lifeline/data");
    assert_string_equal(conf.mqtt_password_file, "/etc/lifeline/mqtt.password");
    assert_string_equal(conf.mqtt_ca_file, "/etc/ssl/ca.pem");
    assert_string_equal(conf.profiles_dir, "/etc/lifeline/profiles");
    assert_string_equal(conf.http_socket, "");

    memset(&diag, 0, sizeof diag);
    assert_int_equal(conf_parse("lifelined.json", "{}", 2, &diag, &conf), LL_OK);
    assert_string_equal(conf.profiles_dir, "profiles");
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char text[400];
    char word[CONF_TEXT + 1];
    memset(word, 'x', sizeof word);
    word[CONF_TEXT - 1] = '\0';
    snprintf(text, sizeof text, "{\"mqtt\": {\"username\": \"%s\"}}", word);
    assert_int_equal(parse(text), LL_OK);
    snprintf(text, sizeof text, "{\"mqtt\": {\"username\": \"%sx\"}}", word);
    assert_refused(text, "1: key 'mqtt.username': longer than 255 bytes");
    snprintf(text, sizeof text, "{\"mqtt\": {\"ca_file\": \"%s\"}}", word);
    assert_refused(text, "1: key 'mqtt.ca_file': longer than 255 bytes with this file's folder in "
                         "front");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    memset(&diag, 0, sizeof diag);
    assert_int_equal(conf_load("/nonexistent/l.json", &diag, &conf), LL_ENOENT);
    assert_int_equal(diag.count, 1);
    assert_string_equal(diag.text[0], "/nonexistent/l.json: cannot be read: not found");
}

static void files_that_it_names_must_be_there(void **state)
{
    (void)state;
    char path[LL_MAX_PATH];
    static const char text[] = "{\"mqtt\": {\"password_file\": \"full\", \"ca_file\": \"none\"},\n"
                               "\"destinations\": [{\"name\": \"a\", \"type\": \"influxdb2\",\n"
                               "\"url\": \"http://h\", \"bucket\": \"b\",\n"
                               "\"token_file\": \"empty\", \"ca_file\": \".\"}]}";
    static const struct {
        const char *name;
        const char *text;
    } files[] = {{"full", "secret\n"}, {"empty", ""}, {"l.json", text}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), files[i].name);
        assert_int_equal(fs_replace_file(path, files[i].text, strlen(files[i].text)), LL_OK);
    }
    memset(&diag, 0, sizeof diag);
    assert_int_equal(conf_load(path, &diag, &conf), LL_EFORMAT);
    assert_int_equal(diag.count, 3);
    static const char *const faults[] = {"l.json:1: key 'mqtt.ca_file': '",
                                         "none' cannot be read: not found",
                                         "l.json:4: key 'destinations[0].token_file': '",
                                         "empty' cannot be read: it is empty",
                                         "l.json:4: key 'destinations[0].ca_file': '",
                                         ".' cannot be read: it is a folder"};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(diag.text[i], faults[2 * i]));
        assert_non_null(strstr(diag.text[i], faults[2 * i + 1]));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_object_gives_every_default),
    cmocka_unit_test(given_values_replace_the_defaults),
    cmocka_unit_test(an_unknown_key_is_named_with_its_line_and_the_nearest_one),
    cmocka_unit_test(a_wrong_value_is_shown_beside_what_would_be_right),
    cmocka_unit_test(a_bad_topic_filter_is_refused_on_its_line),
    cmocka_unit_test(a_password_in_a_uri_is_refused_and_not_repeated),
    cmocka_unit_test(secrets_in_the_file_are_refused),
    cmocka_unit_test(files_that_it_names_must_be_there),
    cmocka_unit_test(each_type_of_destination_has_keys_of_its_own),
    cmocka_unit_test(a_file_needs_a_path_of_its_own_and_no_url),
    cmocka_unit_test(victoriametrics_needs_neither_database_nor_bucket),
    cmocka_unit_test(a_certificate_without_its_key_is_refused),
    cmocka_unit_test(a_full_spool_gives_up_readings_unless_it_is_to_hold),
    cmocka_unit_test(two_destinations_of_one_name_are_refused),
    cmocka_unit_test(lists_have_a_least_and_a_most),
    cmocka_unit_test(settings_that_do_not_fit_together_are_refused),
    cmocka_unit_test(every_fault_is_reported_and_nothing_is_written),
    cmocka_unit_test(relative_paths_start_at_the_folder_of_the_file),
    cmocka_unit_test(a_text_that_does_not_fit_is_refused),
    cmocka_unit_test(a_file_that_is_not_there_is_named),
};

UNIT_MAIN(tests)
