/*
 * JSON of the gateway as text for people: rows as a table, an object as a list of its members.
 * Members named *_ms that hold a point in time are shown as one. Threads: one.
 */
#ifndef LL_CTL_RENDER_H
#define LL_CTL_RENDER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/base/buf.h"

struct json_object;

/* A member as the text of a cell: "" for null, an array's
 * items joined, an object as key=value. */
void render_value(const char *key, struct json_object *value, struct buf *out);

/* An array of objects as a table with the members named, or with those that its first row has.
 * Numbers stand to the right. `count` 0: all. */
void render_rows(struct json_object *rows, const char *const *keys, size_t count, size_t indent,
                 FILE *out);

/* An object, member by member; objects and arrays in it are indented under their name.
 * Anything else prints nothing. */
void render_object(struct json_object *object, size_t indent, FILE *out);

/* "16.0 MiB"; `out` holds LL_NUM_TEXT bytes. Returns `out`. */
const char *render_bytes(uint64_t bytes, char *out);
/* "3 h 12 min" of milliseconds. Returns `out`. */
const char *render_span(int64_t ms, char *out);

#endif
