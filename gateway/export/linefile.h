/*
 * A file that line protocol is appended to, rotated by size: `path` is being written, `path`.1 the
 * one before it, and so on. Internal.
 *
 * What was appended is on the disk when linefile_append returns. What a crash leaves of a line is
 * cut off at the next start. Threads: one at a time.
 */
#ifndef LL_EXPORT_LINEFILE_H
#define LL_EXPORT_LINEFILE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct linefile;

/* Makes the folder too. At most `max_files` (2 or more) are kept, of about `max_bytes` each. */
ll_err linefile_open(const char *path, uint64_t max_bytes, unsigned max_files,
                     struct linefile **out);
void linefile_close(struct linefile *f);

/* Whole lines. After an error some of them may be in the file; they are to be appended again. */
ll_err linefile_append(struct linefile *f, const char *text, size_t len);

#endif
