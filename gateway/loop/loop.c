#include "gateway/loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "gateway/base/clock.h"

struct timer {
    int fd;
    loop_timer_fn call;
    void *ctx;
};

struct loop {
    int epoll_fd;
    int signal_fd;
    loop_signal_fn on_signal;
    void *signal_ctx;
    bool stopping;
    size_t timer_count;
    struct timer timers[LOOP_MAX_TIMERS];
};

/* What epoll gives back: a timer's index, or this for the signals. */
#define SIGNALS UINT64_MAX

static ll_err watch(struct loop *l, int fd, uint64_t what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? LL_OK : ll_err_from_errno(errno);
}

ll_err loop_new(const int *signals, size_t count, loop_signal_fn on_signal, void *ctx,
                struct loop **out)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return LL_ENOMEM;
    }
    l->on_signal = on_signal;
    l->signal_ctx = ctx;
    l->signal_fd = -1;
    ll_err err;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) {
        sigaddset(&set, signals[i]);
    }
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) {
        err = ll_err_from_errno(errno);
        goto fail;
    }
    const int masked = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (masked != 0) {
        err = ll_err_from_errno(masked);
        goto fail;
    }
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd < 0) {
        err = ll_err_from_errno(errno);
        goto fail;
    }
    err = watch(l, l->signal_fd, SIGNALS);
    if (err != LL_OK) {
        goto fail;
    }
    *out = l;
    return LL_OK;
fail:
    loop_free(l);
    return err;
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < l->timer_count; i++) {
        close(l->timers[i].fd);
    }
    if (l->signal_fd >= 0) {
        close(l->signal_fd);
    }
    if (l->epoll_fd >= 0) {
        close(l->epoll_fd);
    }
    free(l);
}

ll_err loop_every(struct loop *l, int64_t interval_ms, loop_timer_fn on_timer, void *ctx)
{
    if (l->timer_count == LOOP_MAX_TIMERS || interval_ms <= 0) {
        return LL_ELIMIT;
    }
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    const struct timespec every = {.tv_sec = interval_ms / LL_MS_PER_S,
                                   .tv_nsec = interval_ms % LL_MS_PER_S * LL_NS_PER_MS};
    const struct itimerspec spec = {.it_interval = every, .it_value = every};
    ll_err err = timerfd_settime(fd, 0, &spec, NULL) == 0 ? LL_OK : ll_err_from_errno(errno);
    if (err == LL_OK) {
        err = watch(l, fd, l->timer_count);
    }
    if (err != LL_OK) {
        close(fd);
        return err;
    }
    l->timers[l->timer_count++] = (struct timer){fd, on_timer, ctx};
    return LL_OK;
}

static void take_signals(struct loop *l)
{
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        l->on_signal(l->signal_ctx, (int)info.ssi_signo);
    }
}

static void take_timer(struct timer *t)
{
    uint64_t expirations;
    if (read(t->fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations) {
        t->call(t->ctx);
    }
}

ll_err loop_run(struct loop *l)
{
    while (!l->stopping) {
        struct epoll_event events[LOOP_MAX_TIMERS + 1];
        const int n = epoll_wait(l->epoll_fd, events, LOOP_MAX_TIMERS + 1, -1);
        if (n < 0 && errno != EINTR) {
            return ll_err_from_errno(errno);
        }
        for (int i = 0; i < n && !l->stopping; i++) {
            if (events[i].data.u64 == SIGNALS) {
                take_signals(l);
            } else {
                take_timer(&l->timers[events[i].data.u64]);
            }
        }
    }
    return LL_OK;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}
