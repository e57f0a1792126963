#include "simulator/publisher.h"

#include <MQTTAsync.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/rng.h"
#include "simulator/stop.h"

#define WINDOW            256 /* messages in flight on one connection */
#define PATIENCE_MS       60000
#define TICK_MS           50 /* at most so long until signals and back-offs are looked at */
#define BACKOFF_MS        200
#define BACKOFF_MAX_MS    30000
#define KEEPALIVE_S       30
#define CONNECT_TIMEOUT_S 10
#define PUBACK            4 /* MQTT 5, section 2.1.2 */

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_SENT, SLOT_ACKED, SLOT_REFUSED };

/* A message on its way. The caller's thread owns all but `state`, which the lock guards. */
struct slot {
    struct message message; /* first: publisher_send gets from it to its slot */
    struct link *link;
    uint64_t order;
    enum slot_state state;
    struct slot *next; /* in the list of free or of answered ones */
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

/* A connection. The lock guards `state`; the rest is the caller's thread's. */
struct link {
    struct publisher *owner;
    size_t number;
    MQTTAsync client;
    enum link_state state;
    bool resend; /* what was in flight goes first, once it is up */
    unsigned attempt;
    struct mono_ns retry_at;
    struct slot *slots; /* WINDOW of them */
    struct slot *free_slots;
};

struct publisher {
    struct publisher_config conf;
    /* Never held while calling Paho: its callbacks hold a lock of its own. */
    pthread_mutex_t lock;
    pthread_cond_t answered_or_up;
    struct slot *answered; /* under the lock, last first */
    uint64_t lost_connections;
    struct mono_ns last_ack;

    struct link *links;
    bool bad_uri;
    struct rng rng;
    uint64_t order;
    struct mono_ns first_send;
    struct publisher_totals totals;
};

/* --- Paho's callbacks, on its threads -------------------------------------------------------- */

static const char *reason_text(enum MQTTReasonCodes reason)
{
    const char *text = MQTTReasonCode_toString(reason);
    return text != NULL ? text : "unknown";
}

static void set_state(struct link *l, enum link_state state)
{
    struct publisher *p = l->owner;
    pthread_mutex_lock(&p->lock);
    if (l->state == LINK_UP && state == LINK_DOWN) {
        p->lost_connections++;
    }
    l->state = state;
    pthread_cond_signal(&p->answered_or_up);
    pthread_mutex_unlock(&p->lock);
}

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    set_state(context, LINK_UP);
}

static void on_refused(void *context, MQTTAsync_failureData5 *data)
{
    static struct log_limit limit;
    struct link *l = context;
    uint64_t left_out;
    /* An attempt that is thrown away with its client has no reason to give. */
    if (data->code != MQTTASYNC_OPERATION_INCOMPLETE && log_limit_pass(&limit, &left_out)) {
        log_warn("publisher", "connect_failed",
                 "connection=%zu code=%d reason=\"%s\" left_out=%" PRIu64, l->number, data->code,
                 data->message != NULL ? data->message : reason_text(data->reasonCode), left_out);
    }
    set_state(l, LINK_DOWN);
}

static void on_lost(void *context, char *cause)
{
    struct link *l = context;
    log_warn("publisher", "connection_lost", "connection=%zu cause=\"%s\"", l->number,
             cause != NULL ? cause : "");
    if (cause != NULL) {
        MQTTAsync_free(cause);
    }
    set_state(l, LINK_DOWN);
}

/* The broker ended it with a reason (MQTT 5): Paho then says nothing through on_lost. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    struct link *l = context;
    (void)properties;
    log_warn("publisher", "disconnected", "connection=%zu reason=\"%s\"", l->number,
             reason_text(reason));
    set_state(l, LINK_DOWN);
}

static void answer(struct slot *s, enum slot_state state)
{
    struct publisher *p = s->link->owner;
    pthread_mutex_lock(&p->lock);
    s->state = state;
    s->next = p->answered;
    p->answered = s;
    p->last_ack = clock_mono();
    pthread_cond_signal(&p->answered_or_up);
    pthread_mutex_unlock(&p->lock);
}

static void on_published(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answer(context, SLOT_ACKED);
}

static void on_publish_failed(void *context, MQTTAsync_failureData5 *data)
{
    static struct log_limit limit;
    struct slot *s = context;
    uint64_t left_out;
    if (data->packet_type != PUBACK || data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR) {
        set_state(s->link, LINK_DOWN); /* the message goes again over the next connection */
        return;
    }
    if (log_limit_pass(&limit, &left_out)) {
        log_error("publisher", "refused", "topic=%s reason=\"%s\" left_out=%" PRIu64,
                  s->message.topic, reason_text(data->reasonCode), left_out);
    }
    answer(s, SLOT_REFUSED);
}

/* --- the caller's thread --------------------------------------------------------------------- */

static void hand_to_paho(struct slot *s)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    MQTTAsync_message m = MQTTAsync_message_initializer;
    options.onSuccess5 = on_published;
    options.onFailure5 = on_publish_failed;
    options.context = s;
    m.payload = s->message.payload.data;
    m.payloadlen = (int)s->message.payload.len;
    m.qos = 1;
    if (MQTTAsync_sendMessage(s->link->client, s->message.topic, &m, &options) !=
        MQTTASYNC_SUCCESS) {
        set_state(s->link, LINK_DOWN);
    }
}

static ll_err open_link(struct link *l)
{
    const struct publisher_config *c = &l->owner->conf;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    char id[64];

    /* Destroying the old client makes sure that no late callback speaks of an old sending. */
    if (l->client != NULL) {
        MQTTAsync_destroy(&l->client);
    }
    set_state(l, LINK_CONNECTING);
    snprintf(id, sizeof id, "lifelinesim-%ld-%zu", (long)getpid(), l->number);
    create.maxBufferedMessages = WINDOW;
    if (MQTTAsync_createWithOptions(&l->client, c->uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS) {
        return LL_EINVAL;
    }
    MQTTAsync_setConnectionLostCallback(l->client, l, on_lost);
    MQTTAsync_setDisconnected(l->client, l, on_disconnected);
    connect.keepAliveInterval = KEEPALIVE_S;
    connect.connectTimeout = CONNECT_TIMEOUT_S;
    connect.maxInflight = WINDOW;
    connect.cleanstart = 1;
    connect.username = c->username;
    connect.password = c->password;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_refused;
    connect.context = l;
    l->resend = true;
    return MQTTAsync_connect(l->client, &connect) == MQTTASYNC_SUCCESS ? LL_OK : LL_ENET;
}

struct waiting {
    uint64_t order;
    struct slot *slot;
};

static int by_order(const void *a, const void *b)
{
    const struct waiting *x = a;
    const struct waiting *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static void resend(struct link *l)
{
    struct waiting waiting[WINDOW] = {0};
    size_t count = 0;
    pthread_mutex_lock(&l->owner->lock);
    for (size_t i = 0; i < WINDOW; i++) {
        if (l->slots[i].state == SLOT_SENT) {
            waiting[count++] = (struct waiting){l->slots[i].order, &l->slots[i]};
        }
    }
    pthread_mutex_unlock(&l->owner->lock);
    qsort(waiting, count, sizeof waiting[0], by_order);
    for (size_t i = 0; i < count; i++) {
        hand_to_paho(waiting[i].slot);
    }
    l->resend = false;
    l->attempt = 0;
}

static void settle(struct publisher *p, struct slot *s)
{
    const struct message *m = &s->message;
    if (s->state == SLOT_ACKED) {
        p->totals.messages++;
        p->totals.readings += m->readings;
        p->totals.unacknowledged--;
        if (p->conf.books != NULL) {
            fwrite(m->books.data, 1, m->books.len, p->conf.books);
        }
    } else {
        p->totals.refused++;
    }
    s->state = SLOT_FREE;
    s->next = s->link->free_slots;
    s->link->free_slots = s;
}

/* Answers into the books, oldest first; lost connections opened when their time has come. */
static void service(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    struct slot *last_first = p->answered;
    p->answered = NULL;
    p->totals.lost_connections = p->lost_connections;
    if (p->totals.messages + p->totals.unacknowledged > 0) {
        p->totals.seconds = (double)(p->last_ack.ns - p->first_send.ns) / 1e9;
    }
    pthread_mutex_unlock(&p->lock);

    struct slot *oldest_first = NULL;
    while (last_first != NULL) {
        struct slot *s = last_first;
        last_first = s->next;
        s->next = oldest_first;
        oldest_first = s;
    }
    while (oldest_first != NULL) {
        struct slot *s = oldest_first;
        oldest_first = s->next;
        settle(p, s);
    }
    for (size_t i = 0; i < p->conf.connections; i++) {
        struct link *l = &p->links[i];
        pthread_mutex_lock(&p->lock);
        const enum link_state state = l->state;
        pthread_mutex_unlock(&p->lock);
        if (state == LINK_UP && l->resend) {
            resend(l);
        } else if (state == LINK_DOWN && clock_mono().ns >= l->retry_at.ns) {
            const int64_t wait = rng_backoff_ms(&p->rng, l->attempt++, BACKOFF_MS, BACKOFF_MAX_MS);
            l->retry_at.ns = clock_mono().ns + wait * LL_NS_PER_MS;
            const ll_err err = open_link(l);
            if (err != LL_OK) {
                p->bad_uri = err == LL_EINVAL;
                set_state(l, LINK_DOWN);
            }
        }
    }
}

/* One step of any wait: until something was answered, or `ms` at most. */
static void tick(struct publisher *p, int64_t ms)
{
    const int64_t until = clock_mono().ns + (ms < TICK_MS ? ms : TICK_MS) * LL_NS_PER_MS;
    const struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_lock(&p->lock);
    if (p->answered == NULL) {
        pthread_cond_timedwait(&p->answered_or_up, &p->lock, &at);
    }
    pthread_mutex_unlock(&p->lock);
    service(p);
}

static bool all_up(struct publisher *p)
{
    bool up = true;
    for (size_t i = 0; i < p->conf.connections; i++) {
        up = up && !p->links[i].resend;
    }
    return up;
}

static ll_err wait_for_broker(struct publisher *p)
{
    const struct mono_ns start = clock_mono();
    service(p);
    while (!all_up(p)) {
        if (p->bad_uri || stop_asked()) {
            return p->bad_uri ? LL_EINVAL : LL_ESTATE;
        }
        if (mono_elapsed_ms(start, clock_mono()) > PATIENCE_MS) {
            return LL_ENET;
        }
        tick(p, TICK_MS);
    }
    return LL_OK;
}

static ll_err init_links(struct publisher *p)
{
    p->links = calloc(p->conf.connections, sizeof *p->links);
    if (p->links == NULL) {
        return LL_ENOMEM;
    }
    for (size_t i = 0; i < p->conf.connections; i++) {
        struct link *l = &p->links[i];
        l->owner = p;
        l->number = i;
        l->resend = true;
        l->slots = calloc(WINDOW, sizeof *l->slots);
        if (l->slots == NULL) {
            return LL_ENOMEM;
        }
        for (size_t k = 0; k < WINDOW; k++) {
            struct slot *s = &l->slots[k];
            message_init(&s->message);
            s->link = l;
            s->next = l->free_slots;
            l->free_slots = s;
        }
    }
    return LL_OK;
}

ll_err publisher_new(const struct publisher_config *c, struct publisher **out)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return LL_ENOMEM;
    }
    p->conf = *c;
    p->rng = rng_random();
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->answered_or_up);
    ll_err err = init_links(p);
    if (err == LL_OK) {
        err = wait_for_broker(p);
    }
    if (err != LL_OK) {
        publisher_free(p);
        return err;
    }
    *out = p;
    return LL_OK;
}

static void close_link(struct link *l)
{
    if (l->client != NULL) {
        MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
        MQTTAsync_disconnect(l->client, &options);
        MQTTAsync_destroy(&l->client);
    }
    for (size_t i = 0; l->slots != NULL && i < WINDOW; i++) {
        message_free(&l->slots[i].message);
    }
    free(l->slots);
}

void publisher_free(struct publisher *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; p->links != NULL && i < p->conf.connections; i++) {
        close_link(&p->links[i]);
    }
    free(p->links);
    pthread_cond_destroy(&p->answered_or_up);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

ll_err publisher_message(struct publisher *p, size_t device, struct message **out)
{
    struct link *l = &p->links[device % p->conf.connections];
    struct slot *s = l->free_slots;
    while (!stop_asked() && (s == NULL || l->resend)) {
        tick(p, TICK_MS);
        s = l->free_slots;
    }
    if (s == NULL || stop_asked()) {
        return LL_ESTATE;
    }
    l->free_slots = s->next;
    s->state = SLOT_FILLING;
    *out = &s->message;
    return LL_OK;
}

ll_err publisher_send(struct publisher *p, struct message *m)
{
    struct slot *s = (struct slot *)m;
    if (!message_end(m)) {
        s->state = SLOT_FREE;
        s->next = s->link->free_slots;
        s->link->free_slots = s;
        return LL_ELIMIT;
    }
    if (p->order == 0) {
        p->first_send = clock_mono();
        p->last_ack = p->first_send;
    }
    s->order = ++p->order;
    p->totals.unacknowledged++;
    pthread_mutex_lock(&p->lock);
    s->state = SLOT_SENT;
    const bool up = s->link->state == LINK_UP;
    pthread_mutex_unlock(&p->lock);
    if (up && !s->link->resend) {
        hand_to_paho(s);
    }
    return LL_OK;
}

void publisher_wait_until(struct publisher *p, struct mono_ns when)
{
    int64_t left;
    while (!stop_asked() && (left = mono_elapsed_ms(clock_mono(), when)) > 0) {
        tick(p, left);
    }
}

ll_err publisher_finish(struct publisher *p)
{
    const struct mono_ns start = clock_mono();
    while (p->totals.unacknowledged > p->totals.refused && !stop_insisted() &&
           mono_elapsed_ms(start, clock_mono()) < PATIENCE_MS) {
        tick(p, TICK_MS);
    }
    if (p->conf.books != NULL && (fflush(p->conf.books) != 0 || ferror(p->conf.books))) {
        return LL_EIO;
    }
    return p->totals.unacknowledged > 0 ? LL_ETIMEOUT : LL_OK;
}

struct publisher_totals publisher_totals(const struct publisher *p)
{
    return p->totals;
}
