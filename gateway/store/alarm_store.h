/*
 * The archive of alarms and the audit log, in SQLite.
 *
 * Each transition is a row keyed by the intake record that caused it, so that one recorded again
 * after a restart changes nothing. Threads: one connection, one thread. Fails with LL_EDB.
 */
#ifndef LL_STORE_ALARM_STORE_H
#define LL_STORE_ALARM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/model/alarm.h"

struct alarm_store;

ll_err alarm_store_open(const char *path, struct alarm_store **out);
void alarm_store_close(struct alarm_store *s);

/* Records a transition and brings the alarm's own row up to date, in one transaction. */
ll_err alarm_store_put(struct alarm_store *s, const struct alarm_record *a);

/* The largest alarm id and the largest source sequence ever put; 0 where there is none. */
ll_err alarm_store_last(struct alarm_store *s, uint64_t *id, uint64_t *source_seq);
/* The alarm that this transition was put for; LL_ENOENT. */
ll_err alarm_store_find(struct alarm_store *s, uint64_t source_seq, uint32_t source_nth,
                        uint64_t *id);

/* The times that were estimates from `from_ms` on were behind by `by_ms`; none is an estimate
 * afterwards. Doing it again does nothing. */
ll_err alarm_store_correct(struct alarm_store *s, int64_t from_ms, int64_t by_ms);
/* Gives the transitions that intake records `first` to before `end` caused, in their order, each as
 * it was put but for what came to the alarm later (acknowledged, cleared). */
ll_err alarm_store_each(struct alarm_store *s, uint64_t first, uint64_t end,
                        void (*each)(void *ctx, const struct alarm_record *a), void *ctx);

/* Brings all that was put to the disk itself, before a checkpoint says that it is done. */
ll_err alarm_store_sync(struct alarm_store *s);

/* Keeps the archive under its caps: deletes the oldest closed alarms with their transitions, and
 * the oldest of the audit log, to a tenth below; at most TRIM_MOST of each at once. An audit log
 * that is cut gets an entry of it, at `at_ms`. What no checkpoint covers must not be deleted: the
 * journal would bring it back. */
struct alarm_store_trim {
    uint64_t alarms; /* that were deleted */
    uint64_t audit;
};
ll_err alarm_store_trim(struct alarm_store *s, uint64_t max_alarms, uint64_t max_audit,
                        int64_t at_ms, struct alarm_store_trim *out);

/* Who did what to what, and when; before and after as JSON or "". */
ll_err alarm_store_audit(struct alarm_store *s, int64_t at_ms, const char *who, const char *what,
                         const char *object, const char *before, const char *after);

/* JSON: {"total":N,"items":[…newest first…]}; `open_only` leaves out alarms that are back to
 * normal. At most `limit` (LL_MAX_ROWS). */
ll_err alarm_store_list(struct alarm_store *s, bool open_only, const char *asset, size_t limit,
                        struct buf *out);
/* One alarm with its transitions; LL_ENOENT. */
ll_err alarm_store_show(struct alarm_store *s, uint64_t id, struct buf *out);
/* One alarm as it stands in a list; LL_ENOENT where it is not open. */
ll_err alarm_store_open_alarm(struct alarm_store *s, uint64_t id, struct buf *out);
/* The next open alarm after that number; LL_ENOENT. */
ll_err alarm_store_next_open(struct alarm_store *s, uint64_t after, uint64_t *id);
/* Rows of the audit log, newest first, as JSON. */
ll_err alarm_store_audit_list(struct alarm_store *s, size_t limit, struct buf *out);

#endif
