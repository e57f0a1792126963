/* The module's source itself, so that the way without the processor's instruction is tried too. */
#include "tests/unit/unit.h"

#include "gateway/base/crc32c.c" /* NOLINT(bugprone-suspicious-include) */
#include "gateway/base/rng.h"

/* RFC 3720, appendix B.4. */
static void the_published_vectors_come_out(void **state)
{
    (void)state;
    unsigned char data[32];
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    memset(data, 0, sizeof data);
    assert_int_equal(crc32c(0, data, sizeof data), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_int_equal(crc32c(0, data, sizeof data), 0x62a8ab43);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)i;
    }
    assert_int_equal(crc32c(0, data, sizeof data), 0x46dd794e);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(31 - i);
    }
    assert_int_equal(crc32c(0, data, sizeof data), 0x113fdb5c);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void parts_give_the_sum_of_the_whole(void **state)
{
    (void)state;
    static const char text[] = "a record on disk, written in two parts";
    const size_t len = sizeof text - 1;
    const uint32_t whole = crc32c(0, text, len);
    for (size_t cut = 0; cut <= len; cut++) {
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, len - cut), whole);
    }
}

static void tables_and_instruction_agree(void **state)
{
    (void)state;
    unsigned char data[100];
    struct rng r = rng_seeded(1);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)rng_next(&r);
    }
    crc32c(0, "", 0); /* fills the tables */
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; from + len <= sizeof data; len++) {
            assert_int_equal(~by_table(~0U, data + from, len), crc32c(0, data + from, len));
        }
    }
    assert_int_equal(~by_table(~0U, (const unsigned char *)"123456789", 9), 0xe3069283);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_vectors_come_out),
    cmocka_unit_test(parts_give_the_sum_of_the_whole),
    cmocka_unit_test(tables_and_instruction_agree),
};

UNIT_MAIN(tests)
