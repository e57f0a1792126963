/*
 * A destination's cursors and their books, and the file they are kept in. Internal.
 *
 * The file is replaced whole. A crash between a delivery and its saving only sends points again
 * that the database has already: the same series, time and value. Threads: one at a time.
 */
#ifndef LL_EXPORT_POSITION_H
#define LL_EXPORT_POSITION_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/export/spool.h"
#include "gateway/model/ledger.h"

/* A cursor and its books: what a restart goes on from. */
struct position {
    uint64_t next;  /* the lane's first record that is not delivered whole; 0: not known */
    uint64_t total; /* the lane's running total before it */
    struct delivery delivery;
};

/* LL_ENOENT, LL_ECORRUPT, LL_EVERSION (a later format) or what the disk says. */
ll_err position_load(const char *path, struct position out[SPOOL_LANES]);
ll_err position_save(const char *path, const struct position in[SPOOL_LANES]);

#endif
