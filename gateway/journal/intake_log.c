#include "gateway/journal/intake_log.h"

#include <pthread.h>
#include <stdlib.h>

/* By more than this between two records the wall clock was set, not slewed. */
#define STEP_MS 500

#define TICK_BYTES 32

struct intake_log {
    struct journal *journal;
    uint64_t boot;
    pthread_mutex_t lock;
    bool ticked;       /* this process has written one */
    bool connected;    /* as of the last tick */
    int64_t offset_ms; /* wall time less time up, as of the last tick */
};

struct moment {
    struct wall_ms wall;
    int64_t up_ms;
};

ll_err intake_log_new(struct journal *journal, struct intake_log **out)
{
    struct intake_log *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return LL_ENOMEM;
    }
    l->journal = journal;
    l->boot = clock_boot_id();
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return LL_OK;
}

void intake_log_free(struct intake_log *l)
{
    if (l != NULL) {
        pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

static struct moment now(void)
{
    return (struct moment){clock_wall(), clock_up_ms()};
}

static ll_err tick_locked(struct intake_log *l, struct moment at)
{
    struct buf b;
    buf_init(&b, TICK_BYTES);
    const struct intake_tick tick = {.connected = l->connected,
                                     .synchronised = clock_synchronised(),
                                     .up_ms = at.up_ms,
                                     .boot = l->boot};
    intake_tick_write(&tick, &b);
    const ll_err err = buf_ok(&b)
                           ? journal_append(l->journal, INTAKE_TICK, at.wall, b.data, b.len, NULL)
                           : LL_ENOMEM;
    buf_free(&b);
    if (err == LL_OK) {
        l->ticked = true;
        l->offset_ms = at.wall.ms - at.up_ms;
    }
    return err;
}

static bool stepped(const struct intake_log *l, struct moment at)
{
    const int64_t by_ms = at.wall.ms - at.up_ms - l->offset_ms;
    return by_ms > STEP_MS || by_ms < -STEP_MS;
}

ll_err intake_log_append(struct intake_log *l, enum intake_type type, const void *data, size_t len,
                         uint64_t *seq_out)
{
    ll_err err = LL_OK;
    pthread_mutex_lock(&l->lock);
    const struct moment at =
        now(); /* under the lock: no older time may stand behind a newer tick */
    if (!l->ticked || stepped(l, at)) {
        err = tick_locked(l, at);
    }
    if (err == LL_OK) {
        err = journal_append(l->journal, (uint8_t)type, at.wall, data, len, seq_out);
    }
    pthread_mutex_unlock(&l->lock);
    return err;
}

ll_err intake_log_tick(struct intake_log *l, bool connected)
{
    pthread_mutex_lock(&l->lock);
    l->connected = connected;
    const ll_err err = tick_locked(l, now());
    pthread_mutex_unlock(&l->lock);
    return err;
}
