/*
 * Where a destination's lines go: a database, over HTTP, or a file. Internal.
 *
 * Not for: meaning; a file answers as a database would, with status 204 or with none.
 * Threads: one at a time for each struct sink; the stop flag may be set by any.
 */
#ifndef LL_EXPORT_SINK_H
#define LL_EXPORT_SINK_H

#include <stdatomic.h>
#include <stddef.h>

#include "gateway/base/err.h"
#include "gateway/conf/conf.h"
#include "gateway/export/http.h"

struct sink;

/* `stop` is borrowed. */
ll_err sink_new(const struct conf_destination *conf, const atomic_bool *stop, struct sink **out);
void sink_free(struct sink *s);

/* Delivers whole lines and waits for the answer. */
void sink_send(struct sink *s, const char *text, size_t len, struct http_answer *out);

#endif
