/*
 * Every cap on a buffer, queue, list or string that has no setting of its own.
 *
 * A cap that is hit is counted (model/counters.def) and logged. Settings that users may change
 * stand in conf/schema.c instead; some of them are bounded by a value here.
 */
#ifndef LL_BASE_LIMITS_H
#define LL_BASE_LIMITS_H

#include <stddef.h>

/* Names, with the terminating zero. Device and asset ids become MQTT topic levels and tags. */
#define LL_MAX_ID      64
#define LL_MAX_CHANNEL 48
#define LL_MAX_FIELD   64
#define LL_MAX_NAME    128
#define LL_MAX_TOPIC   512
#define LL_MAX_PATH    512

/* One MQTT message: payload bytes taken whole, and what is kept of one that is larger. */
#define LL_MAX_MESSAGE      (256 << 10)
#define LL_MAX_MESSAGE_KEPT (4 << 10)
/* Readings that one message may carry. T/CGAS 013-2021 devices upload 500 stored records. */
#define LL_MAX_READINGS_PER_MESSAGE 4096
#define LL_MAX_JSON_DEPTH           16

/* One record of a log: a message with its topic, which MQTT lets have 65,535 bytes, or a batch of
 * lines; and the segments of one log. */
#define LL_MAX_JOURNAL_RECORD (LL_MAX_MESSAGE + 64 * 1024 + 64)
#define LL_MAX_SEGMENTS       (1024UL * 1024)
/* Damaged stretches and segments of logs that are kept, in one folder. */
#define LL_MAX_DAMAGED_FILES 64

/* Profiles and their channels. */
#define LL_MAX_PROFILES        1024
#define LL_MAX_CHANNELS        256
#define LL_MAX_DETECTORS       8
#define LL_MAX_DETECTOR_PARAMS 6

/* Files read whole: configuration, profiles, maps, scenarios, checkpoint. */
#define LL_MAX_TEXT_FILE  (16 << 20)
#define LL_MAX_CHECKPOINT (1L << 30)

/* One row of an imported table: its bytes (a device may bind 256 channels) and its fields. */
#define LL_MAX_CSV_ROW     65536
#define LL_MAX_CSV_COLUMNS 64

/* Errors shown for one file before "and N more". */
#define LL_MAX_DIAGS 20

/* Bodies of HTTP requests (imports) and of answers. */
#define LL_MAX_HTTP_BODY   ((size_t)64 * 1024 * 1024)
#define LL_MAX_HTTP_ANSWER ((size_t)64 * 1024 * 1024)

/* The recent-readings store (readings) and the most rows one answer holds. */
#define LL_RECENT_READINGS 16384
#define LL_MAX_ROWS        1000

/* Alarm transitions that wait in memory for an archive that refuses them. */
#define LL_MAX_UNARCHIVED 4096

/* Commands waiting for the pipeline's answer. */
#define LL_MAX_WAITING_COMMANDS 32

/* Sources with books of their own: the topics of the settings, a few that are none, and topics that
 * were in the settings. */
#define LL_MAX_SOURCES 64

/* Alarms that have changed and wait to be told by MQTT. */
#define LL_MAX_CHANGED_ALARMS 1024

/* Brokers and databases in one configuration. */
#define LL_MAX_BROKERS      8
#define LL_MAX_TOPICS       32
#define LL_MAX_DESTINATIONS 8

#endif
