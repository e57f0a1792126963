/*
 * The HTTP server: routes from a table, on a Unix socket (the whole API) and on a TCP address (only
 * routes marked public). Knows HTTP and nothing of the gateway; gateway/api.c has the handlers.
 *
 * Threads: handlers run on the server's own threads: on the Unix socket one a connection, so that
 * one which waits holds up nobody else; on the TCP address one at a time. Connections, bodies and
 * answers are capped; a request past a cap is answered with 413.
 */
#ifndef LL_CONSOLE_CONSOLE_H
#define LL_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"

struct console;
struct console_request;

struct console_answer {
    int status;               /* 200 unless the handler sets another */
    const char *content_type; /* "application/json" unless set; a constant */
    struct buf body;
};

struct console_route {
    const char *method;  /* "GET" */
    const char *pattern; /* "/api/v1/assets/{id}": one parameter, one path segment, at most */
    void (*handle)(void *ctx, const struct console_request *req, struct console_answer *ans);
    bool is_public; /* also on the TCP address */
    const char *help;
};

/* The path's parameter, percent-decoded; "" if the route has none. Borrowed for the call. */
const char *console_param(const struct console_request *req);
/* A query argument, or NULL. Borrowed for the call. */
const char *console_query(const struct console_request *req, const char *key);
const char *console_body(const struct console_request *req, size_t *len);
/* The login name of the process at the other end of the Unix socket (SO_PEERCRED), its number where
 * it has no name; "anonymous" over TCP. Borrowed for the call. */
const char *console_user(const struct console_request *req);

/* Answers {"error":"…"} with the status. */
void console_error(struct console_answer *ans, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* `listen`: "address:port" or "" for none (port 0: any free one). `socket_path`: made with mode
 * 0660 and, where `group` is not "", that group; a stale socket is replaced. `routes` is borrowed.
 */
ll_err console_start(const char *listen, const char *socket_path, const char *group,
                     const struct console_route *routes, size_t route_count, void *ctx,
                     struct console **out);
/* Waits for handlers that run, closes, removes the socket. NULL is fine. */
void console_stop(struct console *c);
/* The TCP port in use, or 0. */
unsigned console_port(const struct console *c);

#endif
