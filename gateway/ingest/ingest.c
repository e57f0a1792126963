/*
 * Paho's MQTTAsync, version 1.3.12 as Debian 12 has it. Three facts shape this file:
 *
 *  - PUBACK for QoS 1 goes out when messageArrived returns, whatever it returns. So a message that
 *    the journal cannot take must keep the callback waiting; the broker keeps the message.
 *  - While a callback runs Paho holds its global lock: no call into Paho may be made meanwhile from
 *    another thread that must not wait. Hence `holding`.
 *  - A handle is bound to one protocol version when it is made. Falling back from MQTT 5 to 3.1.1
 *    takes a new handle.
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
#include "gateway/model/counters.h"
#include "gateway/model/intake.h"

#define BACKOFF_BASE_MS    500
#define BACKOFF_CAP_MS     30000
#define CONNECT_TIMEOUT_S  10
#define CONNECT_OVERDUE_MS 30000 /* Paho lost its own callback: begin anew */
#define DISCONNECT_WAIT_MS 2000
#define HOLD_RETRY_US      200000
#define TICK_MS            LL_MS_PER_S
#define WILL_TOPIC_PREFIX  "lifeline/v1/gateway/"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct ingest {
    const struct conf *conf;
    struct journal *intake;
    char client_id[LL_MAX_ID + 16];
    char will_topic[LL_MAX_TOPIC];
    char password[CONF_TEXT];
    char *uris[LL_MAX_BROKERS];             /* in the schemes that Paho knows */
    char filters[LL_MAX_TOPICS][CONF_TEXT]; /* copies, since Paho wants them writable */
    MQTTAsync handle;                       /* NULL between handles */
    int version;                            /* of the handle: MQTTVERSION_5 or MQTTVERSION_3_1_1 */

    _Atomic uint64_t received;
    _Atomic bool holding; /* a callback waits for the journal */
    _Atomic int link;     /* enum link_state, as status and ticks see it */
    struct log_limit journal_limit;
    struct buf record; /* Paho calls messageArrived from one thread at a time */

    pthread_mutex_t lock; /* below: set by Paho's callbacks, acted upon by ingest_timer */
    bool version_refused;
    bool in_backoff;
    unsigned attempts;
    struct mono_ns next_try;
    struct mono_ns try_began;
    struct mono_ns next_tick;
    struct ingest_status status;
    struct rng rng;
};

/* --- messages -------------------------------------------------------------------------------- */

/* Until the journal has it. Returning without would acknowledge the message. */
static void journal_or_hold(struct ingest *in, const struct buf *record)
{
    for (;;) {
        const ll_err err = journal_append(in->intake, INTAKE_MESSAGE, clock_wall(), record->data,
                                          record->len, NULL);
        if (err == LL_OK) {
            break;
        }
        if (!atomic_exchange(&in->holding, true)) {
            counter_add(COUNTER_MQTT_PUSHED_BACK, 1);
        }
        uint64_t left_out;
        if (log_limit_pass(&in->journal_limit, &left_out)) {
            log_error("ingest", "held_back",
                      "reason=\"%s\" suppressed=%llu hint=\"the intake journal takes no more; "
                      "messages wait unacknowledged at the broker\"",
                      ll_err_str(err), (unsigned long long)left_out);
        }
        usleep(HOLD_RETRY_US);
    }
    atomic_store(&in->holding, false);
    atomic_fetch_add(&in->received, 1);
    counter_add(COUNTER_JOURNAL_BYTES, record->len);
}

static int on_message(void *ctx, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct ingest *in = ctx;
    const size_t payload_len = message->payloadlen > 0 ? (size_t)message->payloadlen : 0;
    const bool oversized = payload_len > (size_t)in->conf->max_message_bytes;
    const size_t kept = payload_len < LL_MAX_MESSAGE_KEPT ? payload_len : LL_MAX_MESSAGE_KEPT;
    const struct intake_message m = {
        .topic = topic,
        .topic_len = topic_len > 0 ? (size_t)topic_len : strlen(topic), /* MQTT: at most 65,535 */
        .payload = message->payload,
        .payload_len = oversized ? kept : payload_len,
        .flags =
            (uint8_t)((message->retained ? INTAKE_RETAINED : 0) |
                      (message->dup ? INTAKE_REPEATED : 0) | (oversized ? INTAKE_OVERSIZED : 0)),
        .qos = (uint8_t)message->qos,
    };
    buf_reset(&in->record);
    intake_write(&m, &in->record);
    while (!buf_ok(&in->record)) { /* no memory: as with a full disk, wait, do not lose */
        usleep(HOLD_RETRY_US);
        buf_reset(&in->record);
        intake_write(&m, &in->record);
    }
    journal_or_hold(in, &in->record);
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

static void schedule_retry(struct ingest *in, const char *what, const char *error)
{
    /* lock held */
    const int64_t wait = rng_backoff_ms(&in->rng, in->attempts++, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    in->next_try = (struct mono_ns){clock_mono().ns + wait * LL_NS_PER_MS};
    in->in_backoff = true;
    in->status.retry_in_ms = wait;
    set_status(in, LINK_DOWN, error);
    log_warn("ingest", what, "reason=\"%s\" retry_in_ms=%lld", error, (long long)wait);
}

static void on_lost(void *ctx, char *cause)
{
    struct ingest *in = ctx;
    counter_add(COUNTER_MQTT_LOST, 1);
    pthread_mutex_lock(&in->lock);
    schedule_retry(in, "disconnected", cause != NULL ? cause : "connection lost");
    pthread_mutex_unlock(&in->lock);
    MQTTAsync_free(cause);
}

/* The broker ended the session with a reason (MQTT 5). Paho closes the socket without on_lost. */
static void on_disconnected(void *ctx, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    (void)properties;
    struct ingest *in = ctx;
    const char *text = MQTTReasonCode_toString(reason);
    counter_add(COUNTER_MQTT_LOST, 1);
    pthread_mutex_lock(&in->lock);
    schedule_retry(in, "disconnected", text != NULL ? text : "the broker ended the session");
    pthread_mutex_unlock(&in->lock);
}

static void connect_failed(struct ingest *in, int code, const char *message, bool version_refused)
{
    char text[CONF_TEXT];
    if (message != NULL) {
        snprintf(text, sizeof text, "%s (%d)", message, code);
    } else {
        const char *known = code > 0 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : NULL;
        snprintf(text, sizeof text, "%s (%d)", known != NULL ? known : "cannot connect", code);
    }
    pthread_mutex_lock(&in->lock);
    in->version_refused = version_refused;
    schedule_retry(in, "connect_failed", text);
    pthread_mutex_unlock(&in->lock);
}

static void on_connect_failure5(void *ctx, MQTTAsync_failureData5 *r)
{
    /* A broker of 3.1.1 answers MQTT 5 with its own return code 1, "unacceptable version". */
    const int code = r->reasonCode != 0 ? (int)r->reasonCode : r->code;
    connect_failed(ctx, code, r->message,
                   code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION || code == 1);
}

static void on_connect_failure(void *ctx, MQTTAsync_failureData *r)
{
    connect_failed(ctx, r->code, r->message, false);
}

static void on_subscribe_failure5(void *ctx, MQTTAsync_failureData5 *r)
{
    (void)ctx;
    log_error("ingest", "subscribe_failed", "reason=\"%s\"",
              r->message != NULL ? r->message : MQTTReasonCode_toString(r->reasonCode));
}

static void on_subscribe_failure(void *ctx, MQTTAsync_failureData *r)
{
    (void)ctx;
    log_error("ingest", "subscribe_failed", "reason=\"%s\"",
              r->message != NULL ? r->message : "refused by the broker");
}

static void subscribe(struct ingest *in)
{
    char *filters[LL_MAX_TOPICS];
    int qos[LL_MAX_TOPICS];
    MQTTSubscribe_options options[LL_MAX_TOPICS];
    const size_t count = in->conf->topic_count;
    for (size_t i = 0; i < count; i++) {
        filters[i] = in->filters[i];
        qos[i] = 1;
        options[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
        options[i].retainHandling = 1; /* retained messages only for a new subscription */
    }
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = in;
    if (in->version == MQTTVERSION_5) {
        response.onFailure5 = on_subscribe_failure5;
        response.subscribeOptions = options[0];
        response.subscribeOptionsCount = (int)count;
        response.subscribeOptionsList = options;
    } else {
        response.onFailure = on_subscribe_failure;
    }
    const int rc = MQTTAsync_subscribeMany(in->handle, (int)count, filters, qos, &response);
    if (rc != MQTTASYNC_SUCCESS) {
        log_error("ingest", "subscribe_failed", "reason=\"%s\"", MQTTAsync_strerror(rc));
    }
}

static void announce(struct ingest *in, const char *state)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_send(in->handle, in->will_topic, (int)strlen(state), state, 1, 1, &response);
}

static void on_connected(void *ctx, char *cause) /* NOLINT(readability-non-const-parameter) */
{
    (void)cause;
    struct ingest *in = ctx;
    counter_add(COUNTER_MQTT_CONNECTS, 1);
    pthread_mutex_lock(&in->lock);
    in->attempts = 0;
    in->in_backoff = false;
    in->status.retry_in_ms = 0;
    in->status.mqtt_version = in->version;
    set_status(in, LINK_UP, "");
    log_info("ingest", "connected", "uri=%s mqtt=%s", in->status.uri,
             in->version == MQTTVERSION_5 ? "5" : "3.1.1");
    pthread_mutex_unlock(&in->lock);
    subscribe(in);
    announce(in, "online");
}

static void note_uri(struct ingest *in, const char *uri)
{
    pthread_mutex_lock(&in->lock);
    snprintf(in->status.uri, sizeof in->status.uri, "%s", uri != NULL ? uri : "");
    pthread_mutex_unlock(&in->lock);
}

static void on_connect_success5(void *ctx, MQTTAsync_successData5 *r)
{
    note_uri(ctx, r->alt.connect.serverURI);
}

static void on_connect_success(void *ctx, MQTTAsync_successData *r)
{
    note_uri(ctx, r->alt.connect.serverURI);
}

/* --- connecting ------------------------------------------------------------------------------ */

static ll_err make_handle(struct ingest *in, int version)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    options.MQTTVersion = version;
    int rc = MQTTAsync_createWithOptions(&in->handle, in->uris[0], in->client_id,
                                         MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setCallbacks(in->handle, in, on_lost, on_message, NULL);
    }
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setConnected(in->handle, in, on_connected);
    }
    if (rc == MQTTASYNC_SUCCESS && version == MQTTVERSION_5) {
        rc = MQTTAsync_setDisconnected(in->handle, in, on_disconnected);
    }
    if (rc != MQTTASYNC_SUCCESS) {
        log_error("ingest", "handle_failed", "reason=\"%s\"", MQTTAsync_strerror(rc));
        MQTTAsync_destroy(&in->handle);
        return LL_ENET;
    }
    in->version = version;
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
    tls.verify = 1;

    options.keepAliveInterval = (int)c->keepalive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.context = in;
    options.will = &will;
    options.ssl = &tls;
    options.serverURIcount = (int)c->uri_count;
    options.serverURIs = in->uris;
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
static void try_connect(struct ingest *in, struct mono_ns now, bool new_handle)
{
    int version = in->version != 0 ? in->version : MQTTVERSION_5;
    pthread_mutex_lock(&in->lock);
    if (in->version_refused) {
        in->version_refused = false;
        version = version == MQTTVERSION_5 ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
        log_info("ingest", "version", "trying=%s", version == MQTTVERSION_5 ? "5" : "3.1.1");
    }
    in->in_backoff = false;
    in->try_began = now;
    atomic_store(&in->link, LINK_CONNECTING);
    pthread_mutex_unlock(&in->lock);

    if (in->handle != NULL && (new_handle || version != in->version)) {
        MQTTAsync_destroy(&in->handle);
    }
    int rc = MQTTASYNC_FAILURE;
    if (in->handle != NULL || make_handle(in, version) == LL_OK) {
        rc = start_connect(in);
    }
    if (rc != MQTTASYNC_SUCCESS) {
        connect_failed(in, rc, MQTTAsync_strerror(rc), false);
    }
}

static void write_tick(struct ingest *in, struct mono_ns now)
{
    if (now.ns < in->next_tick.ns) {
        return;
    }
    in->next_tick = (struct mono_ns){now.ns + TICK_MS * LL_NS_PER_MS};
    const unsigned char connected = atomic_load(&in->link) == LINK_UP;
    const ll_err err = journal_append(in->intake, INTAKE_TICK, clock_wall(), &connected, 1, NULL);
    uint64_t left_out;
    if (err != LL_OK && log_limit_pass(&in->journal_limit, &left_out)) {
        log_error("ingest", "tick_lost", "reason=\"%s\"", ll_err_str(err));
    }
}

void ingest_timer(struct ingest *in, struct mono_ns now)
{
    write_tick(in, now);
    if (atomic_load(&in->holding)) {
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
        try_connect(in, now, overdue);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

/* mqtt:// and mqtts:// by the names that every release of Paho knows. */
static char *paho_uri(const char *uri)
{
    static const struct {
        const char *scheme;
        const char *paho;
    } schemes[] = {{"mqtt://", "tcp://"}, {"mqtts://", "ssl://"}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t len = strlen(schemes[i].scheme);
        if (strncmp(uri, schemes[i].scheme, len) == 0) {
            const size_t size = strlen(uri) + 1;
            char *out = malloc(size);
            if (out != NULL) {
                snprintf(out, size, "%s%s", schemes[i].paho, uri + len);
            }
            return out;
        }
    }
    return strdup(uri);
}

static void free_ingest(struct ingest *in)
{
    for (size_t i = 0; i < LL_MAX_BROKERS; i++) {
        free(in->uris[i]);
    }
    buf_free(&in->record);
    explicit_bzero(in->password, sizeof in->password);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

ll_err ingest_start(const struct conf *conf, struct journal *intake, struct ingest **out)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return LL_ENOMEM;
    }
    in->conf = conf;
    in->intake = intake;
    in->rng = rng_random();
    pthread_mutex_init(&in->lock, NULL);
    buf_init(&in->record, LL_MAX_JOURNAL_RECORD);
    if (conf->client_id[0] != '\0') {
        snprintf(in->client_id, sizeof in->client_id, "%s", conf->client_id);
    } else {
        snprintf(in->client_id, sizeof in->client_id, "lifeline-%s", conf->gateway_id);
    }
    snprintf(in->will_topic, sizeof in->will_topic, WILL_TOPIC_PREFIX "%s/state", conf->gateway_id);
    ll_err err = LL_OK;
    if (conf->mqtt_password_file[0] != '\0') {
        err = conf_secret(conf->mqtt_password_file, in->password, sizeof in->password);
        if (err != LL_OK) {
            log_error("ingest", "password_file", "file=%s reason=\"%s\"", conf->mqtt_password_file,
                      ll_err_str(err));
            goto fail;
        }
    }
    for (size_t i = 0; i < conf->uri_count; i++) {
        in->uris[i] = paho_uri(conf->uris[i]);
        if (in->uris[i] == NULL) {
            err = LL_ENOMEM;
            goto fail;
        }
    }
    for (size_t i = 0; i < conf->topic_count; i++) {
        snprintf(in->filters[i], sizeof in->filters[i], "%s", conf->topics[i].filter);
    }
    snprintf(in->status.uri, sizeof in->status.uri, "%s", in->uris[0]);
    in->status.since = clock_wall();
    try_connect(in, clock_mono(), false);
    *out = in;
    return LL_OK;
fail:
    free_ingest(in);
    return err;
}

void ingest_stop(struct ingest *in)
{
    if (in == NULL) {
        return;
    }
    if (atomic_load(&in->holding)) {
        /* The held message must not be acknowledged, so its callback may not return: the process
         * ends with it, and the broker keeps the message. */
        log_warn("ingest", "stopped_holding", "hint=\"one message stays with the broker\"");
        return;
    }
    if (in->handle != NULL) {
        if (atomic_load(&in->link) == LINK_UP) {
            announce(in, "offline");
            MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
            options.timeout = DISCONNECT_WAIT_MS;
            MQTTAsync_disconnect(in->handle, &options);
            for (int waited = 0; waited < DISCONNECT_WAIT_MS && MQTTAsync_isConnected(in->handle);
                 waited += 10) {
                usleep(10000);
            }
        }
        MQTTAsync_destroy(&in->handle);
    }
    free_ingest(in);
}

uint64_t ingest_received(const struct ingest *in)
{
    return atomic_load(&in->received);
}

void ingest_status(struct ingest *in, struct ingest_status *out)
{
    pthread_mutex_lock(&in->lock);
    *out = in->status;
    if (in->in_backoff) {
        const int64_t left = mono_elapsed_ms(clock_mono(), in->next_try);
        out->retry_in_ms = left > 0 ? left : 0;
    }
    pthread_mutex_unlock(&in->lock);
}
