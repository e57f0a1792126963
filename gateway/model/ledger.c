#include "gateway/model/ledger.h"

uint64_t ledger_rejected(const struct ledger *l, enum reason_scope scope)
{
    uint64_t sum = 0;
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        if (reason_info((enum reason)r)->scope == scope) {
            sum += l->rejected[r];
        }
    }
    return sum;
}

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"messages_taken", offsetof(struct ledger, messages_taken)},
    {"messages_decoded", offsetof(struct ledger, messages_decoded)},
    {"messages_duplicate", offsetof(struct ledger, messages_duplicate)},
    {"retained", offsetof(struct ledger, messages_retained)}, /* once a reason of refusal */
    {"readings_decoded", offsetof(struct ledger, readings_decoded)},
    {"readings_duplicate", offsetof(struct ledger, readings_duplicate)},
    {"readings_late", offsetof(struct ledger, readings_late)},
    {"readings_kept", offsetof(struct ledger, readings_kept)},
    {"readings_spooled", offsetof(struct ledger, readings_spooled)},
};
#define FIELDS (sizeof fields / sizeof fields[0])

uint64_t *ledger_counter(struct ledger *l, size_t i, const char **name)
{
    if (i < FIELDS) {
        *name = fields[i].name;
        return (uint64_t *)(void *)((char *)l + fields[i].offset);
    }
    const size_t r = i - FIELDS + REASON_NONE + 1;
    if (r >= REASON_COUNT) {
        return NULL;
    }
    *name = reason_info((enum reason)r)->key;
    return &l->rejected[r];
}

void ledger_add(struct ledger *to, const struct ledger *from)
{
    struct ledger copy = *from;
    const char *name;
    uint64_t *sum;
    for (size_t i = 0; (sum = ledger_counter(to, i, &name)) != NULL; i++) {
        *sum += *ledger_counter(&copy, i, &name);
    }
}

bool device_books_balance(const struct device_books *b)
{
    return b->readings ==
           b->readings_accepted + b->readings_duplicate + b->readings_late + b->readings_rejected;
}

bool source_messages_balance(const struct ledger *l)
{
    return l->messages_taken == l->messages_decoded + l->messages_duplicate + l->messages_retained +
                                    ledger_rejected(l, SCOPE_MESSAGE);
}

bool source_readings_balance(const struct ledger *l)
{
    return l->readings_decoded == l->readings_spooled + l->readings_kept + l->readings_duplicate +
                                      l->readings_late + ledger_rejected(l, SCOPE_READING);
}

bool ledger_messages_balance(const struct ledger_view *v)
{
    const struct ledger *l = &v->ledger;
    return v->messages_received == l->messages_decoded + l->messages_duplicate +
                                       l->messages_retained + ledger_rejected(l, SCOPE_MESSAGE) +
                                       v->messages_in_flight;
}

bool ledger_readings_balance(const struct ledger_view *v)
{
    const struct ledger *l = &v->ledger;
    const struct delivery *d = &v->delivery;
    return l->readings_decoded == d->forwarded + l->readings_kept + l->readings_duplicate +
                                      l->readings_late + ledger_rejected(l, SCOPE_READING) +
                                      d->quarantined + d->evicted + v->readings_in_flight;
}
