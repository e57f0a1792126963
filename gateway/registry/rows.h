/*
 * Rows of a table that a person wrote, as CSV with a header or as JSON objects: read by a small
 * table of columns, each value checked and each fault named by file, line and column.
 *
 * For: the imports of assets and devices. It writes nothing; the caller takes the good rows.
 * Threads: one at a time.
 */
#ifndef LL_REGISTRY_ROWS_H
#define LL_REGISTRY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"

struct json_object;

#define ROWS_MAX_COLUMNS 16

enum column_type {
    COLUMN_ID,     /* as asset_id_valid */
    COLUMN_TEXT,   /* one line, less than LL_MAX_NAME bytes */
    COLUMN_KIND,   /* a key of asset_kinds */
    COLUMN_DATE,   /* YYYY-MM-DD */
    COLUMN_NUMBER, /* min to max */
    COLUMN_WHOLE,  /* the same, without a fraction */
    COLUMN_PAIRS,  /* "a=b;c=d", or in JSON an object of texts: the caller's to read */
};

struct column {
    const char *key;
    const char *alias; /* a second name for it, or NULL */
    enum column_type type;
    bool required;
    double min;
    double max;
};

struct cell {
    bool given;               /* the file has this column; an empty value is given too */
    const char *text;         /* "" where empty; borrowed until the row was taken */
    double number;            /* NUMBER, WHOLE; NaN where empty */
    int64_t day;              /* DATE: since 1970-01-01, or LL_DATE_UNKNOWN */
    struct json_object *json; /* PAIRS out of JSON, or NULL */
};

struct row {
    const char *file;
    unsigned line;
    struct cell cell[ROWS_MAX_COLUMNS]; /* as the columns stand in their table */
};

/* Takes a row without faults. It may add faults of its own to `d`; what it returns ends the
 * reading unless it is LL_OK. */
typedef ll_err rows_take(void *ctx, const struct row *row, struct diag *d);

/* Reads all rows; columns[0] is the row's id, which must not come twice. JSON where the text
 * begins with '[', '{' or a comment, else CSV. LL_EFORMAT where `d` got any fault. */
ll_err rows_read(const struct column *columns, size_t count, const char *file, const char *text,
                 size_t len, struct diag *d, rows_take *take, void *ctx);

#endif
