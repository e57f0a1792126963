/*
 * Two clocks that the compiler keeps apart: wall time (UTC, may step) and monotonic time.
 *
 * For: I/O stages, logs, timers. Not for: validate, detect, alarm, condition, pipeline, which
 * take `now` as an argument so that a replay gives the same result.
 * Threads: any.
 */
#ifndef LL_BASE_CLOCK_H
#define LL_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z. */
struct wall_ms {
    int64_t ms;
};

/* Nanoseconds since an arbitrary start; never steps. */
struct mono_ns {
    int64_t ns;
};

#define LL_MS_PER_S  1000
#define LL_NS_PER_MS 1000000
#define LL_TIME_TEXT 25 /* "2026-01-02T03:04:05.678Z" and a zero */

struct wall_ms clock_wall(void);
struct mono_ns clock_mono(void);

/* How long the machine has been up, its sleep included, in milliseconds. */
int64_t clock_up_ms(void);
/* A number for the present start of the machine, another after the next one; 0: it does not say. */
uint64_t clock_boot_id(void);
/* Whether the kernel holds the wall clock to be synchronised (by NTP). */
bool clock_synchronised(void);

/* Milliseconds from `from` to `to`. */
int64_t mono_elapsed_ms(struct mono_ns from, struct mono_ns to);
/* The moment so long after `t`. */
struct mono_ns mono_after(struct mono_ns t, int64_t ms);

/* A condition whose timed waits go by the monotonic clock. */
void clock_cond_init(pthread_cond_t *out);

/* ISO 8601 in UTC with milliseconds into `out` (LL_TIME_TEXT bytes); years outside 0..9999 are
 * shown as the number of milliseconds. Returns `out`. */
char *wall_format(struct wall_ms t, char *out);

/* Days since 1970-01-01 of a Gregorian date (proleptic). */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day);

/* Reads "YYYY-MM-DD", which must be a real date. */
bool clock_parse_date(const char *text, int64_t *days_out);

#endif
