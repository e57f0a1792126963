/*
 * MQTT topic filters and matching, as MQTT 5 has them: section 4.7 (wildcards, '$'), 4.8.2 (shared
 * subscriptions) and 1.5.4 (UTF-8).
 */
#include <stdint.h>
#include <string.h>

#include "gateway/base/utf8.h"
#include "gateway/conf/conf.h"

#define SHARE_PREFIX "$share/"

/* The filter itself, behind "$share/{group}/"; NULL where the group's level is wrong. */
static const char *unshared(const char *filter)
{
    const size_t prefix = sizeof SHARE_PREFIX - 1;
    if (strncmp(filter, SHARE_PREFIX, prefix) != 0) {
        return filter;
    }
    const char *group = filter + prefix;
    const size_t len = strcspn(group, "/+#");
    return len > 0 && group[len] == '/' && group[len + 1] != '\0' ? group + len + 1 : NULL;
}

bool conf_topic_filter_valid(const char *filter, const char **why)
{
    const size_t len = strlen(filter);
    if (len == 0 || len > UINT16_MAX) {
        *why = "a topic filter has 1 to 65535 bytes";
        return false;
    }
    if (!utf8_valid(filter, len)) {
        *why = "a topic filter is UTF-8";
        return false;
    }
    const char *level = unshared(filter);
    if (level == NULL) {
        *why = "a shared subscription is \"$share/group/filter\", its group without '+' and '#'";
        return false;
    }
    for (;;) {
        const size_t n = strcspn(level, "/");
        const size_t plain = strcspn(level, "/+#");
        if (plain < n && n != 1) {
            *why = level[plain] == '#' ? "'#' stands alone in its level, as in \"city/#\""
                                       : "'+' stands alone in its level, as in \"city/+/up\"";
            return false;
        }
        if (level[n] == '\0') {
            return true;
        }
        if (level[0] == '#') {
            *why = "'#' may only be the last level; '+' stands for one level";
            return false;
        }
        level += n + 1;
    }
}

bool conf_topic_prefix_valid(const char *topic, const char **why)
{
    const size_t len = strlen(topic);
    if (len == 0) {
        return true;
    }
    if (topic[0] == '$' || topic[len - 1] == '/' || strpbrk(topic, "+#") != NULL) {
        *why = "a topic to publish under has no '+' and no '#', no '$' at its start and no '/' at "
               "its end";
        return false;
    }
    return conf_topic_filter_valid(topic, why);
}

bool conf_topic_matches(const char *filter, const char *topic, size_t topic_len)
{
    const char *f = unshared(filter);
    const char *t = topic;
    const char *const end = topic + topic_len;
    /* Wildcards at the start leave out topics of the server's own ("$SYS/…"). */
    if (f == NULL || topic_len == 0 || (topic[0] == '$' && (f[0] == '+' || f[0] == '#'))) {
        return false;
    }
    for (;;) {
        if (f[0] == '#') {
            return true;
        }
        const size_t fn = strcspn(f, "/");
        const char *slash = memchr(t, '/', (size_t)(end - t));
        const size_t tn = (size_t)((slash != NULL ? slash : end) - t);
        if (f[0] != '+' && (fn != tn || memcmp(f, t, fn) != 0)) {
            return false;
        }
        f += fn;
        if (slash == NULL) {
            /* "city/#" takes "city" too. */
            return f[0] == '\0' || strcmp(f, "/#") == 0;
        }
        if (f[0] == '\0') {
            return false;
        }
        f++;
        t = slash + 1;
    }
}
