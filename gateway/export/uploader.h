/*
 * Sends the spool to one destination, a database over HTTP or a file; one thread each.
 *
 * A destination has a cursor in each lane, kept in a file together with its books, and moves it
 * only on success. The alarms lane goes first. What a status code means:
 *
 *   204       done; so is 200 without a body
 *   400, 422  the lines that the answer names, or else halve the batch until they are alone, go to
 *             quarantine with the server's words; the rest is delivered. From InfluxDB only where
 *             the answer is a JSON object: anything else is another server's, and all is kept. 201
 *             with a JSON object likewise
 *   413       halve the batch, and send no larger ones for a while
 *   others, timeouts, no answer: keep, and retry after a jittered wait of at most 60 s, or after
 *             what the server asks for (Retry-After), at most an hour
 *
 * Threads: all functions by the owner; uploader_status and uploader_needs from any.
 */
#ifndef LL_EXPORT_UPLOADER_H
#define LL_EXPORT_UPLOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/conf/conf.h"
#include "gateway/export/spool.h"
#include "gateway/model/ledger.h"

struct uploader;

struct uploader_status {
    char name[LL_MAX_ID];
    bool reachable;             /* the last request was taken (true before the first) */
    bool refused;               /* the last answer was that it may not write there: 401, 403, 404 */
    char last_error[CONF_TEXT]; /* "" if none since the last success */
    struct wall_ms last_success; /* 0: never */
    uint64_t retry_in_ms;
    struct delivery delivery; /* of the readings lane; `evicted` as soon as they are gone */
    uint64_t in_flight;       /* readings in the lane behind the cursor, by its running total */
    uint64_t delivered_total; /* the running total at the cursor, and what is gone behind it */
    uint64_t alarms_in_flight;
    uint64_t alarms_delivered;
};

/* Keeps a refused line: its text and the server's words; whether it did. Called by the uploader's
 * thread. */
typedef bool (*uploader_refuse)(void *ctx, const char *destination, const char *words,
                                const char *text, size_t len);

/* Starts the thread. `state_dir` holds the cursor files. `conf` is copied, `spool` borrowed until
 * uploader_stop. Before the spool grows: a cursor that is ahead of a lane would else take new
 * records for those that the lane has lost. */
ll_err uploader_start(const struct conf_destination *conf, const char *state_dir,
                      struct spool *spool, uploader_refuse refuse, void *refuse_ctx,
                      struct uploader **out);
/* Ends the request under way within about a second, saves the cursor, joins, frees. */
void uploader_stop(struct uploader *u);

void uploader_status(struct uploader *u, struct uploader_status *out);
/* The oldest sequence of the lane that this destination still needs: by its cursor as it is on
 * disk, and one record more, which the lane's running total is read from at the next start. */
uint64_t uploader_needs(struct uploader *u, enum spool_lane lane);

#endif
