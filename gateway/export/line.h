/*
 * InfluxDB line protocol, as the gateway writes it.
 *
 *   measurement  the asset's kind
 *   tags         asset, device, district (where it has one)
 *   fields       the channel's field name; float, int ("12i") or bool ("t"), one type for ever
 *                and LINE_TIME_QUALITY where the time is in doubt: "estimated" (nobody knew it),
 *                "corrected" (from its receipt), "behind" (the device's clock), "late"
 *   time         milliseconds
 *
 * Pure. Threads: any.
 */
#ifndef LL_EXPORT_LINE_H
#define LL_EXPORT_LINE_H

#include <stddef.h>

#include "gateway/base/buf.h"
#include "gateway/model/alarm.h"
#include "gateway/model/reading.h"

/* Appends the lines for one message's readings: neighbours of the same asset and time share a line.
 * Each line ends in '\n', and there is no other '\n' in it. */
void line_readings(const struct reading *readings, size_t count, struct buf *out);

/* Appends the line of an alarm transition: measurement lifeline_alarm; tags asset, device, channel,
 * condition, priority, kind, district (where known); fields id, state, from, value (where there is
 * one), text, raised_ms; time at_ms. */
void line_alarm(const struct alarm_record *a, struct buf *out);

#endif
