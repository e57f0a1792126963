/*
 * The HTTP API: what each route of the console answers. The same for lifelinectl (Unix socket) and,
 * later, the web console.
 *
 * Threads: handlers run on the console's threads, many at a time.
 */
#ifndef LL_API_H
#define LL_API_H

#include <pthread.h>

#include "gateway/console/console.h"
#include "gateway/export/uploader.h"
#include "gateway/ingest/ingest.h"
#include "gateway/notify/publisher.h"
#include "gateway/pipeline/pipeline.h"

/* SQLite connections that handlers share, under the lock. */
struct api_db {
    pthread_mutex_t lock;
    struct registry_db *registry; /* NULL: not open */
    struct alarm_store *alarms;
};

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
    struct api_db reading;      /* never waits for an import */
    struct api_db writing;
};

ll_err api_db_open(const char *path, struct api_db *out);
/* One that was not opened is fine. */
void api_db_close(struct api_db *db);

extern const struct console_route api_routes[];
extern const size_t api_route_count;

#endif
