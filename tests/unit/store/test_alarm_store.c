#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/registry/registry.h"
#include "gateway/store/alarm_store.h"

struct fixture {
    struct alarm_store *store;
    struct buf out;
    char path[512];
};

static int open_store(void **state)
{
    static int number;
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/alarms-%d.db", unit_tmpdir(), number++);
    buf_init(&f->out, LL_MAX_HTTP_ANSWER);
    if (alarm_store_open(f->path, &f->store) != LL_OK) {
        return -1;
    }
    *state = f;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *f = *state;
    alarm_store_close(f->store);
    buf_free(&f->out);
    free(f);
    return 0;
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, open_store, close_store)

static struct alarm_record raised(uint64_t id, uint64_t seq, const char *asset)
{
    struct alarm_record a = {
        .id = id,
        .source_seq = seq,
        .from = ALARM_NORMAL,
        .state = ALARM_UNACK,
        .priority = PRIORITY_HIGH,
        .at_ms = 1764000000000 + (int64_t)seq,
        .raised_ms = 1764000000000 + (int64_t)seq,
        .value = 21.5,
        .kind = "gas_pipe",
        .district = "鲤城区",
        .device = "d1",
        .channel = "methane",
        .condition = "high",
        .text_en = "expected at most 20",
        .text_zh = "应不高于 20",
    };
    snprintf(a.asset, sizeof a.asset, "%s", asset);
    return a;
}

/* The same alarm after a later transition. */
static struct alarm_record then(struct alarm_record a, uint64_t seq, enum alarm_state to)
{
    a.source_seq = seq;
    a.from = a.state;
    a.state = to;
    a.at_ms = 1764000000000 + (int64_t)seq;
    return a;
}

static void put(struct fixture *f, const struct alarm_record *a)
{
    assert_int_equal(alarm_store_put(f->store, a), LL_OK);
}

static const char *list(struct fixture *f, bool open_only, const char *asset, size_t limit)
{
    buf_reset(&f->out);
    assert_int_equal(alarm_store_list(f->store, open_only, asset, limit, &f->out), LL_OK);
    return buf_str(&f->out);
}

static void an_empty_archive_lists_nothing(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(list(f, false, "", 10), "{\"total\":0,\"items\":[]}");
    buf_reset(&f->out);
    assert_int_equal(alarm_store_audit_list(f->store, 10, &f->out), LL_OK);
    assert_string_equal(buf_str(&f->out), "{\"total\":0,\"items\":[]}");
    assert_int_equal(alarm_store_show(f->store, 1, &f->out), LL_ENOENT);
}

static void an_alarm_is_kept_with_all_it_says(void **state)
{
    struct fixture *f = *state;
    const struct alarm_record a = raised(1, 100, "gp-1");
    put(f, &a);
    assert_string_equal(
        list(f, true, NULL, 10),
        "{\"total\":1,\"items\":[{\"id\":1,\"state\":\"unacknowledged\",\"priority\":\"high\","
        "\"at_ms\":1764000000100,\"raised_ms\":1764000000100,\"acked_ms\":null,"
        "\"cleared_ms\":null,\"value\":21.5,\"asset\":\"gp-1\",\"kind\":\"gas_pipe\","
        "\"district\":\"鲤城区\",\"device\":\"d1\",\"channel\":\"methane\",\"condition\":\"high\","
        "\"acked_by\":null,\"note\":null,\"text_en\":\"expected at most 20\","
        "\"text_zh\":\"应不高于 20\"}]}");
}

static void silence_has_no_value(void **state)
{
    struct fixture *f = *state;
    struct alarm_record a = raised(1, 100, "gp-1");
    a.value = NAN;
    put(f, &a);
    assert_non_null(strstr(list(f, false, "", 10), "\"value\":null,"));
}

static void a_life_of_an_alarm_is_shown_in_its_order(void **state)
{
    struct fixture *f = *state;
    struct alarm_record a = raised(7, 100, "gp-1");
    put(f, &a);
    a = then(a, 200, ALARM_ACKED);
    a.acked_ms = a.at_ms;
    snprintf(a.acked_by, sizeof a.acked_by, "operator1");
    snprintf(a.note, sizeof a.note, "on the way");
    put(f, &a);
    a = then(a, 300, ALARM_NORMAL);
    a.cleared_ms = a.at_ms;
    put(f, &a);
    assert_int_equal(alarm_store_show(f->store, 7, &f->out), LL_OK);
    const char *text = buf_str(&f->out);
    assert_non_null(strstr(text, "{\"alarm\":{\"id\":7,\"state\":\"normal\""));
    assert_non_null(strstr(text, "\"acked_ms\":1764000000200,\"cleared_ms\":1764000000300,"));
    assert_non_null(strstr(
        text, ",\"transitions\":["
              "{\"at_ms\":1764000000100,\"from\":\"normal\",\"to\":\"unacknowledged\",\"by\":null,"
              "\"note\":null,\"source_seq\":100,\"source_nth\":0,\"time_estimated\":0},"
              "{\"at_ms\":1764000000200,\"from\":\"unacknowledged\",\"to\":\"acknowledged\","
              "\"by\":\"operator1\",\"note\":\"on the "
              "way\",\"source_seq\":200,\"source_nth\":0,\"time_estimated\":0},"
              "{\"at_ms\":1764000000300,\"from\":\"acknowledged\",\"to\":\"normal\",\"by\":null,"
              "\"note\":null,\"source_seq\":300,\"source_nth\":0,\"time_estimated\":0}]}"));
}

static void a_transition_recorded_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const struct alarm_record first = raised(1, 100, "gp-1");
    struct alarm_record cleared = then(first, 200, ALARM_RTN_UNACK);
    cleared.cleared_ms = cleared.at_ms;
    put(f, &first);
    put(f, &cleared);
    assert_int_equal(alarm_store_show(f->store, 1, &f->out), LL_OK);
    char before[4096];
    snprintf(before, sizeof before, "%s", buf_str(&f->out));
    /* After a restart the records since the checkpoint come again. */
    put(f, &first);
    buf_reset(&f->out);
    assert_int_equal(alarm_store_show(f->store, 1, &f->out), LL_OK);
    assert_string_equal(buf_str(&f->out), before);
    put(f, &cleared);
    buf_reset(&f->out);
    assert_int_equal(alarm_store_show(f->store, 1, &f->out), LL_OK);
    assert_string_equal(buf_str(&f->out), before);
}

static void one_record_may_cause_several_transitions(void **state)
{
    struct fixture *f = *state;
    const struct alarm_record a = raised(1, 100, "gp-1");
    struct alarm_record b = raised(2, 100, "gp-1");
    b.source_nth = 1;
    put(f, &a);
    put(f, &b);
    assert_non_null(strstr(list(f, false, "", 10), "{\"total\":2,"));
}

static void lists_choose_by_asset_and_by_what_is_open(void **state)
{
    struct fixture *f = *state;
    const struct alarm_record a = raised(1, 100, "gp-1");
    const struct alarm_record b = raised(2, 200, "gp-2");
    const struct alarm_record c = raised(3, 300, "gp-1");
    const struct alarm_record back = then(c, 400, ALARM_RTN_UNACK);
    const struct alarm_record done = then(a, 500, ALARM_NORMAL);
    put(f, &a);
    put(f, &b);
    put(f, &c);
    put(f, &back);
    put(f, &done);
    const char *all = list(f, false, "", 10);
    assert_non_null(strstr(all, "{\"total\":3,\"items\":[{\"id\":3,"));
    assert_true(strstr(all, "\"id\":3,") < strstr(all, "\"id\":2,"));
    assert_true(strstr(all, "\"id\":2,") < strstr(all, "\"id\":1,"));
    const char *open = list(f, true, "", 10);
    assert_non_null(strstr(open, "{\"total\":2,"));
    assert_null(strstr(open, "\"id\":1,"));
    assert_non_null(strstr(open, "rtn_unacknowledged"));
    const char *of_asset = list(f, false, "gp-1", 10);
    assert_non_null(strstr(of_asset, "{\"total\":2,\"items\":[{\"id\":3,"));
    assert_null(strstr(of_asset, "gp-2"));
    const char *both = list(f, true, "gp-1", 10);
    assert_non_null(strstr(both, "{\"total\":1,\"items\":[{\"id\":3,"));
    /* A limit cuts the items, not the total. */
    const char *cut = list(f, false, "", 1);
    assert_non_null(strstr(cut, "{\"total\":3,\"items\":[{\"id\":3,"));
    assert_null(strstr(cut, "\"id\":2,"));
}

static void an_open_alarm_is_what_the_list_shows_of_it(void **state)
{
    struct fixture *f = *state;
    struct alarm_record a = raised(7, 100, "gp-1");
    char expected[2048];
    put(f, &a);
    const char *items = strstr(list(f, true, "", 10), "[{") + 1;
    snprintf(expected, sizeof expected, "%.*s", (int)strlen(items) - 2, items);
    buf_reset(&f->out);
    assert_int_equal(alarm_store_open_alarm(f->store, 7, &f->out), LL_OK);
    assert_string_equal(buf_str(&f->out), expected);
    buf_reset(&f->out);
    assert_int_equal(alarm_store_open_alarm(f->store, 8, &f->out), LL_ENOENT);
    a = then(a, 200, ALARM_NORMAL);
    put(f, &a);
    assert_int_equal(alarm_store_open_alarm(f->store, 7, &f->out), LL_ENOENT);
    assert_string_equal(buf_str(&f->out), "");
}

static void the_open_alarms_come_one_after_another(void **state)
{
    struct fixture *f = *state;
    uint64_t id = 0;
    assert_int_equal(alarm_store_next_open(f->store, 0, &id), LL_ENOENT);
    for (uint64_t n = 1; n <= 4; n++) {
        const struct alarm_record a = raised(n, n * 100, "gp-1");
        put(f, &a);
    }
    const struct alarm_record over = then(raised(2, 200, "gp-1"), 500, ALARM_NORMAL);
    put(f, &over);
    static const uint64_t expected[] = {1, 3, 4};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(alarm_store_next_open(f->store, id, &id), LL_OK);
        assert_int_equal(id, expected[i]);
    }
    assert_int_equal(alarm_store_next_open(f->store, id, &id), LL_ENOENT);
}

static void a_restart_finds_the_alarms_again(void **state)
{
    struct fixture *f = *state;
    const struct alarm_record a = raised(1, 100, "gp-1");
    put(f, &a);
    alarm_store_close(f->store);
    f->store = NULL;
    assert_int_equal(alarm_store_open(f->path, &f->store), LL_OK);
    assert_non_null(strstr(list(f, true, "", 10), "{\"total\":1,"));
}

static void the_audit_log_says_who_did_what(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(alarm_store_audit(f->store, 1000, "operator1", "alarm_ack", "7", "",
                                       "{\"note\":\"on the way\"}"),
                     LL_OK);
    assert_int_equal(alarm_store_audit(f->store, 2000, "operator2", "registry_reload", "", "", ""),
                     LL_OK);
    assert_int_equal(alarm_store_audit_list(f->store, 10, &f->out), LL_OK);
    assert_string_equal(
        buf_str(&f->out),
        "{\"total\":2,\"items\":["
        "{\"id\":2,\"at_ms\":2000,\"who\":\"operator2\",\"what\":\"registry_reload\","
        "\"object\":null,\"before\":null,\"after\":null},"
        "{\"id\":1,\"at_ms\":1000,\"who\":\"operator1\",\"what\":\"alarm_ack\",\"object\":\"7\","
        "\"before\":null,\"after\":\"{\\\"note\\\":\\\"on the way\\\"}\"}]}");
}

static void two_connections_share_the_file_with_the_registry(void **state)
{
    struct fixture *f = *state;
    struct alarm_store *reader = NULL;
    struct registry_db *registry = NULL;
    assert_int_equal(alarm_store_open(f->path, &reader), LL_OK);
    assert_int_equal(registry_db_open(f->path, &registry), LL_OK);
    const struct alarm_record a = raised(1, 100, "gp-1");
    put(f, &a);
    assert_int_equal(alarm_store_list(reader, true, "", 10, &f->out), LL_OK);
    assert_non_null(strstr(buf_str(&f->out), "{\"total\":1,"));
    registry_db_close(registry);
    alarm_store_close(reader);
}

static void an_answer_that_does_not_fit_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct buf small;
    const struct alarm_record a = raised(1, 100, "gp-1");
    put(f, &a);
    buf_init(&small, 50);
    assert_int_equal(alarm_store_list(f->store, true, "", 10, &small), LL_ELIMIT);
    buf_reset(&small);
    assert_int_equal(alarm_store_show(f->store, 1, &small), LL_ELIMIT);
    buf_free(&small);
    /* The statement is free again. */
    assert_non_null(strstr(list(f, true, "", 10), "{\"total\":1,"));
}

static void a_store_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct alarm_store *s = NULL;
    assert_int_equal(alarm_store_open("/nonexistent/folder/x.db", &s), LL_EDB);
    assert_null(s);
    alarm_store_close(NULL);
}

/* So many are left, and the last one listed, which is the oldest, has this number. */
static void expect_alarms(struct fixture *f, unsigned count, unsigned oldest)
{
    char text[64];
    list(f, false, NULL, LL_MAX_ROWS);
    snprintf(text, sizeof text, "{\"total\":%u,", count);
    assert_non_null(strstr(buf_str(&f->out), text));
    snprintf(text, sizeof text, "{\"id\":%u,", oldest);
    const char *at = strstr(buf_str(&f->out), text);
    assert_non_null(at);
    assert_null(strstr(at + 1, "{\"id\":"));
}

static void the_oldest_closed_alarms_go_and_open_ones_never(void **state)
{
    struct fixture *f = *state;
    struct alarm_store_trim done;
    for (unsigned id = 1; id <= 100; id++) {
        const struct alarm_record a = raised(id, 10ULL * id, "a1");
        const struct alarm_record b = then(a, 10ULL * id + 1, ALARM_RTN_UNACK);
        const struct alarm_record c = then(b, 10ULL * id + 2, ALARM_NORMAL);
        put(f, &a);
        if (id != 3 && id != 5) {
            put(f, &b);
            put(f, &c);
        }
    }
    assert_int_equal(alarm_store_trim(f->store, 100, 100, 1, &done), LL_OK);
    assert_int_equal(done.alarms, 0);
    assert_int_equal(alarm_store_trim(f->store, 90, 100, 1, &done), LL_OK);
    assert_int_equal(done.alarms, 19);
    expect_alarms(f, 81, 3);
    uint64_t id;
    assert_int_equal(alarm_store_find(f->store, 212, 0, &id), LL_ENOENT); /* with its alarm */
    assert_int_equal(alarm_store_find(f->store, 220, 0, &id), LL_OK);
    assert_int_equal(alarm_store_find(f->store, 30, 0, &id), LL_OK);

    /* However small the cap, the newest stays, for its number. */
    assert_int_equal(alarm_store_trim(f->store, 1, 100, 1, &done), LL_OK);
    expect_alarms(f, 3, 3);
    uint64_t seq;
    assert_int_equal(alarm_store_last(f->store, &id, &seq), LL_OK);
    assert_int_equal(id, 100);
}

static void an_audit_log_that_is_cut_says_so(void **state)
{
    struct fixture *f = *state;
    struct alarm_store_trim done;
    for (int i = 1; i <= 101; i++) {
        assert_int_equal(alarm_store_audit(f->store, i, "li", "test", "", "", ""), LL_OK);
    }
    assert_int_equal(alarm_store_trim(f->store, 100, 100, 1764000000000, &done), LL_OK);
    assert_int_equal(done.audit, 11);
    buf_reset(&f->out);
    assert_int_equal(alarm_store_audit_list(f->store, LL_MAX_ROWS, &f->out), LL_OK);
    static const char begins[] =
        "{\"total\":91,\"items\":[{\"id\":102,\"at_ms\":1764000000000,\"who\":\"gateway\","
        "\"what\":\"audit_trim\",\"object\":null,\"before\":null,"
        "\"after\":\"{\\\"deleted\\\":11}\"}";
    assert_memory_equal(buf_str(&f->out), begins, sizeof begins - 1);
    assert_null(strstr(buf_str(&f->out), "{\"id\":11,"));
    assert_non_null(strstr(buf_str(&f->out), "{\"id\":12,"));
}

static const struct CMUnitTest tests[] = {
    STORE_TEST(an_empty_archive_lists_nothing),
    STORE_TEST(an_alarm_is_kept_with_all_it_says),
    STORE_TEST(silence_has_no_value),
    STORE_TEST(a_life_of_an_alarm_is_shown_in_its_order),
    STORE_TEST(a_transition_recorded_again_changes_nothing),
    STORE_TEST(one_record_may_cause_several_transitions),
    STORE_TEST(lists_choose_by_asset_and_by_what_is_open),
    STORE_TEST(an_open_alarm_is_what_the_list_shows_of_it),
    STORE_TEST(the_open_alarms_come_one_after_another),
    STORE_TEST(a_restart_finds_the_alarms_again),
    STORE_TEST(the_audit_log_says_who_did_what),
    STORE_TEST(two_connections_share_the_file_with_the_registry),
    STORE_TEST(an_answer_that_does_not_fit_is_an_error),
    STORE_TEST(the_oldest_closed_alarms_go_and_open_ones_never),
    STORE_TEST(an_audit_log_that_is_cut_says_so),
    cmocka_unit_test(a_store_that_cannot_be_opened_is_an_error),
};

UNIT_MAIN(tests)
