#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/registry/arena.h"

static void pieces_keep_their_bytes_while_others_come(void **state)
{
    (void)state;
    struct arena a = {0};
    char *kept[5000];
    char text[80];
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "piece %d of a text that fills several chunks in the end", i);
        kept[i] = arena_str(&a, text);
        uint64_t *number = arena_alloc(&a, 3 * sizeof *number);
        assert_int_equal((uintptr_t)number % sizeof(void *), 0);
        assert_int_equal(number[0] | number[1] | number[2], 0);
        memset(number, 0xff, 3 * sizeof *number);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "piece %d of a text that fills several chunks in the end", i);
        assert_string_equal(kept[i], text);
    }
    arena_free(&a);
    assert_null(a.chunks);
}

static void a_piece_may_be_larger_than_a_chunk(void **state)
{
    (void)state;
    struct arena a = {0};
    const size_t size = 1048576;
    char *first = arena_str(&a, "first");
    char *big = arena_alloc(&a, size);
    memset(big, 1, size);
    assert_string_equal(first, "first");
    assert_string_equal(arena_str(&a, "last"), "last");
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_keep_their_bytes_while_others_come),
    cmocka_unit_test(a_piece_may_be_larger_than_a_chunk),
};

UNIT_MAIN(tests)
