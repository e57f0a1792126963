#include "tests/unit/unit.h"

#include <string.h>

#include "simulator/message.h"

static void a_message_is_the_native_payload_with_the_values_as_given(void **state)
{
    (void)state;
    struct message m;
    message_init(&m);
    message_begin(&m, "d1", 4711, 1764000000123);
    message_value(&m, "pressure", "0.3520", 6);
    message_value(&m, "door", "true", 4);
    assert_true(message_end(&m));
    assert_string_equal(m.topic, "lifeline/v1/up/d1");
    assert_string_equal(buf_str(&m.payload),
                        "{\"seq\":4711,\"ts\":1764000000123,\"r\":{\"pressure\":0.3520,"
                        "\"door\":true}}");
    assert_int_equal(m.readings, 2);
    message_free(&m);
}

static void the_books_hold_a_line_for_each_reading(void **state)
{
    (void)state;
    struct message m;
    message_init(&m);
    message_begin(&m, "d1", 7, 5);
    message_value(&m, "a", "0.10", 4);
    message_value(&m, "b", "2", 1);
    assert_true(message_end(&m));
    assert_string_equal(buf_str(&m.books), "d1,7,a,5,0.10\nd1,7,b,5,2\n");
    message_free(&m);
}

static void a_message_begun_again_has_nothing_of_the_last(void **state)
{
    (void)state;
    struct message m;
    message_init(&m);
    message_begin(&m, "a-long-name", 1, 1);
    message_value(&m, "a", "1", 1);
    assert_true(message_end(&m));
    message_begin(&m, "d2", 2, 2);
    message_value(&m, "b", "3", 1);
    assert_true(message_end(&m));
    assert_string_equal(m.topic, "lifeline/v1/up/d2");
    assert_string_equal(buf_str(&m.books), "d2,2,b,2,3\n");
    assert_int_equal(m.readings, 1);
    message_free(&m);
}

static void a_batch_has_a_time_for_each_of_its_samples(void **state)
{
    (void)state;
    struct message m;
    struct message copy;
    message_init(&m);
    message_init(&copy);
    message_open(&m, message_format_find("native"), "d1", 7, true);
    message_sample(&m, 1000);
    message_value(&m, "a", "1", 1);
    message_value(&m, "b", "2", 1);
    message_sample(&m, 2000);
    message_value(&m, "a", "3", 1);
    message_copy(&copy, &m);
    assert_true(message_end(&copy));
    assert_string_equal(buf_str(&copy.payload),
                        "{\"seq\":7,\"batch\":[{\"ts\":1000,\"r\":{\"a\":1,\"b\":2}},"
                        "{\"ts\":2000,\"r\":{\"a\":3}}]}");
    assert_string_equal(buf_str(&copy.books), "d1,7,a,1000,1\nd1,7,b,1000,2\nd1,7,a,2000,3\n");
    assert_string_equal(copy.device, "d1");
    assert_ptr_equal(copy.device, copy.topic + strlen("lifeline/v1/up/"));
    message_free(&copy);
    message_free(&m);
}

static void a_message_without_readings_or_past_the_cap_is_not_whole(void **state)
{
    (void)state;
    struct message m;
    message_init(&m);
    message_begin(&m, "d1", 1, 1);
    assert_false(message_end(&m));
    message_begin(&m, "d1", 1, 1);
    for (int i = 0; i < LL_MAX_MESSAGE / 8; i++) {
        message_value(&m, "channel", "1", 1);
    }
    assert_false(message_end(&m));
    message_free(&m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_message_is_the_native_payload_with_the_values_as_given),
    cmocka_unit_test(the_books_hold_a_line_for_each_reading),
    cmocka_unit_test(a_message_begun_again_has_nothing_of_the_last),
    cmocka_unit_test(a_batch_has_a_time_for_each_of_its_samples),
    cmocka_unit_test(a_message_without_readings_or_past_the_cap_is_not_whole),
};

UNIT_MAIN(tests)
