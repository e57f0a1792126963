#include "tests/unit/unit.h"

#include "gateway/conf/schema.h"

typedef bool (*check)(const char *text, const char **why);

static void assert_all(check valid, const char *const *texts, bool expected)
{
    for (; *texts != NULL; texts++) {
        const char *why = NULL;
        if (valid(*texts, &why) != expected) {
            fail_msg("'%s' was %s", *texts, expected ? why : "accepted");
        }
        assert_true(expected || why != NULL);
    }
}

static void brokers_have_a_scheme_a_host_and_perhaps_a_port(void **state)
{
    (void)state;
    static const char *const right[] = {"mqtt://127.0.0.1:1883",
                                        "mqtts://broker.city:8883",
                                        "tcp://h:1",
                                        "ssl://h:65535",
                                        "mqtt://[::1]:1883",
                                        "mqtt://host",
                                        NULL};
    static const char *const wrong[] = {"",
                                        "127.0.0.1:1883",
                                        "http://h:1883",
                                        "mqtt://",
                                        "mqtt://:1883",
                                        "mqtt://h:",
                                        "mqtt://h:0",
                                        "mqtt://h:65536",
                                        "mqtt://h:1883x",
                                        "mqtt://h:1883/path",
                                        "mqtt://h:-1",
                                        "mqtt://h:000001",
                                        "mqtt://user:secret@h:1883",
                                        "mqtt://user@h",
                                        "mqtt://[::1:1883",
                                        "mqtt://[]:1",
                                        "mqtt://a b:1",
                                        NULL};
    assert_all(address_broker_valid, right, true);
    assert_all(address_broker_valid, wrong, false);
}

static void a_broker_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        struct conf_address parts;
    } right[] = {
        {"mqtt://127.0.0.1:1884", {"127.0.0.1", 1884, false}},
        {"mqtts://broker.city", {"broker.city", 8883, true}},
        {"tcp://h", {"h", 1883, false}},
        {"ssl://[2001:db8::1]:65535", {"2001:db8::1", 65535, true}},
        {"mqtt://[::1]", {"::1", 1883, false}},
    };
    struct conf_address got;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(conf_broker_address(right[i].uri, &got));
        assert_string_equal(got.host, right[i].parts.host);
        assert_int_equal(got.port, right[i].parts.port);
        assert_int_equal(got.tls, right[i].parts.tls);
    }
    assert_false(conf_broker_address("http://h", &got));
    char uri[CONF_TEXT + 16];
    snprintf(uri, sizeof uri, "mqtt://%0*d", CONF_TEXT, 1);
    assert_false(conf_broker_address(uri, &got));
}

static void urls_have_no_secrets_and_no_query(void **state)
{
    (void)state;
    static const char *const right[] = {"http://127.0.0.1:8086",    "https://db.city",
                                        "http://h:8428/insert/0/x", "http://h/",
                                        "http://[2001:db8::1]:80",  NULL};
    static const char *const wrong[] = {"",
                                        "mqtt://h",
                                        "http://",
                                        "http:///write",
                                        "http://u:p@h",
                                        "http://h?u=x&p=y",
                                        "http://h#x",
                                        "http://h:port",
                                        "http://h:99999/x",
                                        "http://h/a b",
                                        "http://h:8086/write",
                                        "http://h/api/v2/write",
                                        NULL};
    assert_all(address_url_valid, right, true);
    assert_all(address_url_valid, wrong, false);
}

static void listening_needs_an_address_and_a_port_or_nothing(void **state)
{
    (void)state;
    static const char *const right[] = {"", "127.0.0.1:9464", "0.0.0.0:0", "[::]:9464", NULL};
    static const char *const wrong[] = {"127.0.0.1", ":9464",       "9464",
                                        "h:65536",   "h:1/metrics", NULL};
    assert_all(address_listen_valid, right, true);
    assert_all(address_listen_valid, wrong, false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(brokers_have_a_scheme_a_host_and_perhaps_a_port),
    cmocka_unit_test(a_broker_is_taken_apart),
    cmocka_unit_test(urls_have_no_secrets_and_no_query),
    cmocka_unit_test(listening_needs_an_address_and_a_port_or_nothing),
};

UNIT_MAIN(tests)
