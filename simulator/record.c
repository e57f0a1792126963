#include "simulator/record.h"

#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/num.h"

#define MAX_FIELDS 32

bool record_fault(const struct record_source *src, const char *path, const char *fmt, ...)
{
    char text[LL_DIAG_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_add(src->diag, jsonfile_name(src->file), jsonfile_line(src->file, path), "%s%s%s", path,
             path[0] != '\0' ? ": " : "", text);
    return false;
}

const char *record_member(char *out, const char *parent, const char *key)
{
    snprintf(out, RECORD_PATH, "%s%s%s", parent, parent[0] != '\0' ? "." : "", key);
    return out;
}

const char *record_item(char *out, const char *parent, size_t index)
{
    snprintf(out, RECORD_PATH, "%s[%zu]", parent, index);
    return out;
}

static bool copy_text(const struct record_source *src, struct json_object *v, const char *path,
                      char *out, size_t size)
{
    const char *text = json_object_get_string(v);
    const size_t len = (size_t)json_object_get_string_len(v);
    if (len == 0 || len >= size || strlen(text) != len) {
        return record_fault(src, path, "expected a text of 1 to %zu bytes", size - 1);
    }
    memcpy(out, text, len + 1);
    return true;
}

static bool take_number(const struct record_source *src, const struct record_field *f,
                        struct json_object *v, const char *path, double *out)
{
    const double value = json_object_get_double(v);
    if (!(value >= f->min && value <= f->max)) {
        char min[LL_NUM_TEXT];
        char max[LL_NUM_TEXT];
        num_format(f->min, min);
        num_format(f->max, max);
        return record_fault(src, path, "expected %s from %s to %s", f->expected, min, max);
    }
    *out = value;
    return true;
}

static bool take_range(const struct record_source *src, const struct record_field *f,
                       struct json_object *v, const char *path, double *out)
{
    double pair[2] = {0};
    if (json_object_array_length(v) != 2) {
        return record_fault(src, path, "expected %s: two numbers", f->expected);
    }
    for (size_t i = 0; i < 2; i++) {
        struct json_object *item = json_object_array_get_idx(v, i);
        const enum json_type type = json_object_get_type(item);
        if (type != json_type_double && type != json_type_int) {
            return record_fault(src, path, "expected %s: two numbers", f->expected);
        }
        if (!take_number(src, f, item, path, &pair[i])) {
            return false;
        }
    }
    if (pair[0] > pair[1]) {
        return record_fault(src, path, "expected the lower number first");
    }
    out[0] = pair[0];
    out[1] = pair[1];
    return true;
}

static bool take(const struct record_source *src, const struct record_field *f,
                 struct json_object *v, const char *path, void *out)
{
    void *at = (char *)out + f->offset;
    const enum json_type type = json_object_get_type(v);
    double number = 0;
    switch (f->type) {
    case RECORD_TEXT:
        if (type == json_type_string) {
            return copy_text(src, v, path, at, f->size);
        }
        break;
    case RECORD_NUMBER:
        if (type == json_type_double || type == json_type_int) {
            return take_number(src, f, v, path, at);
        }
        break;
    case RECORD_INTEGER:
        if (type == json_type_int) {
            const bool ok = take_number(src, f, v, path, &number);
            *(int64_t *)at = json_object_get_int64(v);
            return ok;
        }
        break;
    case RECORD_BOOL:
        if (type == json_type_boolean) {
            *(bool *)at = json_object_get_boolean(v);
            return true;
        }
        break;
    case RECORD_RANGE:
        if (type == json_type_array) {
            return take_range(src, f, v, path, at);
        }
        break;
    case RECORD_LIST:
        if (type == json_type_array && json_object_array_length(v) > 0) {
            *(struct json_object **)at = v;
            return true;
        }
        break;
    case RECORD_OBJECT:
        if (type == json_type_object) {
            *(struct json_object **)at = v;
            return true;
        }
        break;
    }
    return record_fault(src, path, "expected %s", f->expected);
}

static bool unknown_key(const struct record_source *src, const struct record_field *fields,
                        size_t count, const char *key, const char *path)
{
    const char *keys[MAX_FIELDS];
    for (size_t i = 0; i < count; i++) {
        keys[i] = fields[i].key;
    }
    const char *nearest = diag_nearest(key, keys, count);
    return record_fault(src, path, "unknown key%s%s%s", nearest != NULL ? "; did you mean '" : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

bool record_read(const struct record_source *src, struct json_object *object, const char *path,
                 const struct record_field *fields, size_t count, void *out)
{
    char sub[RECORD_PATH];
    uint32_t seen = 0;
    bool ok = true;
    if (json_object_get_type(object) != json_type_object) {
        return record_fault(src, path, "expected an object");
    }
    json_object_object_foreach(object, key, v)
    {
        size_t i = 0;
        while (i < count && strcmp(fields[i].key, key) != 0) {
            i++;
        }
        record_member(sub, path, key);
        if (i == count) {
            ok = unknown_key(src, fields, count, key, sub);
        } else {
            seen |= 1U << i;
            ok = take(src, &fields[i], v, sub, out) && ok;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && (seen & 1U << i) == 0) {
            ok = record_fault(src, path, "the key '%s' is missing; expected %s", fields[i].key,
                              fields[i].expected);
        }
    }
    return ok;
}

bool record_text_item(const struct record_source *src, struct json_object *list, const char *path,
                      size_t index, char *out, size_t size)
{
    char sub[RECORD_PATH];
    struct json_object *v = json_object_array_get_idx(list, index);
    record_item(sub, path, index);
    if (json_object_get_type(v) != json_type_string) {
        return record_fault(src, sub, "expected a text");
    }
    return copy_text(src, v, sub, out, size);
}
