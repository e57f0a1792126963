/* Assets, devices and profiles: three nouns, the same three verbs. And the types of fields. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api_internal.h"

struct noun {
    const char *name;
    const char *imported; /* the word in the audit log */
    ll_err (*import)(struct registry_db *db, const char *name, const char *text, size_t len,
                     struct diag *d, size_t *count);
    ll_err (*list)(struct registry_db *db, const char *filter, uint64_t offset, struct buf *out);
    ll_err (*show)(struct registry_db *db, const char *id, struct buf *out);
};

static const struct noun asset = {"asset", "asset_import", registry_import_assets,
                                  registry_list_assets, registry_show_asset};
static const struct noun device = {"device", "device_import", registry_import_devices,
                                   registry_list_devices, registry_show_device};
static const struct noun profile = {"profile", "profile_import", registry_import_profiles,
                                    registry_list_profiles, registry_show_profile};

static const struct noun field = {.name = "field", .list = registry_list_fields};

static void list(struct api *api, const struct noun *noun, const struct console_request *req,
                 struct console_answer *ans)
{
    uint64_t offset;
    if (!api_query_number(req, ans, "offset", 0, UINT32_MAX, &offset)) {
        return;
    }
    pthread_mutex_lock(&api->reading.lock);
    const ll_err err =
        noun->list(api->reading.registry, api_query_text(req, "filter"), offset, &ans->body);
    pthread_mutex_unlock(&api->reading.lock);
    api_finish(ans, err);
}

static void show(struct api *api, const struct noun *noun, const struct console_request *req,
                 struct console_answer *ans)
{
    pthread_mutex_lock(&api->reading.lock);
    const ll_err err = noun->show(api->reading.registry, console_param(req), &ans->body);
    pthread_mutex_unlock(&api->reading.lock);
    if (err == LL_ENOENT) {
        console_error(ans, 404, "there is no %s '%s'", noun->name, console_param(req));
    } else {
        api_finish(ans, err);
    }
}

static void answer_faults(struct console_answer *ans, const char *name, const struct diag *d)
{
    struct buf *out = &ans->body;
    char error[LL_MAX_PATH + LL_MAX_NAME];
    snprintf(error, sizeof error, "nothing was imported: %s has %zu fault%s", name, d->count,
             d->count == 1 ? "" : "s");
    ans->status = 422;
    buf_reset(out);
    buf_char(out, '{');
    api_write_text(out, "error", error);
    buf_str_add(out, ",\"faults\":[");
    for (size_t i = 0; i < diag_kept(d); i++) {
        buf_str_add(out, i > 0 ? "," : "");
        buf_json_str(out, d->text[i], strlen(d->text[i]));
    }
    buf_printf(out, "],\"total\":%zu}", d->count);
}

/* The new rows stand in the database; now the pipeline must take them into use. */
static ll_err reload(struct api *api)
{
    static const char command[] = "{\"do\":\"registry_reload\"}";
    struct buf answer;
    buf_init(&answer, (size_t)LL_MAX_MESSAGE);
    const ll_err err = pipeline_command(api->pipeline, command, sizeof command - 1, &answer);
    buf_free(&answer);
    return err;
}

static void import(struct api *api, const struct noun *noun, const struct console_request *req,
                   struct console_answer *ans)
{
    const char *name = api_query_text(req, "name");
    name = name[0] != '\0' ? name : "body";
    if (strlen(name) >= LL_MAX_PATH) {
        console_error(ans, 400, "name is longer than %d bytes", LL_MAX_PATH - 1);
        return;
    }
    struct diag faults = {0};
    size_t count = 0;
    size_t len;
    const char *text = console_body(req, &len);
    pthread_mutex_lock(&api->writing.lock);
    ll_err err = noun->import(api->writing.registry, name, text, len, &faults, &count);
    pthread_mutex_unlock(&api->writing.lock);
    if (err != LL_OK) {
        if (faults.count > 0) {
            answer_faults(ans, name, &faults);
        } else {
            api_fail(ans, err);
        }
        return;
    }
    buf_printf(&ans->body, "{\"imported\":%zu}", count);
    api_audit(api, req, noun->imported, name, "", buf_str(&ans->body));
    err = reload(api);
    if (err != LL_OK) {
        api_fail(ans, err); /* for its status */
        console_error(ans, ans->status, "%zu rows were imported, but are not in use yet: %s", count,
                      ll_err_str(err));
    }
}

void api_get_assets(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    list(ctx, &asset, req, ans);
}

void api_get_asset(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    show(ctx, &asset, req, ans);
}

void api_import_assets(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    import(ctx, &asset, req, ans);
}

void api_get_devices(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    list(ctx, &device, req, ans);
}

void api_get_device(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    show(ctx, &device, req, ans);
}

void api_import_devices(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    import(ctx, &device, req, ans);
}

void api_get_profiles(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    list(ctx, &profile, req, ans);
}

void api_get_profile(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    show(ctx, &profile, req, ans);
}

void api_import_profiles(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    import(ctx, &profile, req, ans);
}

void api_get_fields(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    list(ctx, &field, req, ans);
}

/* A member that is a text; NULL where it is not there or no text for a name. */
static const char *name_of(struct json_object *body, const char *key)
{
    struct json_object *value = json_object_object_get(body, key);
    const char *text = json_object_get_string(value);
    const bool good = json_object_is_type(value, json_type_string) && text[0] != '\0' &&
                      strlen(text) == (size_t)json_object_get_string_len(value);
    return good ? text : NULL;
}

static void release(struct api *api, const struct console_request *req, struct console_answer *ans,
                    const char *measurement, const char *name)
{
    struct buf before;
    size_t count = 0;
    buf_init(&before, LL_MAX_HTTP_ANSWER);
    pthread_mutex_lock(&api->writing.lock);
    const ll_err err =
        registry_release_fields(api->writing.registry, measurement, name, &count, &before);
    pthread_mutex_unlock(&api->writing.lock);
    if (err == LL_ENOENT) {
        console_error(ans, 404, "no field%s%s of '%s' is pinned", name != NULL ? " " : "",
                      name != NULL ? name : "", measurement);
    } else if (err != LL_OK) {
        api_fail(ans, err);
    } else {
        buf_printf(&ans->body, "{\"released\":%zu}", count);
        api_audit(api, req, "field_release", measurement, buf_str(&before), buf_str(&ans->body));
    }
    buf_free(&before);
}

void api_release_fields(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct json_object *body = api_body(req, ans);
    if (body == NULL) {
        return;
    }
    const char *measurement = name_of(body, "measurement");
    const char *name = name_of(body, "field");
    /* What is no name must not stand for all of them. */
    if (measurement == NULL || (name == NULL && json_object_object_get_ex(body, "field", NULL))) {
        console_error(ans, 400, "the body must be {\"measurement\":\"...\",\"field\":\"...\"}");
    } else {
        release(ctx, req, ans, measurement, name);
    }
    json_object_put(body);
}
