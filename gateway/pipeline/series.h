/*
 * What the pipeline remembers of each device, channel and detector of a registry snapshot.
 *
 * Three flat arrays, sized by the snapshot: devices, series (one a channel) and watches (one a
 * detector on a channel), numbered alike, so that a reading finds its state by index. A new
 * snapshot gets a new table that adopts the old one's state by name. Threads: the pipeline's alone.
 */
#ifndef LL_SERIES_H
#define LL_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/alarm/alarm.h"
#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/base/err.h"
#include "gateway/detect/detect.h"
#include "gateway/model/ledger.h"
#include "gateway/registry/registry.h"
#include "gateway/validate/device_clock.h"
#include "gateway/validate/validate.h"

struct watch {
    struct detect_state detect;
    struct alarm_point point;
    uint32_t series;
    uint32_t alarm; /* its place among the open alarms (alarms.h), from 1; 0: none is open */
};

struct series {
    int64_t last_ts_ms;  /* newest reading, as it was stored; INT64_MIN: none yet */
    int64_t last_own_ms; /* and as it came, before it was moved off another */
    double last_value;
    int64_t retained_ms; /* of a retained value; 0: it has no time; INT64_MIN: there is none */
    double retained_value;
    uint32_t device;
    uint32_t first_watch;
};

struct device_state {
    struct seq_window seq;
    int64_t newest_ms; /* of the times that the device itself gave */
    struct device_clock clock;
    struct device_books books;
};

struct series_table {
    struct registry *registry; /* one reference of its own */
    uint32_t device_count;
    uint32_t series_count;
    uint32_t watch_count;
    struct device_state *devices;
    struct series *series;
    struct watch *watches;
};

/* A table for the snapshot, all of it new. Takes a reference of its own. */
ll_err series_table_new(struct registry *registry, struct series_table **out);
void series_table_free(struct series_table *t);

/* Copies into `t` what `old` knows of the devices, channels and detectors of the same names. */
void series_table_adopt(struct series_table *t, const struct series_table *old);

/* What a watch is about; borrowed from the snapshot. */
const struct device *series_device(const struct series_table *t, uint32_t series);
const struct channel_spec *series_channel(const struct series_table *t, uint32_t series);
const struct detector_spec *watch_spec(const struct series_table *t, uint32_t watch);

/* The watch of that device, channel and condition, or UINT32_MAX. */
uint32_t series_find_watch(const struct series_table *t, const char *device, const char *channel,
                           const char *condition);

/* Whether no reading is newer than what a retained message told. */
static inline bool series_shows_retained(const struct series *s)
{
    return s->retained_ms > s->last_ts_ms;
}

/* For the checkpoint. A device whose profile has changed shape since is skipped when loaded.
 * Version 1 knew nothing of the devices' clocks; version 2 did not know which numbers are missing,
 * so that those of them that come late stay counted. */
#define SERIES_TABLE_VERSION 3
void series_table_save(const struct series_table *t, struct buf *out);
ll_err series_table_load(struct series_table *t, uint32_t version, struct cursor *in);
/* Likewise, of the series that show a retained value. */
void series_retained_save(const struct series_table *t, struct buf *out);
ll_err series_retained_load(struct series_table *t, struct cursor *in);

#endif
