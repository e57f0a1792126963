/*
 * Where other threads wait for the pipeline's answer to a command, known by its intake sequence.
 *
 * Threads: any waits; the pipeline answers. At most LL_MAX_WAITING_COMMANDS wait at a time.
 */
#ifndef LL_WAITERS_H
#define LL_WAITERS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/journal/intake_log.h"

struct waiters;

ll_err waiters_new(struct waiters **out);
void waiters_free(struct waiters *w);

/* Journals the command and waits for its answer: the command's own code, its JSON in `answer`.
 * LL_EBUSY: too many wait; LL_ETIMEOUT: it stands in the journal and will be done, unanswered. */
ll_err waiters_ask(struct waiters *w, struct intake_log *intake, const char *json, size_t len,
                   struct buf *answer);

/* Gives the answer to whoever waits for `seq`, if anyone does. */
void waiters_answer(struct waiters *w, uint64_t seq, ll_err err, const struct buf *answer);

#endif
