/*
 * Loading: one walk over the schema and the JSON side by side. Faults are collected, not returned,
 * so that one run names them all; a default goes through the same checks as a given value.
 */
#include "gateway/conf/conf.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/jsonfile.h"
#include "gateway/base/utf8.h"
#include "gateway/conf/schema.h"
#include "gateway/model/asset.h"

#define PATH_BYTES  256
#define FAULT_BYTES 256
#define SHOWN_BYTES 48 /* of a wrong value */
#define MAX_KEYS    32 /* rows of one table; the widest is a destination's */
#define SOCKET_NAME "lifelined.sock"
#define FALLBACK_ID "gateway"

struct loader {
    const struct jsonfile *file;
    struct diag *diag;
    const char *folder; /* of the file, with its '/'; "" for the working directory */
    bool look;          /* at the files that it names */
    bool out_of_memory;
};

static void fault(const struct loader *l, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void fault(const struct loader *l, const char *path, const char *fmt, ...)
{
    char text[FAULT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const unsigned line = jsonfile_line(l->file, path);
    if (path[0] == '\0') {
        diag_add(l->diag, jsonfile_name(l->file), line, "%s", text);
    } else {
        diag_add(l->diag, jsonfile_name(l->file), line, "key '%s': %s", path, text);
    }
}

/* "mqtt" and "uris" make "mqtt.uris". An unknown key may be of any length and is cut. */
static void child_path(char *out, const char *parent, const char *key)
{
    snprintf(out, PATH_BYTES, "%.120s%s%.120s", parent, parent[0] != '\0' ? "." : "", key);
}

static const char *type_name(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_object:
        return "an object";
    case json_type_array:
        return "an array";
    case json_type_string:
        return "a text";
    case json_type_boolean:
        return "true or false";
    case json_type_null:
        return "null";
    case json_type_double:
    case json_type_int:
        break;
    }
    return "a number";
}

static bool expect_type(const struct loader *l, const char *path, struct json_object *value,
                        enum json_type type, const char *what)
{
    if (json_object_is_type(value, type)) {
        return true;
    }
    fault(l, path, "expected %s, got %s", what, type_name(value));
    return false;
}

/* --- single values --------------------------------------------------------------------------- */

static const char *text_fault(const struct setting *row, const char *text, size_t len)
{
    if (memchr(text, '\0', len) != NULL || !utf8_valid(text, len)) {
        return "the text is not UTF-8 or holds a zero byte";
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return "the text holds a control character";
        }
    }
    const char *why = NULL;
    if (row->check != NULL) {
        return row->check(text, &why) ? NULL : why;
    }
    if (len == 0) {
        const bool may_be_empty = row->fallback != NULL && row->fallback[0] == '\0';
        return may_be_empty ? NULL : "must not be empty";
    }
    if (row->type == SETTING_ID && !asset_id_valid(text, len)) {
        return "expected at most 63 letters, digits, '.', '_', '-' or ':'";
    }
    return NULL;
}

/* Asked here so that a start does not fail over what --check-config called good. */
static bool file_readable(const struct loader *l, const char *path, const char *file)
{
    struct stat st;
    const char *why = NULL;
    if (stat(file, &st) != 0 || access(file, R_OK) != 0) {
        why = ll_err_str(ll_err_from_errno(errno));
    } else if (S_ISDIR(st.st_mode)) {
        why = "it is a folder";
    } else if (S_ISREG(st.st_mode) && st.st_size == 0) {
        why = "it is empty";
    }
    if (why != NULL) {
        fault(l, path, "'%.180s' cannot be read: %s", file, why);
    }
    return why == NULL;
}

static bool load_text(struct loader *l, const struct setting *row, struct json_object *value,
                      const char *path, char *out)
{
    if (!expect_type(l, path, value, json_type_string, "a text")) {
        return false;
    }
    const char *text = json_object_get_string(value);
    const size_t len = (size_t)json_object_get_string_len(value);
    const char *why = text_fault(row, text, len);
    if (why != NULL) {
        fault(l, path, "%s", why);
        return false;
    }
    const bool relative = row->type == SETTING_PATH && len > 0 && text[0] != '/';
    const char *folder = relative ? l->folder : "";
    if (strlen(folder) + len >= row->size) {
        fault(l, path, "longer than %zu bytes%s", row->size - 1,
              relative ? " with this file's folder in front" : "");
        return false;
    }
    snprintf(out, row->size, "%s%s", folder, text);
    return !l->look || !row->is_read || len == 0 || file_readable(l, path, out);
}

static bool load_int(struct loader *l, const struct setting *row, struct json_object *value,
                     const char *path, int64_t *out)
{
    const int64_t v = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || v < row->min || v > row->max) {
        fault(l, path, "expected an integer from %lld to %lld (%s), got %.*s", (long long)row->min,
              (long long)row->max, row->unit, SHOWN_BYTES,
              json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        return false;
    }
    *out = v;
    return true;
}

static bool load_bool(struct loader *l, struct json_object *value, const char *path, bool *out)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        fault(l, path, "expected true or false, got %.*s", SHOWN_BYTES,
              json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        return false;
    }
    *out = json_object_get_boolean(value) != 0;
    return true;
}

static bool load_choice(struct loader *l, const struct setting *row, struct json_object *value,
                        const char *path, void *out)
{
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
    char all[FAULT_BYTES] = "";
    size_t count = 0;
    for (; row->choices[count] != NULL; count++) {
        if (strcmp(row->choices[count], text) == 0) {
            setting_choose(row, out, count);
            return true;
        }
        const size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s\"%s\"", count > 0 ? " or " : "", row->choices[count]);
    }
    fault(l, path, "expected %s, got %.*s", all, SHOWN_BYTES,
          json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
    return false;
}

/* --- objects and lists ----------------------------------------------------------------------- */

static bool load_value(struct loader *l, const struct setting *row, struct json_object *value,
                       const char *path, void *base);

static const struct setting *find_row(const struct schema *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->rows[i].key, key) == 0) {
            return &s->rows[i];
        }
    }
    return NULL;
}

static void refuse_unknown(const struct loader *l, const struct schema *s, const char *key,
                           const char *path)
{
    char secret_file[PATH_BYTES];
    snprintf(secret_file, sizeof secret_file, "%s_file", key);
    const bool secret = strcmp(key, "password") == 0 || strcmp(key, "token") == 0;
    if (secret && find_row(s, secret_file) != NULL) {
        fault(l, path, "secrets do not belong in this file; name a file that holds it with '%s'",
              secret_file);
        return;
    }
    const char *keys[MAX_KEYS];
    size_t count = 0;
    for (; count < s->count && count < MAX_KEYS; count++) {
        keys[count] = s->rows[count].key;
    }
    const char *near = diag_nearest(key, keys, count);
    if (near != NULL) {
        fault(l, path, "unknown key; did you mean '%s'?", near);
    } else {
        fault(l, path, "unknown key");
    }
}

static void check_keys(const struct loader *l, const struct schema *s, struct json_object *from,
                       const char *parent)
{
    struct json_object_iterator it = json_object_iter_begin(from);
    const struct json_object_iterator end = json_object_iter_end(from);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *key = json_object_iter_peek_name(&it);
        if (find_row(s, key) == NULL) {
            char path[PATH_BYTES];
            child_path(path, parent, key);
            refuse_unknown(l, s, key, path);
        }
    }
}

static bool load_default(struct loader *l, const struct setting *row, const char *path, void *base)
{
    if (row->fallback == NULL) {
        fault(l, path, "missing; it has no default");
        return false;
    }
    struct json_object *value = NULL;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_ID:
    case SETTING_PATH:
    case SETTING_CHOICE:
        value = json_object_new_string(row->fallback);
        break;
    case SETTING_BOOL:
    case SETTING_INT:
    case SETTING_SECTION:
    case SETTING_LIST:
        value = json_tokener_parse(row->fallback);
        break;
    }
    if (value == NULL) {
        l->out_of_memory = true;
        return false;
    }
    const bool ok = load_value(l, row, value, path, base);
    json_object_put(value);
    return ok;
}

static bool load_object(struct loader *l, const struct schema *s, struct json_object *from,
                        const char *parent, void *base)
{
    if (!expect_type(l, parent, from, json_type_object, "an object")) {
        return false;
    }
    check_keys(l, s, from, parent);
    const struct setting *choice = NULL; /* what the rows with `only` depend on */
    bool chosen = false;
    bool ok = true;
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *row = &s->rows[i];
        struct json_object *value = NULL;
        const bool given = json_object_object_get_ex(from, row->key, &value) != 0;
        char path[PATH_BYTES];
        child_path(path, parent, row->key);
        if (row->only != 0 && !chosen) {
            continue; /* a fault was found in the choice; what follows from it is not known */
        }
        if (row->only != 0 && (row->only & 1U << setting_choice(choice, base)) == 0) {
            if (given) {
                fault(l, path, "not for '%s': \"%s\"; remove it", choice->key,
                      choice->choices[setting_choice(choice, base)]);
                ok = false;
            }
            continue;
        }
        const bool loaded =
            given ? load_value(l, row, value, path, base) : load_default(l, row, path, base);
        ok = ok && loaded;
        if (row->type == SETTING_CHOICE) {
            choice = row;
            chosen = loaded;
        }
    }
    return ok;
}

/* Whether an earlier element has the same text in `row` as element `index`; "" is none. */
static bool stands_twice(const struct setting *row, const char *elements, size_t stride,
                         size_t index)
{
    const char *own = elements + index * stride + row->offset;
    for (size_t i = 0; i < index && own[0] != '\0'; i++) {
        if (strcmp(elements + i * stride + row->offset, own) == 0) {
            return true;
        }
    }
    return false;
}

static bool load_element(struct loader *l, const struct setting *list, struct json_object *value,
                         const char *path, char *elements, size_t index)
{
    const struct schema *s = &list->rows;
    char *base = elements + index * list->size;
    const bool plain = s->rows[0].key == NULL;
    bool ok = plain ? load_value(l, &s->rows[0], value, path, base)
                    : load_object(l, s, value, path, base);
    for (size_t i = 0; ok && i < s->count; i++) {
        const struct setting *row = &s->rows[i];
        if (row->unique && stands_twice(row, elements, list->size, index)) {
            char own[PATH_BYTES];
            child_path(own, path, plain ? "" : row->key);
            fault(l, plain ? path : own, "\"%.*s\" stands in the list already", SHOWN_BYTES,
                  base + row->offset);
            ok = false;
        }
    }
    return ok;
}

static bool load_list(struct loader *l, const struct setting *row, struct json_object *value,
                      const char *path, char *base)
{
    if (!expect_type(l, path, value, json_type_array, "an array")) {
        return false;
    }
    const size_t count = json_object_array_length(value);
    if (count < (size_t)row->min || count > (size_t)row->max) {
        fault(l, path, "expected %lld to %lld elements, got %zu", (long long)row->min,
              (long long)row->max, count);
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        char element[PATH_BYTES];
        snprintf(element, sizeof element, "%s[%zu]", path, i);
        ok = load_element(l, row, json_object_array_get_idx(value, i), element, base + row->offset,
                          i) &&
             ok;
    }
    memcpy(base + row->count_at, &count, sizeof count);
    return ok;
}

static bool load_value(struct loader *l, const struct setting *row, struct json_object *value,
                       const char *path, void *base)
{
    char *at = (char *)base + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_ID:
    case SETTING_PATH:
        return load_text(l, row, value, path, at);
    case SETTING_CHOICE:
        return load_choice(l, row, value, path, base);
    case SETTING_BOOL:
        return load_bool(l, value, path, (bool *)at);
    case SETTING_INT:
        return load_int(l, row, value, path, (int64_t *)(void *)at);
    case SETTING_SECTION:
        return load_object(l, &row->rows, value, path, base);
    case SETTING_LIST:
        return load_list(l, row, value, path, base);
    }
    return false;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* What no row can say alone. */
static void check_together(const struct loader *l, struct conf *c)
{
    if (c->gateway_id[0] == '\0') {
        char host[LL_MAX_ID] = "";
        const bool named = gethostname(host, sizeof host - 1) == 0;
        const bool usable = named && asset_id_valid(host, strlen(host));
        snprintf(c->gateway_id, sizeof c->gateway_id, "%s", usable ? host : FALLBACK_ID);
    }
    if (c->client_id[0] == '\0') {
        snprintf(c->client_id, sizeof c->client_id, "lifeline-%s", c->gateway_id);
    }
    if (c->intake_max_mib < 2 * c->segment_mib) {
        fault(l, "intake.max_mib", "expected at least two segments ('segment_mib' is %lld)",
              (long long)c->segment_mib);
    }
    for (size_t i = 0; i < c->destination_count; i++) {
        const struct conf_destination *d = &c->destinations[i];
        if ((d->cert_file[0] != '\0') != (d->key_file[0] != '\0')) {
            char path[PATH_BYTES];
            snprintf(path, sizeof path, "destinations[%zu].%s", i,
                     d->cert_file[0] != '\0' ? "cert_file" : "key_file");
            fault(l, path,
                  "a certificate and its key go together; give 'cert_file' and 'key_file'");
        }
    }
    const bool own = c->http_socket[0] != '\0';
    const size_t len =
        own ? strlen(c->http_socket) : strlen(c->data_dir) + sizeof "/" SOCKET_NAME - 1;
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (len > most) {
        fault(l, own ? "http.socket" : "gateway.data_dir",
              "the API's socket would have a path longer than the system's %zu bytes%s", most,
              own ? "" : "; give 'http.socket'");
    }
}

static ll_err load(const struct jsonfile *file, const char *folder, bool look, struct diag *d,
                   struct conf *out)
{
    struct conf *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return LL_ENOMEM;
    }
    struct loader l = {.file = file, .diag = d, .folder = folder, .look = look};
    const size_t before = d->count;
    if (load_object(&l, &conf_schema, jsonfile_root(file), "", c)) {
        check_together(&l, c);
    }
    ll_err err = d->count == before ? LL_OK : LL_EFORMAT;
    if (l.out_of_memory) {
        err = LL_ENOMEM;
    }
    if (err == LL_OK) {
        *out = *c;
    }
    free(c);
    return err;
}

/* Loads from a file that was read, and frees it. */
static ll_err load_and_free(struct jsonfile *file, bool look, struct diag *d, struct conf *out)
{
    const char *path = jsonfile_name(file);
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    const ll_err err = folder != NULL ? load(file, folder, look, d, out) : LL_ENOMEM;
    free(folder);
    if (err == LL_ENOMEM) {
        diag_add(d, path, 0, "%s", ll_err_str(err));
    }
    jsonfile_free(file);
    return err;
}

ll_err conf_load(const char *path, struct diag *d, struct conf *out)
{
    struct jsonfile *file = NULL;
    const ll_err err = jsonfile_load(path, d, &file);
    return err == LL_OK ? load_and_free(file, true, d, out) : err;
}

ll_err conf_parse(const char *name, const char *text, size_t len, struct diag *d, struct conf *out)
{
    struct jsonfile *file = NULL;
    const ll_err err = jsonfile_parse(name, text, len, d, &file);
    return err == LL_OK ? load_and_free(file, false, d, out) : err;
}
