/* The native payload: what it means, and what is refused with which words. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/buf.h"
#include "gateway/decode/decode.h"

static const char topic[] = "lifeline/v1/up/gas-7";

static struct decoder *decoder;

static int setup(void **state)
{
    (void)state;
    return decoder_new(&decoder) == LL_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    decoder_free(decoder);
    return 0;
}

static enum reason decode_text(const char *payload, struct uplink *out)
{
    return decode(decoder, decode_format_find("native"), topic, strlen(topic), payload,
                  strlen(payload), out);
}

static void assert_channel(const struct uplink_value *v, const char *channel, double value)
{
    assert_int_equal(v->channel_len, strlen(channel));
    assert_memory_equal(v->channel, channel, v->channel_len);
    assert_int_equal(v->reason, REASON_NONE);
    assert_memory_equal(&v->value, &value, sizeof value);
}

static void a_message_gives_its_device_sequence_and_values(void **state)
{
    (void)state;
    struct uplink u;
    const char *payload = "{\"seq\":4711,\"ts\":1764000000123,"
                          "\"r\":{\"pressure\":0.352,\"flow\":12.25},\"bat\":3.61,\"rssi\":-97}";
    assert_int_equal(decode_text(payload, &u), REASON_NONE);
    assert_int_equal(u.device_len, 5);
    assert_memory_equal(u.device, "gas-7", 5);
    assert_true(u.has_seq);
    assert_int_equal(u.seq, 4711);
    assert_int_equal(u.count, 4);
    assert_channel(&u.values[0], "pressure", 0.352);
    assert_channel(&u.values[1], "flow", 12.25);
    assert_channel(&u.values[2], "bat", 3.61);
    assert_channel(&u.values[3], "rssi", -97);
    for (size_t i = 0; i < u.count; i++) {
        assert_true(u.values[i].has_ts);
        assert_int_equal(u.values[i].ts_ms, 1764000000123);
    }
}

static void a_batch_gives_each_reading_its_own_time(void **state)
{
    (void)state;
    struct uplink u;
    const char *payload = "{\"seq\":1,\"batch\":[{\"ts\":1764000000000,\"r\":{\"level\":1}},"
                          "{\"ts\":1764000060000,\"r\":{\"level\":2}},{\"r\":{\"level\":3}}]}";
    assert_int_equal(decode_text(payload, &u), REASON_NONE);
    assert_int_equal(u.count, 3);
    assert_int_equal(u.values[0].ts_ms, 1764000000000);
    assert_int_equal(u.values[1].ts_ms, 1764000060000);
    assert_false(u.values[2].has_ts);
}

static void a_value_may_bring_its_unit_be_text_or_be_a_truth(void **state)
{
    (void)state;
    struct uplink u;
    const char *payload = "{\"r\":{\"a\":{\"v\":352,\"u\":\"kPa\"},\"b\":\"37.8\",\"c\":true}}";
    assert_int_equal(decode_text(payload, &u), REASON_NONE);
    assert_false(u.has_seq);
    assert_channel(&u.values[0], "a", 352);
    assert_int_equal(u.values[0].unit_len, 3);
    assert_memory_equal(u.values[0].unit, "kPa", 3);
    assert_channel(&u.values[1], "b", 37.8);
    assert_channel(&u.values[2], "c", 1);
    assert_true(u.values[2].is_bool);
}

static void what_is_no_number_is_marked_and_the_others_stand(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"37.8 bar\"", "\"\"",      "\" 1\"",       "\"0x10\"",
                                      "\"nan\"",      "null",      "[1]",          "{\"u\":1}",
                                      "{}",           "\"1e999\"", "{\"v\":\"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char payload[128];
        struct uplink u;
        snprintf(payload, sizeof payload, "{\"r\":{\"a\":%s,\"b\":2}}", bad[i]);
        assert_int_equal(decode_text(payload, &u), REASON_NONE);
        assert_int_equal(u.count, 2);
        assert_int_not_equal(u.values[0].reason, REASON_NONE);
        assert_channel(&u.values[1], "b", 2);
    }
}

static void a_malformed_payload_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        const char *words;
    } cases[] = {
        {"", "ends too early"},
        {"{\"r\":{\"a\":1}", "ends too early"},
        {"{\"r\":{\"a\":1}}x", "byte"},
        {"[1]", "must be a JSON object"},
        {"7", "ends too early"},
        {"{\"seq\":1}", "'r' must be an object"},
        {"{\"r\":[1]}", "'r' must be an object"},
        {"{\"r\":{\"a\":1},\"ts\":\"now\"}", "'ts' must be an integer"},
        {"{\"r\":{\"a\":1},\"ts\":1.5}", "'ts' must be an integer"},
        {"{\"r\":{\"a\":1},\"seq\":-1}", "'seq' must be an integer"},
        {"{\"batch\":{}}", "'batch' must be an array"},
        {"{\"batch\":[1]}", "'batch[0]' must be an object"},
        {"{\"r\":{\"\xff\":1}}", "byte"},
        {"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct uplink u = {.count = 99};
        if (decode_text(cases[i].payload, &u) != REASON_MALFORMED) {
            fail_msg("%s: not refused", cases[i].payload);
        }
        if (strstr(decoder_detail(decoder), cases[i].words) == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].payload, decoder_detail(decoder),
                     cases[i].words);
        }
        assert_int_equal(u.count, 99);
    }
}

static void a_message_with_too_many_readings_is_refused_whole(void **state)
{
    (void)state;
    struct buf b;
    struct uplink u;
    buf_init(&b, 1024 * 1024);
    buf_str_add(&b, "{\"batch\":[");
    for (int i = 0; i <= LL_MAX_READINGS_PER_MESSAGE; i++) {
        buf_str_add(&b, i > 0 ? ",{\"r\":{\"a\":1}}" : "{\"r\":{\"a\":1}}");
    }
    buf_str_add(&b, "]}");
    assert_true(buf_ok(&b));
    assert_int_equal(decode_text(b.data, &u), REASON_TOO_MANY_READINGS);
    buf_free(&b);
}

static void an_unknown_format_is_not_found(void **state)
{
    (void)state;
    assert_null(decode_format_find("nativ"));
    assert_non_null(strstr(decode_format_names(), "native"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_message_gives_its_device_sequence_and_values, setup,
                                    teardown),
    cmocka_unit_test_setup_teardown(a_batch_gives_each_reading_its_own_time, setup, teardown),
    cmocka_unit_test_setup_teardown(a_value_may_bring_its_unit_be_text_or_be_a_truth, setup,
                                    teardown),
    cmocka_unit_test_setup_teardown(what_is_no_number_is_marked_and_the_others_stand, setup,
                                    teardown),
    cmocka_unit_test_setup_teardown(a_malformed_payload_is_refused_with_the_place, setup, teardown),
    cmocka_unit_test_setup_teardown(a_message_with_too_many_readings_is_refused_whole, setup,
                                    teardown),
    cmocka_unit_test(an_unknown_format_is_not_found),
};

UNIT_MAIN(tests)
