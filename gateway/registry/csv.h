/*
 * A reader of CSV as RFC 4180 has it: quoted fields, doubled quotes, line ends inside quotes, CRLF
 * or LF. A byte order mark and blank lines are skipped; the text must be UTF-8 without zero bytes.
 *
 * For: imports. It knows no columns (rows.h does). Threads: one at a time.
 * Fails by row: LL_EFORMAT names the fault and the next call goes on behind it.
 */
#ifndef LL_REGISTRY_CSV_H
#define LL_REGISTRY_CSV_H

#include <stddef.h>

#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"

struct csv_row {
    unsigned line; /* on which it begins */
    size_t count;
    const char *field[LL_MAX_CSV_COLUMNS]; /* borrowed until the next call */
};

struct csv {
    struct cursor in;
    unsigned line;
    struct buf text; /* the row's fields, each with a zero behind it */
    size_t start[LL_MAX_CSV_COLUMNS];
    size_t count;
};

/* `text` is borrowed. */
void csv_init(struct csv *c, const void *text, size_t len);
void csv_free(struct csv *c);

/* The next row, or LL_EEND. LL_EFORMAT: *why is a constant sentence and out->line its row. */
ll_err csv_next(struct csv *c, struct csv_row *out, const char **why);

#endif
