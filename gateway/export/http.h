/*
 * POSTs a body to one fixed address over a kept connection. The only file that knows libcurl.
 * Internal.
 *
 * Not for: meaning; any answer with a status is a success here.
 * Threads: one at a time for each struct http; the stop flag may be set by any.
 */
#ifndef LL_EXPORT_HTTP_H
#define LL_EXPORT_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/conf/conf.h"

/* So much of an answer is kept; databases say what they refuse in its first lines. */
#define HTTP_ANSWER_TEXT 8192

struct http;

struct http_answer {
    long status;                 /* 0: there was no answer */
    bool stopped;                /* given up because of the stop flag */
    int64_t retry_after_ms;      /* as the server asks; 0 where it does not */
    char text[HTTP_ANSWER_TEXT]; /* of the answer, or why there was none */
};

/* Makes the address and the credentials of a destination from its settings; secrets are read from
 * their files now. `stop` is borrowed. */
ll_err http_new(const struct conf_destination *conf, const atomic_bool *stop, struct http **out);
void http_free(struct http *h);

/* Sends, and waits for the answer; `gzip` says how the body is encoded. */
void http_post(struct http *h, const char *body, size_t len, bool gzip, struct http_answer *out);

#endif
