#include "tests/unit/unit.h"

#include "gateway/base/cursor.h"

static void integers_are_read_little_endian_one_after_the_other(void **state)
{
    (void)state;
    static const uint8_t data[] = {0xff, 0x02, 0xf1, 4, 3, 2, 0xf1, 8, 7, 6, 5, 4, 3, 2, 0xf1};
    struct cursor c = cursor_over(data, sizeof data);
    assert_int_equal(cursor_u8(&c), 0xff);
    assert_int_equal(cursor_u16(&c), 0xf102);
    assert_int_equal(cursor_u32(&c), 0xf1020304);
    assert_true(cursor_u64(&c) == 0xf102030405060708);
    assert_int_equal(cursor_left(&c), 0);
    assert_false(c.bad);
}

static void a_read_past_the_end_gives_zero_and_stays_bad(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    struct cursor c = cursor_over(data, sizeof data);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_null(cursor_bytes(&c, 0));
    assert_int_equal(cursor_left(&c), 3);
}

static void half_of_a_wide_integer_is_none(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 0, 0, 0, 2, 0, 0};
    struct cursor c = cursor_over(data, sizeof data);
    cursor_u64(&c);
    assert_true(c.bad);
}

static void bytes_are_borrowed_in_place(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    struct cursor c = cursor_over(data, sizeof data);
    assert_ptr_equal(cursor_bytes(&c, 2), data);
    assert_ptr_equal(cursor_bytes(&c, 0), data + 2);
    assert_null(cursor_bytes(&c, SIZE_MAX));
    assert_true(c.bad);
}

static void nothing_may_be_read_over(void **state)
{
    (void)state;
    struct cursor c = cursor_over("", 0);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.bad);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(integers_are_read_little_endian_one_after_the_other),
    cmocka_unit_test(a_read_past_the_end_gives_zero_and_stays_bad),
    cmocka_unit_test(half_of_a_wide_integer_is_none),
    cmocka_unit_test(bytes_are_borrowed_in_place),
    cmocka_unit_test(nothing_may_be_read_over),
};

UNIT_MAIN(tests)
