/*
 * Paho's MQTTAsync, version 1.3.12 as Debian 12 has it. Four facts shape this file:
 *
 *  - PUBACK for QoS 1 goes out when messageArrived returns, whatever it returns. So a message that
 *    the journal cannot take must keep the callback waiting; the broker keeps the message.
 *  - While a callback runs Paho holds its global lock: no call into Paho may be made meanwhile from
 *    another thread that must not wait. Hence receiver_holds, and a thread for the farewell.
 *  - A handle is bound to one protocol version when it is made, and once it has tried TLS it tries
 *    nothing else. So each attempt has a handle of its own.
 *  - A handle with several brokers tells the reason of the last one alone, and after a lost
 *    connection goes on to the next by itself, unasked. So a handle has one; we go through them.
 */
#include "gateway/ingest/ingest.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/rng.h"
#include "gateway/ingest/handshake.h"
#include "gateway/ingest/receiver.h"
#include "gateway/ingest/words.h"
#include "gateway/model/counters.h"
#include "gateway/model/intake.h"

#define BACKOFF_BASE_MS    500
#define CONNECT_TIMEOUT_S  10
#define CONNECT_OVERDUE_MS 30000 /* Paho lost its own callback: begin anew */
#define STEADY_MS          10000 /* a connection that lasts so long was a good one */
#define FAREWELL_MS        2000
#define FAREWELL_POLL_US   10000
#define TICK_MS            LL_MS_PER_S
#define WILL_TOPIC_PREFIX  "lifeline/v1/gateway/"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct subscription {
    struct ingest *in;
    const char *filter;
};

struct ingest {
    const struct conf *conf;
    struct intake_log *intake;
    char will_topic[LL_MAX_TOPIC];
    char password[CONF_TEXT];
    char *uris[LL_MAX_BROKERS]; /* in the schemes that Paho knows */
    struct subscription subscriptions[LL_MAX_TOPICS];
    MQTTAsync handle; /* of the present or the last attempt, or NULL */
    int version;      /* of the handle: MQTTVERSION_5 or MQTTVERSION_3_1_1 */

    struct receiver *receiver;
    _Atomic bool left; /* the farewell is over */
    _Atomic int link;  /* enum link_state, as status and ticks see it */
    struct log_limit tick_limit;

    pthread_mutex_t lock;         /* below: set by Paho's callbacks, acted upon by ingest_timer */
    size_t broker;                /* whose turn it is */
    int versions[LL_MAX_BROKERS]; /* to try with each */
    char tls_error[CONF_TEXT];    /* of the present attempt */
    bool in_backoff;
    unsigned rounds; /* through all brokers without a good connection */
    struct mono_ns connected_at;
    struct mono_ns next_try;
    struct mono_ns try_began;
    struct mono_ns next_tick;
    struct ingest_status status;
    struct rng rng;
};

/* --- messages -------------------------------------------------------------------------------- */

static int on_message(void *ctx, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct ingest *in = ctx;
    const struct intake_message m = {
        .topic = topic,
        .topic_len = topic_len > 0 ? (size_t)topic_len : strlen(topic), /* MQTT: at most 65,535 */
        .payload = message->payload,
        .payload_len = message->payloadlen > 0 ? (size_t)message->payloadlen : 0,
        .flags = (uint8_t)((message->retained ? INTAKE_RETAINED : 0) |
                           (message->dup ? INTAKE_REPEATED : 0)),
        .qos = (uint8_t)message->qos,
    };
    receiver_take(in->receiver, &m);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* --- the connection's states ----------------------------------------------------------------- */

static void set_status(struct ingest *in, enum link_state link, const char *error)
{
    /* lock held */
    atomic_store(&in->link, link);
    in->status.connected = link == LINK_UP;
    in->status.since = clock_wall();
    snprintf(in->status.last_error, sizeof in->status.last_error, "%s", error);
    counter_set(COUNTER_MQTT_CONNECTED, link == LINK_UP);
}

/* After a pause, or at once where another broker or version is to be tried. */
static void schedule_retry(struct ingest *in, const char *what, const char *error, bool at_once)
{
    /* lock held */
    const int64_t wait =
        at_once ? 0
                : rng_backoff_ms(&in->rng, in->rounds++, BACKOFF_BASE_MS, in->conf->retry_max_ms);
    in->next_try = mono_after(clock_mono(), wait);
    in->in_backoff = true;
    in->status.retry_in_ms = wait;
    set_status(in, LINK_DOWN, error);
    log_warn("ingest", what, "uri=%s reason=\"%s\" retry_in_ms=%lld", in->status.uri, error,
             (long long)wait);
}

static void lost(struct ingest *in, const char *reason)
{
    counter_add(COUNTER_MQTT_LOST, 1);
    pthread_mutex_lock(&in->lock);
    /* One that ends soon counts as none: two gateways of one name would else hunt each other. */
    if (mono_elapsed_ms(in->connected_at, clock_mono()) > STEADY_MS) {
        in->rounds = 0;
    }
    in->broker = 0;
    schedule_retry(in, "disconnected", reason, false);
    pthread_mutex_unlock(&in->lock);
}

static void on_lost(void *ctx, char *cause)
{
    lost(ctx, cause != NULL ? cause : "connection lost");
    MQTTAsync_free(cause);
}

/* The broker ended the session with a reason (MQTT 5). Paho closes the socket without on_lost. */
static void on_disconnected(void *ctx, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    (void)properties;
    const char *text = MQTTReasonCode_toString(reason);
    lost(ctx, text != NULL ? text : "the broker ended the session");
}

/* The other version at the same broker, else the next broker, else a pause and the first. `tls`: ""
 * or more than Paho told. */
static void connect_failed(struct ingest *in, int code, const char *message, const char *tls)
{
    char text[CONF_TEXT];
    counter_add(COUNTER_MQTT_CONNECT_FAILED, 1);
    pthread_mutex_lock(&in->lock);
    words_of_failure(code, message, tls[0] != '\0' ? tls : in->tls_error, text, sizeof text);
    int *version = &in->versions[in->broker];
    const bool version_refused =
        !in->conf->mqtt_311 && (code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION || code == 1);
    const bool fall_back = version_refused && *version == MQTTVERSION_5;
    if (version_refused) {
        *version = fall_back ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
    }
    if (!fall_back) {
        in->broker = (in->broker + 1) % in->conf->uri_count;
    }
    schedule_retry(in, "connect_failed", text, fall_back || in->broker > 0);
    pthread_mutex_unlock(&in->lock);
}

/* In Paho's threads, which may wait: there is no connection. */
static void attempt_failed(struct ingest *in, int code, const char *message)
{
    char tls[CONF_TEXT] = "";
    if (words_of_code(code) == NULL) {
        pthread_mutex_lock(&in->lock);
        const char *uri = in->uris[in->broker];
        pthread_mutex_unlock(&in->lock);
        handshake_fault(in->conf, uri, tls, sizeof tls);
    }
    connect_failed(in, code, message, tls);
}

static void on_connect_failure5(void *ctx, MQTTAsync_failureData5 *r)
{
    attempt_failed(ctx, r->reasonCode != 0 ? (int)r->reasonCode : r->code, r->message);
}

static void on_connect_failure(void *ctx, MQTTAsync_failureData *r)
{
    attempt_failed(ctx, r->code, r->message);
}

static int on_tls_error(const char *text, size_t len, void *ctx)
{
    struct ingest *in = ctx;
    pthread_mutex_lock(&in->lock);
    words_of_tls(text, len, in->tls_error, sizeof in->tls_error);
    pthread_mutex_unlock(&in->lock);
    return 1;
}

/* Of QoS 0, "online": what is still in Paho's queue when a connection is lost is not freed with the
 * handle, and one of QoS 1 that could not be written would be freed twice. */
static MQTTAsync_token announce(struct ingest *in, const char *state, int qos)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_send(in->handle, in->will_topic, (int)strlen(state), state, qos, 1, &response);
    return response.token;
}

/* The last one: now the gateway hears all that it can. Not before, since a connection that ends as
 * soon as it began would leave the announcement in Paho's queue. */
static void answered(const struct subscription *s)
{
    if (s == &s->in->subscriptions[s->in->conf->topic_count - 1]) {
        (void)announce(s->in, "online", 0);
    }
}

static void on_subscribe_success5(void *ctx, MQTTAsync_successData5 *r)
{
    (void)r;
    answered(ctx);
}

static void on_subscribe_success(void *ctx, MQTTAsync_successData *r)
{
    (void)r;
    answered(ctx);
}

/* Connected but deaf: `status` tells the first refusal. */
static void subscribe_failed(const struct subscription *s, int code, const char *message)
{
    struct ingest *in = s->in;
    char text[CONF_TEXT];
    const char *words = words_of_code(code);
    snprintf(text, sizeof text, "subscription refused: %s (%d): %s",
             words != NULL     ? words
             : message != NULL ? message
                               : "by the broker",
             code, s->filter);
    log_error("ingest", "subscribe_failed", "reason=\"%s\"", text);
    pthread_mutex_lock(&in->lock);
    if (in->status.last_error[0] == '\0') {
        snprintf(in->status.last_error, sizeof in->status.last_error, "%s", text);
    }
    pthread_mutex_unlock(&in->lock);
}

/* Codes of Paho's own tell that the connection was lost meanwhile; the next one asks again. */
static void refused(const struct subscription *s, int code, const char *message)
{
    if (code >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
        subscribe_failed(s, code, message);
        answered(s);
    }
}

static void on_subscribe_failure5(void *ctx, MQTTAsync_failureData5 *r)
{
    refused(ctx, (int)r->reasonCode, r->message);
}

static void on_subscribe_failure(void *ctx, MQTTAsync_failureData *r)
{
    refused(ctx, r->code, r->message);
}

/* A request for each filter: Paho tells a refusal as a failure only where it stands alone. */
static void subscribe(struct ingest *in)
{
    for (size_t i = 0; i < in->conf->topic_count; i++) {
        struct subscription *s = &in->subscriptions[i];
        MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
        response.context = s;
        if (in->version == MQTTVERSION_5) {
            response.onSuccess5 = on_subscribe_success5;
            response.onFailure5 = on_subscribe_failure5;
            response.subscribeOptions.retainHandling = 1; /* none again for a kept session */
        } else {
            response.onSuccess = on_subscribe_success;
            response.onFailure = on_subscribe_failure;
        }
        const int rc = MQTTAsync_subscribe(in->handle, s->filter, 1, &response);
        if (rc != MQTTASYNC_SUCCESS) {
            subscribe_failed(s, rc, MQTTAsync_strerror(rc));
        }
    }
}

static void connected(struct ingest *in)
{
    counter_add(COUNTER_MQTT_CONNECTS, 1);
    pthread_mutex_lock(&in->lock);
    in->connected_at = clock_mono();
    in->in_backoff = false;
    in->status.retry_in_ms = 0;
    in->status.mqtt_version = in->version;
    set_status(in, LINK_UP, "");
    log_info("ingest", "connected", "uri=%s mqtt=%s", in->status.uri,
             in->version == MQTTVERSION_5 ? "5" : "3.1.1");
    pthread_mutex_unlock(&in->lock);
    subscribe(in);
}

/* Paho calls onFailure for a connection that was up and is lost, unless it called onSuccess. */
static void on_connect_success5(void *ctx, MQTTAsync_successData5 *r)
{
    (void)r;
    connected(ctx);
}

static void on_connect_success(void *ctx, MQTTAsync_successData *r)
{
    (void)r;
    connected(ctx);
}

/* --- connecting ------------------------------------------------------------------------------ */

static ll_err make_handle(struct ingest *in, size_t broker, int version, MQTTAsync *out)
{
    MQTTAsync handle = NULL;
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    options.MQTTVersion = version;
    /* Else it keeps a trace of its own calls in memory, at a fifth of the CPU of a message. */
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    int rc = MQTTAsync_createWithOptions(&handle, in->uris[broker], in->conf->client_id,
                                         MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setCallbacks(handle, in, on_lost, on_message, NULL);
    }
    if (rc == MQTTASYNC_SUCCESS && version == MQTTVERSION_5) {
        rc = MQTTAsync_setDisconnected(handle, in, on_disconnected);
    }
    if (rc != MQTTASYNC_SUCCESS) {
        log_error("ingest", "handle_failed", "reason=\"%s\"", MQTTAsync_strerror(rc));
        if (handle != NULL) {
            MQTTAsync_destroy(&handle);
        }
        return LL_ENET;
    }
    *out = handle;
    return LL_OK;
}

static int start_connect(struct ingest *in)
{
    const struct conf *c = in->conf;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    const bool v5 = in->version == MQTTVERSION_5;
    const MQTTAsync_connectOptions v5_options = MQTTAsync_connectOptions_initializer5;
    const MQTTAsync_connectOptions v3_options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions options = v5 ? v5_options : v3_options;

    will.topicName = in->will_topic;
    will.message = "offline";
    will.qos = 1;
    will.retained = 1;
    tls.trustStore = c->mqtt_ca_file[0] != '\0' ? c->mqtt_ca_file : NULL;
    tls.keyStore = c->mqtt_cert_file[0] != '\0' ? c->mqtt_cert_file : NULL;
    tls.privateKey = c->mqtt_key_file[0] != '\0' ? c->mqtt_key_file : NULL;
    tls.verify = 1;
    tls.ssl_error_cb = on_tls_error;
    tls.ssl_error_context = in;

    options.keepAliveInterval = (int)c->keepalive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.context = in;
    options.will = &will;
    options.ssl = &tls;
    if (c->mqtt_username[0] != '\0') {
        options.username = c->mqtt_username;
        options.password = in->password;
    }
    if (v5) {
        MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL};
        expiry.value.integer4 = (unsigned)c->session_expiry_s;
        MQTTProperties_add(&properties, &expiry);
        options.connectProperties = &properties;
        options.cleanstart = 0;
        options.onSuccess5 = on_connect_success5;
        options.onFailure5 = on_connect_failure5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = 0;
        options.onSuccess = on_connect_success;
        options.onFailure = on_connect_failure;
    }
    const int rc = MQTTAsync_connect(in->handle, &options);
    MQTTProperties_free(&properties);
    return rc;
}

/* Begins one attempt. Paho's callbacks end it. */
static void try_connect(struct ingest *in, struct mono_ns now)
{
    MQTTAsync next = NULL;
    pthread_mutex_lock(&in->lock);
    const size_t broker = in->broker;
    const int version = in->versions[broker];
    pthread_mutex_unlock(&in->lock);

    /* The new one first: without any handle Paho ends its threads, and waits for them. */
    const ll_err err = make_handle(in, broker, version, &next);
    if (in->handle != NULL) {
        MQTTAsync_destroy(&in->handle);
    }
    /* From here on no callback is under way. */
    in->handle = next;
    in->version = version;
    pthread_mutex_lock(&in->lock);
    in->in_backoff = false;
    in->try_began = now;
    in->tls_error[0] = '\0';
    snprintf(in->status.uri, sizeof in->status.uri, "%s", in->conf->uris[broker]);
    atomic_store(&in->link, LINK_CONNECTING);
    pthread_mutex_unlock(&in->lock);
    const int rc = err == LL_OK ? start_connect(in) : MQTTASYNC_FAILURE;
    if (rc != MQTTASYNC_SUCCESS) {
        connect_failed(in, rc, MQTTAsync_strerror(rc), "");
    }
}

static void write_tick(struct ingest *in, struct mono_ns now)
{
    if (now.ns < in->next_tick.ns) {
        return;
    }
    in->next_tick = mono_after(now, TICK_MS);
    const ll_err err = intake_log_tick(in->intake, atomic_load(&in->link) == LINK_UP);
    uint64_t left_out;
    if (err != LL_OK && log_limit_pass(&in->tick_limit, &left_out)) {
        log_error("ingest", "tick_lost", "reason=\"%s\"", ll_err_str(err));
    }
}

void ingest_timer(struct ingest *in, struct mono_ns now)
{
    write_tick(in, now);
    if (receiver_holds(in->receiver)) {
        return; /* Paho's lock is taken; see the top of this file */
    }
    pthread_mutex_lock(&in->lock);
    const bool due = in->in_backoff && now.ns >= in->next_try.ns;
    const bool overdue = atomic_load(&in->link) == LINK_CONNECTING && !in->in_backoff &&
                         mono_elapsed_ms(in->try_began, now) > CONNECT_OVERDUE_MS;
    pthread_mutex_unlock(&in->lock);
    if (overdue) {
        log_warn("ingest", "connect_overdue", "after_ms=%d", CONNECT_OVERDUE_MS);
    }
    if (due || overdue) {
        try_connect(in, now);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static void free_ingest(struct ingest *in)
{
    for (size_t i = 0; i < LL_MAX_BROKERS; i++) {
        free(in->uris[i]);
    }
    receiver_free(in->receiver);
    explicit_bzero(in->password, sizeof in->password);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

ll_err ingest_start(const struct conf *conf, struct intake_log *intake, struct ingest **out)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return LL_ENOMEM;
    }
    in->conf = conf;
    in->intake = intake;
    in->rng = rng_random();
    pthread_mutex_init(&in->lock, NULL);
    snprintf(in->will_topic, sizeof in->will_topic, WILL_TOPIC_PREFIX "%s/state", conf->gateway_id);
    ll_err err = receiver_new(intake, (size_t)conf->max_message_bytes, &in->receiver);
    if (err != LL_OK) {
        goto fail;
    }
    if (conf->mqtt_password_file[0] != '\0') {
        err = conf_secret(conf->mqtt_password_file, in->password, sizeof in->password);
        if (err != LL_OK) {
            log_error("ingest", "password_file", "file=%s reason=\"%s\"", conf->mqtt_password_file,
                      ll_err_str(err));
            goto fail;
        }
    }
    for (size_t i = 0; i < conf->uri_count; i++) {
        in->uris[i] = words_of_uri(conf->uris[i]);
        if (in->uris[i] == NULL) {
            err = LL_ENOMEM;
            goto fail;
        }
    }
    for (size_t i = 0; i < conf->topic_count; i++) {
        in->subscriptions[i] = (struct subscription){in, conf->topics[i].filter};
    }
    for (size_t i = 0; i < conf->uri_count; i++) {
        in->versions[i] = conf->mqtt_311 ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
    }
    in->status.since = clock_wall();
    try_connect(in, clock_mono());
    *out = in;
    return LL_OK;
fail:
    free_ingest(in);
    return err;
}

/* In a thread of its own, since a callback that holds a message holds Paho's lock too. */
static void *say_farewell(void *arg)
{
    struct ingest *in = arg;
    if (in->handle != NULL) {
        if (atomic_load(&in->link) == LINK_UP) {
            MQTTAsync_waitForCompletion(in->handle, announce(in, "offline", 1), FAREWELL_MS);
        }
        MQTTAsync_destroy(&in->handle); /* with DISCONNECT, which keeps the will from being sent */
    }
    atomic_store(&in->left, true);
    return NULL;
}

void ingest_stop(struct ingest *in)
{
    if (in == NULL) {
        return;
    }
    pthread_t farewell;
    receiver_stop(in->receiver);
    const int rc = pthread_create(&farewell, NULL, say_farewell, in);
    while (rc == 0 && !atomic_load(&in->left) && !receiver_parked(in->receiver)) {
        usleep(FAREWELL_POLL_US);
    }
    if (!atomic_load(&in->left)) {
        log_warn("ingest", "stopped_holding", "hint=\"what waits stays with the broker\"");
        return; /* both threads end with the process */
    }
    pthread_join(farewell, NULL);
    free_ingest(in);
}

uint64_t ingest_received(const struct ingest *in)
{
    return receiver_count(in->receiver);
}

void ingest_status(struct ingest *in, struct ingest_status *out)
{
    pthread_mutex_lock(&in->lock);
    *out = in->status;
    out->holding = receiver_holds(in->receiver);
    if (in->in_backoff) {
        const int64_t left = mono_elapsed_ms(clock_mono(), in->next_try);
        out->retry_in_ms = left > 0 ? left : 0;
    }
    pthread_mutex_unlock(&in->lock);
}
