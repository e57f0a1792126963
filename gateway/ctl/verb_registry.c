/* lifelinectl asset|device|profile import|list|show, field list|release */
#include <json-c/json.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/render.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct noun {
    const char *path;
    const char *plural;
    const char *const *keys; /* the columns of a list */
    size_t key_count;
};

static const char *const asset_keys[] = {"id",        "kind",     "name",       "district",
                                         "installed", "material", "criticality"};
static const char *const device_keys[] = {"id", "profile", "asset", "kind", "district"};
static const char *const profile_keys[] = {"profile", "kind",     "channels",
                                           "devices", "title_en", "title_zh"};

static const char *const field_keys[] = {"measurement", "field", "type", "since_ms", "profile"};

static const struct noun assets = {"/api/v1/assets", "assets", asset_keys, COUNT(asset_keys)};
static const struct noun devices = {"/api/v1/devices", "devices", device_keys, COUNT(device_keys)};
static const struct noun profiles = {"/api/v1/profiles", "profiles", profile_keys,
                                     COUNT(profile_keys)};

static const struct noun fields = {"/api/v1/fields", "fields", field_keys, COUNT(field_keys)};

static void print_count(const struct ctl *c, const struct noun *noun, const char *done,
                        const struct client_answer *a)
{
    if (c->json) {
        fprintf(c->out, "%s\n", buf_str(&a->text));
    } else {
        fprintf(c->out, "%s %s: %lld\n", noun->plural, done, (long long)member_int(a->root, done));
    }
}

static enum ctl_exit import(struct ctl *c, const struct noun *noun)
{
    const char *file = c->words[0];
    struct client_answer a;
    struct buf text;
    enum ctl_exit status;
    buf_init(&text, LL_MAX_HTTP_BODY);
    const ll_err err = fs_read_file(file, &text);
    if (err != LL_OK) {
        status = ctl_fail(c, CTL_USAGE, "cannot read %s: %s", file, ll_err_str(err));
        goto done;
    }
    struct buf path = client_path(noun->path);
    buf_str_add(&path, "?name=");
    client_escape(&path, file);
    status = client_call(c, &path, &text, &a);
    if (status != CTL_OK) {
        goto done;
    }
    print_count(c, noun, "imported", &a);
    client_free(&a);

done:
    buf_free(&text);
    return status;
}

static enum ctl_exit list(struct ctl *c, const struct noun *noun)
{
    struct client_answer a;
    struct buf path = client_path(noun->path);
    bool done;
    buf_str_add(&path, "?filter=");
    client_escape(&path, c->word_count > 0 ? c->words[0] : "");
    const enum ctl_exit status = client_get(c, &path, &a, &done);
    if (done) {
        return status;
    }
    size_t count;
    struct json_object *items = member_array(a.root, "items", &count);
    const int64_t total = member_int(a.root, "total");
    if (count > 0) {
        render_rows(items, noun->keys, noun->key_count, 0, c->out);
    }
    fprintf(c->out, "%zu of %lld %s shown\n", count, (long long)total, noun->plural);
    client_free(&a);
    return CTL_OK;
}

static void take_detectors(struct json_object *channel, struct json_object *all)
{
    size_t count;
    struct json_object *own = member_array(channel, "detectors", &count);
    for (size_t i = 0; i < count; i++) {
        struct json_object *detector = json_object_array_get_idx(own, i);
        if (json_object_is_type(detector, json_type_object)) {
            struct json_object *row = json_object_new_object();
            json_object_object_add(row, "channel",
                                   json_object_new_string(member_text(channel, "channel")));
            json_object_object_foreach(detector, key, value)
            {
                json_object_object_add(row, key, json_object_get(value));
            }
            json_object_array_add(all, row);
        }
    }
    if (own != NULL) {
        json_object_object_del(channel, "detectors");
    }
}

/* A profile's detectors stand inside its channels; here they become a table of their own. */
static void gather_detectors(struct json_object *profile)
{
    struct json_object *all = json_object_new_array();
    size_t count;
    struct json_object *channels = member_array(profile, "channels", &count);
    for (size_t i = 0; i < count; i++) {
        take_detectors(json_object_array_get_idx(channels, i), all);
    }
    if (json_object_array_length(all) > 0) {
        json_object_object_add(profile, "detectors", all);
    } else {
        json_object_put(all);
    }
}

static enum ctl_exit show(struct ctl *c, const struct noun *noun)
{
    struct client_answer a;
    struct buf path = client_path(noun->path);
    bool done;
    buf_char(&path, '/');
    client_escape(&path, c->words[0]);
    const enum ctl_exit status = client_get(c, &path, &a, &done);
    if (!done) {
        if (noun == &profiles) {
            gather_detectors(a.root);
        }
        render_object(a.root, 0, c->out);
        client_free(&a);
    }
    return status;
}

enum ctl_exit ctl_assets_import(struct ctl *c)
{
    return import(c, &assets);
}

enum ctl_exit ctl_assets_list(struct ctl *c)
{
    return list(c, &assets);
}

enum ctl_exit ctl_assets_show(struct ctl *c)
{
    return show(c, &assets);
}

enum ctl_exit ctl_devices_import(struct ctl *c)
{
    return import(c, &devices);
}

enum ctl_exit ctl_devices_list(struct ctl *c)
{
    return list(c, &devices);
}

enum ctl_exit ctl_devices_show(struct ctl *c)
{
    return show(c, &devices);
}

enum ctl_exit ctl_profiles_import(struct ctl *c)
{
    return import(c, &profiles);
}

enum ctl_exit ctl_profiles_list(struct ctl *c)
{
    return list(c, &profiles);
}

enum ctl_exit ctl_profiles_show(struct ctl *c)
{
    return show(c, &profiles);
}

enum ctl_exit ctl_fields_list(struct ctl *c)
{
    return list(c, &fields);
}

enum ctl_exit ctl_fields_release(struct ctl *c)
{
    struct client_answer a;
    struct buf body;
    struct buf path = client_path("/api/v1/fields/release");
    buf_init(&body, LL_MAX_HTTP_BODY);
    buf_str_add(&body, "{\"measurement\":");
    buf_json_str(&body, c->words[0], strlen(c->words[0]));
    if (c->word_count > 1) {
        buf_str_add(&body, ",\"field\":");
        buf_json_str(&body, c->words[1], strlen(c->words[1]));
    }
    buf_char(&body, '}');
    const enum ctl_exit status = client_call(c, &path, &body, &a);
    if (status == CTL_OK) {
        print_count(c, &fields, "released", &a);
        client_free(&a);
    }
    buf_free(&body);
    return status;
}
