#include "tests/unit/unit.h"

#include "gateway/base/limits.h"
#include "gateway/model/intake.h"

static void a_message_is_written_as_the_header_says(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    const struct intake_message m = {.topic = "a/b",
                                     .topic_len = 3,
                                     .payload = "xyz!",
                                     .payload_len = 4,
                                     .flags = INTAKE_RETAINED | INTAKE_OVERSIZED,
                                     .qos = 1};
    intake_write(&m, &b);
    assert_int_equal(b.len, 11);
    assert_memory_equal(b.data, "\3\0\5\1a/bxyz!", 11);
    buf_free(&b);
}

static void what_was_written_reads_back(void **state)
{
    (void)state;
    static char topic[300];
    struct buf b;
    struct intake_message out;
    buf_init(&b, 1000);
    const struct intake_message m = {.topic = topic,
                                     .topic_len = sizeof topic,
                                     .payload = "p\0q",
                                     .payload_len = 3,
                                     .flags = INTAKE_REPEATED,
                                     .qos = 2};
    intake_write(&m, &b);
    assert_int_equal(intake_read(b.data, b.len, &out), LL_OK);
    assert_int_equal(out.topic_len, 300);
    assert_memory_equal(out.topic, topic, 300);
    assert_int_equal(out.payload_len, 3);
    assert_memory_equal(out.payload, "p\0q", 3);
    assert_int_equal(out.flags, INTAKE_REPEATED);
    assert_int_equal(out.qos, 2);
    buf_free(&b);
}

static void a_payload_may_be_empty(void **state)
{
    (void)state;
    struct intake_message out;
    assert_int_equal(intake_read("\1\0\0\0t", 5, &out), LL_OK);
    assert_int_equal(out.topic_len, 1);
    assert_int_equal(out.payload_len, 0);
}

static void a_record_that_is_cut_is_damaged_and_writes_nothing(void **state)
{
    (void)state;
    static const char record[] = "\3\0\0\1abc";
    for (size_t len = 0; len < 7; len++) {
        struct intake_message out = {.topic_len = 4711};
        assert_int_equal(intake_read(record, len, &out), LL_ECORRUPT);
        assert_int_equal(out.topic_len, 4711);
    }
}

static void the_largest_message_on_the_longest_topic_fits_a_journal_record(void **state)
{
    (void)state;
    static char topic[UINT16_MAX];
    static char payload[LL_MAX_MESSAGE];
    struct buf b;
    buf_init(&b, LL_MAX_JOURNAL_RECORD);
    const struct intake_message m = {.topic = topic,
                                     .topic_len = sizeof topic,
                                     .payload = payload,
                                     .payload_len = sizeof payload};
    intake_write(&m, &b);
    assert_true(buf_ok(&b));
    buf_free(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_message_is_written_as_the_header_says),
    cmocka_unit_test(what_was_written_reads_back),
    cmocka_unit_test(a_payload_may_be_empty),
    cmocka_unit_test(a_record_that_is_cut_is_damaged_and_writes_nothing),
    cmocka_unit_test(the_largest_message_on_the_longest_topic_fits_a_journal_record),
};

UNIT_MAIN(tests)
