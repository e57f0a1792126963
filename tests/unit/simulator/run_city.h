/* What the tests of a whole city share: small scenarios from text, and what they send. */
#ifndef LL_TESTS_RUN_CITY_H
#define LL_TESTS_RUN_CITY_H

#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "simulator/city.h"

#define START_MS 1764000000000

static inline struct scenario *load(const char *path)
{
    struct diag d = {0};
    struct scenario *s = NULL;
    if (scenario_load(path, &d, &s) != LL_OK) {
        fail_msg("%s", d.text[0]);
    }
    return s;
}

static inline struct scenario *scenario_of(const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/city.json", unit_tmpdir());
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
    return load(path);
}

static inline struct city *new_city(const struct scenario *s, uint64_t seed)
{
    struct city *c = NULL;
    assert_int_equal(city_new(s, seed, START_MS, 1, &c), LL_OK);
    return c;
}

/* The next message before then, ended, or NULL. */
static inline struct message *next(struct city *c, int64_t until_ms)
{
    struct message *m = NULL;
    assert_int_equal(city_next(c, until_ms, &m), LL_OK);
    assert_true(m == NULL || message_end(m));
    return m;
}

static inline double reading_of(const struct message *m, const char *channel)
{
    struct json_object *payload = json_tokener_parse(buf_str(&m->payload));
    struct json_object *readings = NULL;
    struct json_object *v = NULL;
    assert_true(json_object_object_get_ex(payload, "r", &readings));
    assert_true(json_object_object_get_ex(readings, channel, &v));
    const double value = json_object_get_double(v);
    json_object_put(payload);
    return value;
}

/* The number of `key` in line `index` of the truth; NaN where it is null. */
static inline double truth_of(const struct city *c, size_t index, const char *key)
{
    struct buf text;
    struct json_object *v = NULL;
    buf_init(&text, 1 << 20);
    assert_int_equal(city_truth(c, &text), LL_OK);
    const char *line = buf_str(&text);
    for (; index > 0; index--) {
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    struct json_object *row = json_tokener_parse(line);
    assert_true(json_object_object_get_ex(row, key, &v));
    const double value = v != NULL ? json_object_get_double(v) : (double)NAN;
    json_object_put(row);
    buf_free(&text);
    return value;
}

#endif
