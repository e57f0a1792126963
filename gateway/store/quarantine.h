/*
 * Quarantine: originals of what was refused, each in a file of its own with the reason, under caps.
 *
 * A file is JSON: time, source ("mqtt" or a destination's name), topic, reason, detail, payload as
 * text where it is UTF-8 and as base64 otherwise. Over a cap the newest is not kept, and counted
 * (COUNTER_QUARANTINE_SKIPPED): a flood must not push out what somebody has yet to read.
 * Threads: any (a lock inside). Failures are counted and logged here; refusal never stops the
 * caller.
 */
#ifndef LL_STORE_QUARANTINE_H
#define LL_STORE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/clock.h"
#include "gateway/base/err.h"

struct quarantine;

struct quarantine_item {
    struct wall_ms time;
    uint64_t seq; /* intake sequence, or 0 */
    const char *source;
    const char *topic; /* "" if none */
    size_t topic_len;
    const char *reason; /* a key: "unknown_device" */
    const char *detail; /* "" if none */
    const char *payload;
    size_t payload_len;
};

ll_err quarantine_open(const char *dir, uint64_t max_files, uint64_t max_bytes,
                       struct quarantine **out);
void quarantine_close(struct quarantine *q);

/* Keeps it; whether it did. The same intake sequence and reason a second time is a no-op. */
bool quarantine_add(struct quarantine *q, const struct quarantine_item *item);

/* JSON: {"total":N,"bytes":N,"skipped":N,"items":[…newest first, at most `limit`…]}. */
ll_err quarantine_list(struct quarantine *q, size_t limit, struct buf *out);

#endif
