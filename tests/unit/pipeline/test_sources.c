#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/model/counters.h"
#include "gateway/pipeline/sources.h"

#define MOST_BYTES (1 << 20)

/* Sources of these topics, up to a NULL. */
static struct sources *of_topics(const char *const *topics)
{
    static struct conf conf;
    struct sources *s = NULL;
    memset(&conf, 0, sizeof conf);
    for (; topics[conf.topic_count] != NULL; conf.topic_count++) {
        struct conf_topic *t = &conf.topics[conf.topic_count];
        snprintf(t->filter, sizeof t->filter, "%s", topics[conf.topic_count]);
        snprintf(t->format, sizeof t->format, "native");
    }
    assert_int_equal(sources_new(&conf, &s), LL_OK);
    return s;
}

static const char *const two[] = {"city/+/up", "plant/#", NULL};

/* What other threads see of a source. */
static struct ledger seen(struct sources *s, const char *name)
{
    static struct source_list list;
    struct ledger sum;
    sources_view(s, &sum, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.row[i].name, name) == 0) {
            return list.row[i].ledger;
        }
    }
    fail_msg("there is no source '%s'", name);
    return sum;
}

static struct ledger seen_in_all(struct sources *s)
{
    struct ledger sum;
    sources_view(s, &sum, NULL);
    return sum;
}

/* Loads into `s` what `from` saves. */
static void carry_over(const struct sources *from, struct sources *s)
{
    struct buf b;
    buf_init(&b, MOST_BYTES);
    sources_save(from, &b);
    assert_true(buf_ok(&b));
    struct cursor in = cursor_over(b.data, b.len);
    assert_int_equal(sources_load(s, SOURCES_VERSION, &in), LL_OK);
    assert_int_equal(cursor_left(&in), 0);
    buf_free(&b);
}

static void the_books_in_all_are_the_sum_of_the_sources(void **state)
{
    (void)state;
    struct sources *s = of_topics(two);
    sources_turn_to(s, SOURCE_TOPICS)->messages_taken += 3;
    sources_turn_to(s, SOURCE_TOPICS + 1)->messages_taken += 4;
    sources_turn_to(s, SOURCE_NONE)->rejected[REASON_UNKNOWN_TOPIC]++;
    sources_turn_to(s, SOURCE_GATEWAY)->readings_decoded = 9;
    assert_int_equal(sources_sum(s).messages_taken, 7);
    assert_int_equal(seen_in_all(s).messages_taken, 0); /* not published */
    sources_publish(s);
    assert_int_equal(seen_in_all(s).messages_taken, 7);
    assert_int_equal(seen_in_all(s).readings_decoded, 9);
    assert_int_equal(seen(s, "city/+/up").messages_taken, 3);
    assert_int_equal(seen(s, "plant/#").messages_taken, 4);
    assert_int_equal(seen(s, "+none").rejected[REASON_UNKNOWN_TOPIC], 1);
    assert_int_equal(seen(s, "+gateway").readings_decoded, 9);
    sources_free(s);
}

static void what_is_counted_behind_a_publishing_is_seen_at_the_next(void **state)
{
    (void)state;
    struct sources *s = of_topics(two);
    struct ledger *books = sources_turn_to(s, SOURCE_TOPICS + 1);
    books->messages_taken++;
    sources_publish(s);
    books->messages_taken++;
    sources_publish(s);
    assert_int_equal(seen(s, "plant/#").messages_taken, 2);
    sources_free(s);
}

static void topics_stand_first_in_their_order(void **state)
{
    (void)state;
    static const char *const expected[] = {"city/+/up", "plant/#", "+none", "+gateway", "+unknown"};
    static struct source_list list;
    struct ledger sum;
    struct sources *s = of_topics(two);
    sources_view(s, &sum, &list);
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.row[i].name, expected[i]);
        assert_string_equal(list.row[i].format, i < 2 ? "native" : "");
    }
    sources_free(s);
}

static void a_topic_that_moves_in_the_settings_keeps_its_books(void **state)
{
    (void)state;
    static const char *const turned[] = {"new/+", "plant/#", "city/+/up", NULL};
    struct sources *before = of_topics(two);
    struct sources *s = of_topics(turned);
    sources_turn_to(before, SOURCE_TOPICS)->messages_decoded = 11;
    sources_turn_to(before, SOURCE_TOPICS + 1)->rejected[REASON_MALFORMED] = 12;
    carry_over(before, s);
    assert_int_equal(sources_turn_to(s, SOURCE_TOPICS)->messages_decoded, 0);
    assert_int_equal(sources_turn_to(s, SOURCE_TOPICS + 1)->rejected[REASON_MALFORMED], 12);
    assert_int_equal(sources_turn_to(s, SOURCE_TOPICS + 2)->messages_decoded, 11);
    assert_int_equal(seen(s, "city/+/up").messages_decoded, 11);
    sources_free(before);
    sources_free(s);
}

static void a_topic_that_left_the_settings_keeps_its_books_and_may_return(void **state)
{
    (void)state;
    static const char *const one[] = {"plant/#", NULL};
    struct sources *before = of_topics(two);
    struct sources *without = of_topics(one);
    struct sources *again = of_topics(two);
    sources_turn_to(before, SOURCE_TOPICS)->messages_taken = 5;
    carry_over(before, without);
    assert_int_equal(seen(without, "city/+/up").messages_taken, 5);
    assert_int_equal(sources_sum(without).messages_taken, 5);
    carry_over(without, again);
    assert_int_equal(sources_turn_to(again, SOURCE_TOPICS)->messages_taken, 5);
    sources_free(before);
    sources_free(without);
    sources_free(again);
}

/* Ever new topics, restart after restart. */
static void past_the_cap_books_go_to_the_unknown_and_the_sum_stays(void **state)
{
    (void)state;
    const uint64_t merged = counter_get(COUNTER_SOURCES_MERGED);
    struct sources *s = NULL;
    for (unsigned i = 0; i < 100; i++) {
        char name[20];
        snprintf(name, sizeof name, "city/%u/+", i);
        const char *const topics[] = {name, NULL};
        struct sources *next = of_topics(topics);
        if (s != NULL) {
            carry_over(s, next);
            sources_free(s);
        }
        s = next;
        sources_turn_to(s, SOURCE_TOPICS)->messages_taken++;
        sources_publish(s);
    }
    static struct source_list list;
    struct ledger sum;
    sources_view(s, &sum, &list);
    assert_int_equal(list.count, LL_MAX_SOURCES);
    assert_int_equal(sum.messages_taken, 100);
    assert_int_equal(seen(s, "city/99/+").messages_taken, 1);
    const uint64_t into = seen(s, "+unknown").messages_taken;
    assert_int_equal(into, 100 - (LL_MAX_SOURCES - SOURCE_TOPICS));
    assert_int_equal(counter_get(COUNTER_SOURCES_MERGED) - merged, into);
    sources_free(s);
}

static void books_of_the_first_version_are_those_of_an_unknown_source(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, MOST_BYTES);
    for (uint64_t i = 1; i <= 8; i++) { /* messages taken, ... readings spooled */
        buf_u64(&b, i);
    }
    buf_u32(&b, 3);
    buf_char(&b, 9);
    buf_str_add(&b, "malformed");
    buf_u64(&b, 21);
    buf_char(&b, 8);
    buf_str_add(&b, "retained"); /* a refusal then */
    buf_u64(&b, 23);
    buf_char(&b, 7);
    buf_str_add(&b, "retired"); /* by a program with other reasons */
    buf_u64(&b, 22);
    struct sources *s = of_topics(two);
    struct cursor in = cursor_over(b.data, b.len);
    assert_int_equal(sources_load(s, 1, &in), LL_OK);
    const struct ledger l = seen(s, "+unknown");
    assert_int_equal(l.messages_taken, 1);
    assert_int_equal(l.messages_duplicate, 3);
    assert_int_equal(l.readings_spooled, 8);
    assert_int_equal(l.rejected[REASON_MALFORMED], 21);
    assert_int_equal(l.messages_retained, 23);
    assert_int_equal(sources_sum(s).readings_spooled, 8);
    sources_free(s);
    buf_free(&b);
}

static void cut_books_are_refused(void **state)
{
    (void)state;
    struct sources *s = of_topics(two);
    struct buf b;
    buf_init(&b, MOST_BYTES);
    sources_save(s, &b);
    for (size_t len = 0; len < b.len; len++) {
        struct sources *t = of_topics(two);
        struct cursor in = cursor_over(b.data, len);
        assert_int_equal(sources_load(t, SOURCES_VERSION, &in), LL_ECORRUPT);
        sources_free(t);
    }
    sources_free(s);
    buf_free(&b);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_books_in_all_are_the_sum_of_the_sources),
    cmocka_unit_test(what_is_counted_behind_a_publishing_is_seen_at_the_next),
    cmocka_unit_test(topics_stand_first_in_their_order),
    cmocka_unit_test(a_topic_that_moves_in_the_settings_keeps_its_books),
    cmocka_unit_test(a_topic_that_left_the_settings_keeps_its_books_and_may_return),
    cmocka_unit_test(past_the_cap_books_go_to_the_unknown_and_the_sum_stays),
    cmocka_unit_test(books_of_the_first_version_are_those_of_an_unknown_source),
    cmocka_unit_test(cut_books_are_refused),
};

UNIT_MAIN(tests)
