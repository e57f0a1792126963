#include "gateway/notify/link.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERROR_BYTES   256
#define FIRST_REFUSAL 0x80 /* MQTT 5, 2.4; MQTT 3.1.1 has this one in SUBACK */
/* Beside a certificate of one's own the library does not know the system's. */
#define SYSTEM_AUTHORITIES "/etc/ssl/certs"

struct link {
    struct mosquitto *mosq;
    struct link_handlers handlers;
    int mqtt_version;
    char tls_error[ERROR_BYTES]; /* OpenSSL's words, which the library only logs */
    char error[ERROR_BYTES];
};

/* --- words ----------------------------------------------------------------------------------- */

const char *link_answer_words(int code)
{
    return code < FIRST_REFUSAL ? NULL : mosquitto_reason_string(code);
}

bool link_answer_denied(int code)
{
    return code == MQTT_RC_NOT_AUTHORIZED;
}

const char *link_error(const struct link *l)
{
    return l->error;
}

static void set_error(struct link *l, const char *words)
{
    snprintf(l->error, sizeof l->error, "%s", words);
}

/* `rc` is a code of the library's own; some of them say no more than to look at errno. */
static ll_err failed(struct link *l, int rc, int sys_errno)
{
    if (l->error[0] != '\0') {
        return LL_ENET; /* a handler knows better */
    }
    if (rc == MOSQ_ERR_ERRNO && sys_errno != 0 && sys_errno != EPROTO) {
        set_error(l, strerror(sys_errno));
    } else if (rc == MOSQ_ERR_EAI) {
        set_error(l, gai_strerror(sys_errno));
    } else if (l->tls_error[0] != '\0') {
        set_error(l, l->tls_error);
    } else {
        set_error(l, rc != MOSQ_ERR_SUCCESS ? mosquitto_strerror(rc) : "connection lost");
    }
    return LL_ENET;
}

/* --- what the library tells ------------------------------------------------------------------ */

static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *text)
{
    struct link *l = ctx;
    (void)mosq;
    if (level == MOSQ_LOG_ERR) {
        snprintf(l->tls_error, sizeof l->tls_error, "%s", text);
    }
}

static void on_connect(struct mosquitto *mosq, void *ctx, int code, int flags,
                       const mosquitto_property *properties)
{
    struct link *l = ctx;
    uint8_t retains = 1;
    (void)mosq;
    (void)flags;
    mosquitto_property_read_byte(properties, MQTT_PROP_RETAIN_AVAILABLE, &retains, false);
    if (code != 0) {
        set_error(l, l->mqtt_version == 5 ? mosquitto_reason_string(code)
                                          : mosquitto_connack_string(code));
    } else if (retains == 0) {
        set_error(l, "the broker keeps no retained messages");
    } else {
        l->handlers.connected(l->handlers.ctx);
    }
}

static void on_disconnect(struct mosquitto *mosq, void *ctx, int code,
                          const mosquitto_property *properties)
{
    struct link *l = ctx;
    (void)mosq;
    (void)properties;
    if (code >= FIRST_REFUSAL && l->error[0] == '\0') { /* the broker's own, by MQTT 5 */
        set_error(l, mosquitto_reason_string(code));
    }
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    const struct link *l = ctx;
    (void)mosq;
    (void)properties;
    if (message->retain) { /* else what it has just published itself, by MQTT 3.1.1 */
        l->handlers.retained(l->handlers.ctx, message->topic);
    }
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int number, int count,
                         const int *granted, const mosquitto_property *properties)
{
    const struct link *l = ctx;
    (void)mosq;
    (void)properties;
    l->handlers.answered(l->handlers.ctx, number, count > 0 ? granted[0] : FIRST_REFUSAL);
}

static void on_publish(struct mosquitto *mosq, void *ctx, int number, int code,
                       const mosquitto_property *properties)
{
    const struct link *l = ctx;
    (void)mosq;
    (void)properties;
    l->handlers.answered(l->handlers.ctx, number, code);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Never undone: that would unload OpenSSL's settings, which others in the process use. */
ll_err link_init(void)
{
    return mosquitto_lib_init() == MOSQ_ERR_SUCCESS ? LL_OK : LL_ENOMEM;
}

ll_err link_new(const struct link_handlers *handlers, struct link **out)
{
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return LL_ENOMEM;
    }
    l->handlers = *handlers;
    *out = l;
    return LL_OK;
}

void link_free(struct link *l)
{
    if (l == NULL) {
        return;
    }
    if (l->mosq != NULL) {
        mosquitto_disconnect(l->mosq);
        mosquitto_destroy(l->mosq);
    }
    free(l);
}

static int set_tls(struct mosquitto *m, const struct link_options *o)
{
    const bool own = o->cert_file[0] != '\0';
    if (o->ca_file[0] == '\0' && !own) {
        return mosquitto_int_option(m, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    }
    return mosquitto_tls_set(m, o->ca_file[0] != '\0' ? o->ca_file : NULL,
                             o->ca_file[0] != '\0' ? NULL : SYSTEM_AUTHORITIES,
                             own ? o->cert_file : NULL, own ? o->key_file : NULL, NULL);
}

static int set_options(struct link *l, const struct link_options *o)
{
    struct mosquitto *m = l->mosq;
    mosquitto_log_callback_set(m, on_log);
    mosquitto_connect_v5_callback_set(m, on_connect);
    mosquitto_disconnect_v5_callback_set(m, on_disconnect);
    mosquitto_message_v5_callback_set(m, on_message);
    mosquitto_subscribe_v5_callback_set(m, on_subscribe);
    mosquitto_publish_v5_callback_set(m, on_publish);
    int rc = mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION,
                                  o->mqtt_version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    if (rc == MOSQ_ERR_SUCCESS) {
        /* Else an alarm waits for the answer to the one before it. */
        rc = mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS && o->username[0] != '\0') {
        rc = mosquitto_username_pw_set(m, o->username, o->password);
    }
    if (rc == MOSQ_ERR_SUCCESS && o->tls) {
        rc = set_tls(m, o);
    }
    return rc;
}

ll_err link_connect(struct link *l, const struct link_options *options)
{
    l->error[0] = '\0';
    l->mqtt_version = options->mqtt_version;
    l->mosq = mosquitto_new(options->client_id, true, l);
    if (l->mosq == NULL) {
        return failed(l, MOSQ_ERR_NOMEM, errno);
    }
    int rc = set_options(l, options);
    if (rc == MOSQ_ERR_SUCCESS) {
        errno = 0;
        rc = mosquitto_connect(l->mosq, options->host, options->port, options->keepalive_s);
    }
    return rc == MOSQ_ERR_SUCCESS ? LL_OK : failed(l, rc, errno);
}

/* --- at work --------------------------------------------------------------------------------- */

ll_err link_run(struct link *l, int wake, int wait_ms)
{
    struct mosquitto *m = l->mosq;
    struct pollfd fds[] = {{.fd = wake, .events = POLLIN},
                           {.fd = mosquitto_socket(m), .events = POLLIN}};
    if (mosquitto_want_write(m)) {
        fds[1].events |= POLLOUT;
    }
    l->error[0] = '\0';
    poll(fds, sizeof fds / sizeof fds[0], wait_ms);
    uint64_t count;
    if (fds[0].revents != 0 && read(wake, &count, sizeof count) < 0) {
        return failed(l, MOSQ_ERR_ERRNO, errno);
    }
    errno = 0;
    int rc = MOSQ_ERR_SUCCESS;
    if ((fds[1].revents & ~POLLOUT) != 0) {
        rc = mosquitto_loop_read(m, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(m)) {
        rc = mosquitto_loop_write(m, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_loop_misc(m);
    }
    const bool lost = rc != MOSQ_ERR_SUCCESS || mosquitto_socket(m) < 0 || l->error[0] != '\0';
    return lost ? failed(l, rc, errno) : LL_OK;
}

static ll_err taken(struct link *l, int rc)
{
    if (rc == MOSQ_ERR_SUCCESS) {
        return LL_OK;
    }
    set_error(l, mosquitto_strerror(rc));
    const bool lost = rc == MOSQ_ERR_NO_CONN || rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_ERRNO;
    return lost ? LL_ENET : LL_EREFUSED;
}

ll_err link_publish(struct link *l, const char *topic, const void *data, size_t len, int *number)
{
    return taken(l, mosquitto_publish(l->mosq, number, topic, (int)len, data, 1, true));
}

ll_err link_subscribe(struct link *l, const char *filter, int *number)
{
    /* By MQTT 5, without what it publishes itself; by 3.1.1 there is no such option. */
    return taken(l,
                 mosquitto_subscribe_v5(l->mosq, number, filter, 0, MQTT_SUB_OPT_NO_LOCAL, NULL));
}
