/*
 * The checkpoint: the pipeline's state on disk, one file, replaced whole.
 *
 * Bytes: magic "LLCHECK1", u32 version, u32 section count, u64 intake sequence up to which all is
 * done; then each section: u32 tag, u32 version, u64 length, bytes; at the end u32 CRC32C of all
 * before it. Little-endian. Stages write their own sections; an unknown tag is skipped, so that an
 * older program can read a newer file.
 * Threads: one. A file that is damaged or cannot be read is set aside under another name and counts
 * as none (LL_ECORRUPT).
 */
#ifndef LL_STORE_CHECKPOINT_H
#define LL_STORE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/base/err.h"

enum checkpoint_tag {
    CHECKPOINT_LEDGER = 1,
    CHECKPOINT_DEVICES = 2,
    CHECKPOINT_ALARMS = 3,
    CHECKPOINT_TIME = 4,
    CHECKPOINT_RETAINED = 5,
};

struct checkpoint; /* a loaded one */

/* Building: begin, then for each section open, append to `out`, close; then end. */
void checkpoint_begin(struct buf *out, uint64_t seq);
/* Returns the section's start for checkpoint_section_close. */
size_t checkpoint_section_open(struct buf *out, enum checkpoint_tag tag, uint32_t version);
void checkpoint_section_close(struct buf *out, size_t start);
/* Checksum; LL_ELIMIT or LL_ENOMEM where `out` failed. */
ll_err checkpoint_end(struct buf *out);

/* LL_ENOENT: there is none yet. */
ll_err checkpoint_load(const char *path, struct checkpoint **out);
void checkpoint_free(struct checkpoint *c);
uint64_t checkpoint_seq(const struct checkpoint *c);
/* Its bytes in the file. */
size_t checkpoint_size(const struct checkpoint *c);
/* A reader over the section, and its version; LL_ENOENT. Borrowed from `c`. */
ll_err checkpoint_section(const struct checkpoint *c, enum checkpoint_tag tag, uint32_t *version,
                          struct cursor *out);

#endif
