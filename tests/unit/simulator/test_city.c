/* The city as a whole, on the scenario that ships for the demonstration and on small ones. */
#include "tests/unit/simulator/run_city.h"

#include "gateway/base/jsonfile.h"

#define DEMO  "config/scenarios/demo.json"
#define CHAOS "config/scenarios/link-chaos.json"

/* All payloads up to `seconds`, a line each with its topic, asked for in steps of `step_ms`. */
static void collect_by(const struct scenario *s, uint64_t seed, int seconds, int64_t step_ms,
                       struct buf *out)
{
    const int64_t end_ms = START_MS + seconds * 1000LL;
    struct city *c = new_city(s, seed);
    buf_init(out, 64 << 20);
    for (int64_t until_ms = START_MS; until_ms < end_ms;) {
        struct message *m;
        until_ms = until_ms + step_ms < end_ms ? until_ms + step_ms : end_ms;
        while ((m = next(c, until_ms)) != NULL) {
            buf_printf(out, "%lld %s %s\n", (long long)m->sent_ms, m->topic, buf_str(&m->payload));
        }
    }
    assert_true(buf_ok(out) && out->len > 0);
    city_free(c);
}

static void collect(const struct scenario *s, uint64_t seed, int seconds, struct buf *out)
{
    collect_by(s, seed, seconds, seconds * 1000LL, out);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct scenario *s = load(DEMO);
    struct buf a;
    struct buf b;
    collect(s, 42, 60, &a);
    collect(s, 42, 60, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buf_free(&b);
    collect(s, 43, 60, &b);
    assert_true(a.len != b.len || memcmp(a.data, b.data, a.len) != 0);
    buf_free(&a);
    buf_free(&b);
    scenario_free(s);
}

/* A live run asks for what is due now and then, a fast one for all at once. */
static void the_bytes_do_not_depend_on_the_speed_of_the_run(void **state)
{
    (void)state;
    struct scenario *s = load(CHAOS);
    struct buf fast;
    struct buf slow;
    collect_by(s, 7, 1200, 1200000, &fast);
    collect_by(s, 7, 1200, 37, &slow);
    assert_int_equal(fast.len, slow.len);
    assert_memory_equal(fast.data, slow.data, fast.len);
    buf_free(&fast);
    buf_free(&slow);
    scenario_free(s);
}

#define SMALL_HEAD "{\"scenario\": \"s\", \"districts\": [\"n\"], \"assets\": ["
#define MAINS      "{\"kind\": \"water_main\", \"count\": 2, \"period_s\": 5}"

/* The lines that have `part` in them. */
static void filter(const struct buf *all, const char *part, struct buf *out)
{
    buf_init(out, 1 << 20);
    for (const char *p = all->data; *p != '\0';) {
        const char *end = strchr(p, '\n');
        char line[512];
        snprintf(line, sizeof line, "%.*s", (int)(end - p), p);
        if (strstr(line, part) != NULL) {
            buf_printf(out, "%s\n", line);
        }
        p = end + 1;
    }
}

static void an_assets_readings_do_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    struct scenario *alone = scenario_of(SMALL_HEAD MAINS "]}");
    struct scenario *among = scenario_of(
        SMALL_HEAD "{\"kind\": \"hydrant\", \"count\": 3, \"period_s\": 1}, " MAINS "]}");
    struct buf a;
    struct buf b;
    struct buf mains_a;
    struct buf mains_b;
    collect(alone, 1, 60, &a);
    collect(among, 1, 60, &b);
    filter(&a, "water_main-0002-1", &mains_a);
    filter(&b, "water_main-0002-1", &mains_b);
    assert_true(mains_a.len > 0 && b.len > a.len);
    assert_string_equal(buf_str(&mains_a), buf_str(&mains_b));
    buf_free(&a);
    buf_free(&b);
    buf_free(&mains_a);
    buf_free(&mains_b);
    scenario_free(alone);
    scenario_free(among);
}

static void reports_come_in_the_order_of_time_each_in_its_period(void **state)
{
    (void)state;
    struct scenario *s = load(DEMO);
    struct city *c = new_city(s, 1);
    int64_t last = START_MS;
    int64_t *seen = calloc(s->asset_count, sizeof *seen);
    assert_non_null(seen);
    for (int i = 0; i < 5000; i++) {
        const struct message *m = next(c, INT64_MAX);
        assert_true(m->sent_ms >= last);
        last = m->sent_ms;
        if (seen[m->index] != 0) {
            assert_int_equal(last - seen[m->index], s->assets[m->index].period_ms);
        } else {
            assert_true(last - START_MS <= s->assets[m->index].period_ms);
        }
        seen[m->index] = last;
        assert_int_equal(m->ts_ms, last);
    }
    free(seen);
    city_free(c);
    scenario_free(s);
}

static struct json_object *channels_of(const char *profile, struct jsonfile **file)
{
    char path[200];
    struct diag d = {0};
    struct json_object *channels = NULL;
    snprintf(path, sizeof path, "config/profiles/%s.json", profile);
    if (jsonfile_load(path, &d, file) != LL_OK) {
        fail_msg("%s", d.text[0]);
    }
    assert_true(json_object_object_get_ex(jsonfile_root(*file), "channels", &channels));
    return channels;
}

static void check_reading(const char *profile, struct json_object *channels, const char *name,
                          struct json_object *v)
{
    struct json_object *spec = NULL;
    struct json_object *limit = NULL;
    if (!json_object_object_get_ex(channels, name, &spec)) {
        if (strcmp(name, "bat") != 0) { /* every profile has that one */
            fail_msg("profile %s has no channel %s", profile, name);
        }
        return;
    }
    if (json_object_object_get_ex(spec, "min", &limit) &&
        json_object_get_double(v) < json_object_get_double(limit)) {
        fail_msg("%s.%s: %s is too low", profile, name, json_object_get_string(v));
    }
    if (json_object_object_get_ex(spec, "max", &limit) &&
        json_object_get_double(v) > json_object_get_double(limit)) {
        fail_msg("%s.%s: %s is too high", profile, name, json_object_get_string(v));
    }
    json_object_object_get_ex(spec, "type", &limit);
    const bool is_bool = limit != NULL && strcmp(json_object_get_string(limit), "bool") == 0;
    assert_int_equal(json_object_is_type(v, json_type_boolean), is_bool);
}

static void the_demo_sends_what_its_profiles_have_and_within_their_ranges(void **state)
{
    (void)state;
    struct scenario *s = load(DEMO);
    struct city *c = new_city(s, 1);
    for (int i = 0; i < 2000; i++) {
        struct jsonfile *file = NULL;
        struct json_object *readings = NULL;
        const struct message *m = next(c, INT64_MAX);
        const char *profile = s->assets[m->index].model->profile;
        struct json_object *payload = json_tokener_parse(buf_str(&m->payload));
        assert_true(json_object_object_get_ex(payload, "r", &readings));
        struct json_object *channels = channels_of(profile, &file);
        json_object_object_foreach(readings, name, v)
        {
            check_reading(profile, channels, name, v);
        }
        json_object_put(payload);
        jsonfile_free(file);
    }
    city_free(c);
    scenario_free(s);
}

/* For several seeds, since the chambers' sizes differ. */
static void the_demos_two_faults_show_within_twenty_seconds(void **state)
{
    (void)state;
    struct scenario *s = load(DEMO);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct city *c = new_city(s, seed);
        const struct message *m;
        double methane = 0;
        bool entrapped = false;
        while ((m = next(c, START_MS + 20000)) != NULL) {
            if (strcmp(m->device, "gas_pipe-0003-1") == 0) {
                methane = reading_of(m, "methane");
            } else if (strcmp(m->device, "elevator-0002-1") == 0) {
                entrapped = reading_of(m, "entrapment") != 0;
            }
        }
        if (methane <= 10 || !entrapped) {
            fail_msg("seed %u: expected over 10 %%LEL and an entrapment, got %.2f and %d",
                     (unsigned)seed, methane, entrapped);
        }
        city_free(c);
    }
    scenario_free(s);
}

static void the_truth_names_what_was_wrong_and_since_when_it_showed(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(
        SMALL_HEAD "{\"kind\": \"manhole\", \"count\": 1, \"period_s\": 10}], \"faults\": ["
                   "{\"kind\": \"cover_tilted\", \"asset\": \"manhole-0001\", \"at_s\": 15,"
                   "\"for_s\": 20, \"magnitude\": 40},"
                   "{\"kind\": \"cover_tilted\", \"asset\": \"manhole-0001\", \"at_s\": 999}]}");
    struct city *c = new_city(s, 1);
    const struct message *m;
    struct buf truth;
    int64_t first_seen = 0;
    buf_init(&truth, 4096);
    while ((m = next(c, START_MS + 60000)) != NULL) {
        const bool during = m->ts_ms >= START_MS + 15000 && m->ts_ms < START_MS + 35000;
        assert_int_equal(reading_of(m, "tilt") > 30, during);
        if (during && first_seen == 0) {
            first_seen = m->ts_ms;
        }
    }
    assert_int_equal(city_truth(c, &truth), LL_OK);
    char expected[512];
    snprintf(expected, sizeof expected,
             "{\"asset\":\"manhole-0001\",\"device\":\"manhole-0001-1\",\"channel\":\"tilt\","
             "\"kind\":\"cover_tilted\",\"onset\":%lld,\"end\":%lld,\"magnitude\":40,"
             "\"unit\":\"deg\",\"observable_from\":%lld}\n",
             START_MS + 15000LL, START_MS + 35000LL, (long long)first_seen);
    assert_string_equal(buf_str(&truth), expected);
    buf_free(&truth);
    city_free(c);
    scenario_free(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_same_seed_gives_the_same_bytes),
    cmocka_unit_test(the_bytes_do_not_depend_on_the_speed_of_the_run),
    cmocka_unit_test(an_assets_readings_do_not_depend_on_its_neighbours),
    cmocka_unit_test(reports_come_in_the_order_of_time_each_in_its_period),
    cmocka_unit_test(the_demo_sends_what_its_profiles_have_and_within_their_ranges),
    cmocka_unit_test(the_demos_two_faults_show_within_twenty_seconds),
    cmocka_unit_test(the_truth_names_what_was_wrong_and_since_when_it_showed),
};

UNIT_MAIN(tests)
