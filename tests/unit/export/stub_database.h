/*
 * A database that answers as a test wants it: an HTTP server on loopback with one thread.
 *
 * Settings may be changed under the lock while it runs. `taken` is what it took, one body after
 * the other, decompressed.
 */
#ifndef LL_TESTS_STUB_DATABASE_H
#define LL_TESTS_STUB_DATABASE_H

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "gateway/base/buf.h"
#include "tests/unit/unit.h"

#define STUB_MAX_BODY ((size_t)8 * 1024 * 1024)

struct stub {
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* How it answers: the first that applies. */
    bool hang;           /* not at all, until this is false */
    unsigned fail_first; /* so many requests, with `fail_status` */
    unsigned fail_status;
    const char *fail_text;   /* of the answer, or NULL */
    const char *retry_after; /* header of those, or NULL */
    const char *bad;         /* 400 to a body that contains it, or NULL */
    bool names_bad;          /* and names the lines that do: at most `names_most` of them */
    unsigned names_most;
    size_t max_body;      /* 413 to one that is longer; 0: any */
    unsigned done_status; /* where none does; 0: 204 */
    /* What it saw. */
    unsigned requests;
    unsigned refused; /* of those */
    size_t largest;   /* body that it took */
    char names[8192]; /* of the last answer */
    bool hanging;
    struct buf taken;
    char url[512]; /* of the last request, with its query */
    char authorization[256];
    char encoding[32];
};

static inline enum MHD_Result stub_add_query(void *arg, enum MHD_ValueKind kind, const char *key,
                                             const char *value)
{
    (void)kind;
    struct stub *s = arg;
    const size_t len = strlen(s->url);
    snprintf(s->url + len, sizeof s->url - len, "%c%s=%s", strchr(s->url, '?') ? '&' : '?', key,
             value != NULL ? value : "");
    return MHD_YES;
}

static inline void stub_copy_header(struct MHD_Connection *c, const char *name, char *out,
                                    size_t out_len)
{
    const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    snprintf(out, out_len, "%s", value != NULL ? value : "");
}

static inline void stub_unpack(struct buf *body)
{
    struct buf plain;
    buf_init(&plain, STUB_MAX_BODY);
    z_stream z = {.next_in = (Bytef *)body->data, .avail_in = (uInt)body->len};
    int rc = inflateInit2(&z, 15 + 16);
    while (rc == Z_OK) {
        unsigned char block[4096];
        z.next_out = block;
        z.avail_out = sizeof block;
        rc = inflate(&z, Z_NO_FLUSH);
        buf_add(&plain, block, sizeof block - z.avail_out);
    }
    inflateEnd(&z);
    buf_free(body);
    *body = plain;
    if (rc != Z_STREAM_END || z.avail_in != 0) {
        buf_str_add(body, "(not one whole gzip member)");
    }
}

/* As InfluxDB 3 does. */
static inline const char *stub_name_bad(struct stub *s, const struct buf *body)
{
    size_t len = 0;
    unsigned nth = 0;
    unsigned named = 0;
    len +=
        (size_t)snprintf(s->names, sizeof s->names, "{\"error\":\"partial write\",\"data\":[null");
    for (const char *line = buf_str(body); *line != '\0' && named < s->names_most;) {
        const char *end = strchr(line, '\n');
        const char *bad = strstr(line, s->bad);
        nth++;
        if (bad != NULL && bad < end) {
            named++;
            len += (size_t)snprintf(s->names + len, sizeof s->names - len,
                                    ",{\"line_number\":%u,\"error_message\":\"bad no. %u\"}", nth,
                                    nth);
        }
        line = end + 1;
    }
    snprintf(s->names + len, sizeof s->names - len, "]}");
    return s->names;
}

static inline unsigned stub_judge(struct stub *s, const struct buf *body, const char **text)
{
    if (s->fail_first > 0) {
        s->fail_first--;
        *text = s->fail_text != NULL ? s->fail_text : "not now";
        return s->fail_status;
    }
    if (s->bad != NULL && strstr(buf_str(body), s->bad) != NULL) {
        *text = s->names_bad ? stub_name_bad(s, body) : "{\"error\":\"field type conflict\"}\n";
        return 400;
    }
    if (s->max_body > 0 && body->len > s->max_body) {
        *text = "too much";
        return 413;
    }
    *text = "";
    return s->done_status != 0 ? s->done_status : 204;
}

static inline enum MHD_Result stub_answer(struct stub *s, struct MHD_Connection *c,
                                          struct buf *body)
{
    pthread_mutex_lock(&s->lock);
    s->requests++;
    stub_copy_header(c, "Authorization", s->authorization, sizeof s->authorization);
    stub_copy_header(c, "Content-Encoding", s->encoding, sizeof s->encoding);
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, stub_add_query, s);
    if (strcmp(s->encoding, "gzip") == 0) {
        stub_unpack(body);
    }
    s->hanging = s->hang;
    while (s->hang) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    s->hanging = false;
    const char *text;
    const bool asks_to_wait = s->fail_first > 0 && s->retry_after != NULL;
    const unsigned status = stub_judge(s, body, &text);
    if (text[0] == '\0') {
        buf_add(&s->taken, body->data, body->len);
        s->largest = body->len > s->largest ? body->len : s->largest;
    } else {
        s->refused++;
    }
    const char *retry_after = asks_to_wait ? s->retry_after : NULL;
    pthread_mutex_unlock(&s->lock);

    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
    if (retry_after != NULL) {
        MHD_add_response_header(r, "Retry-After", retry_after);
    }
    const enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static inline enum MHD_Result stub_request(void *arg, struct MHD_Connection *c, const char *url,
                                           const char *method, const char *version,
                                           const char *data, size_t *len, void **request)
{
    (void)version;
    struct stub *s = arg;
    struct buf *body = *request;
    if (body == NULL) {
        body = malloc(sizeof *body);
        if (body == NULL) {
            return MHD_NO;
        }
        buf_init(body, STUB_MAX_BODY);
        *request = body;
        pthread_mutex_lock(&s->lock);
        snprintf(s->url, sizeof s->url, "%s %s", method, url);
        pthread_mutex_unlock(&s->lock);
        return MHD_YES;
    }
    if (*len > 0) {
        buf_add(body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    return stub_answer(s, c, body);
}

static inline void stub_completed(void *arg, struct MHD_Connection *c, void **request,
                                  enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)c;
    (void)code;
    if (*request != NULL) {
        buf_free(*request);
        free(*request);
        *request = NULL;
    }
}

/* `port` 0: any free one, which s->port then holds. */
static inline void stub_listen(struct stub *s, uint16_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, stub_request, s,
                                 MHD_OPTION_SOCK_ADDR, &addr, MHD_OPTION_NOTIFY_COMPLETED,
                                 stub_completed, NULL, MHD_OPTION_END);
    assert_non_null(s->daemon);
    s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static inline void stub_hush(struct stub *s)
{
    if (s->daemon != NULL) {
        MHD_stop_daemon(s->daemon);
        s->daemon = NULL;
    }
}

static inline void stub_init(struct stub *s)
{
    *s = (struct stub){0};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    buf_init(&s->taken, STUB_MAX_BODY);
}

static inline void stub_set_hang(struct stub *s, bool hang)
{
    pthread_mutex_lock(&s->lock);
    s->hang = hang;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static inline void stub_free(struct stub *s)
{
    stub_set_hang(s, false);
    stub_hush(s);
    buf_free(&s->taken);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static inline unsigned stub_requests(struct stub *s)
{
    pthread_mutex_lock(&s->lock);
    const unsigned n = s->requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static inline bool stub_is_hanging(struct stub *s)
{
    pthread_mutex_lock(&s->lock);
    const bool hanging = s->hanging;
    pthread_mutex_unlock(&s->lock);
    return hanging;
}

#endif
