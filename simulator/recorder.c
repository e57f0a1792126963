#include "simulator/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/journal/journal.h"
#include "gateway/model/intake.h"

#define SEGMENT_BYTES  (64ULL * 1024 * 1024)
#define MAX_BYTES      (1ULL << 40)
#define GATHERED_BYTES (1024UL * 1024)

struct recorder {
    struct journal *journal;
    int64_t start_ms;
    int64_t tick_ms; /* of the next one */
    uint64_t boot;
    struct buf record;
    struct record_totals totals;
};

ll_err recorder_open(const char *dir, uint64_t seed, int64_t start_ms, struct recorder **out)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    r->start_ms = start_ms;
    r->tick_ms = start_ms;
    r->boot = seed | 1;
    buf_init(&r->record, LL_MAX_JOURNAL_RECORD);
    const struct journal_options options = {.segment_bytes = SEGMENT_BYTES,
                                            .max_bytes = MAX_BYTES,
                                            .buffer_bytes = GATHERED_BYTES,
                                            .seed = seed | 1};
    ll_err err = journal_open(dir, &options, &r->journal);
    if (err == LL_OK && journal_stats(r->journal).next_seq > journal_stats(r->journal).first_seq) {
        err = LL_EEXIST;
    }
    if (err != LL_OK) {
        journal_close(r->journal);
        free(r);
        return err;
    }
    *out = r;
    return LL_OK;
}

static ll_err tick_up_to(struct recorder *r, int64_t at_ms)
{
    ll_err err = LL_OK;
    while (err == LL_OK && r->tick_ms <= at_ms) {
        const struct intake_tick tick = {.connected = true,
                                         .synchronised = true,
                                         .up_ms = r->tick_ms - r->start_ms,
                                         .boot = r->boot};
        buf_reset(&r->record);
        intake_tick_write(&tick, &r->record);
        err = buf_ok(&r->record)
                  ? journal_append(r->journal, INTAKE_TICK, (struct wall_ms){r->tick_ms},
                                   r->record.data, r->record.len, NULL)
                  : LL_ENOMEM;
        r->tick_ms += LL_MS_PER_S;
    }
    return err;
}

ll_err recorder_add(struct recorder *r, const struct message *m, int64_t at_ms)
{
    const ll_err err = tick_up_to(r, at_ms);
    if (err != LL_OK) {
        return err;
    }
    const struct intake_message intake = {.topic = m->topic,
                                          .topic_len = strlen(m->topic),
                                          .payload = buf_str(&m->payload),
                                          .payload_len = m->payload.len,
                                          .qos = 1};
    buf_reset(&r->record);
    intake_write(&intake, &r->record);
    if (!buf_ok(&r->record)) {
        return LL_ELIMIT;
    }
    r->totals.messages++;
    r->totals.readings += m->readings;
    r->totals.bytes += r->record.len;
    return journal_append(r->journal, INTAKE_MESSAGE, (struct wall_ms){at_ms}, r->record.data,
                          r->record.len, NULL);
}

const struct record_totals *recorder_totals(const struct recorder *r)
{
    return &r->totals;
}

ll_err recorder_close(struct recorder *r, int64_t end_ms)
{
    if (r == NULL) {
        return LL_OK;
    }
    ll_err err = tick_up_to(r, end_ms);
    if (err == LL_OK) {
        err = journal_flush(r->journal);
    }
    if (err == LL_OK) {
        err = journal_sync(r->journal);
    }
    journal_close(r->journal);
    buf_free(&r->record);
    free(r);
    return err;
}
