/*
 * Finding the route of a request: paths against patterns with one parameter.
 *
 * Pure. Paths are taken as they came, still percent-encoded: the parameter is decoded after the
 * path has been split, so that an encoded '/' in it is data. Threads: any.
 */
#ifndef LL_CONSOLE_ROUTE_H
#define LL_CONSOLE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/buf.h"
#include "gateway/base/limits.h"
#include "gateway/console/console.h"

enum route_result {
    ROUTE_FOUND,
    ROUTE_NO_PATH,    /* nothing answers at this path */
    ROUTE_NO_METHOD,  /* something does, by another method */
    ROUTE_NOT_PUBLIC, /* not at this listener */
};

struct route_match {
    const struct console_route *route; /* ROUTE_FOUND, else NULL */
    char param[LL_MAX_PATH];           /* decoded; "" if the route has none */
};

/* `path` without the query. HEAD is answered by GET's route. */
enum route_result route_find(const struct console_route *routes, size_t count, const char *method,
                             const char *path, bool public_only, struct route_match *out);

/* Appends the methods that the path answers to, as the Allow header lists them: "GET, POST". */
void route_allowed(const struct console_route *routes, size_t count, const char *path,
                   struct buf *out);

/* Appends a sentence about what could have been meant. */
void route_hint(const struct console_route *routes, size_t count, const char *path,
                bool public_only, struct buf *out);

#endif
