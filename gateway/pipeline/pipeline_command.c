/*
 * Commands: what people ask of the pipeline. They pass through the intake journal like messages, so
 * that a replay does them again at the same place.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : "";
}

static ll_err do_alarm_ack(struct pipeline *p, struct json_object *o)
{
    struct json_object *id_value = NULL;
    if (!json_object_object_get_ex(o, "alarm", &id_value) ||
        !json_object_is_type(id_value, json_type_int)) {
        buf_str_add(&p->answer, "{\"error\":\"'alarm' must be an alarm's number\"}");
        return LL_EINVAL;
    }
    const uint64_t id = json_object_get_uint64(id_value);
    const ll_err err =
        alarms_ack(p->alarms, p->table, id, text_of(o, "by"), text_of(o, "note"), &p->cause);
    if (err == LL_ENOENT) {
        buf_printf(&p->answer, "{\"error\":\"no open alarm has the number %" PRIu64 "\"}", id);
    } else if (err == LL_ESTATE) {
        buf_printf(&p->answer, "{\"error\":\"alarm %" PRIu64 " is acknowledged already\"}", id);
    } else {
        buf_printf(&p->answer, "{\"acknowledged\":%" PRIu64 "}", id);
    }
    return err;
}

static ll_err do_registry_reload(struct pipeline *p, struct json_object *o)
{
    (void)o;
    const ll_err err = pipeline_reload(p);
    if (err != LL_OK) {
        buf_printf(&p->answer, "{\"error\":\"the registry could not be loaded: %s\"}",
                   ll_err_str(err));
        return err;
    }
    p->checkpoint_due = true; /* a replay from before would judge by the new registry */
    const struct registry *r = p->table->registry;
    buf_printf(&p->answer,
               "{\"assets\":%" PRIu32 ",\"devices\":%" PRIu32 ",\"series\":%" PRIu32 "}",
               registry_asset_count(r), registry_device_count(r), registry_series_count(r));
    return LL_OK;
}

static const struct {
    const char *name;
    ll_err (*run)(struct pipeline *p, struct json_object *o);
} commands[] = {
    {"alarm_ack", do_alarm_ack},
    {"registry_reload", do_registry_reload},
};

static ll_err run_command(struct pipeline *p, struct json_object *o)
{
    const char *name = text_of(o, "do");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(p, o);
        }
    }
    buf_str_add(&p->answer, "{\"error\":\"unknown command\"}");
    return LL_EINVAL;
}

void pipeline_take_command(struct pipeline *p, const struct journal_record *rec)
{
    buf_reset(&p->answer);
    ll_err err = LL_EFORMAT;
    struct json_tokener *tok = json_tokener_new_ex(LL_MAX_JSON_DEPTH);
    struct json_object *o =
        tok != NULL ? json_tokener_parse_ex(tok, rec->data, (int)rec->len) : NULL;
    if (o != NULL && json_object_is_type(o, json_type_object)) {
        err = run_command(p, o);
    } else {
        buf_str_add(&p->answer, "{\"error\":\"a command is a JSON object\"}");
    }
    json_object_put(o);
    if (tok != NULL) {
        json_tokener_free(tok);
    }
    waiters_answer(p->waiters, rec->seq, err, &p->answer);
}
