#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/buf.h"

static void an_empty_buffer_is_the_empty_text(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    assert_true(buf_ok(&b));
    buf_free(&b);
}

static void what_is_appended_stands_in_order_with_a_zero_behind(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_str_add(&b, "ab");
    buf_char(&b, 'c');
    buf_add(&b, "d\0e", 3);
    buf_printf(&b, "%d-%s", 42, "x");
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "abcd\0e42-x", 11);
    buf_free(&b);
}

static void it_holds_exactly_its_cap(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_str_add(&b, "abcd");
    assert_true(buf_ok(&b));
    buf_char(&b, 'e');
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abcd");
    buf_free(&b);
}

static void after_the_cap_nothing_more_is_taken_until_a_reset(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_str_add(&b, "abc");
    buf_str_add(&b, "de");
    buf_char(&b, 'f');
    buf_printf(&b, "%d", 7);
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abc");
    buf_reset(&b);
    assert_true(buf_ok(&b));
    assert_string_equal(buf_str(&b), "");
    buf_printf(&b, "%s", "wxyz");
    assert_string_equal(buf_str(&b), "wxyz");
    buf_free(&b);
}

static void what_was_appended_can_be_taken_back_with_the_failure(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_str_add(&b, "abcd");
    buf_str_add(&b, "too long");
    assert_int_equal(buf_err(&b), LL_ELIMIT);
    buf_cut(&b, 2);
    assert_int_equal(buf_err(&b), LL_OK);
    buf_str_add(&b, "x");
    assert_string_equal(buf_str(&b), "abx");
    buf_free(&b);
}

static void printing_grows_the_buffer_where_it_must(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 3000; i++) {
        buf_printf(&b, "%d", i % 10);
    }
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 3000);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], '0' + i % 10);
    }
    buf_reset(&b);
    buf_printf(&b, "%01000d", 0);
    assert_int_equal(b.len, 1000);
    buf_free(&b);
}

static void a_print_that_does_not_fit_leaves_what_was_there(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_str_add(&b, "abc");
    buf_printf(&b, "%s", "defgh");
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abc");
    buf_free(&b);
}

static void assert_json(const char *text, size_t len, const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_json_str(&b, text, len);
    assert_string_equal(buf_str(&b), expected);
    buf_free(&b);
}

static void text_becomes_a_json_string(void **state)
{
    (void)state;
    assert_json("", 0, "\"\"");
    assert_json("plain", 5, "\"plain\"");
    assert_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    assert_json("\n\t\r\x01\x1f", 5, "\"\\n\\t\\r\\u0001\\u001f\"");
    assert_json("a\0b", 3, "\"a\\u0000b\"");
    assert_json("\xe6\xb0\xb4", 3, "\"\xe6\xb0\xb4\"");
    /* Not UTF-8: one replacement for each byte. */
    assert_json("a\xffz", 3, "\"a\xef\xbf\xbdz\"");
    assert_json("\xe6\xb0", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_u32(&b, 0x04030201);
    buf_u64(&b, 0x0807060504030201);
    assert_int_equal(b.len, 12);
    assert_memory_equal(b.data, "\1\2\3\4\1\2\3\4\5\6\7\10", 12);
    buf_free(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_buffer_is_the_empty_text),
    cmocka_unit_test(what_is_appended_stands_in_order_with_a_zero_behind),
    cmocka_unit_test(it_holds_exactly_its_cap),
    cmocka_unit_test(after_the_cap_nothing_more_is_taken_until_a_reset),
    cmocka_unit_test(what_was_appended_can_be_taken_back_with_the_failure),
    cmocka_unit_test(printing_grows_the_buffer_where_it_must),
    cmocka_unit_test(a_print_that_does_not_fit_leaves_what_was_there),
    cmocka_unit_test(text_becomes_a_json_string),
    cmocka_unit_test(integers_are_little_endian),
};

UNIT_MAIN(tests)
