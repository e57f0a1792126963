/*
 * Aligned columns on a terminal, with Chinese characters two columns wide, and foreign text made
 * harmless: control characters and bytes that are not UTF-8 are shown as '?'.
 *
 * Threads: one at a time. Past its cap, or without memory, a table says that it is incomplete.
 */
#ifndef LL_CTL_TABLE_H
#define LL_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gateway/base/buf.h"

#define TABLE_MAX_COLUMNS 24

/* Columns that the text takes on a terminal; invisible and combining characters take none. */
size_t text_width(const char *text);
/* Appends the text with what could steer a terminal replaced. */
void text_clean(const char *text, size_t len, struct buf *out);
/* Appends the cleaned text and spaces up to `width` columns, in front of it where `right`. */
void text_pad(const char *text, size_t width, bool right, struct buf *out);

struct table {
    size_t column_count;
    bool right[TABLE_MAX_COLUMNS];
    struct buf cells; /* cleaned, each with its terminating zero, row after row */
    size_t cell_count;
};

void table_init(struct table *t, size_t column_count);
void table_free(struct table *t);
/* The next cell; the text is copied. */
void table_add(struct table *t, const char *text);
/* `rows` in full, each indented by `indent` spaces. */
void table_print(const struct table *t, size_t indent, FILE *out);

#endif
