/* JSON Lines into the rows of a score. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/score/score.h"

#define MAX_ROWS (16UL * 1024 * 1024)

/* One line of a file, as an object. */
struct line {
    const char *path;
    unsigned number;
    struct json_object *object;
    struct diag *diag;
    bool bad;
};

static void fault(struct line *l, const char *key, const char *expected)
{
    diag_add(l->diag, l->path, l->number, "%s: expected %s", key, expected);
    l->bad = true;
}

static void get_text(struct line *l, const char *key, char *out, size_t size)
{
    struct json_object *v;
    if (!json_object_object_get_ex(l->object, key, &v) ||
        !json_object_is_type(v, json_type_string) ||
        (size_t)json_object_get_string_len(v) >= size) {
        fault(l, key, "a text");
        return;
    }
    memcpy(out, json_object_get_string(v), (size_t)json_object_get_string_len(v) + 1);
}

/* `fallback` where it is null or, unless `required`, absent. */
static int64_t get_time(struct line *l, const char *key, bool required, int64_t fallback)
{
    struct json_object *v;
    if (!json_object_object_get_ex(l->object, key, &v)) {
        if (required) {
            fault(l, key, "milliseconds since 1970");
        }
        return fallback;
    }
    if (v == NULL) {
        return fallback;
    }
    if (!json_object_is_type(v, json_type_int)) {
        fault(l, key, "milliseconds since 1970");
    }
    return json_object_get_int64(v);
}

/* One more row of `size` bytes, zeroed; NULL without memory or past the cap. */
static void *add_row(void **rows, size_t *count, size_t size)
{
    if (*count >= MAX_ROWS) {
        return NULL;
    }
    if ((*count & (*count - 1)) == 0) { /* full at each power of two */
        void *grown = realloc(*rows, (*count > 0 ? 2 * *count : 1) * size);
        if (grown == NULL) {
            return NULL;
        }
        *rows = grown;
    }
    void *row = (char *)*rows + (*count)++ * size;
    memset(row, 0, size);
    return row;
}

static ll_err take_fault(struct line *l, struct score_input *in)
{
    void *rows = in->faults;
    struct score_fault *f = add_row(&rows, &in->fault_count, sizeof *f);
    if (f == NULL) {
        return LL_ENOMEM;
    }
    in->faults = rows;
    struct json_object *v;
    get_text(l, "asset", f->asset, sizeof f->asset);
    get_text(l, "device", f->device, sizeof f->device);
    get_text(l, "channel", f->channel, sizeof f->channel);
    get_text(l, "kind", f->kind, sizeof f->kind);
    f->onset_ms = get_time(l, "onset", true, 0);
    f->end_ms = get_time(l, "end", false, INT64_MAX);
    f->observable_ms = get_time(l, "observable_from", false, SCORE_NEVER);
    f->magnitude =
        json_object_object_get_ex(l->object, "magnitude", &v) ? json_object_get_double(v) : 0;
    return LL_OK;
}

static ll_err take_event(struct line *l, struct score_input *in)
{
    char from[LL_MAX_CHANNEL] = "";
    char to[LL_MAX_CHANNEL] = "";
    void *rows = in->events;
    struct score_event *e = add_row(&rows, &in->event_count, sizeof *e);
    if (e == NULL) {
        return LL_ENOMEM;
    }
    in->events = rows;
    get_text(l, "asset", e->asset, sizeof e->asset);
    get_text(l, "device", e->device, sizeof e->device);
    get_text(l, "channel", e->channel, sizeof e->channel);
    get_text(l, "condition", e->condition, sizeof e->condition);
    get_text(l, "from", from, sizeof from);
    get_text(l, "to", to, sizeof to);
    e->at_ms = get_time(l, "at_ms", true, 0);
    e->raised = strcmp(to, "unacknowledged") == 0;
    e->returned = strcmp(to, "rtn_unacknowledged") == 0 ||
                  (strcmp(to, "normal") == 0 && strcmp(from, "rtn_unacknowledged") != 0);
    return LL_OK;
}

static ll_err read_lines(const char *path, struct score_input *in, struct diag *d,
                         ll_err (*take)(struct line *l, struct score_input *in))
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        const ll_err err = ll_err_from_errno(errno);
        diag_add(d, path, 0, "%s", ll_err_str(err));
        return err;
    }
    char *text = NULL;
    size_t size = 0;
    ll_err err = LL_OK;
    struct line l = {.path = path, .diag = d};
    while (err == LL_OK && getline(&text, &size, f) >= 0) {
        l.number++;
        l.object = json_tokener_parse(text);
        if (l.object == NULL || !json_object_is_type(l.object, json_type_object)) {
            fault(&l, "line", "a JSON object");
        } else {
            err = take(&l, in);
        }
        json_object_put(l.object);
    }
    if (err == LL_OK && ferror(f)) {
        err = LL_EIO;
    }
    if (err != LL_OK) {
        diag_add(d, path, l.number, "%s", ll_err_str(err));
    }
    free(text);
    fclose(f);
    return err == LL_OK && l.bad ? LL_EFORMAT : err;
}

ll_err score_read_truth(const char *path, struct score_input *in, struct diag *d)
{
    return read_lines(path, in, d, take_fault);
}

ll_err score_read_transitions(const char *path, struct score_input *in, struct diag *d)
{
    return read_lines(path, in, d, take_event);
}

void score_input_free(struct score_input *in)
{
    free(in->faults);
    free(in->events);
    *in = (struct score_input){0};
}
