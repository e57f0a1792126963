#include "gateway/notify/alarm_topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/num.h"

bool alarm_topic_base(const char *prefix, const char *gateway, char out[LL_MAX_TOPIC])
{
    const int n = snprintf(out, LL_MAX_TOPIC, "%s/%s/", prefix, gateway);
    return n > 0 && (size_t)n + LL_NUM_TEXT < LL_MAX_TOPIC;
}

void alarm_topic_of(const char *base, uint64_t id, char out[LL_MAX_TOPIC])
{
    snprintf(out, LL_MAX_TOPIC, "%s%" PRIu64, base, id);
}

void alarm_topic_filter(const char *base, char out[LL_MAX_TOPIC])
{
    snprintf(out, LL_MAX_TOPIC, "%s+", base);
}

bool alarm_topic_id(const char *base, const char *topic, uint64_t *id)
{
    const size_t len = strlen(base);
    if (strncmp(topic, base, len) != 0) {
        return false;
    }
    const char *digits = topic + len;
    uint64_t value;
    if (digits[0] == '0' || !num_parse_u64(digits, &value) || value > INT64_MAX) {
        return false;
    }
    *id = value;
    return true;
}
