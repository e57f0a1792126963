#include "gateway/api.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api_internal.h"
#include "gateway/base/log.h"
#include "gateway/base/num.h"
#include "gateway/model/counters.h"

#define DEFAULT_ROWS 100

ll_err api_db_open(const char *path, struct api_db *out)
{
    struct api_db db = {.registry = NULL};
    ll_err err = registry_db_open(path, &db.registry);
    if (err == LL_OK) {
        err = alarm_store_open(path, &db.alarms);
    }
    if (err != LL_OK) {
        registry_db_close(db.registry);
        return err;
    }
    *out = db;
    pthread_mutex_init(&out->lock, NULL);
    return LL_OK;
}

void api_db_close(struct api_db *db)
{
    if (db->registry != NULL) {
        pthread_mutex_destroy(&db->lock);
        registry_db_close(db->registry);
        alarm_store_close(db->alarms);
    }
}

/* --- what the handlers share ----------------------------------------------------------------- */

static int http_status(ll_err err)
{
    static const struct {
        ll_err err;
        int status;
    } table[] = {
        {LL_ENOENT, 404}, {LL_EINVAL, 400}, {LL_EFORMAT, 400}, {LL_ERANGE, 400},
        {LL_ESTATE, 409}, {LL_EBUSY, 503},  {LL_ENOSPC, 507},  {LL_ETIMEOUT, 504},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].err == err) {
            return table[i].status;
        }
    }
    return 500;
}

void api_fail(struct console_answer *ans, ll_err err)
{
    console_error(ans, http_status(err), "%s", ll_err_str(err));
}

void api_fail_with_words(struct console_answer *ans, ll_err err)
{
    if (ans->body.len > 0 && buf_ok(&ans->body)) {
        ans->status = http_status(err);
    } else {
        api_fail(ans, err);
    }
}

void api_finish(struct console_answer *ans, ll_err err)
{
    if (err != LL_OK) {
        api_fail(ans, err);
    }
}

bool api_query_number(const struct console_request *req, struct console_answer *ans,
                      const char *key, uint64_t fallback, uint64_t most, uint64_t *out)
{
    const char *text = console_query(req, key);
    uint64_t value = fallback;
    if (text != NULL && (!num_parse_u64(text, &value) || value > most)) {
        console_error(ans, 400, "%s must be a whole number from 0 to %llu", key,
                      (unsigned long long)most);
        return false;
    }
    *out = value;
    return true;
}

const char *api_query_text(const struct console_request *req, const char *key)
{
    const char *text = console_query(req, key);
    return text != NULL ? text : "";
}

struct json_object *api_body(const struct console_request *req, struct console_answer *ans)
{
    size_t len;
    const char *text = console_body(req, &len);
    struct json_object *root = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(LL_MAX_JSON_DEPTH);
    if (tokener == NULL) {
        api_fail(ans, LL_ENOMEM);
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    root = json_tokener_parse_ex(tokener, text, (int)len);
    json_tokener_free(tokener);
    if (!json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        console_error(ans, 400, "the body must be a JSON object");
        return NULL;
    }
    return root;
}

void api_write_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    buf_json_str(out, text, strlen(text));
}

void api_audit(struct api *api, const struct console_request *req, const char *what,
               const char *object, const char *before, const char *after)
{
    const char *who = console_user(req);
    pthread_mutex_lock(&api->writing.lock);
    const ll_err err =
        alarm_store_audit(api->writing.alarms, clock_wall().ms, who, what, object, before, after);
    pthread_mutex_unlock(&api->writing.lock);
    if (err != LL_OK) {
        log_error("api", "audit_failed", "who=%s what=%s object=%s reason=\"%s\"", who, what,
                  object, ll_err_str(err));
    }
}

/* --- handlers that have no file of their own ------------------------------------------------- */

static void get_health(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    (void)req;
    ans->content_type = "text/plain; charset=utf-8";
    buf_str_add(&ans->body, "ok\n");
}

static void get_index(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    (void)req;
    buf_str_add(&ans->body, "{\"routes\":[");
    for (size_t i = 0; i < api_route_count; i++) {
        const struct console_route *r = &api_routes[i];
        buf_str_add(&ans->body, i > 0 ? ",{" : "{");
        api_write_text(&ans->body, "method", r->method);
        buf_char(&ans->body, ',');
        api_write_text(&ans->body, "path", r->pattern);
        buf_char(&ans->body, ',');
        api_write_text(&ans->body, "help", r->help);
        buf_printf(&ans->body, ",\"public\":%s}", r->is_public ? "true" : "false");
    }
    buf_str_add(&ans->body, "]}");
}

struct wall_ms api_started(const struct api *api)
{
    return (struct wall_ms){clock_wall().ms - mono_elapsed_ms(api->started, clock_mono())};
}

static void write_mqtt(struct api *api, struct buf *out)
{
    struct ingest_status s;
    ingest_status(api->ingest, &s);
    buf_printf(out, "\"mqtt\":{\"connected\":%s,\"holding\":%s,\"mqtt_version\":%d,",
               s.connected ? "true" : "false", s.holding ? "true" : "false", s.mqtt_version);
    api_write_text(out, "uri", s.uri);
    buf_printf(out, ",\"since\":%lld,", (long long)s.since.ms);
    api_write_text(out, "last_error", s.last_error);
    buf_printf(out, ",\"retry_in_ms\":%lld}", (long long)s.retry_in_ms);
}

static void write_alarms_mqtt(struct api *api, struct buf *out)
{
    if (api->publisher == NULL) {
        buf_str_add(out, "\"alarms_mqtt\":null");
        return;
    }
    struct publisher_status s;
    publisher_status(api->publisher, &s);
    buf_printf(out, "\"alarms_mqtt\":{\"connected\":%s,\"up_to_date\":%s,",
               s.connected ? "true" : "false", s.up_to_date ? "true" : "false");
    api_write_text(out, "uri", s.uri);
    buf_char(out, ',');
    api_write_text(out, "last_error", s.last_error);
    buf_printf(out, ",\"published\":%llu,\"cleared\":%llu,\"waiting\":%llu,\"failed\":%llu}",
               (unsigned long long)counter_get(COUNTER_ALARMS_MQTT_PUBLISHED),
               (unsigned long long)counter_get(COUNTER_ALARMS_MQTT_CLEARED),
               (unsigned long long)s.waiting,
               (unsigned long long)counter_get(COUNTER_ALARMS_MQTT_FAILED));
}

static void write_intake(struct api *api, struct buf *out)
{
    const struct journal_stats s = journal_stats(api->intake);
    buf_printf(out,
               "\"intake\":{\"first_seq\":%llu,\"next_seq\":%llu,\"bytes\":%llu,\"damaged\":%llu}",
               (unsigned long long)s.first_seq, (unsigned long long)s.next_seq,
               (unsigned long long)s.bytes, (unsigned long long)s.damaged);
}

static void write_registry(struct api *api, struct buf *out)
{
    struct registry *r = pipeline_registry(api->pipeline);
    buf_printf(out, "\"registry\":{\"assets\":%u,\"devices\":%u,\"profiles\":%u,\"series\":%u}",
               registry_asset_count(r), registry_device_count(r), registry_profile_count(r),
               registry_series_count(r));
    registry_unref(r);
}

static void get_status(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)req;
    struct api *api = ctx;
    struct buf *out = &ans->body;
    struct api_books books;
    api_books(api, &books);

    buf_char(out, '{');
    api_write_text(out, "gateway", api->conf->gateway_id);
    buf_char(out, ',');
    api_write_text(out, "version", LL_VERSION);
    buf_printf(out, ",\"started\":%lld,\"now\":%lld,\"time_known\":%s,",
               (long long)api_started(api).ms, (long long)clock_wall().ms,
               pipeline_time_known(api->pipeline) ? "true" : "false");
    write_mqtt(api, out);
    buf_char(out, ',');
    write_alarms_mqtt(api, out);
    buf_char(out, ',');
    write_intake(api, out);
    buf_char(out, ',');
    api_write_destinations(&books, out);
    buf_char(out, ',');
    write_registry(api, out);
    buf_printf(out, ",\"alarms_open\":%u,\"http_port\":%u}", pipeline_open_alarms(api->pipeline),
               api->http_port);
}

static void get_readings(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    uint64_t after;
    uint64_t limit;
    if (api_query_number(req, ans, "after", UINT64_MAX, UINT64_MAX, &after) &&
        api_query_number(req, ans, "limit", DEFAULT_ROWS, LL_MAX_ROWS, &limit)) {
        api_finish(ans, pipeline_recent(api->pipeline, after, api_query_text(req, "device"),
                                        (size_t)limit, &ans->body));
    }
}

static void post_explain(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    struct json_object *body = api_body(req, ans);
    if (body == NULL) {
        return;
    }
    struct json_object *topic = json_object_object_get(body, "topic");
    struct json_object *payload = json_object_object_get(body, "payload");
    const char *name = json_object_get_string(topic);
    if (!json_object_is_type(topic, json_type_string) ||
        !json_object_is_type(payload, json_type_string) ||
        strlen(name) != (size_t)json_object_get_string_len(topic)) {
        console_error(ans, 400, "the body must be {\"topic\":\"...\",\"payload\":\"...\"}");
    } else {
        api_finish(ans, pipeline_explain(api->pipeline, name, json_object_get_string(payload),
                                         (size_t)json_object_get_string_len(payload), &ans->body));
    }
    json_object_put(body);
}

static void get_quarantine(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    struct api *api = ctx;
    uint64_t limit;
    if (api_query_number(req, ans, "limit", DEFAULT_ROWS, LL_MAX_ROWS, &limit)) {
        api_finish(ans, quarantine_list(api->quarantine, (size_t)limit, &ans->body));
    }
}

/* --- the table ------------------------------------------------------------------------------- */

const struct console_route api_routes[] = {
    {"GET", "/health", get_health, true, "ok while the gateway runs"},
    {"GET", "/metrics", api_get_metrics, true, "all counters, in Prometheus' text format"},
    {"GET", "/api/v1", get_index, false, "this list"},
    {"GET", "/api/v1/status", get_status, false,
     "connections, logs, destinations, registry, open alarms"},
    {"GET", "/api/v1/ledger", api_get_ledger, false,
     "where every message and every reading ended; ?device=ID ?source=FILTER"},
    {"GET", "/api/v1/alarms", api_get_alarms, false,
     "alarms, newest first; ?open=1 ?asset=ID ?limit=N"},
    {"GET", "/api/v1/alarms/{id}", api_get_alarm, false, "one alarm with its transitions"},
    {"POST", "/api/v1/alarms/{id}/ack", api_ack_alarm, false,
     "acknowledges it; body {\"note\":\"...\"} or none"},
    {"GET", "/api/v1/readings", get_readings, false,
     "recent readings, oldest first; ?after=N ?device=ID ?limit=N"},
    {"POST", "/api/v1/explain", post_explain, false,
     "what would become of a message; body {\"topic\":\"...\",\"payload\":\"...\"}"},
    {"GET", "/api/v1/assets", api_get_assets, false, "assets; ?filter=PART ?offset=N"},
    {"POST", "/api/v1/assets", api_import_assets, false, "imports CSV or JSON; ?name=FILE"},
    {"GET", "/api/v1/assets/{id}", api_get_asset, false, "one asset"},
    {"GET", "/api/v1/devices", api_get_devices, false, "devices; ?filter=PART ?offset=N"},
    {"POST", "/api/v1/devices", api_import_devices, false, "imports CSV or JSON; ?name=FILE"},
    {"GET", "/api/v1/devices/{id}", api_get_device, false, "one device with its channels"},
    {"GET", "/api/v1/profiles", api_get_profiles, false, "profiles; ?filter=PART ?offset=N"},
    {"POST", "/api/v1/profiles", api_import_profiles, false, "imports JSON; ?name=FILE"},
    {"GET", "/api/v1/profiles/{id}", api_get_profile, false, "one profile"},
    {"GET", "/api/v1/fields", api_get_fields, false,
     "field types as they are pinned; ?filter=PART ?offset=N"},
    {"POST", "/api/v1/fields/release", api_release_fields, false,
     "forgets them; body {\"measurement\":\"...\",\"field\":\"...\"}, without a field all"},
    {"GET", "/api/v1/quarantine", get_quarantine, false,
     "originals of what was refused, newest first; ?limit=N"},
    {"GET", "/api/v1/audit", api_get_audit, false, "who did what, newest first; ?limit=N"},
};
const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];
