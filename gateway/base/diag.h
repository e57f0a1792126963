/*
 * Errors that name a place: file, line, key, what is wrong and what would be right.
 *
 * For: configuration, profiles, imports, maps, scenarios: whatever a person wrote and must mend.
 * Collects up to LL_MAX_DIAGS messages and counts the rest. Not for: run-time events (log.h).
 * Threads: one at a time.
 */
#ifndef LL_BASE_DIAG_H
#define LL_BASE_DIAG_H

#include <stddef.h>

#include "gateway/base/limits.h"

#define LL_DIAG_TEXT 384

struct diag {
    size_t count; /* all of them, also those past the cap */
    char text[LL_MAX_DIAGS][LL_DIAG_TEXT];
};

/* `line` 0: the whole file. The message becomes "file:line: text". A zeroed struct is empty. */
void diag_add(struct diag *d, const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* How many texts are kept (at most LL_MAX_DIAGS). */
size_t diag_kept(const struct diag *d);

/* The candidate nearest to `word` by edit distance, or NULL where none is near enough to suggest.
 */
const char *diag_nearest(const char *word, const char *const *candidates, size_t count);

#endif
