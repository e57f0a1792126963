#include "gateway/export/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/buf.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

#define MAX_URL           4096
#define MAX_SECRET        1024
#define CONNECT_S         10
#define MAX_RETRY_AFTER_S 3600

struct http {
    CURL *curl;
    struct curl_slist *plain; /* headers for each encoding */
    struct curl_slist *gzip;
    const atomic_bool *stop;
    char error[CURL_ERROR_SIZE];
    struct http_answer *answer; /* of the request under way */
    size_t answer_len;
};

static ll_err curl_ready = LL_ENOMEM;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? LL_OK : LL_ENOMEM;
}

/* What goes past the cap is read and dropped, so that the connection can be kept. */
static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
    struct http *h = arg;
    const size_t len = size * count;
    const size_t room = sizeof h->answer->text - 1 - h->answer_len;
    const size_t n = len < room ? len : room;
    memcpy(h->answer->text + h->answer_len, data, n);
    h->answer_len += n;
    return len;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    const struct http *h = arg;
    return atomic_load(h->stop) ? 1 : 0;
}

static ll_err add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer == NULL) {
        return LL_ENOMEM;
    }
    *list = longer;
    return LL_OK;
}

static void add_param(struct buf *url, CURL *curl, const char *key, const char *value)
{
    char *escaped = curl_easy_escape(curl, value, 0);
    if (escaped == NULL) {
        url->failure = LL_ENOMEM;
        return;
    }
    buf_printf(url, "%s%s", key, escaped);
    curl_free(escaped);
}

static ll_err set_url(struct http *h, const struct conf_destination *conf)
{
    size_t len = strlen(conf->url);
    while (len > 0 && conf->url[len - 1] == '/') {
        len--;
    }
    struct buf url;
    buf_init(&url, MAX_URL);
    buf_add(&url, conf->url, len);
    if (conf->type == DESTINATION_INFLUXDB1) {
        add_param(&url, h->curl, "/write?db=", conf->database);
        if (conf->retention_policy[0] != '\0') {
            add_param(&url, h->curl, "&rp=", conf->retention_policy);
        }
        buf_char(&url, '&');
    } else if (conf->type == DESTINATION_INFLUXDB2) {
        add_param(&url, h->curl, "/api/v2/write?org=", conf->org);
        add_param(&url, h->curl, "&bucket=", conf->bucket);
        buf_char(&url, '&');
    } else {
        buf_str_add(&url, "/api/v2/write?");
    }
    buf_str_add(&url, "precision=ms");
    ll_err err = buf_err(&url);
    if (err == LL_OK) {
        err = curl_easy_setopt(h->curl, CURLOPT_URL, buf_str(&url)) == CURLE_OK ? LL_OK : LL_ENOMEM;
    }
    buf_free(&url);
    return err;
}

/* Secrets stay in libcurl's memory alone. */
static ll_err set_password(struct http *h, const struct conf_destination *conf)
{
    if (conf->username[0] == '\0') {
        return LL_OK;
    }
    char secret[MAX_SECRET] = "";
    ll_err err = LL_OK;
    if (conf->password_file[0] != '\0') {
        err = conf_secret(conf->password_file, secret, sizeof secret);
    }
    if (err == LL_OK && (curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) != CURLE_OK ||
                         curl_easy_setopt(h->curl, CURLOPT_USERNAME, conf->username) != CURLE_OK ||
                         curl_easy_setopt(h->curl, CURLOPT_PASSWORD, secret) != CURLE_OK)) {
        err = LL_ENOMEM;
    }
    explicit_bzero(secret, sizeof secret);
    return err;
}

static ll_err add_token(struct http *h, const struct conf_destination *conf)
{
    if (conf->token_file[0] == '\0') {
        return LL_OK;
    }
    static const char scheme[] = "Authorization: Token ";
    char header[sizeof scheme + MAX_SECRET];
    memcpy(header, scheme, sizeof scheme);
    ll_err err = conf_secret(conf->token_file, header + sizeof scheme - 1, MAX_SECRET);
    if (err == LL_OK) {
        err = add_header(&h->plain, header);
    }
    if (err == LL_OK) {
        err = add_header(&h->gzip, header);
    }
    explicit_bzero(header, sizeof header);
    return err;
}

static ll_err set_headers(struct http *h, const struct conf_destination *conf)
{
    static const char *const always[] = {
        "Content-Type: text/plain; charset=utf-8",
        "Expect:", /* no 100-continue: it costs a round trip, or a second where it is not known */
    };
    ll_err err = LL_OK;
    for (size_t i = 0; i < sizeof always / sizeof always[0] && err == LL_OK; i++) {
        err = add_header(&h->plain, always[i]);
        if (err == LL_OK) {
            err = add_header(&h->gzip, always[i]);
        }
    }
    if (err == LL_OK) {
        err = add_header(&h->gzip, "Content-Encoding: gzip");
    }
    if (err != LL_OK) {
        return err;
    }
    return conf->type == DESTINATION_INFLUXDB2 ? add_token(h, conf) : set_password(h, conf);
}

static ll_err set_transfer(struct http *h, const struct conf_destination *conf)
{
    CURL *c = h->curl;
    const long timeout_s = (long)conf->timeout_s;
    const long connect_s = timeout_s < CONNECT_S ? timeout_s : CONNECT_S;
    /* No proxy from the environment: what is configured is what is talked to. */
    bool ok = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_USERAGENT, "lifelined/" LL_VERSION) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout_s) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, connect_s) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEDATA, h) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_XFERINFODATA, h) == CURLE_OK;
    if (ok && conf->ca_file[0] != '\0') {
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, conf->ca_file) == CURLE_OK;
    }
    if (ok && conf->cert_file[0] != '\0') {
        ok = curl_easy_setopt(c, CURLOPT_SSLCERT, conf->cert_file) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_SSLKEY, conf->key_file) == CURLE_OK;
    }
    return ok ? LL_OK : LL_ENOMEM;
}

ll_err http_new(const struct conf_destination *conf, const atomic_bool *stop, struct http **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    if (curl_ready != LL_OK) {
        return curl_ready;
    }
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return LL_ENOMEM;
    }
    h->stop = stop;
    h->curl = curl_easy_init();
    ll_err err = h->curl != NULL ? LL_OK : LL_ENOMEM;
    if (err == LL_OK) {
        err = set_transfer(h, conf);
    }
    if (err == LL_OK) {
        err = set_url(h, conf);
    }
    if (err == LL_OK) {
        err = set_headers(h, conf);
    }
    if (err != LL_OK) {
        http_free(h);
        return err;
    }
    *out = h;
    return LL_OK;
}

void http_free(struct http *h)
{
    if (h == NULL) {
        return;
    }
    curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->plain);
    curl_slist_free_all(h->gzip);
    free(h);
}

static void trim_end(char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    text[len] = '\0';
}

void http_post(struct http *h, const char *body, size_t len, bool gzip, struct http_answer *out)
{
    out->status = 0;
    out->stopped = false;
    out->retry_after_ms = 0;
    h->answer = out;
    h->answer_len = 0;
    h->error[0] = '\0';
    CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, gzip ? h->gzip : h->plain);
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
    }
    if (rc == CURLE_OK) {
        rc = curl_easy_perform(h->curl);
    }
    h->answer = NULL;
    if (rc != CURLE_OK) {
        /* Half an answer is no answer. */
        out->stopped = rc == CURLE_ABORTED_BY_CALLBACK;
        snprintf(out->text, sizeof out->text, "%s",
                 h->error[0] != '\0' ? h->error : curl_easy_strerror(rc));
        return;
    }
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
    curl_off_t after_s = 0;
    if (curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK && after_s > 0) {
        out->retry_after_ms =
            (after_s < MAX_RETRY_AFTER_S ? after_s : MAX_RETRY_AFTER_S) * LL_MS_PER_S;
    }
    trim_end(out->text, h->answer_len);
}
