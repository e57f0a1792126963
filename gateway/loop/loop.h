/*
 * The main thread's event loop: epoll over a signalfd and timerfds.
 *
 * For: signals and periodic work of the main thread. Not for: sockets, which Paho, libcurl and
 * libmicrohttpd wait for on threads of their own.
 * Threads: one. Callbacks run on it and may call loop_stop.
 */
#ifndef LL_LOOP_LOOP_H
#define LL_LOOP_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct loop;

typedef void (*loop_signal_fn)(void *ctx, int signal_number);
typedef void (*loop_timer_fn)(void *ctx);

/* Blocks the signals listed in the calling thread: to be called before any other thread starts, so
 * that all of them inherit the mask and only the loop sees the signals. */
ll_err loop_new(const int *signals, size_t count, loop_signal_fn on_signal, void *ctx,
                struct loop **out);
void loop_free(struct loop *l);

/* Calls `on_timer` every `interval_ms` (monotonic; missed expirations are one call). At most
 * LOOP_MAX_TIMERS. */
#define LOOP_MAX_TIMERS 8
ll_err loop_every(struct loop *l, int64_t interval_ms, loop_timer_fn on_timer, void *ctx);

/* Until loop_stop. */
ll_err loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
