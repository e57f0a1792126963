/*
 * The gateway's reports on itself: connections, disk, logs, clock, temperature.
 *
 * They go into the intake journal like a device's message, of a device and an asset that the
 * gateway registers for itself ("gw:<gateway id>", kind and profile lifeline_gateway). So its
 * alarms come from limits in that profile, its points go the way of all readings, and a replay has
 * them too. Threads: the main thread.
 */
#ifndef LL_SELF_H
#define LL_SELF_H

#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/conf/conf.h"
#include "gateway/export/uploader.h"
#include "gateway/ingest/ingest.h"
#include "gateway/journal/intake_log.h"
#include "gateway/journal/journal.h"
#include "gateway/pipeline/pipeline.h"
#include "gateway/registry/registry.h"

#define SELF_TOPIC_PREFIX "lifeline/v1/self/"

struct self;

struct self_parts {
    const struct conf *conf;
    struct journal *intake;
    struct intake_log *intake_log;
    struct pipeline *pipeline;
    struct spool *spool; /* NULL: no destination */
    struct ingest *ingest;
    struct uploader *const *uploaders;
    size_t uploader_count;
};

/* Registers the gateway's own asset and device. LL_ENOENT where the profile is not there. */
ll_err self_register(struct registry_db *db, const char *gateway_id);

ll_err self_new(const struct self_parts *parts, struct self **out);
void self_free(struct self *s);

/* Looks around and journals one report. */
ll_err self_report(struct self *s, struct mono_ns now);

#endif
