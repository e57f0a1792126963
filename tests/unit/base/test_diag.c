#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/diag.h"

static struct diag diag;

static void a_message_names_file_and_line(void **state)
{
    (void)state;
    memset(&diag, 0, sizeof diag);
    diag_add(&diag, "a.json", 7, "key '%s'", "x");
    diag_add(&diag, "a.json", 0, "whole");
    assert_int_equal(diag.count, 2);
    assert_string_equal(diag.text[0], "a.json:7: key 'x'");
    assert_string_equal(diag.text[1], "a.json: whole");
}

static void past_the_cap_messages_are_counted_only(void **state)
{
    (void)state;
    memset(&diag, 0, sizeof diag);
    for (unsigned i = 1; i <= LL_MAX_DIAGS + 5; i++) {
        diag_add(&diag, "f", i, "m");
    }
    assert_int_equal(diag.count, LL_MAX_DIAGS + 5);
    assert_int_equal(diag_kept(&diag), LL_MAX_DIAGS);
    assert_string_equal(diag.text[LL_MAX_DIAGS - 1], "f:20: m");
}

static void long_messages_and_names_are_cut(void **state)
{
    (void)state;
    static char name[1000];
    memset(&diag, 0, sizeof diag);
    memset(name, 'n', sizeof name - 1);
    diag_add(&diag, name, 1, "m");
    diag_add(&diag, "f", 1, "%s", name);
    assert_int_equal(strlen(diag.text[0]), LL_DIAG_TEXT - 1);
    assert_int_equal(strlen(diag.text[1]), LL_DIAG_TEXT - 1);
}

static void the_nearest_word_is_suggested_unless_it_is_far(void **state)
{
    (void)state;
    static const char *const words[] = {"keepalive_s", "topics", "uris"};
    assert_string_equal(diag_nearest("keepalive", words, 3), "keepalive_s");
    assert_string_equal(diag_nearest("topic", words, 3), "topics");
    assert_string_equal(diag_nearest("urls", words, 3), "uris");
    assert_null(diag_nearest("zzzz", words, 3));
    assert_null(diag_nearest("", words, 3));
    assert_null(diag_nearest("x", words, 0));
}

static void of_two_near_words_the_nearer_one_is_suggested(void **state)
{
    (void)state;
    static const char *const words[] = {"abcdxx", "abcdex", "abcdef"};
    assert_string_equal(diag_nearest("abcdeg", words, 3), "abcdex");
    assert_string_equal(diag_nearest("bacdef", words, 3), "abcdef");
}

static void very_long_words_are_no_trouble(void **state)
{
    (void)state;
    static char word[500];
    static const char *const words[] = {"a"};
    memset(word, 'a', sizeof word - 1);
    const char *near = diag_nearest(word, words, 1);
    assert_true(near == NULL || near == words[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_message_names_file_and_line),
    cmocka_unit_test(past_the_cap_messages_are_counted_only),
    cmocka_unit_test(long_messages_and_names_are_cut),
    cmocka_unit_test(the_nearest_word_is_suggested_unless_it_is_far),
    cmocka_unit_test(of_two_near_words_the_nearer_one_is_suggested),
    cmocka_unit_test(very_long_words_are_no_trouble),
};

UNIT_MAIN(tests)
