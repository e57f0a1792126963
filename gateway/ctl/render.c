#include "gateway/ctl/render.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/limits.h"
#include "gateway/base/num.h"
#include "gateway/ctl/table.h"

/* 2001: a smaller number of milliseconds is a span and no point in time. */
#define FIRST_TIME_MS 1000000000000LL
#define INDENT        2

/* Null stands for a time that has not come yet. */
static bool is_time(const char *key, struct json_object *value)
{
    const size_t len = strlen(key);
    return len > 3 && strcmp(key + len - 3, "_ms") == 0 &&
           (value == NULL || (json_object_is_type(value, json_type_int) &&
                              json_object_get_int64(value) >= FIRST_TIME_MS));
}

static void render_pairs(struct json_object *object, struct buf *out)
{
    const char *gap = "";
    json_object_object_foreach(object, key, value)
    {
        buf_printf(out, "%s%s=", gap, key);
        render_value(key, value, out);
        gap = " ";
    }
}

void render_value(const char *key, struct json_object *value, struct buf *out)
{
    char text[LL_NUM_TEXT];
    switch (json_object_get_type(value)) {
    case json_type_null:
        break;
    case json_type_boolean:
        buf_str_add(out, json_object_get_boolean(value) ? "yes" : "no");
        break;
    case json_type_double:
        num_format(json_object_get_double(value), text);
        buf_str_add(out, text);
        break;
    case json_type_int:
        if (is_time(key, value)) {
            wall_format((struct wall_ms){json_object_get_int64(value)}, text);
            buf_str_add(out, text);
        } else {
            buf_str_add(out, json_object_get_string(value));
        }
        break;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            struct json_object *item = json_object_array_get_idx(value, i);
            const char *gap = json_object_is_type(item, json_type_object) ? "; " : ",";
            buf_str_add(out, i > 0 ? gap : "");
            render_value("", item, out);
        }
        break;
    case json_type_object:
        render_pairs(value, out);
        break;
    case json_type_string:
        buf_add(out, json_object_get_string(value), strlen(json_object_get_string(value)));
        break;
    }
}

/* "raised_ms" is shown as "raised", for it is no longer one of milliseconds. */
static void title(const char *key, struct json_object *value, struct buf *out)
{
    const size_t len = strlen(key) - (is_time(key, value) ? 3 : 0);
    for (size_t i = 0; i < len; i++) {
        buf_char(out, key[i] == '_' ? ' ' : key[i]);
    }
}

/* The keys of all rows, in the order in which they are met. */
static size_t keys_of(struct json_object *rows, const char **keys)
{
    size_t n = 0;
    for (size_t r = 0; r < json_object_array_length(rows); r++) {
        json_object_object_foreach(json_object_array_get_idx(rows, r), key, value)
        {
            (void)value;
            size_t i = 0;
            while (i < n && strcmp(keys[i], key) != 0) {
                i++;
            }
            if (i == n && n < TABLE_MAX_COLUMNS) {
                keys[n++] = key;
            }
        }
    }
    return n;
}

static struct json_object *cell(struct json_object *row, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(row, key, &value);
    return value;
}

/* The value by which a column is judged: the first that is there. */
static struct json_object *first_cell(struct json_object *rows, const char *key)
{
    struct json_object *value = NULL;
    for (size_t r = 0; r < json_object_array_length(rows) && value == NULL; r++) {
        value = cell(json_object_array_get_idx(rows, r), key);
    }
    return value;
}

void render_rows(struct json_object *rows, const char *const *keys, size_t count, size_t indent,
                 FILE *out)
{
    const char *found[TABLE_MAX_COLUMNS];
    const size_t row_count = json_object_array_length(rows);
    for (size_t r = 0; r < row_count; r++) {
        if (!json_object_is_type(json_object_array_get_idx(rows, r), json_type_object)) {
            return;
        }
    }
    if (count == 0) {
        count = keys_of(rows, found);
        keys = found;
    }
    if (count == 0) {
        return;
    }
    struct table t;
    struct buf text;
    table_init(&t, count);
    buf_init(&text, LL_MAX_HTTP_ANSWER);
    for (size_t i = 0; i < count; i++) {
        struct json_object *value = first_cell(rows, keys[i]);
        t.right[i] = json_object_is_type(value, json_type_double) ||
                     (json_object_is_type(value, json_type_int) && !is_time(keys[i], value));
        buf_reset(&text);
        title(keys[i], value, &text);
        table_add(&t, buf_str(&text));
    }
    for (size_t r = 0; r < row_count; r++) {
        struct json_object *row = json_object_array_get_idx(rows, r);
        for (size_t i = 0; i < count; i++) {
            buf_reset(&text);
            render_value(keys[i], cell(row, keys[i]), &text);
            table_add(&t, buf_str(&text));
        }
    }
    table_print(&t, indent, out);
    buf_free(&text);
    table_free(&t);
}

static bool is_rows(struct json_object *value)
{
    return json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0 &&
           json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);
}

static void render_nested(const char *key, struct json_object *value, size_t indent, FILE *out)
{
    struct buf text;
    buf_init(&text, LL_MAX_HTTP_ANSWER);
    text_pad(key, 0, false, &text);
    fprintf(out, "%*s%s:\n", (int)indent, "", buf_str(&text));
    buf_free(&text);
    if (is_rows(value)) {
        render_rows(value, NULL, 0, indent + INDENT, out);
    } else {
        render_object(value, indent + INDENT, out);
    }
}

void render_object(struct json_object *object, size_t indent, FILE *out)
{
    if (!json_object_is_type(object, json_type_object)) {
        return;
    }
    struct table t;
    struct buf text;
    table_init(&t, 2);
    buf_init(&text, LL_MAX_HTTP_ANSWER);
    json_object_object_foreach(object, key, value)
    {
        if (!is_rows(value) && !json_object_is_type(value, json_type_object)) {
            buf_reset(&text);
            title(key, value, &text);
            table_add(&t, buf_str(&text));
            buf_reset(&text);
            render_value(key, value, &text);
            table_add(&t, buf_str(&text));
        }
    }
    table_print(&t, indent, out);
    json_object_object_foreach(object, name, part)
    {
        if (is_rows(part) || json_object_is_type(part, json_type_object)) {
            render_nested(name, part, indent, out);
        }
    }
    buf_free(&text);
    table_free(&t);
}

const char *render_bytes(uint64_t bytes, char *out)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        snprintf(out, LL_NUM_TEXT, "%" PRIu64 " B", bytes);
        return out;
    }
    double size = (double)bytes / 1024;
    size_t unit = 0;
    while (size >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        size /= 1024;
        unit++;
    }
    snprintf(out, LL_NUM_TEXT, "%.1f %s", size, units[unit]);
    return out;
}

const char *render_span(int64_t ms, char *out)
{
    const int64_t s = ms > 0 ? ms / LL_MS_PER_S : 0;
    if (s >= 86400) {
        snprintf(out, LL_NUM_TEXT, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    } else if (s >= 3600) {
        snprintf(out, LL_NUM_TEXT, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    } else if (s >= 60) {
        snprintf(out, LL_NUM_TEXT, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    } else {
        snprintf(out, LL_NUM_TEXT, "%" PRId64 " s", s);
    }
    return out;
}
