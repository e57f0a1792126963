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

bool device_books_balance(const struct device_books *b)
{
    return b->readings ==
           b->readings_accepted + b->readings_duplicate + b->readings_late + b->readings_rejected;
}

bool ledger_messages_balance(const struct ledger_view *v)
{
    const struct ledger *l = &v->ledger;
    return v->messages_received == l->messages_decoded + l->messages_duplicate +
                                       ledger_rejected(l, SCOPE_MESSAGE) + v->messages_in_flight;
}

bool ledger_readings_balance(const struct ledger_view *v)
{
    const struct ledger *l = &v->ledger;
    const struct delivery *d = &v->delivery;
    return l->readings_decoded == d->forwarded + l->readings_kept + l->readings_duplicate +
                                      l->readings_late + ledger_rejected(l, SCOPE_READING) +
                                      d->quarantined + d->evicted + v->readings_in_flight;
}
