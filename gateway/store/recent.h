/*
 * The recent-readings store: the last LL_RECENT_READINGS readings, in memory, for `tail`, the
 * console, and a gateway that has no database.
 *
 * Threads: one adds, any list (a lock inside). Copies what it needs; a full ring overwrites its
 * oldest, which is its purpose and no loss.
 */
#ifndef LL_STORE_RECENT_H
#define LL_STORE_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/model/reading.h"

struct recent;

ll_err recent_new(struct recent **out);
void recent_free(struct recent *r);

void recent_add(struct recent *r, const struct reading *readings, size_t count);

/* JSON {"next":N,"items":[…]}: readings numbered above `after`, oldest first, at most `limit`, of
 * one device or, with "", of all. `after` UINT64_MAX: its newest `limit`. `next` is the number to
 * ask from the next time. */
ll_err recent_list(struct recent *r, uint64_t after, const char *device, size_t limit,
                   struct buf *out);

#endif
