#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/utf8.h"

static void the_first_and_last_of_each_length_are_valid(void **state)
{
    (void)state;
    static const char *const valid[] = {
        "\x01",         "\x7f",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        assert_int_equal(utf8_sequence(valid[i], strlen(valid[i])), strlen(valid[i]));
    }
    assert_int_equal(utf8_sequence("\0", 1), 1);
}

static void what_rfc_3629_forbids_is_invalid(void **state)
{
    (void)state;
    static const char *const invalid[] = {"\x80", /* a tail alone */
                                          "\xbf",
                                          "\xc0\x80", /* overlong zero */
                                          "\xc1\xbf",
                                          "\xe0\x9f\xbf", /* overlong */
                                          "\xf0\x8f\xbf\xbf",
                                          "\xed\xa0\x80", /* surrogates */
                                          "\xed\xbf\xbf",
                                          "\xf4\x90\x80\x80", /* past U+10FFFF */
                                          "\xf5\x80\x80\x80",
                                          "\xfe",
                                          "\xff",
                                          "\xc2\x41",
                                          "\xe6\xb0\x41",
                                          "\xe6\x41\xb4",
                                          "\xf0\x9f\x98\x41",
                                          "\xf0\x9f\x41\x80",
                                          "\xf0\x41\x98\x80"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        assert_int_equal(utf8_sequence(invalid[i], strlen(invalid[i])), 0);
    }
}

static void a_sequence_that_is_cut_is_invalid(void **state)
{
    (void)state;
    static const char *const whole[] = {"\xc3\xa9", "\xe6\xb0\xb4", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < strlen(whole[i]); len++) {
            assert_int_equal(utf8_sequence(whole[i], len), 0);
        }
    }
}

static void a_text_is_valid_as_a_whole_or_not(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa9\xe6\xb0\xb4\xf0\x9f\x98\x80z";
    assert_true(utf8_valid(text, sizeof text - 1));
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("a\0b", 3));
    assert_false(utf8_valid("ok\xff", 3));
    assert_false(utf8_valid(text, 2));
}

/* Every code point, encoded by hand, and every pair of bytes. */
static void exactly_the_code_points_that_may_be_are_valid(void **state)
{
    (void)state;
    for (unsigned c = 0x800; c <= 0xffff; c++) {
        const char three[] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
                              (char)(0x80 | (c & 0x3f))};
        const bool surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(utf8_sequence(three, 3), surrogate ? 0 : 3);
    }
    for (unsigned c = 0x10000; c <= 0x1fffff; c++) {
        const char four[] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                             (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
        assert_int_equal(utf8_sequence(four, 4), c <= 0x10ffff ? 4 : 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_first_and_last_of_each_length_are_valid),
    cmocka_unit_test(what_rfc_3629_forbids_is_invalid),
    cmocka_unit_test(a_sequence_that_is_cut_is_invalid),
    cmocka_unit_test(a_text_is_valid_as_a_whole_or_not),
    cmocka_unit_test(exactly_the_code_points_that_may_be_are_valid),
};

UNIT_MAIN(tests)
