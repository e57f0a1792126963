#include "gateway/console/console.h"

#include <microhttpd.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/num.h"
#include "gateway/console/listen.h"
#include "gateway/console/route.h"
#include "gateway/model/counters.h"

#define CONNECTIONS_MAX 64
/* Of a connection without any traffic. */
#define IDLE_TIMEOUT_S 30
/* Request line and headers; past it the library answers 414 or 431. */
#define HEADER_BYTES ((size_t)32 * 1024)
#define PASSWD_BYTES 16384

struct listener {
    struct console *console;
    struct MHD_Daemon *daemon; /* NULL: none */
    bool is_unix;
};

struct console {
    const struct console_route *routes;
    size_t route_count;
    void *ctx;
    struct listener tcp;
    struct listener local;
    unsigned port;
    char socket_path[LL_MAX_PATH];
};

/* From the request line on until the request is over. */
struct console_request {
    struct MHD_Connection *connection;
    const struct listener *listener;
    struct route_match match;
    bool begun; /* the headers were seen */
    struct buf body;
    size_t dropped; /* bytes of the body past the cap */
    char user[LL_MAX_ID];
    char path[]; /* as it came, without the query */
};

const char *console_param(const struct console_request *req)
{
    return req->match.param;
}

const char *console_query(const struct console_request *req, const char *key)
{
    return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, key);
}

const char *console_body(const struct console_request *req, size_t *len)
{
    *len = req->body.len;
    return buf_str(&req->body);
}

const char *console_user(const struct console_request *req)
{
    return req->user;
}

static void write_error(struct console_answer *ans, int status, const char *text, const char *hint)
{
    ans->status = status;
    ans->content_type = "application/json";
    buf_reset(&ans->body);
    buf_str_add(&ans->body, "{\"error\":");
    buf_json_str(&ans->body, text, strlen(text));
    if (hint != NULL) {
        buf_str_add(&ans->body, ",\"hint\":");
        buf_json_str(&ans->body, hint, strlen(hint));
    }
    buf_char(&ans->body, '}');
}

void console_error(struct console_answer *ans, int status, const char *fmt, ...)
{
    char text[LL_MAX_PATH + LL_MAX_NAME];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    write_error(ans, status, text, NULL);
}

/* Gives the answer's body to the library, which frees it. */
static enum MHD_Result send_answer(const struct console_request *req, struct console_answer *ans,
                                   const char *allow)
{
    if (!buf_ok(&ans->body)) {
        console_error(ans, 500, "the answer is larger than %zu bytes, or memory ran out",
                      LL_MAX_HTTP_ANSWER);
    }
    counter_add(COUNTER_HTTP_REQUESTS, 1);
    counter_add(COUNTER_HTTP_REFUSED, ans->status >= 400);
    log_debug("console", "request", "path=%s status=%d by=%s", req->path, ans->status, req->user);

    static char nothing[] = "";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        ans->body.len, ans->body.data != NULL ? ans->body.data : nothing,
        ans->body.data != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        buf_free(&ans->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, ans->content_type);
    if (allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    const enum MHD_Result result =
        MHD_queue_response(req->connection, (unsigned)ans->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct console_answer empty_answer(void)
{
    struct console_answer ans = {.status = 200, .content_type = "application/json"};
    buf_init(&ans.body, LL_MAX_HTTP_ANSWER);
    return ans;
}

static enum MHD_Result refuse(const struct console_request *req, enum route_result why,
                              const char *method)
{
    const struct console *c = req->listener->console;
    struct console_answer ans = empty_answer();
    struct buf text;
    buf_init(&text, HEADER_BYTES);
    enum MHD_Result result;
    if (why == ROUTE_NO_METHOD) {
        route_allowed(c->routes, c->route_count, req->path, &text);
        console_error(&ans, 405, "%s takes %s, not %s", req->path, buf_str(&text), method);
        result = send_answer(req, &ans, buf_str(&text));
    } else if (why == ROUTE_NOT_PUBLIC) {
        console_error(&ans, 403, "%s is served on the gateway's Unix socket only", req->path);
        result = send_answer(req, &ans, NULL);
    } else {
        route_hint(c->routes, c->route_count, req->path, !req->listener->is_unix, &text);
        write_error(&ans, 404, "no such path", buf_str(&text));
        result = send_answer(req, &ans, NULL);
    }
    buf_free(&text);
    return result;
}

static enum MHD_Result refuse_body(const struct console_request *req)
{
    struct console_answer ans = empty_answer();
    console_error(&ans, 413, "the body is larger than %zu bytes, the most that %s takes",
                  req->body.max, req->path);
    return send_answer(req, &ans, NULL);
}

/* The headers are there. A refusal at this point spares the client the sending of its body. */
static enum MHD_Result begin(struct console_request *req, const char *method)
{
    const struct console *c = req->listener->console;
    req->begun = true;
    const enum route_result found = route_find(c->routes, c->route_count, method, req->path,
                                               !req->listener->is_unix, &req->match);
    if (found != ROUTE_FOUND) {
        return refuse(req, found, method);
    }
    const bool reads = strcmp(req->match.route->method, "GET") == 0;
    buf_init(&req->body, reads ? 0 : LL_MAX_HTTP_BODY);
    const char *announced = MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND,
                                                        MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t len = 0;
    if (announced != NULL && num_parse_u64(announced, &len) && len > req->body.max) {
        return refuse_body(req);
    }
    return MHD_YES;
}

/* A part of the body. What is past the cap is dropped, and answered at the end, where alone the
 * library takes an answer; whoever sends as much again is cut off. */
static enum MHD_Result take(struct console_request *req, const char *data, size_t len)
{
    buf_add(&req->body, data, len);
    if (!buf_ok(&req->body)) {
        req->dropped += len;
    }
    return req->dropped <= LL_MAX_HTTP_BODY ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_len, void **request)
{
    (void)ctx;
    (void)connection;
    (void)url;
    (void)version;
    struct console_request *req = *request;
    if (req == NULL) {
        return MHD_NO; /* no memory */
    }
    if (!req->begun) {
        return begin(req, method);
    }
    if (*upload_len > 0) {
        const size_t len = *upload_len;
        *upload_len = 0;
        return take(req, upload, len);
    }
    if (!buf_ok(&req->body)) {
        return refuse_body(req);
    }
    struct console_answer ans = empty_answer();
    req->match.route->handle(req->listener->console->ctx, req, &ans);
    return send_answer(req, &ans, NULL);
}

/* Who is at the other end of a Unix socket, as the kernel knows it. */
static void find_user(struct console_request *req)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!req->listener->is_unix || info == NULL ||
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        snprintf(req->user, sizeof req->user, "anonymous");
        return;
    }
    struct passwd entry;
    struct passwd *found = NULL;
    char text[PASSWD_BYTES];
    getpwuid_r(peer.uid, &entry, text, sizeof text, &found);
    if (found != NULL) {
        snprintf(req->user, sizeof req->user, "%s", entry.pw_name);
    } else {
        snprintf(req->user, sizeof req->user, "%u", peer.uid);
    }
}

/* Called with the request line, before it is decoded: the one place where an encoded '/' in a
 * parameter can still be told from a real one. */
static void *on_request_line(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    const size_t len = strcspn(uri, "?");
    struct console_request *req = calloc(1, sizeof *req + len + 1);
    if (req == NULL) {
        return NULL;
    }
    req->connection = connection;
    req->listener = ctx;
    memcpy(req->path, uri, len);
    find_user(req);
    return req;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode how)
{
    (void)ctx;
    (void)connection;
    (void)how;
    struct console_request *req = *request;
    if (req != NULL) {
        buf_free(&req->body);
        free(req);
        *request = NULL;
    }
}

static void on_library_log(void *ctx, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void on_library_log(void *ctx, const char *fmt, va_list ap)
{
    (void)ctx;
    char text[LL_MAX_PATH];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("console", "library", "says=\"%s\"", text);
}

/* The library closes `fd` when it stops. */
static ll_err start_listener(struct listener *l, int fd)
{
    /* On the Unix socket a handler may wait, for the pipeline or for a long import, so each
     * connection has a thread of its own. poll, since select fails once a descriptor is above
     * 1023. */
    const unsigned threads = l->is_unix ? MHD_USE_THREAD_PER_CONNECTION : 0;
    l->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | threads, 0, NULL, NULL, on_access, l,
        MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES, MHD_OPTION_END);
    if (l->daemon == NULL) {
        log_error("console", "start_failed", "listener=%s", l->is_unix ? "unix" : "tcp");
        return LL_ENOMEM;
    }
    return LL_OK;
}

ll_err console_start(const char *listen, const char *socket_path, const char *group,
                     const struct console_route *routes, size_t route_count, void *ctx,
                     struct console **out)
{
    struct console *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return LL_ENOMEM;
    }
    c->routes = routes;
    c->route_count = route_count;
    c->ctx = ctx;
    c->tcp.console = c;
    c->local = (struct listener){.console = c, .is_unix = true};

    int fd = -1;
    ll_err err = listen_unix(socket_path, group, &fd);
    if (err != LL_OK) {
        goto fail;
    }
    snprintf(c->socket_path, sizeof c->socket_path, "%s", socket_path);
    err = start_listener(&c->local, fd);
    if (err == LL_OK && listen[0] != '\0') {
        err = listen_tcp(listen, &fd, &c->port);
        if (err == LL_OK) {
            err = start_listener(&c->tcp, fd);
        }
    }
    if (err != LL_OK) {
        goto fail;
    }
    *out = c;
    return LL_OK;

fail:
    console_stop(c);
    return err;
}

void console_stop(struct console *c)
{
    if (c == NULL) {
        return;
    }
    /* The name goes first: whoever comes now is told at once that nobody is there. */
    if (c->socket_path[0] != '\0') {
        unlink(c->socket_path);
    }
    if (c->tcp.daemon != NULL) {
        MHD_stop_daemon(c->tcp.daemon);
    }
    if (c->local.daemon != NULL) {
        MHD_stop_daemon(c->local.daemon);
    }
    free(c);
}

unsigned console_port(const struct console *c)
{
    return c->port;
}
