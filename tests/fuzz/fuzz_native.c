/* Native payloads: any bytes are decoded or refused with words, and what a value turns into is
 * within its channel's type and range. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/decode/decode.h"
#include "gateway/validate/validate.h"

#define RECEIVED_MS   1764000000000LL
#define MAX_AHEAD_MS  300000
#define LATE_LIMIT_MS 86400000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_value(const struct uplink_value *v, enum field_type type)
{
    const struct channel_spec channel = {
        .unit = unit_find("kPa", 3), .min = -100, .max = 1e6, .type = type};
    double value = NAN;
    if (validate_value(v, &channel, &value) == REASON_NONE) {
        demand(value >= channel.min && value <= channel.max);
        demand(type == FIELD_FLOAT || value == trunc(value));
        demand(type != FIELD_BOOL || value == 0 || value == 1);
    }
}

static void check_time(const struct uplink_value *v)
{
    int64_t ts_ms = 0;
    uint32_t flags = 0;
    enum reason reason = REASON_NONE;
    const enum time_verdict t =
        validate_time(v, RECEIVED_MS, MAX_AHEAD_MS, LATE_LIMIT_MS, &ts_ms, &flags, &reason);
    demand((t == TIME_REFUSED) == (reason != REASON_NONE));
    demand(t == TIME_REFUSED ||
           (ts_ms >= VALIDATE_EPOCH_MS && ts_ms <= RECEIVED_MS + MAX_AHEAD_MS));
    demand(t != TIME_GOOD || ts_ms >= RECEIVED_MS - LATE_LIMIT_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char topic[] = "lifeline/v1/up/d1";
    static struct decoder *d;
    struct uplink u;
    demand(d != NULL || decoder_new(&d) == LL_OK);
    const enum reason reason = decode(d, decode_format_find("native"), topic, sizeof topic - 1,
                                      (const char *)data, size, &u);
    demand((reason == REASON_NONE) == (decoder_detail(d)[0] == '\0'));
    if (reason != REASON_NONE) {
        demand(reason_info(reason)->scope == SCOPE_MESSAGE);
        return 0;
    }
    demand(u.device_len == 2 && memcmp(u.device, "d1", 2) == 0);
    demand(u.count <= LL_MAX_READINGS_PER_MESSAGE);
    for (size_t i = 0; i < u.count; i++) {
        const struct uplink_value *v = &u.values[i];
        demand(v->channel_len == strlen(v->channel));
        demand(v->reason != REASON_NONE || isfinite(v->value));
        for (int type = 0; type < FIELD_TYPE_COUNT; type++) {
            check_value(v, (enum field_type)type);
        }
        check_time(v);
    }
    return 0;
}
