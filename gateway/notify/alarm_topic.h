/*
 * Where an alarm stands at the broker: <prefix>/<gateway>/<alarm id>.
 *
 * Pure. Threads: any.
 */
#ifndef LL_NOTIFY_ALARM_TOPIC_H
#define LL_NOTIFY_ALARM_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/limits.h"

/* "<prefix>/<gateway>/": what all of one gateway's alarms have in common. False: it does not fit
 * with an id behind it. */
bool alarm_topic_base(const char *prefix, const char *gateway, char out[LL_MAX_TOPIC]);

/* The base with the id, or with "+", the filter for all. */
void alarm_topic_of(const char *base, uint64_t id, char out[LL_MAX_TOPIC]);
void alarm_topic_filter(const char *base, char out[LL_MAX_TOPIC]);

/* The id in a topic of that base. False: it is none that alarm_topic_of makes, for an id that
 * SQLite can hold. */
bool alarm_topic_id(const char *base, const char *topic, uint64_t *id);

#endif
