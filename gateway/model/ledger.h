/*
 * The books: every message received and every reading decoded ends in exactly one counted state.
 *
 *   messages  received = decoded + duplicate + retained + Σ rejected(reason) + in flight (journal)
 *   readings  decoded  = forwarded + kept + duplicate + late + Σ rejected(reason)
 *                        + quarantined + evicted + in flight (spool)
 *
 * The pipeline owns struct ledger and counts each message in one step; the far side (forwarded,
 * quarantined, evicted, in flight) is counted by the uploader beside its cursor, from the spool's
 * own running totals, so that the sums are a check and not an identity. It keeps one for each
 * source (pipeline/sources.h), and the books in all are their sum.
 */
#ifndef LL_MODEL_LEDGER_H
#define LL_MODEL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/model/reason.h"

/* Counted by the pipeline, saved with its checkpoint. Counters only (ledger_counter). */
struct ledger {
    uint64_t messages_taken; /* out of the journal */
    uint64_t messages_decoded;
    uint64_t messages_duplicate;
    uint64_t messages_retained; /* an old state told again: their readings are in no books */
    uint64_t readings_decoded;
    uint64_t readings_duplicate;
    uint64_t readings_late;
    uint64_t readings_kept;    /* no database is configured: only in the recent-readings store */
    uint64_t readings_spooled; /* handed to the spool */
    uint64_t rejected[REASON_COUNT];
};

/* Counted by an uploader, saved with its cursor. In readings. */
struct delivery {
    uint64_t forwarded;
    uint64_t quarantined; /* refused by the database for good, kept in quarantine/ */
    uint64_t rejected;    /* likewise, but not kept: in the books REASON_REFUSED_BY_DATABASE */
    uint64_t evicted;     /* given up for want of space */
};

/* One device's share: messages = decoded + duplicate, readings = accepted + duplicate + late +
 * rejected. What is refused before the device is known stands in no device's books. */
struct device_books {
    uint64_t messages;
    uint64_t messages_duplicate;
    uint64_t messages_missing; /* numbered by the device and not received */
    uint64_t readings;
    uint64_t readings_accepted; /* spooled or kept */
    uint64_t readings_duplicate;
    uint64_t readings_late;
    uint64_t readings_rejected;
    int64_t last_ms; /* receive time of the last message; 0: none yet */
};

/* One source's share: a topic filter of the settings, or a name that no filter can have. Its
 * messages are in its books once the pipeline has taken them, its readings until they are spooled
 * or kept: from there on all go one way. */
struct source_books {
    const char *name;   /* borrowed, like `format`, from who keeps the books */
    const char *format; /* "" where it is not in the settings */
    struct ledger ledger;
};

/* Everything at one moment. */
struct ledger_view {
    struct ledger ledger;
    struct delivery delivery;
    uint64_t messages_received;  /* accepted into the journal, ever */
    uint64_t messages_in_flight; /* in the journal, behind the pipeline's cursor */
    uint64_t readings_in_flight; /* in the spool, behind the slowest destination's cursor */
};

uint64_t ledger_rejected(const struct ledger *l, enum reason_scope scope);
/* The counters one by one, for what treats all alike: the i-th with its name; NULL behind the last.
 * Refusals go by the reason's key. */
uint64_t *ledger_counter(struct ledger *l, size_t i, const char **name);
/* Adds all of `from` to `to`. */
void ledger_add(struct ledger *to, const struct ledger *from);
bool device_books_balance(const struct device_books *b);
bool source_messages_balance(const struct ledger *l);
bool source_readings_balance(const struct ledger *l);
bool ledger_messages_balance(const struct ledger_view *v);
bool ledger_readings_balance(const struct ledger_view *v);

#endif
