#include "gateway/pipeline/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/num.h"

struct judge {
    const struct conf *conf;
    const struct decode_format *formats[LL_MAX_TOPICS]; /* of conf->topics */
    struct decoder *decoder;
    char detail[LL_DIAG_TEXT];
};

ll_err judge_new(const struct conf *conf, struct judge **out)
{
    struct judge *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return LL_ENOMEM;
    }
    j->conf = conf;
    ll_err err = decoder_new(&j->decoder);
    for (size_t i = 0; err == LL_OK && i < conf->topic_count; i++) {
        j->formats[i] = decode_format_find(conf->topics[i].format);
        if (j->formats[i] == NULL) {
            err = LL_EINVAL;
        }
    }
    if (err != LL_OK) {
        judge_free(j);
        return err;
    }
    *out = j;
    return LL_OK;
}

void judge_free(struct judge *j)
{
    if (j != NULL) {
        decoder_free(j->decoder);
        free(j);
    }
}

bool judge_formats_known(const struct conf *conf, const char *file, struct diag *d)
{
    bool known = true;
    for (size_t i = 0; i < conf->topic_count; i++) {
        if (decode_format_find(conf->topics[i].format) == NULL) {
            diag_add(d, file, 0,
                     "key 'mqtt.topics[%zu].format': unknown payload format \"%s\"; known: %s", i,
                     conf->topics[i].format, decode_format_names());
            known = false;
        }
    }
    return known;
}

const char *judge_detail(const struct judge *j)
{
    return j->detail;
}

size_t judge_source(const struct judge *j, const struct intake_message *m)
{
    for (size_t i = 0; i < j->conf->topic_count; i++) {
        if (conf_topic_matches(j->conf->topics[i].filter, m->topic, m->topic_len)) {
            return SOURCE_TOPICS + i;
        }
    }
    return SOURCE_NONE;
}

static enum reason decode_and_resolve(struct judge *j, const struct registry *registry,
                                      const struct decode_format *format,
                                      const struct intake_message *m, struct uplink *uplink,
                                      const struct device **device)
{
    const enum reason reason =
        decode(j->decoder, format, m->topic, m->topic_len, m->payload, m->payload_len, uplink);
    if (reason != REASON_NONE) {
        snprintf(j->detail, sizeof j->detail, "%s", decoder_detail(j->decoder));
        return reason;
    }
    *device = registry_device(registry, uplink->device, uplink->device_len);
    if (*device == NULL) {
        snprintf(j->detail, sizeof j->detail, "device '%.*s' is not registered",
                 (int)(uplink->device_len < LL_MAX_ID ? uplink->device_len : LL_MAX_ID),
                 uplink->device);
        return REASON_UNKNOWN_DEVICE;
    }
    return REASON_NONE;
}

enum reason judge_message(struct judge *j, const struct registry *registry,
                          const struct intake_message *m, size_t source, struct uplink *uplink,
                          const struct device **device)
{
    j->detail[0] = '\0';
    if ((m->flags & INTAKE_OVERSIZED) != 0) {
        snprintf(j->detail, sizeof j->detail, "more than %lld bytes",
                 (long long)j->conf->max_message_bytes);
        return REASON_OVERSIZED;
    }
    if (source < SOURCE_TOPICS) {
        return REASON_UNKNOWN_TOPIC;
    }
    return decode_and_resolve(j, registry, j->formats[source - SOURCE_TOPICS], m, uplink, device);
}

enum reason judge_own_message(struct judge *j, const struct registry *registry,
                              const struct intake_message *m, struct uplink *uplink,
                              const struct device **device)
{
    j->detail[0] = '\0';
    return decode_and_resolve(j, registry, decode_format_find("native"), m, uplink, device);
}

bool judge_times(const struct judge *j, const struct device *device, struct uplink *u,
                 int64_t receive_ms)
{
    const int64_t newest_ms = uplink_newest_ms(u);
    const int64_t shift_ms = device_clock_shift(device->profile, newest_ms, receive_ms,
                                                j->conf->max_ahead_s * LL_MS_PER_S);
    for (size_t i = 0; shift_ms != 0 && i < u->count; i++) {
        u->values[i].ts_ms = device_clock_apply(u->values[i].ts_ms, shift_ms);
    }
    return shift_ms != 0;
}

enum reason judge_measurement(const struct device *device, const struct uplink_value *v,
                              struct reading *out)
{
    const int channel = profile_channel(device->profile, v->channel, v->channel_len);
    if (channel < 0) {
        return REASON_UNKNOWN_CHANNEL;
    }
    struct reading r = {.device = device, .channel = (size_t)channel};
    const enum reason reason = validate_value(v, &device->profile->channels[channel], &r.value);
    if (reason == REASON_NONE) {
        *out = r;
    }
    return reason;
}

enum value_verdict judge_value(const struct judge *j, const struct device *device,
                               const struct uplink_value *v, int64_t receive_ms,
                               struct reading *out, enum reason *reason)
{
    struct reading r;
    *reason = judge_measurement(device, v, &r);
    if (*reason != REASON_NONE) {
        return VALUE_REFUSED;
    }
    const enum time_verdict t =
        validate_time(v, receive_ms, j->conf->max_ahead_s * LL_MS_PER_S,
                      device->profile->late_limit_s * LL_MS_PER_S, &r.ts_ms, &r.flags, reason);
    if (t == TIME_REFUSED) {
        return VALUE_REFUSED;
    }
    if (receive_ms - r.ts_ms > device->profile->late_after_s * LL_MS_PER_S) {
        r.flags |= READING_LATE;
    }
    *out = r;
    return t == TIME_LATE ? VALUE_LATE : VALUE_GOOD;
}

/* A unit as the device wrote it: foreign bytes, of which a few are shown. */
#define SHOWN_UNIT 16

static void range_words(const struct uplink_value *v, const struct channel_spec *c, char *out)
{
    char value[LL_NUM_TEXT];
    char min[LL_NUM_TEXT];
    char max[LL_NUM_TEXT];
    num_format(v->value, value);
    num_format(c->min, min);
    num_format(c->max, max);
    const bool own = v->unit != NULL;
    const size_t len = own ? v->unit_len : strlen(c->unit->symbol);
    snprintf(out, LL_DIAG_TEXT, "%s %.*s is outside the plausible %s to %s %s", value,
             (int)(len < SHOWN_UNIT ? len : SHOWN_UNIT), own ? v->unit : c->unit->symbol, min, max,
             c->unit->symbol);
}

void judge_value_words(const struct judge *j, const struct device *device,
                       const struct uplink_value *v, enum reason reason, char *out)
{
    const struct profile *p = device->profile;
    const int channel = profile_channel(p, v->channel, v->channel_len);
    if (channel < 0) {
        snprintf(out, LL_DIAG_TEXT, "profile '%s' has no such channel", p->name);
        return;
    }
    const struct channel_spec *c = &p->channels[channel];
    char at[LL_TIME_TEXT];
    char value[LL_NUM_TEXT];
    wall_format((struct wall_ms){v->ts_ms}, at);
    switch (reason) {
    case REASON_NONE:
        snprintf(out, LL_DIAG_TEXT, "%s is before its receipt by more than late_limit_s, %lld s",
                 at, (long long)p->late_limit_s);
        return;
    case REASON_TIME_AHEAD:
        snprintf(out, LL_DIAG_TEXT, "%s is ahead of its receipt by more than max_ahead_s, %lld s",
                 at, (long long)j->conf->max_ahead_s);
        return;
    case REASON_OUT_OF_RANGE:
        range_words(v, c, out);
        return;
    case REASON_WRONG_UNIT:
        snprintf(out, LL_DIAG_TEXT, "'%.*s' is unknown or does not convert to the channel's %s",
                 (int)(v->unit_len < SHOWN_UNIT ? v->unit_len : SHOWN_UNIT), v->unit,
                 c->unit->symbol);
        return;
    case REASON_WRONG_TYPE:
        num_format(v->value, value);
        snprintf(out, LL_DIAG_TEXT, "%s does not fit the channel's type, %s", value,
                 field_type_keys[c->type]);
        return;
    default:
        snprintf(out, LL_DIAG_TEXT, "%s", reason_info(reason)->text);
        return;
    }
}
