/*
 * Rows of a delimited text file, one at a time.
 *
 * For: recorded data of any length. Not for: quoted cells, which recorders do not write; a quote is
 * refused, not guessed at. Threads: one at a time. Faults go to a diag with file and line.
 */
#ifndef LL_SIM_CSV_H
#define LL_SIM_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"

#define CSV_MAX_CELLS 1024
#define CSV_MAX_LINE  65536

struct csv;

struct csv_row {
    char **cells; /* borrowed until the next row */
    size_t count;
    unsigned line; /* in the file, from 1 */
};

/* `trim`: blanks around a cell do not belong to it. */
ll_err csv_open(const char *path, char separator, bool trim, struct diag *d, struct csv **out);
void csv_close(struct csv *c);

/* LL_EEND behind the last row, LL_EFORMAT or LL_EIO with a diagnostic. Empty lines are passed
 * over. */
ll_err csv_next(struct csv *c, struct diag *d, struct csv_row *out);

#endif
