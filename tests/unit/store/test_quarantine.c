#include "tests/unit/unit.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/model/counters.h"
#include "gateway/store/quarantine.h"

#define MANY_FILES 1000
#define MANY_BYTES (1UL << 20)

static const char *new_dir(void)
{
    static unsigned count;
    static char path[400];
    snprintf(path, sizeof path, "%s/quarantine%u", unit_tmpdir(), count++);
    return path;
}

static struct quarantine *open_at(const char *dir, uint64_t max_files, uint64_t max_bytes)
{
    struct quarantine *q = NULL;
    assert_int_equal(quarantine_open(dir, max_files, max_bytes, &q), LL_OK);
    return q;
}

static struct quarantine_item item_of(uint64_t seq, const char *reason, const char *payload)
{
    return (struct quarantine_item){.time = {1764000000123 + (int64_t)seq},
                                    .seq = seq,
                                    .source = "mqtt",
                                    .topic = "lifeline/v1/up/meter-7 and what follows",
                                    .topic_len = strlen("lifeline/v1/up/meter-7"),
                                    .reason = reason,
                                    .detail = "",
                                    .payload = payload,
                                    .payload_len = strlen(payload)};
}

/* Whether it was kept. */
static bool add(struct quarantine *q, uint64_t seq, const char *reason, const char *payload)
{
    const struct quarantine_item item = item_of(seq, reason, payload);
    return quarantine_add(q, &item);
}

/* The list as JSON; the caller gives it back. */
static struct json_object *list(struct quarantine *q, size_t limit)
{
    struct buf out;
    buf_init(&out, 8UL << 20);
    assert_int_equal(quarantine_list(q, limit, &out), LL_OK);
    struct json_object *root = json_tokener_parse(buf_str(&out));
    assert_non_null(root);
    buf_free(&out);
    return root;
}

static struct json_object *items_of(struct json_object *root)
{
    return json_object_object_get(root, "items");
}

static int64_t number(struct json_object *object, const char *key)
{
    struct json_object *value = json_object_object_get(object, key);
    assert_non_null(value);
    return json_object_get_int64(value);
}

static const char *text(struct json_object *object, const char *key)
{
    struct json_object *value = json_object_object_get(object, key);
    return value != NULL ? json_object_get_string(value) : "(none)";
}

static void what_is_put_in_is_listed_newest_first(void **state)
{
    (void)state;
    struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
    struct json_object *root = list(q, 10);
    assert_int_equal(number(root, "total"), 0);
    json_object_put(root);

    for (uint64_t seq = 5; seq <= 25; seq++) {
        add(q, seq, "unknown_device", "{\"r\":{\"pressure\":1}}");
    }
    root = list(q, 3);
    assert_int_equal(number(root, "total"), 21);
    assert_int_equal(number(root, "skipped"), 0);
    assert_int_equal(json_object_array_length(items_of(root)), 3);
    struct json_object *newest = json_object_array_get_idx(items_of(root), 0);
    assert_int_equal(number(newest, "seq"), 25);
    assert_string_equal(text(newest, "time"), "2025-11-24T16:00:00.148Z");
    assert_string_equal(text(newest, "source"), "mqtt");
    assert_string_equal(text(newest, "topic"), "lifeline/v1/up/meter-7");
    assert_string_equal(text(newest, "reason"), "unknown_device");
    assert_string_equal(text(newest, "detail"), "");
    assert_string_equal(text(newest, "payload"), "{\"r\":{\"pressure\":1}}");
    assert_int_equal(number(newest, "payload_bytes"), 20);
    assert_int_equal(number(json_object_array_get_idx(items_of(root), 2), "seq"), 23);
    json_object_put(root);

    root = list(q, 1000000);
    assert_int_equal(json_object_array_length(items_of(root)), 21);
    for (size_t i = 0; i < 21; i++) {
        assert_int_equal(number(json_object_array_get_idx(items_of(root), i), "seq"), 25 - i);
    }
    json_object_put(root);
    root = list(q, 0);
    assert_int_equal(number(root, "total"), 21);
    assert_int_equal(json_object_array_length(items_of(root)), 0);
    json_object_put(root);
    quarantine_close(q);
}

static int64_t total(struct quarantine *q)
{
    struct json_object *root = list(q, 0);
    const int64_t count = number(root, "total");
    json_object_put(root);
    return count;
}

static void the_same_original_is_kept_once_also_by_a_later_run(void **state)
{
    (void)state;
    const char *dir = new_dir();
    const uint64_t before = counter_get(COUNTER_QUARANTINE_FILES);
    struct quarantine *q = open_at(dir, MANY_FILES, MANY_BYTES);
    add(q, 7, "range", "one");
    add(q, 7, "range", "one");
    add(q, 7, "unit", "one");
    struct quarantine_item other = item_of(7, "range", "one");
    other.source = "influx";
    quarantine_add(q, &other);
    assert_int_equal(total(q), 3);
    quarantine_close(q);

    q = open_at(dir, MANY_FILES, MANY_BYTES);
    add(q, 7, "range", "one");
    assert_int_equal(total(q), 3);
    /* Without a sequence it is the payload that tells two apart. */
    add(q, 0, "refused", "line one");
    add(q, 0, "refused", "line one");
    add(q, 0, "refused", "line two");
    assert_int_equal(total(q), 5);
    assert_int_equal(counter_get(COUNTER_QUARANTINE_FILES) - before, 5);
    quarantine_close(q);
}

static void over_the_cap_on_files_the_newest_is_not_kept_but_counted(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct quarantine *q = open_at(dir, 3, MANY_BYTES);
    const uint64_t before = counter_get(COUNTER_QUARANTINE_SKIPPED);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(add(q, seq, "range", "x"), seq <= 3);
    }
    assert_true(add(q, 1, "range", "x")); /* is there already: no file more, and not skipped */
    struct json_object *root = list(q, 10);
    assert_int_equal(number(root, "total"), 3);
    assert_int_equal(number(root, "skipped"), 2);
    struct json_object *newest = json_object_array_get_idx(items_of(root), 0);
    assert_int_equal(number(newest, "seq"), 3);
    assert_int_equal(counter_get(COUNTER_QUARANTINE_SKIPPED) - before, 2);

    /* Deleted by hand, then looked at: there is room again. */
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, text(newest, "file"));
    assert_int_equal(unlink(path), 0);
    json_object_put(root);
    assert_int_equal(total(q), 2);
    add(q, 6, "range", "x");
    assert_int_equal(total(q), 3);
    quarantine_close(q);

    q = open_at(dir, 3, MANY_BYTES); /* the caps hold across runs */
    add(q, 7, "range", "x");
    assert_int_equal(total(q), 3);
    quarantine_close(q);
}

static void the_cap_on_bytes_holds(void **state)
{
    (void)state;
    struct quarantine *q = open_at(new_dir(), MANY_FILES, 2000);
    for (uint64_t seq = 1; seq <= 50; seq++) {
        add(q, seq, "range", "0123456789");
    }
    struct json_object *root = list(q, 0);
    assert_in_range(number(root, "bytes"), 1500, 2000);
    assert_int_equal(number(root, "skipped"), 50 - number(root, "total"));
    json_object_put(root);
    quarantine_close(q);
}

static void bytes_that_are_no_text_are_kept_as_base64(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *base64;
    } cases[] = {
        {"\xff", 1, "/w=="},
        {"\xff\xfe", 2, "//4="},
        {"\xff\xfe\xfd", 3, "//79"},
        {"\x00\x10\x83\xfb", 4, "ABCD+w=="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
        struct quarantine_item item = item_of(1, "syntax", "");
        item.payload = cases[i].bytes;
        item.payload_len = cases[i].len;
        quarantine_add(q, &item);
        struct json_object *root = list(q, 1);
        struct json_object *first = json_object_array_get_idx(items_of(root), 0);
        assert_string_equal(text(first, "payload_base64"), cases[i].base64);
        assert_string_equal(text(first, "payload"), "(none)");
        json_object_put(root);
        quarantine_close(q);
    }
}

static void text_that_json_must_escape_comes_back_as_it_was(void **state)
{
    (void)state;
    struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
    const char *odd = "\"\\\n\t\x01 \xe2\x82\xac /";
    struct quarantine_item item = item_of(1, "syntax", odd);
    item.detail = odd;
    item.topic = odd;
    item.topic_len = strlen(odd);
    quarantine_add(q, &item);
    struct json_object *root = list(q, 1);
    struct json_object *first = json_object_array_get_idx(items_of(root), 0);
    assert_string_equal(text(first, "payload"), odd);
    assert_string_equal(text(first, "detail"), odd);
    assert_string_equal(text(first, "topic"), odd);
    json_object_put(root);
    quarantine_close(q);
}

static void a_large_payload_is_cut_between_characters(void **state)
{
    (void)state;
    char large[3 * LL_MAX_MESSAGE_KEPT + 1];
    for (size_t i = 0; i < (size_t)LL_MAX_MESSAGE_KEPT; i++) {
        memcpy(large + 3 * i, "\xe2\x82\xac", 3);
    }
    large[sizeof large - 1] = '\0';
    struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
    add(q, 1, "oversized", large);
    struct json_object *root = list(q, 1);
    struct json_object *first = json_object_array_get_idx(items_of(root), 0);
    assert_int_equal(number(first, "payload_bytes"), sizeof large - 1);
    assert_int_equal(strlen(text(first, "payload")), LL_MAX_MESSAGE_KEPT - 1);
    json_object_put(root);
    quarantine_close(q);
}

static void the_longest_topic_is_cut_and_the_original_kept(void **state)
{
    (void)state;
    static char topic[UINT16_MAX];
    memset(topic, 't', sizeof topic);
    struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
    struct quarantine_item item = item_of(1, "unknown_device", "p");
    item.topic = topic;
    item.topic_len = sizeof topic;
    quarantine_add(q, &item);
    struct json_object *root = list(q, 10);
    assert_int_equal(number(root, "total"), 1);
    struct json_object *kept = json_object_array_get_idx(items_of(root), 0);
    assert_int_equal(strlen(text(kept, "topic")), LL_MAX_TOPIC);
    assert_string_equal(text(kept, "payload"), "p");
    json_object_put(root);
    quarantine_close(q);
}

static void strange_files_in_the_folder_disturb_nothing(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct quarantine *q = open_at(dir, MANY_FILES, MANY_BYTES);
    add(q, 1, "range", "x");
    static const struct {
        const char *name;
        const char *content;
    } files[] = {
        {"notes.txt", "hello"},
        {"1764000000999-1-abc.json", "{}"},
        {"new.tmp", "{\"time\":"},
        {"1764000000999-2-000000ff.json", "{\"time\":"},
        {"1764000000999-3-000000ff.json", ""},
        {"1764000000999-4-000000ff.json", "[1,2]"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[500];
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        assert_int_equal(fs_replace_file(path, files[i].content, strlen(files[i].content)), LL_OK);
    }
    struct json_object *root = list(q, 10);
    assert_int_equal(number(root, "total"), 4);
    for (size_t i = 0; i < 3; i++) {
        struct json_object *item = json_object_array_get_idx(items_of(root), i);
        assert_string_equal(text(item, "reason"), "unreadable");
    }
    struct json_object *last = json_object_array_get_idx(items_of(root), 3);
    assert_string_equal(text(last, "payload"), "x");
    json_object_put(root);
    quarantine_close(q);
}

static unsigned left;

static ssize_t fail_pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (left > 0 && --left == 0) {
        errno = ENOSPC;
        return -1;
    }
    return fs_system_calls.pwrite(fd, data, len, at);
}

static int fail_rename(const char *from, const char *to)
{
    if (left > 0 && --left == 0) {
        errno = EROFS;
        return -1;
    }
    return fs_system_calls.rename(from, to);
}

static void a_disk_that_refuses_is_counted_and_leaves_no_file(void **state)
{
    (void)state;
    const char *dir = new_dir();
    struct quarantine *q = open_at(dir, MANY_FILES, MANY_BYTES);
    struct fs_calls calls = fs_system_calls;
    calls.pwrite = fail_pwrite;
    calls.rename = fail_rename;
    fs_replace(&calls);
    for (unsigned nth = 1; nth <= 2; nth++) {
        left = nth;
        const uint64_t before = counter_get(COUNTER_QUARANTINE_SKIPPED);
        add(q, nth, "range", "x");
        assert_int_equal(left, 0);
        assert_int_equal(counter_get(COUNTER_QUARANTINE_SKIPPED) - before, 1);
        assert_int_equal(total(q), 0);
    }
    fs_replace(NULL);
    char path[500];
    snprintf(path, sizeof path, "%s/new.tmp", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    add(q, 1, "range", "x");
    assert_int_equal(total(q), 1);
    quarantine_close(q);
}

#define EACH 200

static void *add_many(void *arg)
{
    struct quarantine *q = arg;
    for (uint64_t seq = 1; seq <= EACH; seq++) {
        add(q, seq, "range", "x");
    }
    return NULL;
}

static void two_threads_that_add_the_same_keep_it_once(void **state)
{
    (void)state;
    struct quarantine *q = open_at(new_dir(), MANY_FILES, MANY_BYTES);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, add_many, q), 0);
    add_many(q);
    pthread_join(other, NULL);
    struct json_object *root = list(q, 1);
    assert_int_equal(number(root, "total"), EACH);
    assert_int_equal(number(root, "skipped"), 0);
    json_object_put(root);
    quarantine_close(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_in_is_listed_newest_first),
        cmocka_unit_test(the_same_original_is_kept_once_also_by_a_later_run),
        cmocka_unit_test(over_the_cap_on_files_the_newest_is_not_kept_but_counted),
        cmocka_unit_test(the_cap_on_bytes_holds),
        cmocka_unit_test(bytes_that_are_no_text_are_kept_as_base64),
        cmocka_unit_test(text_that_json_must_escape_comes_back_as_it_was),
        cmocka_unit_test(a_large_payload_is_cut_between_characters),
        cmocka_unit_test(the_longest_topic_is_cut_and_the_original_kept),
        cmocka_unit_test(strange_files_in_the_folder_disturb_nothing),
        cmocka_unit_test(a_disk_that_refuses_is_counted_and_leaves_no_file),
        cmocka_unit_test(two_threads_that_add_the_same_keep_it_once),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
