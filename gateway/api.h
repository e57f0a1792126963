/*
 * The HTTP API: what each route of the console answers. The same for lifelinectl (Unix socket) and,
 * later, the web console.
 *
 * Threads: handlers run on the console's threads, one at a time for each listener; `lock` guards
 * the two SQLite connections that they share.
 */
#ifndef LL_API_H
#define LL_API_H

#include <pthread.h>

#include "gateway/console/console.h"
#include "gateway/export/uploader.h"
#include "gateway/ingest/ingest.h"
#include "gateway/notify/publisher.h"
#include "gateway/pipeline/pipeline.h"

struct api {
    const struct conf *conf;
    struct mono_ns started;
    struct pipeline *pipeline;
    struct ingest *ingest;
    struct publisher *publisher; /* NULL: alarms are not published */
    struct journal *intake;
    struct quarantine *quarantine;
    struct uploader *const *uploaders;
    size_t uploader_count;
    _Atomic unsigned http_port; /* set once the console listens; 0: it does not, on TCP */
    pthread_mutex_t lock;
    struct registry_db *registry_db; /* the console's own connections, under `lock` */
    struct alarm_store *alarms;
};

extern const struct console_route api_routes[];
extern const size_t api_route_count;

#endif
