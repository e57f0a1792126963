#include "gateway/ingest/receiver.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/base/buf.h"
#include "gateway/base/limits.h"
#include "gateway/base/log.h"
#include "gateway/model/counters.h"

#define HOLD_RETRY_US 200000

struct receiver {
    struct intake_log *intake;
    size_t max_bytes;
    _Atomic uint64_t count;
    _Atomic bool holding;
    _Atomic bool stopping;
    _Atomic bool parked;
    struct log_limit limit;
    struct buf record;
};

ll_err receiver_new(struct intake_log *intake, size_t max_bytes, struct receiver **out)
{
    struct receiver *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    r->intake = intake;
    r->max_bytes = max_bytes;
    buf_init(&r->record, LL_MAX_JOURNAL_RECORD);
    *out = r;
    return LL_OK;
}

void receiver_free(struct receiver *r)
{
    if (r != NULL) {
        buf_free(&r->record);
        free(r);
    }
}

/* Before one more try. Where the journal is about to be closed there is none: the thread ends with
 * the process. */
static void wait_or_park(struct receiver *r)
{
    if (atomic_load(&r->stopping)) {
        atomic_store(&r->parked, true);
        for (;;) {
            pause();
        }
    }
    usleep(HOLD_RETRY_US);
}

static void journal_or_hold(struct receiver *r)
{
    for (;;) {
        const ll_err err =
            intake_log_append(r->intake, INTAKE_MESSAGE, r->record.data, r->record.len, NULL);
        if (err == LL_OK) {
            break;
        }
        if (!atomic_exchange(&r->holding, true)) {
            counter_add(COUNTER_MQTT_PUSHED_BACK, 1);
        }
        uint64_t left_out;
        if (log_limit_pass(&r->limit, &left_out)) {
            log_error("ingest", "held_back",
                      "reason=\"%s\" suppressed=%llu hint=\"the intake journal takes no more; "
                      "messages wait unacknowledged at the broker\"",
                      ll_err_str(err), (unsigned long long)left_out);
        }
        wait_or_park(r);
    }
    atomic_store(&r->holding, false);
    atomic_fetch_add(&r->count, 1);
    counter_add(COUNTER_JOURNAL_BYTES, r->record.len);
}

void receiver_take(struct receiver *r, const struct intake_message *message)
{
    struct intake_message m = *message;
    if (m.payload_len > r->max_bytes) {
        m.flags = (uint8_t)(m.flags | INTAKE_OVERSIZED);
        m.payload_len = m.payload_len < LL_MAX_MESSAGE_KEPT ? m.payload_len : LL_MAX_MESSAGE_KEPT;
    }
    buf_reset(&r->record);
    intake_write(&m, &r->record);
    while (!buf_ok(&r->record)) { /* no memory: as with a full disk, wait, do not lose */
        wait_or_park(r);
        buf_reset(&r->record);
        intake_write(&m, &r->record);
    }
    journal_or_hold(r);
}

uint64_t receiver_count(const struct receiver *r)
{
    return atomic_load(&r->count);
}

bool receiver_holds(const struct receiver *r)
{
    return atomic_load(&r->holding);
}

void receiver_stop(struct receiver *r)
{
    atomic_store(&r->stopping, true);
}

bool receiver_parked(const struct receiver *r)
{
    return atomic_load(&r->parked);
}
