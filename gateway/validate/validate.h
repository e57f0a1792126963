/*
 * Whether a decoded value is a reading: unit, type, range, time, and whether it came before.
 *
 * Pure: no clock, no I/O; the receive time is an argument. Threads: any.
 */
#ifndef LL_VALIDATE_VALIDATE_H
#define LL_VALIDATE_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/model/profile.h"
#include "gateway/model/reading.h"

/* No reading is older than this: 2010-01-01T00:00:00Z in ms. A clock that was never set says 1970,
 * 1980 or 2000. */
#define VALIDATE_EPOCH_MS 1262304000000LL

/* The value in the channel's unit, or why not (WRONG_UNIT, WRONG_TYPE, OUT_OF_RANGE, and what the
 * decoder found). */
enum reason validate_value(const struct uplink_value *v, const struct channel_spec *c, double *out);

enum time_verdict { TIME_GOOD, TIME_LATE, TIME_REFUSED };

/* The reading's time and flags. A value without a time gets the receive time, and the flag.
 * TIME_LATE: older than `late_limit_ms` at receipt. TIME_REFUSED: *reason says why. */
enum time_verdict validate_time(const struct uplink_value *v, int64_t receive_ms,
                                int64_t max_ahead_ms, int64_t late_limit_ms, int64_t *ts_ms,
                                uint32_t *flags, enum reason *reason);

/* The sequence numbers that a device has used of late: the highest, and two bits for each of the 64
 * up to it. A zeroed one is new. */
struct seq_window {
    uint64_t highest;
    uint64_t seen;   /* bit i: highest - i came */
    uint64_t missed; /* bit i: it was passed over, and has not come since */
};

enum seq_verdict {
    SEQ_NEW,      /* it was entered */
    SEQ_REPEATED, /* it is in the window already */
    SEQ_BELOW,    /* it is below the window, which says nothing of it */
};

/* Enters `seq` if it is new. *missing gets how many numbers it passed over, or -1 where it is one
 * that was. */
enum seq_verdict seq_window_enter(struct seq_window *w, uint64_t seq, int64_t *missing);

/* Of a device that begins with `seq`, or begins anew with it. */
struct seq_window seq_window_from(uint64_t seq);

#endif
