/* lifelinectl alarms, quarantine, audit: lists of what happened */
#include <json-c/json.h>
#include <string.h>

#include "gateway/base/limits.h"
#include "gateway/base/num.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/render.h"
#include "gateway/ctl/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum ctl_exit check_limit(const struct ctl *c, const char **limit)
{
    uint64_t n;
    *limit = ctl_option(c, CTL_LIMIT, "100");
    if (!num_parse_u64(*limit, &n) || n > LL_MAX_ROWS) {
        return ctl_fail(c, CTL_USAGE, "--limit must be a whole number up to %d", LL_MAX_ROWS);
    }
    return CTL_OK;
}

/* The items of a list and, where it was cut, how many there are. */
static void print_items(const struct ctl *c, struct json_object *root, const char *const *keys,
                        size_t key_count, const char *none)
{
    size_t count;
    struct json_object *items = member_array(root, "items", &count);
    const int64_t total = member_int(root, "total");
    if (count == 0) {
        fprintf(c->out, "%s\n", none);
        return;
    }
    render_rows(items, keys, key_count, 0, c->out);
    if (total > (int64_t)count) {
        fprintf(c->out, "%zu of %lld shown\n", count, (long long)total);
    }
}

static enum ctl_exit list(struct ctl *c, struct buf *path, const char *const *keys,
                          size_t key_count, const char *none)
{
    struct client_answer a;
    bool done;
    const enum ctl_exit status = client_get(c, path, &a, &done);
    if (!done) {
        print_items(c, a.root, keys, key_count, none);
        client_free(&a);
    }
    return status;
}

/* Each alarm takes two rows: its text in English, and in Chinese below it. */
static void print_alarms(const struct ctl *c, struct json_object *items, size_t count)
{
    static const char *const keys[] = {"id", "priority", "state", "raised_ms", "asset", "channel"};
    static const char *const titles[] = {"id",    "priority", "state", "raised",
                                         "asset", "channel",  "text"};
    struct table t;
    struct buf text;
    table_init(&t, COUNT(titles));
    buf_init(&text, LL_MAX_HTTP_ANSWER);
    t.right[0] = true;
    for (size_t k = 0; k < COUNT(titles); k++) {
        table_add(&t, titles[k]);
    }
    for (size_t i = 0; i < count; i++) {
        struct json_object *alarm = json_object_array_get_idx(items, i);
        for (size_t k = 0; k < COUNT(keys); k++) {
            struct json_object *value = NULL;
            json_object_object_get_ex(alarm, keys[k], &value);
            buf_reset(&text);
            render_value(keys[k], value, &text);
            table_add(&t, buf_str(&text));
        }
        table_add(&t, member_text(alarm, "text_en"));
        for (size_t k = 0; k < COUNT(keys); k++) {
            table_add(&t, "");
        }
        table_add(&t, member_text(alarm, "text_zh"));
    }
    table_print(&t, 0, c->out);
    buf_free(&text);
    table_free(&t);
}

enum ctl_exit ctl_alarms_list(struct ctl *c)
{
    struct client_answer a;
    const char *limit;
    bool done;
    enum ctl_exit status = check_limit(c, &limit);
    if (status != CTL_OK) {
        return status;
    }
    struct buf path = client_path("/api/v1/alarms");
    buf_printf(&path, "?open=%d&limit=%s&asset=", c->option[CTL_ALL] == NULL, limit);
    client_escape(&path, ctl_option(c, CTL_ASSET, ""));
    status = client_get(c, &path, &a, &done);
    if (done) {
        return status;
    }
    size_t count;
    struct json_object *items = member_array(a.root, "items", &count);
    if (count == 0) {
        fprintf(c->out, c->option[CTL_ALL] == NULL ? "no open alarms\n" : "no alarms\n");
    } else {
        print_alarms(c, items, count);
    }
    if (member_int(a.root, "total") > (int64_t)count) {
        fprintf(c->out, "%zu of %lld shown\n", count, (long long)member_int(a.root, "total"));
    }
    client_free(&a);
    return CTL_OK;
}

enum ctl_exit ctl_alarms_show(struct ctl *c)
{
    struct client_answer a;
    struct buf path = client_path("/api/v1/alarms/");
    bool done;
    client_escape(&path, c->words[0]);
    const enum ctl_exit status = client_get(c, &path, &a, &done);
    if (!done) {
        struct json_object *alarm = member_object(a.root, "alarm");
        render_object(alarm, 0, c->out);
        size_t count;
        struct json_object *transitions = member_array(a.root, "transitions", &count);
        if (count > 0) {
            fprintf(c->out, "\n");
            render_rows(transitions, NULL, 0, 0, c->out);
        }
        client_free(&a);
    }
    return status;
}

enum ctl_exit ctl_alarms_ack(struct ctl *c)
{
    struct client_answer a;
    struct buf path = client_path("/api/v1/alarms/");
    struct buf body;
    const char *note = ctl_option(c, CTL_NOTE, "");
    buf_init(&body, (size_t)LL_MAX_MESSAGE);
    client_escape(&path, c->words[0]);
    buf_str_add(&path, "/ack");
    buf_str_add(&body, "{\"note\":");
    buf_json_str(&body, note, strlen(note));
    buf_char(&body, '}');
    const enum ctl_exit status = client_call(c, &path, &body, &a);
    if (status == CTL_OK) {
        if (c->json) {
            fprintf(c->out, "%s\n", buf_str(&a.text));
        } else {
            fprintf(c->out, "alarm %s is acknowledged\n", c->words[0]);
        }
        client_free(&a);
    }
    buf_free(&body);
    return status;
}

static enum ctl_exit list_newest(struct ctl *c, const char *noun, const char *const *keys,
                                 size_t key_count, const char *none)
{
    const char *limit;
    const enum ctl_exit status = check_limit(c, &limit);
    if (status != CTL_OK) {
        return status;
    }
    struct buf path = client_path("/api/v1/");
    buf_printf(&path, "%s?limit=%s", noun, limit);
    return list(c, &path, keys, key_count, none);
}

enum ctl_exit ctl_quarantine(struct ctl *c)
{
    static const char *const keys[] = {"time", "source", "reason", "topic", "detail", "payload"};
    return list_newest(c, "quarantine", keys, COUNT(keys), "nothing is in quarantine");
}

enum ctl_exit ctl_audit(struct ctl *c)
{
    static const char *const keys[] = {"at_ms", "who", "what", "object"};
    return list_newest(c, "audit", keys, COUNT(keys), "nothing was done by hand yet");
}
