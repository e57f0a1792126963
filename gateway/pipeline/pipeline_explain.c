/*
 * pipeline_explain: what would become of a message, by the pipeline's own judge and line writer,
 * with nothing stored and nothing counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/diag.h"
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

/* The name that was probably meant, behind the words of an unknown channel. */
static void suggest_channel(const struct profile *p, const struct uplink_value *v, char *words)
{
    char name[LL_MAX_CHANNEL];
    const char *names[LL_MAX_CHANNELS];
    for (size_t i = 0; i < p->channel_count; i++) {
        names[i] = p->channels[i].name;
    }
    snprintf(name, sizeof name, "%.*s", (int)(v->channel_len < sizeof name ? v->channel_len : 0),
             v->channel);
    const char *near = diag_nearest(name, names, p->channel_count);
    if (near != NULL) {
        const size_t len = strlen(words);
        snprintf(words + len, LL_DIAG_TEXT - len, "; did you mean '%s'?", near);
    }
}

static void explain_refusal(const struct judge *j, const struct device *device,
                            const struct uplink_value *v, enum reason reason, struct buf *out)
{
    char words[LL_DIAG_TEXT];
    judge_value_words(j, device, v, reason, words);
    buf_str_add(out, "{\"channel\":");
    buf_json_str(out, v->channel, v->channel_len);
    if (reason == REASON_NONE) {
        buf_str_add(out, ",\"reason\":\"late\",\"text\":\"the reading is older than its profile "
                         "accepts\",\"detail\":");
        buf_json_str(out, words, strlen(words));
    } else {
        if (reason == REASON_UNKNOWN_CHANNEL) {
            suggest_channel(device->profile, v, words);
        }
        buf_char(out, ',');
        write_refusal(reason, words, out);
    }
    buf_char(out, '}');
}

/* The refused values as they are met; returns how many readings are good. */
static size_t explain_values(const struct judge *j, const struct device *device, struct uplink *u,
                             int64_t now_ms, struct reading *readings, struct buf *out)
{
    size_t good = 0;
    const uint32_t marks = judge_times(j, device, u, now_ms) ? READING_TIME_CORRECTED : 0;
    for (size_t i = 0; i < u->count; i++) {
        enum reason reason = REASON_NONE;
        if (judge_value(j, device, &u->values[i], now_ms, &readings[good], &reason) == VALUE_GOOD) {
            readings[good].flags |= u->values[i].has_ts ? marks : 0;
            good++;
        } else {
            if (i > good) { /* not the first one that is not good */
                buf_char(out, ',');
            }
            explain_refusal(j, device, &u->values[i], reason, out);
        }
    }
    return good;
}

static ll_err explain_message(struct judge *j, const struct registry *registry,
                              const struct intake_message *m, struct reading *readings,
                              struct buf *out)
{
    struct uplink uplink;
    const struct device *device = NULL;
    const enum reason reason = judge_message(j, registry, m, judge_source(j, m), &uplink, &device);
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
    const ll_err err = buf_err(&lines);
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
    return err == LL_OK ? buf_err(out) : err;
}
