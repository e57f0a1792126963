/*
 * Who writes into the intake journal writes through here: each record gets its receive time, and
 * ticks tell what that time is worth (model/intake.h).
 *
 * Not for: reading, syncing, trimming; those are the journal's. Threads: any; records stand in the
 * order of their times, as long as the wall clock does not step. Fails as journal_append does.
 */
#ifndef LL_JOURNAL_INTAKE_LOG_H
#define LL_JOURNAL_INTAKE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/journal/journal.h"
#include "gateway/model/intake.h"

struct intake_log;

/* `journal` is borrowed. */
ll_err intake_log_new(struct journal *journal, struct intake_log **out);
void intake_log_free(struct intake_log *l);

/* `seq_out` may be NULL. */
ll_err intake_log_append(struct intake_log *l, enum intake_type type, const void *data, size_t len,
                         uint64_t *seq_out);
/* To be called once a second. */
ll_err intake_log_tick(struct intake_log *l, bool connected);

#endif
