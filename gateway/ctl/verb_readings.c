/* lifelinectl tail, explain */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/base/num.h"
#include "gateway/base/utf8.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/render.h"
#include "gateway/ctl/table.h"

/* Readings shown of those that came before the command. */
#define FIRST_ROWS 10
#define POLL_MS    500

/* One line a reading, in columns that fit most names, since later ones are not known yet. */
static void print_reading(const struct ctl *c, struct json_object *item)
{
    static const struct {
        const char *key;
        size_t width;
        bool right;
    } columns[] = {
        {"time", LL_TIME_TEXT - 1, false},
        {"device", 20, false},
        {"asset", 20, false},
        {"channel", 16, false},
        {"value", 12, true},
        {"unit", 6, false},
        {"flags", 0, false},
    };
    if (c->json) {
        fprintf(c->out, "%s\n", json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN));
        return;
    }
    struct buf line;
    struct buf text;
    buf_init(&line, LL_MAX_HTTP_ANSWER);
    buf_init(&text, LL_MAX_HTTP_ANSWER);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        struct json_object *value = NULL;
        json_object_object_get_ex(item, columns[i].key, &value);
        buf_reset(&text);
        render_value(columns[i].key, value, &text);
        buf_str_add(&line, i > 0 ? "  " : "");
        text_pad(buf_str(&text), columns[i].width, columns[i].right, &line);
    }
    while (line.len > 0 && line.data[line.len - 1] == ' ') {
        line.len--;
    }
    fprintf(c->out, "%.*s\n", (int)line.len, buf_str(&line));
    buf_free(&line);
    buf_free(&text);
}

/* One poll: prints what is new, at most *left readings, and moves *next. */
static enum ctl_exit poll_readings(struct ctl *c, bool first, uint64_t *next, uint64_t *left,
                                   bool *more)
{
    struct client_answer a;
    struct buf path = client_path("/api/v1/readings");
    const uint64_t most = first ? FIRST_ROWS : LL_MAX_ROWS;
    const uint64_t limit = *left < most ? *left : most;
    buf_printf(&path, "?limit=%" PRIu64 "&device=", limit);
    client_escape(&path, ctl_option(c, CTL_DEVICE, ""));
    if (!first) {
        buf_printf(&path, "&after=%" PRIu64, *next);
    }
    const enum ctl_exit status = client_call(c, &path, NULL, &a);
    if (status != CTL_OK) {
        return status;
    }
    size_t count;
    struct json_object *items = member_array(a.root, "items", &count);
    count = count < *left ? count : (size_t)*left;
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(items, i);
        const uint64_t n = (uint64_t)member_int(item, "n");
        if (i == 0 && !first && c->option[CTL_DEVICE] == NULL && n > *next + 1) {
            ctl_fail(c, CTL_OK, "%" PRIu64 " readings came faster than they could be shown",
                     n - *next - 1);
        }
        print_reading(c, item);
    }
    fflush(c->out);
    *left -= count;
    *next = (uint64_t)member_int(a.root, "next");
    *more = count == limit;
    client_free(&a);
    return CTL_OK;
}

/* One that does not exist would be waited for in vain. */
static enum ctl_exit check_device(struct ctl *c, const char *device)
{
    struct client_answer a;
    struct buf path = client_path("/api/v1/devices/");
    client_escape(&path, device);
    const enum ctl_exit status = client_call(c, &path, NULL, &a);
    if (status == CTL_OK) {
        client_free(&a);
    }
    return status;
}

enum ctl_exit ctl_tail(struct ctl *c)
{
    const struct timespec pause = {.tv_nsec = (long)POLL_MS * LL_NS_PER_MS};
    uint64_t left = UINT64_MAX;
    uint64_t next = 0;
    bool more = false;
    if (c->option[CTL_COUNT] != NULL && !num_parse_u64(c->option[CTL_COUNT], &left)) {
        return ctl_fail(c, CTL_USAGE, "--count must be a whole number");
    }
    const char *device = ctl_option(c, CTL_DEVICE, "");
    enum ctl_exit status = device[0] != '\0' ? check_device(c, device) : CTL_OK;
    for (bool first = true; status == CTL_OK && left > 0; first = false) {
        if (!first && !more) {
            nanosleep(&pause, NULL);
        }
        status = poll_readings(c, first, &next, &left, &more);
    }
    return status;
}

/* --- explain --------------------------------------------------------------------------------- */

static void tell_refused(const struct ctl *c, struct json_object *what)
{
    struct buf line;
    buf_init(&line, LL_MAX_HTTP_ANSWER);
    const char *channel = member_text(what, "channel");
    const char *detail = member_text(what, "detail");
    buf_str_add(&line, "refused: ");
    if (channel[0] != '\0') {
        text_pad(channel, 0, false, &line);
        buf_str_add(&line, ": ");
    }
    text_pad(member_text(what, "reason"), 0, false, &line);
    buf_str_add(&line, ": ");
    text_pad(detail[0] != '\0' ? detail : member_text(what, "text"), 0, false, &line);
    fprintf(c->err, "%s\n", buf_str(&line));
    buf_free(&line);
}

/* The payload from the command line or, behind '@', out of a file. */
static enum ctl_exit read_payload(const struct ctl *c, const char *word, struct buf *out)
{
    if (word[0] != '@') {
        buf_str_add(out, word);
    } else {
        const ll_err err = fs_read_file(word + 1, out);
        if (err != LL_OK) {
            return ctl_fail(c, CTL_USAGE, "cannot read %s: %s", word + 1, ll_err_str(err));
        }
    }
    /* JSON, in which it is sent, has no other bytes. */
    if (!utf8_valid(buf_str(out), out->len)) {
        return ctl_fail(c, CTL_USAGE, "the payload is not UTF-8 text");
    }
    return CTL_OK;
}

static enum ctl_exit print_verdict(struct ctl *c, const struct client_answer *a)
{
    const bool accepted = member_true(a->root, "accepted");
    if (c->json) {
        fprintf(c->out, "%s\n", buf_str(&a->text));
        return accepted ? CTL_OK : CTL_REFUSED;
    }
    fputs(member_text(a->root, "lines"), c->out);
    if (member_text(a->root, "reason")[0] != '\0') {
        tell_refused(c, a->root);
    }
    size_t count;
    struct json_object *refused = member_array(a->root, "refused", &count);
    for (size_t i = 0; i < count; i++) {
        tell_refused(c, json_object_array_get_idx(refused, i));
    }
    return accepted ? CTL_OK : CTL_REFUSED;
}

enum ctl_exit ctl_explain(struct ctl *c)
{
    struct client_answer a;
    struct buf payload;
    struct buf body;
    buf_init(&payload, LL_MAX_HTTP_BODY / 8);
    buf_init(&body, LL_MAX_HTTP_BODY);
    enum ctl_exit status = read_payload(c, c->words[1], &payload);
    if (status == CTL_OK) {
        buf_str_add(&body, "{\"topic\":");
        buf_json_str(&body, c->words[0], strlen(c->words[0]));
        buf_str_add(&body, ",\"payload\":");
        buf_json_str(&body, buf_str(&payload), payload.len);
        buf_char(&body, '}');
        struct buf path = client_path("/api/v1/explain");
        status = client_call(c, &path, &body, &a);
        if (status == CTL_OK) {
            status = print_verdict(c, &a);
            client_free(&a);
        }
    }
    buf_free(&payload);
    buf_free(&body);
    return status;
}
