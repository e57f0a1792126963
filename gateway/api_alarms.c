/* Alarms and the audit log. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api_internal.h"
#include "gateway/base/num.h"

#define DEFAULT_ROWS 100

void api_get_alarms(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    uint64_t open;
    uint64_t limit;
    if (!api_query_number(req, ans, "open", 0, 1, &open) ||
        !api_query_number(req, ans, "limit", DEFAULT_ROWS, LL_MAX_ROWS, &limit)) {
        return;
    }
    pthread_mutex_lock(&api->reading.lock);
    const ll_err err = alarm_store_list(api->reading.alarms, open != 0,
                                        api_query_text(req, "asset"), (size_t)limit, &ans->body);
    pthread_mutex_unlock(&api->reading.lock);
    api_finish(ans, err);
}

static ll_err show(struct api *api, uint64_t id, struct buf *out)
{
    pthread_mutex_lock(&api->reading.lock);
    const ll_err err = alarm_store_show(api->reading.alarms, id, out);
    pthread_mutex_unlock(&api->reading.lock);
    return err;
}

static bool alarm_id(const struct console_request *req, struct console_answer *ans, uint64_t *out)
{
    /* SQLite's integers are signed. */
    if (num_parse_u64(console_param(req), out) && *out <= INT64_MAX) {
        return true;
    }
    console_error(ans, 400, "an alarm's id is a whole number, not '%s'", console_param(req));
    return false;
}

void api_get_alarm(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    uint64_t id;
    if (!alarm_id(req, ans, &id)) {
        return;
    }
    const ll_err err = show(api, id, &ans->body);
    if (err == LL_ENOENT) {
        console_error(ans, 404, "there is no alarm %llu", (unsigned long long)id);
    } else {
        api_finish(ans, err);
    }
}

/* The note in the body; "" where there is none. */
static bool read_note(const struct console_request *req, struct console_answer *ans,
                      char note[LL_MAX_NAME])
{
    size_t len;
    note[0] = '\0';
    console_body(req, &len);
    if (len == 0) {
        return true;
    }
    struct json_object *body = api_body(req, ans);
    if (body == NULL) {
        return false;
    }
    struct json_object *value = NULL;
    bool good = true;
    if (json_object_object_get_ex(body, "note", &value)) {
        const char *text = json_object_get_string(value);
        len = (size_t)json_object_get_string_len(value);
        good = json_object_is_type(value, json_type_string) && len < LL_MAX_NAME &&
               strlen(text) == len;
        if (good) {
            memcpy(note, text, len + 1);
        } else {
            console_error(ans, 400, "note must be text of at most %d bytes", LL_MAX_NAME - 1);
        }
    }
    json_object_put(body);
    return good;
}

static ll_err acknowledge(struct api *api, uint64_t id, const char *by, const char *note,
                          struct buf *answer)
{
    struct buf command;
    buf_init(&command, (size_t)LL_MAX_MESSAGE);
    buf_printf(&command, "{\"do\":\"alarm_ack\",\"alarm\":%llu,", (unsigned long long)id);
    api_write_text(&command, "by", by);
    buf_char(&command, ',');
    api_write_text(&command, "note", note);
    buf_char(&command, '}');
    const ll_err err = buf_ok(&command)
                           ? pipeline_command(api->pipeline, buf_str(&command), command.len, answer)
                           : LL_ENOMEM;
    buf_free(&command);
    return err;
}

void api_ack_alarm(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    char note[LL_MAX_NAME];
    char object[32];
    uint64_t id;
    if (!alarm_id(req, ans, &id) || !read_note(req, ans, note)) {
        return;
    }
    struct buf before;
    struct buf after;
    buf_init(&before, LL_MAX_HTTP_ANSWER);
    buf_init(&after, LL_MAX_HTTP_ANSWER);
    /* Only for the audit log: the pipeline knows best which alarms there are. */
    show(api, id, &before);
    const ll_err err = acknowledge(api, id, console_user(req), note, &ans->body);
    if (err == LL_OK) {
        show(api, id, &after);
        snprintf(object, sizeof object, "%llu", (unsigned long long)id);
        api_audit(api, req, "alarm_ack", object, buf_str(&before), buf_str(&after));
    } else {
        api_fail_with_words(ans, err);
    }
    buf_free(&before);
    buf_free(&after);
}

void api_get_audit(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    uint64_t limit;
    if (!api_query_number(req, ans, "limit", DEFAULT_ROWS, LL_MAX_ROWS, &limit)) {
        return;
    }
    pthread_mutex_lock(&api->reading.lock);
    const ll_err err = alarm_store_audit_list(api->reading.alarms, (size_t)limit, &ans->body);
    pthread_mutex_unlock(&api->reading.lock);
    api_finish(ans, err);
}
