/*
 * A profile out of JSON: strict, so that a misspelt key is an error and not a missing alarm.
 *
 * For: imports and snapshots. It looks at one profile alone; that field types agree between
 * profiles is import.c's to see. Threads: one at a time. Every fault is named with line and key.
 */
#ifndef LL_REGISTRY_PROFILE_PARSE_H
#define LL_REGISTRY_PROFILE_PARSE_H

#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/base/jsonfile.h"
#include "gateway/model/profile.h"

struct json_object;

/* The object that stands at `path` of the file ("" or "[3]"). The channels "bat" and "rssi" are
 * added behind the profile's own unless it has them. The caller frees with profile_free. */
ll_err profile_parse(const struct jsonfile *f, struct json_object *obj, const char *path,
                     struct diag *d, struct profile **out);

#endif
