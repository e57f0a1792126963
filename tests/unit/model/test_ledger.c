#include "tests/unit/unit.h"

#include "gateway/model/ledger.h"

/* 100 messages: 90 decoded, 3 duplicate, 2 malformed, 1 from a stranger, 4 in flight. 200 readings:
 * 150 forwarded, 5 kept, 7 duplicate, 8 late, 6 out of range, 4 of no channel, 9 quarantined,
 * 1 evicted, 10 in flight. */
static struct ledger_view balanced(void)
{
    struct ledger_view v = {
        .ledger = {.messages_taken = 96,
                   .messages_decoded = 90,
                   .messages_duplicate = 3,
                   .readings_decoded = 200,
                   .readings_duplicate = 7,
                   .readings_late = 8,
                   .readings_kept = 5,
                   .readings_spooled = 170},
        .delivery = {.forwarded = 150, .quarantined = 9, .evicted = 1},
        .messages_received = 100,
        .messages_in_flight = 4,
        .readings_in_flight = 10,
    };
    v.ledger.rejected[REASON_MALFORMED] = 2;
    v.ledger.rejected[REASON_UNKNOWN_DEVICE] = 1;
    v.ledger.rejected[REASON_OUT_OF_RANGE] = 6;
    v.ledger.rejected[REASON_UNKNOWN_CHANNEL] = 4;
    return v;
}

static void refusals_are_summed_by_what_was_refused(void **state)
{
    (void)state;
    const struct ledger_view v = balanced();
    assert_int_equal(ledger_rejected(&v.ledger, SCOPE_MESSAGE), 3);
    assert_int_equal(ledger_rejected(&v.ledger, SCOPE_READING), 10);
}

static void books_that_add_up_balance(void **state)
{
    (void)state;
    const struct ledger_view empty = {0};
    const struct ledger_view v = balanced();
    assert_true(ledger_messages_balance(&empty));
    assert_true(ledger_readings_balance(&empty));
    assert_true(ledger_messages_balance(&v));
    assert_true(ledger_readings_balance(&v));
}

static void one_message_too_many_or_too_few_does_not_balance(void **state)
{
    (void)state;
    struct ledger_view v = balanced();
    uint64_t *const parts[] = {&v.messages_received,
                               &v.messages_in_flight,
                               &v.ledger.messages_decoded,
                               &v.ledger.messages_duplicate,
                               &v.ledger.messages_retained,
                               &v.ledger.rejected[REASON_MALFORMED],
                               &v.ledger.rejected[REASON_OVERSIZED]};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ++*parts[i];
        assert_false(ledger_messages_balance(&v));
        assert_true(ledger_readings_balance(&v));
        --*parts[i];
    }
}

static void one_reading_too_many_or_too_few_does_not_balance(void **state)
{
    (void)state;
    struct ledger_view v = balanced();
    uint64_t *const parts[] = {&v.ledger.readings_decoded,
                               &v.ledger.readings_duplicate,
                               &v.ledger.readings_late,
                               &v.ledger.readings_kept,
                               &v.delivery.forwarded,
                               &v.delivery.quarantined,
                               &v.delivery.evicted,
                               &v.readings_in_flight,
                               &v.ledger.rejected[REASON_WRONG_UNIT]};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ++*parts[i];
        assert_false(ledger_readings_balance(&v));
        assert_true(ledger_messages_balance(&v));
        --*parts[i];
    }
}

/* A state that is missing from the list would be lost from sums and checkpoints. */
static void the_counters_are_all_of_the_ledger(void **state)
{
    (void)state;
    struct ledger l = {0};
    const char *name = "";
    size_t count = 0;
    for (uint64_t *c; (c = ledger_counter(&l, count, &name)) != NULL; count++) {
        assert_int_equal(*c, 0);
        *c = count + 1;
        assert_true(name[0] != '\0');
    }
    assert_int_equal(count, sizeof l / sizeof(uint64_t) - 1); /* no refusal is for no reason */
    assert_int_equal(l.rejected[REASON_NONE], 0);
    assert_int_equal(l.rejected[REASON_COUNT - 1], count);
}

static void ledgers_are_added_counter_by_counter(void **state)
{
    (void)state;
    const struct ledger a = balanced().ledger;
    struct ledger sum = {.readings_kept = 1};
    ledger_add(&sum, &a);
    ledger_add(&sum, &a);
    assert_int_equal(sum.messages_taken, 192);
    assert_int_equal(sum.readings_kept, 11);
    assert_int_equal(sum.readings_spooled, 340);
    assert_int_equal(sum.rejected[REASON_OUT_OF_RANGE], 12);
}

static void a_sources_books_end_where_its_readings_are_spooled(void **state)
{
    (void)state;
    struct ledger l = balanced().ledger;
    assert_true(source_messages_balance(&l));
    assert_true(source_readings_balance(&l));
    l.readings_spooled++;
    assert_false(source_readings_balance(&l));
    l.messages_taken++;
    assert_false(source_messages_balance(&l));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_counters_are_all_of_the_ledger),
    cmocka_unit_test(ledgers_are_added_counter_by_counter),
    cmocka_unit_test(a_sources_books_end_where_its_readings_are_spooled),
    cmocka_unit_test(refusals_are_summed_by_what_was_refused),
    cmocka_unit_test(books_that_add_up_balance),
    cmocka_unit_test(one_message_too_many_or_too_few_does_not_balance),
    cmocka_unit_test(one_reading_too_many_or_too_few_does_not_balance),
};

UNIT_MAIN(tests)
