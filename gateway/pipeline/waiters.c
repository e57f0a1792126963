#include "gateway/pipeline/waiters.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/base/limits.h"

#define WAIT_S 10

struct waiter {
    bool taken;
    bool answered;
    uint64_t seq;
    ll_err err;
    struct buf *answer; /* the asker's */
};

struct waiters {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct waiter slots[LL_MAX_WAITING_COMMANDS];
};

ll_err waiters_new(struct waiters **out)
{
    struct waiters *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return LL_ENOMEM;
    }
    pthread_mutex_init(&w->lock, NULL);
    clock_cond_init(&w->answered);
    *out = w;
    return LL_OK;
}

void waiters_free(struct waiters *w)
{
    if (w != NULL) {
        pthread_cond_destroy(&w->answered);
        pthread_mutex_destroy(&w->lock);
        free(w);
    }
}

static struct waiter *free_slot(struct waiters *w)
{
    for (size_t i = 0; i < LL_MAX_WAITING_COMMANDS; i++) {
        if (!w->slots[i].taken) {
            return &w->slots[i];
        }
    }
    return NULL;
}

ll_err waiters_ask(struct waiters *w, struct intake_log *intake, const char *json, size_t len,
                   struct buf *answer)
{
    pthread_mutex_lock(&w->lock);
    struct waiter *slot = free_slot(w);
    uint64_t seq;
    ll_err err = slot != NULL ? LL_OK : LL_EBUSY;
    if (err == LL_OK) {
        /* Under the lock, so that the answer cannot come before the question is known. */
        err = intake_log_append(intake, INTAKE_COMMAND, json, len, &seq);
    }
    if (err == LL_OK) {
        *slot = (struct waiter){.taken = true, .seq = seq, .answer = answer};
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += WAIT_S;
        int rc = 0;
        while (!slot->answered && rc != ETIMEDOUT) {
            rc = pthread_cond_timedwait(&w->answered, &w->lock, &until);
        }
        err = slot->answered ? slot->err : LL_ETIMEOUT;
        slot->taken = false;
    }
    pthread_mutex_unlock(&w->lock);
    return err;
}

void waiters_answer(struct waiters *w, uint64_t seq, ll_err err, const struct buf *answer)
{
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < LL_MAX_WAITING_COMMANDS; i++) {
        struct waiter *slot = &w->slots[i];
        if (slot->taken && !slot->answered && slot->seq == seq) {
            buf_add(slot->answer, answer->data, answer->len);
            slot->err = err;
            slot->answered = true;
            pthread_cond_broadcast(&w->answered);
            break;
        }
    }
    pthread_mutex_unlock(&w->lock);
}
