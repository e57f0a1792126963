/*
 * A JSON file written by a person: read by json-c with comments allowed, and able to say on which
 * line each value stands.
 *
 * For: configuration, profiles, maps, scenarios. Not for: payloads (decode/), which need no lines.
 * Threads: one at a time.
 */
#ifndef LL_BASE_JSONFILE_H
#define LL_BASE_JSONFILE_H

#include <stddef.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"

struct json_object;

struct jsonfile;

/* Reads the file; on failure adds to `d` and writes nothing to *out. Keys that stand twice in one
 * object are an error. */
ll_err jsonfile_load(const char *path, struct diag *d, struct jsonfile **out);
/* The same for text in memory, `name` standing in for the file in messages. */
ll_err jsonfile_parse(const char *name, const char *text, size_t len, struct diag *d,
                      struct jsonfile **out);
void jsonfile_free(struct jsonfile *f);

const char *jsonfile_name(const struct jsonfile *f);
/* The top value; borrowed. */
struct json_object *jsonfile_root(const struct jsonfile *f);
/* The text as read; borrowed. */
const char *jsonfile_text(const struct jsonfile *f, size_t *len);

/* The line of the value at `path` ("mqtt.uris[1]"), or of its nearest parent; 1 for "". */
unsigned jsonfile_line(const struct jsonfile *f, const char *path);

#endif
