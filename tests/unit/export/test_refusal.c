#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/export/refusal.h"

static const char sent[] = "m a=1 1\n"
                           "m,t=it's a=x 2\n"
                           "m a=\"q\" 3\n"
                           "m a=2 4\n";

static struct refusal refusal;

static void read_answer(const char *answer)
{
    memset(&refusal, 0x5a, sizeof refusal);
    refusal_read(answer, sent, strlen(sent), &refusal);
}

static void expect_named(size_t i, size_t line, const char *words)
{
    assert_true(i < refusal.count);
    assert_int_equal(refusal.named[i].line, line);
    assert_string_equal(refusal.named[i].words, words);
}

static void lines_are_named_by_their_text(void **state)
{
    (void)state;
    read_answer("{\"error\":\"partial write: unable to parse 'm,t=it's a=x 2': invalid boolean\\n"
                "unable to parse 'm a=\\\"q\\\" 3': bad dropped=0\"}");
    assert_int_equal(refusal.count, 2);
    assert_false(refusal.all);
    expect_named(0, 1, "unable to parse 'm,t=it's a=x 2': invalid boolean\n");
    expect_named(1, 2, "unable to parse 'm a=\"q\" 3': bad dropped=0");
    read_answer("{\"code\":\"invalid\",\"message\":\"unable to parse 'm a=2 4': why\"}");
    assert_int_equal(refusal.count, 1);
    expect_named(0, 3, "unable to parse 'm a=2 4': why");
}

static void lines_are_named_by_their_number(void **state)
{
    (void)state;
    read_answer("{\"error\":\"partial write of line protocol occurred\",\"data\":["
                "{\"original_line\":\"m a=2 4\",\"line_number\":4,\"error_message\":\"b\"},"
                "{\"original_line\":\"m,t\",\"line_number\":2,\"error_message\":\"a\"},"
                "{\"original_line\":\"m,t\",\"line_number\":2,\"error_message\":\"again\"}]}");
    assert_int_equal(refusal.count, 2);
    expect_named(0, 1, "a");
    expect_named(1, 3, "b");
}

static void a_part_of_a_line_is_not_that_line(void **state)
{
    (void)state;
    read_answer("{\"error\":\"unable to parse 'm a=1 1999': x\"}");
    assert_int_equal(refusal.count, 0);
    read_answer("{\"error\":\"unable to parse 'm a=1': x\"}");
    assert_int_equal(refusal.count, 0);
    read_answer("{\"error\":\"unable to parse 'm a=1 1\"}");
    assert_int_equal(refusal.count, 0);
}

static void all_are_refused_where_as_many_points_were_dropped(void **state)
{
    (void)state;
    read_answer("{\"error\":\"partial write: points beyond retention policy dropped=4\"}");
    assert_true(refusal.all);
    read_answer("{\"error\":\"partial write: points beyond retention policy dropped=3\"}");
    assert_false(refusal.all);
    read_answer("{\"error\":\"it dropped=4\"}");
    assert_false(refusal.all);
}

static void what_cannot_be_read_names_none(void **state)
{
    (void)state;
    static const char numbers[] =
        "{\"data\":[4,null,{},{\"line_number\":0,\"error_message\":\"x\"},"
        "{\"line_number\":5,\"error_message\":\"x\"},"
        "{\"line_number\":-1,\"error_message\":\"x\"},"
        "{\"line_number\":1,\"error_message\":null},"
        "{\"line_number\":1}]}";
    static const char *const answers[] = {"",
                                          "no",
                                          "[]",
                                          "4",
                                          "{\"error\":4,\"data\":4}",
                                          "{\"error\":\"unable to parse 'm a=1 1': x",
                                          numbers};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        read_answer(answers[i]);
        assert_int_equal(refusal.count, 0);
        assert_false(refusal.all);
    }
}

static void no_more_are_named_than_there_is_room_for(void **state)
{
    (void)state;
    char text[4 * 200 + 1] = "";
    char answer[16384];
    int len = snprintf(answer, sizeof answer, "{\"data\":[null");
    for (unsigned i = 1; i <= 200; i++) {
        memcpy(text + (i - 1) * (size_t)4, "m a\n", 5);
        len += snprintf(answer + len, sizeof answer - (size_t)len,
                        ",{\"line_number\":%u,\"error_message\":\"x\"}", i);
    }
    snprintf(answer + len, sizeof answer - (size_t)len, "]}");
    refusal_read(answer, text, strlen(text), &refusal);
    assert_int_equal(refusal.count, REFUSAL_MAX);
    expect_named(REFUSAL_MAX - 1, REFUSAL_MAX - 1, "x");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_named_by_their_text),
    cmocka_unit_test(lines_are_named_by_their_number),
    cmocka_unit_test(a_part_of_a_line_is_not_that_line),
    cmocka_unit_test(all_are_refused_where_as_many_points_were_dropped),
    cmocka_unit_test(what_cannot_be_read_names_none),
    cmocka_unit_test(no_more_are_named_than_there_is_room_for),
};

UNIT_MAIN(tests)
