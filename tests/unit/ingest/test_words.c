#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/ingest/words.h"

static void codes_of_both_versions_have_names(void **state)
{
    (void)state;
    assert_string_equal(words_of_code(1), "Unacceptable protocol version");
    assert_string_equal(words_of_code(5), "Not authorized");
    assert_string_equal(words_of_code(0x84), "Unsupported Protocol Version");
    assert_string_equal(words_of_code(0x87), "Not authorized");
    static const int nameless[] = {0, -1, 6, 0x7f, 0xff, 1000};
    for (size_t i = 0; i < sizeof nameless / sizeof nameless[0]; i++) {
        assert_null(words_of_code(nameless[i]));
    }
}

static void the_broker_speaks_before_tls_and_tls_before_the_library(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *message;
        const char *tls;
        const char *words;
    } cases[] = {
        {0x86, "CONNACK return code", "", "Bad User Name or Password (134)"},
        {4, "CONNACK return code", "", "Bad user name or password (4)"},
        {4, NULL, "old news", "Bad user name or password (4)"},
        {-1, "TCP/TLS connect failure", "certificate verify failed",
         "TLS: certificate verify failed"},
        {-1, "TCP connect timeout", "", "TCP connect timeout (-1)"},
        {-3, NULL, "", "cannot connect (-3)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        words_of_failure(cases[i].code, cases[i].message, cases[i].tls, out, sizeof out);
        assert_string_equal(out, cases[i].words);
    }
}

static void assert_tls(const char *line, const char *reason)
{
    /* The line need not end in a zero byte. */
    char copy[256];
    const int len = snprintf(copy, sizeof copy, "%sX", line) - 1;
    char out[64];
    words_of_tls(copy, (size_t)len, out, sizeof out);
    assert_string_equal(out, reason);
}

static void a_line_of_openssl_gives_its_reason(void **state)
{
    (void)state;
    assert_tls("00B0C2A1:error:0A000086:SSL routines:some_function:certificate verify failed:"
               "../ssl/statem/statem_clnt.c:1889:\n",
               "certificate verify failed");
    assert_tls("00B0C2A1:error:0A000086:SSL routines::wrong version number:f.c:1:",
               "wrong version number");
    assert_tls("a:b:c:d:e:the reason ends the line", "the reason ends the line");
    assert_tls("no colons at all", "no colons at all");
    assert_tls("two:colons", "colons");
    assert_tls("", "");
    assert_tls(":::::", "");
}

static void a_reason_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char out[8];
    words_of_tls("a:b:c:d:e:certificate verify failed:", 35, out, sizeof out);
    assert_string_equal(out, "certifi");
}

static void addresses_get_the_schemes_that_paho_knows(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"mqtt://127.0.0.1:1883", "tcp://127.0.0.1:1883"},
        {"mqtts://[::1]:8883", "ssl://[::1]:8883"},
        {"tcp://host", "tcp://host"},
        {"ssl://host:1", "ssl://host:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *uri = words_of_uri(cases[i][0]);
        assert_non_null(uri);
        assert_string_equal(uri, cases[i][1]);
        free(uri);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(codes_of_both_versions_have_names),
    cmocka_unit_test(the_broker_speaks_before_tls_and_tls_before_the_library),
    cmocka_unit_test(a_line_of_openssl_gives_its_reason),
    cmocka_unit_test(a_reason_that_is_too_long_is_cut),
    cmocka_unit_test(addresses_get_the_schemes_that_paho_knows),
};
UNIT_MAIN(tests)
