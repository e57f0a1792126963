/* Topic filters and topics, "filter\ntopic": what the gateway says of a match is what the plainest
 * reading of MQTT 5, section 4.7, says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Level by level; `topic` is NULL behind its last level. */
static bool matches(const char *filter, const char *topic)
{
    if (filter == NULL || topic == NULL) {
        return filter == topic || (filter != NULL && strcmp(filter, "#") == 0);
    }
    const size_t filter_len = strcspn(filter, "/");
    const size_t topic_len = strcspn(topic, "/");
    if (filter[0] == '#') {
        return true;
    }
    if (filter[0] != '+' && (filter_len != topic_len || memcmp(filter, topic, topic_len) != 0)) {
        return false;
    }
    return matches(filter[filter_len] != '\0' ? filter + filter_len + 1 : NULL,
                   topic[topic_len] != '\0' ? topic + topic_len + 1 : NULL);
}

static bool expected(const char *filter, const char *topic)
{
    if (strncmp(filter, "$share/", 7) == 0) {
        filter = strchr(filter + 7, '/') + 1;
    }
    const bool own = topic[0] == '$' && (filter[0] == '+' || filter[0] == '#');
    return topic[0] != '\0' && !own && matches(filter, topic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const text = (const char *)data;
    const char *const line_end = memchr(data, '\n', size);
    if (line_end == NULL || memchr(data, '\0', size) != NULL) {
        return 0; /* a topic has neither */
    }
    /* The topic as it stands at the end of the input, with no zero behind it. */
    const char *const topic = line_end + 1;
    const size_t topic_len = size - (size_t)(topic - text);
    char *const filter = strndup(text, (size_t)(line_end - text));
    char *const same_topic = strndup(topic, topic_len);
    const char *why = NULL;
    demand(filter != NULL && same_topic != NULL);
    if (conf_topic_filter_valid(filter, &why)) {
        demand(conf_topic_matches(filter, topic, topic_len) == expected(filter, same_topic));
    } else {
        demand(why != NULL);
    }
    free(filter);
    free(same_topic);
    return 0;
}
