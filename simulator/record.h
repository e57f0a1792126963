/*
 * Strict reading of JSON objects that a person wrote: a table of fields says which keys there may
 * be, of which type and range, and where each value goes.
 *
 * For: scenarios and column maps. Faults are collected in `d` as "file:line: key: what was
 * expected", all of them and not only the first. Threads: one at a time.
 */
#ifndef LL_SIM_RECORD_H
#define LL_SIM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/diag.h"
#include "gateway/base/jsonfile.h"

#define RECORD_PATH 192

enum record_type {
    RECORD_TEXT,    /* char[size], not empty */
    RECORD_NUMBER,  /* double in [min, max] */
    RECORD_INTEGER, /* int64_t in [min, max] */
    RECORD_BOOL,    /* bool */
    RECORD_RANGE,   /* double[2], the lower first, both in [min, max] */
    RECORD_LIST,    /* struct json_object *, an array that is not empty; borrowed */
    RECORD_OBJECT,  /* struct json_object *, borrowed */
};

struct record_field {
    const char *key;
    enum record_type type;
    bool required;
    size_t offset;
    size_t size; /* RECORD_TEXT: bytes with the zero */
    double min;
    double max;
    const char *expected; /* "a topic filter": completes "expected …" */
};

struct record_source {
    const struct jsonfile *file;
    struct diag *diag;
};

/* Fills `out` (whose defaults the caller has set) from `object`, which stands at `path` in the
 * file. False where something was wrong; `out` is then not to be used. */
bool record_read(const struct record_source *src, struct json_object *object, const char *path,
                 const struct record_field *fields, size_t count, void *out);

/* Adds "file:line: path: …" to the diagnostics. Always false, so that a check can return it. */
bool record_fault(const struct record_source *src, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "parent.key" or "key", and "parent[index]", into `out` (RECORD_PATH bytes); returns `out`. */
const char *record_member(char *out, const char *parent, const char *key);
const char *record_item(char *out, const char *parent, size_t index);

/* A string item of an array into `out`; false, with a fault, where it is none or does not fit. */
bool record_text_item(const struct record_source *src, struct json_object *list, const char *path,
                      size_t index, char *out, size_t size);

#endif
