/*
 * pipeline_explain: what would become of a message, by the pipeline's own judge and line writer,
 * with nothing stored and nothing counted.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/export/line.h"
#include "gateway/pipeline/pipeline_state.h"

#define MAX_EXPLAINED_LINES (1024 * 1024)

static void write_refusal(enum reason reason, const char *detail, struct buf *out)
{
    const struct reason_info *info = reason_info(reason);
    buf_printf(out, "\"reason\":\"%s\",\"text\":", info->key);
    buf_json_str(out, info->text, strlen(info->text));
    buf_str_add(out, ",\"detail\":");
    buf_json_str(out, detail, strlen(detail));
}

/* The refused values as they are met; returns how many readings are good. */
static size_t explain_values(const struct judge *j, const struct device *device,
                             const struct uplink *u, int64_t now_ms, struct reading *readings,
                             struct buf *out)
{
    size_t good = 0;
    size_t refused = 0;
    for (size_t i = 0; i < u->count; i++) {
        const struct uplink_value *v = &u->values[i];
        enum reason reason = REASON_NONE;
        const enum value_verdict verdict =
            judge_value(j, device, v, now_ms, &readings[good], &reason);
        if (verdict == VALUE_GOOD) {
            good++;
            continue;
        }
        buf_str_add(out, refused++ > 0 ? ",{\"channel\":" : "{\"channel\":");
        buf_json_str(out, v->channel, v->channel_len);
        if (verdict == VALUE_LATE) {
            buf_str_add(out,
                        ",\"reason\":\"late\",\"text\":\"the reading is older than its profile "
                        "accepts\",\"detail\":\"\"");
        } else {
            buf_char(out, ',');
            write_refusal(reason, "", out);
        }
        buf_char(out, '}');
    }
    return good;
}

static ll_err explain_message(struct judge *j, const struct registry *registry,
                              const struct intake_message *m, struct reading *readings,
                              struct buf *out)
{
    struct uplink uplink;
    const struct device *device = NULL;
    const enum reason reason = judge_message(j, registry, m, &uplink, &device);
    if (reason != REASON_NONE) {
        buf_str_add(out, "{\"accepted\":false,");
        write_refusal(reason, judge_detail(j), out);
        buf_str_add(out, ",\"lines\":\"\",\"refused\":[]}");
        return LL_OK;
    }
    struct buf lines;
    buf_init(&lines, MAX_EXPLAINED_LINES);
    buf_str_add(out, "{\"refused\":[");
    const size_t good = explain_values(j, device, &uplink, clock_wall().ms, readings, out);
    line_readings(readings, good, &lines);
    buf_printf(out, "],\"accepted\":%s,\"lines\":", good > 0 ? "true" : "false");
    buf_json_str(out, buf_str(&lines), lines.len);
    buf_char(out, '}');
    const ll_err err = buf_ok(&lines) ? LL_OK : LL_ELIMIT;
    buf_free(&lines);
    return err;
}

ll_err pipeline_explain(struct pipeline *p, const char *topic, const char *payload, size_t len,
                        struct buf *out)
{
    const struct intake_message m = {
        .topic = topic,
        .topic_len = strlen(topic),
        .payload = payload,
        .payload_len = len,
        .flags = len > (size_t)p->parts.conf->max_message_bytes ? INTAKE_OVERSIZED : 0,
    };
    struct judge *judge = NULL;
    struct reading *readings = calloc(LL_MAX_READINGS_PER_MESSAGE, sizeof *readings);
    ll_err err = readings != NULL ? judge_new(p->parts.conf, &judge) : LL_ENOMEM;
    if (err == LL_OK) {
        struct registry *registry = pipeline_registry(p);
        err = explain_message(judge, registry, &m, readings, out);
        registry_unref(registry);
        judge_free(judge);
    }
    free(readings);
    return err == LL_OK && !buf_ok(out) ? LL_ELIMIT : err;
}
