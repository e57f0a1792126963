#include "gateway/notify/publisher.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/rng.h"
#include "gateway/model/counters.h"
#include "gateway/notify/alarm_topic.h"
#include "gateway/notify/changes.h"
#include "gateway/notify/link.h"
#include "gateway/store/alarm_store.h"

#define IN_FLIGHT        20 /* what Mosquitto and libmosquitto allow by default */
#define ROW_BYTES        (16 * 1024)
#define BACKOFF_BASE_MS  500
#define ANSWER_MS        10000 /* a broker that says nothing for so long is lost */
#define STEADY_MS        10000 /* a connection that lasts so long was a good one */
#define REPEAT_MS        30000 /* after a refusal, all is told again: somebody may have mended it */
#define TURN_MS          1000
#define FAREWELL_MS      2000
#define FAREWELL_GRACE_S 1 /* for what the thread is in the middle of */

enum message_kind { MESSAGE_NONE, MESSAGE_ALARM, MESSAGE_CLEAR, MESSAGE_SUBSCRIBE };

/* One that the broker has yet to answer. */
struct message {
    enum message_kind kind;
    int number;
    uint64_t alarm;
};

struct publisher {
    char base[LL_MAX_TOPIC];
    char client_id[CONF_TEXT];
    char username[CONF_TEXT];
    char password[CONF_TEXT];
    char ca_file[CONF_TEXT];
    char cert_file[CONF_TEXT];
    char key_file[CONF_TEXT];
    int keepalive_s;
    int64_t retry_max_ms;
    int wake; /* eventfd */
    pthread_t thread;
    atomic_bool stopping;

    /* Of the thread alone. */
    bool connected;
    bool sweeping;   /* all open alarms are told again */
    bool refused;    /* something was, since the sweep began: all again, later */
    unsigned rounds; /* of attempts without a good connection */
    uint64_t swept;  /* up to this alarm */
    struct alarm_store *store;
    struct link *link; /* NULL: none is tried */
    int link_version;
    struct message in_flight[IN_FLIGHT];
    size_t in_flight_count;
    size_t window; /* for as many: one, until the broker has taken an alarm */
    struct mono_ns connected_at;
    struct mono_ns heard_at; /* an answer, or the beginning of a wait for one */
    struct mono_ns repeat_at;
    struct mono_ns next_try;
    struct mono_ns stop_by;
    struct buf row;
    struct rng rng;
    struct log_limit refused_limit;

    pthread_mutex_t lock;
    /* Under the lock. */
    struct changes changes;
    struct publisher_status status;
    char uri[CONF_TEXT];
    int mqtt_version;
    bool overflowed; /* some change did not fit */
    bool moved;      /* the broker is another one, or is back */
};

static void wake(const struct publisher *p)
{
    const uint64_t one = 1;
    if (write(p->wake, &one, sizeof one) < 0) {
        return; /* it is awake for 2^64 times already */
    }
}

static bool is_due(struct mono_ns at, struct mono_ns now)
{
    return now.ns >= at.ns;
}

static struct mono_ns mono_in(int64_t ms)
{
    return (struct mono_ns){clock_mono().ns + ms * LL_NS_PER_MS};
}

static void set_error(struct publisher *p, const char *text)
{
    pthread_mutex_lock(&p->lock);
    snprintf(p->status.last_error, sizeof p->status.last_error, "%s", text);
    pthread_mutex_unlock(&p->lock);
}

/* --- what is told ---------------------------------------------------------------------------- */

/* Something was not taken, or could not be read: counted, told, and tried again later. */
static void refuse(struct publisher *p, const char *what, const char *words, const char *topic)
{
    char text[CONF_TEXT];
    uint64_t left_out;
    counter_add(COUNTER_ALARMS_MQTT_FAILED, 1);
    snprintf(text, sizeof text, "%s: %s: %s", what, words, topic);
    if (log_limit_pass(&p->refused_limit, &left_out)) {
        log_error("notify", "refused", "reason=\"%s\" retry_in_ms=%d suppressed=%" PRIu64, text,
                  REPEAT_MS, left_out);
    }
    set_error(p, text);
    p->refused = true;
    p->repeat_at = mono_in(REPEAT_MS);
}

static void sent(struct publisher *p, enum message_kind kind, int number, uint64_t alarm)
{
    if (p->in_flight_count == 0) {
        p->heard_at = clock_mono();
    }
    size_t i = 0;
    while (p->in_flight[i].kind != MESSAGE_NONE) {
        i++;
    }
    p->in_flight[i] = (struct message){kind, number, alarm};
    p->in_flight_count++;
}

/* What the archive says of the alarm now: its row while it is open, else nothing, which takes back
 * what was told before. */
static void tell(struct publisher *p, uint64_t alarm)
{
    char topic[LL_MAX_TOPIC];
    int number;
    alarm_topic_of(p->base, alarm, topic);
    buf_reset(&p->row);
    ll_err err = alarm_store_open_alarm(p->store, alarm, &p->row);
    if (err != LL_OK && err != LL_ENOENT) {
        refuse(p, "archive", ll_err_str(err), topic);
        return;
    }
    const enum message_kind kind = err == LL_OK ? MESSAGE_ALARM : MESSAGE_CLEAR;
    err = link_publish(p->link, topic, p->row.data, p->row.len, &number);
    if (err == LL_OK) {
        sent(p, kind, number, alarm);
    } else if (err != LL_ENET) { /* of which link_run tells */
        refuse(p, "publish", link_error(p->link), topic);
    }
}

/* All again: the broker is asked for what it retains, and meanwhile the open alarms are told. */
static void begin_sweep(struct publisher *p)
{
    char filter[LL_MAX_TOPIC];
    int number;
    p->refused = false;
    p->sweeping = true;
    p->swept = 0;
    alarm_topic_filter(p->base, filter);
    const ll_err err = link_subscribe(p->link, filter, &number);
    if (err == LL_OK) {
        sent(p, MESSAGE_SUBSCRIBE, number, 0);
    } else if (err != LL_ENET) {
        refuse(p, "subscribe", link_error(p->link), filter);
    }
}

/* The next alarm to tell. Changes go first: they are news. */
static bool next_alarm(struct publisher *p, uint64_t *alarm)
{
    pthread_mutex_lock(&p->lock);
    const bool changed = changes_take(&p->changes, alarm);
    pthread_mutex_unlock(&p->lock);
    if (changed || !p->sweeping) {
        return changed;
    }
    const ll_err err = alarm_store_next_open(p->store, p->swept, alarm);
    if (err == LL_OK) {
        p->swept = *alarm;
        return true;
    }
    p->sweeping = false;
    if (err != LL_ENOENT) {
        refuse(p, "archive", ll_err_str(err), p->base);
    }
    return false;
}

static void tell_some(struct publisher *p)
{
    uint64_t alarm;
    while (p->in_flight_count < p->window && next_alarm(p, &alarm)) {
        tell(p, alarm);
    }
    if (p->in_flight_count > 0 || p->sweeping) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    const bool again = p->overflowed;
    p->overflowed = false;
    pthread_mutex_unlock(&p->lock);
    if (again || (p->refused && is_due(p->repeat_at, clock_mono()))) {
        begin_sweep(p);
    }
}

/* --- what the broker says -------------------------------------------------------------------- */

static void on_connected(void *ctx)
{
    struct publisher *p = ctx;
    p->connected = true;
    p->connected_at = clock_mono();
    /* Mosquitto 2.0.11 hangs up on who publishes what it may not. With more under way its refusal
     * would be lost with the connection. */
    p->window = 1;
    counter_set(COUNTER_ALARMS_MQTT_CONNECTED, 1);
    pthread_mutex_lock(&p->lock);
    p->status.connected = true;
    if (!p->refused) { /* else it is why the connection before ended, and remains to be seen */
        p->status.last_error[0] = '\0';
    }
    pthread_mutex_unlock(&p->lock);
    log_info("notify", "connected", "uri=%s mqtt=%s topics=%s+", p->status.uri,
             p->link_version == 5 ? "5" : "3.1.1", p->base);
    begin_sweep(p);
}

/* Of an alarm that is not open any more, it is taken back. The others are told anyway. */
static void on_retained(void *ctx, const char *topic)
{
    struct publisher *p = ctx;
    uint64_t alarm;
    p->heard_at = clock_mono(); /* there may be many, and the answers come behind them */
    if (!alarm_topic_id(p->base, topic, &alarm)) {
        return; /* somebody else's */
    }
    buf_reset(&p->row);
    if (alarm_store_open_alarm(p->store, alarm, &p->row) == LL_ENOENT) {
        log_debug("notify", "stale", "topic=%s", topic);
        publisher_changed(p, alarm);
    }
}

static void on_answered(void *ctx, int number, int code)
{
    static const char *const what[] = {[MESSAGE_ALARM] = "publish",
                                       [MESSAGE_CLEAR] = "publish",
                                       [MESSAGE_SUBSCRIBE] = "subscribe"};
    struct publisher *p = ctx;
    size_t i = 0;
    while (i < IN_FLIGHT &&
           (p->in_flight[i].kind == MESSAGE_NONE || p->in_flight[i].number != number)) {
        i++;
    }
    if (i == IN_FLIGHT) {
        return;
    }
    const struct message m = p->in_flight[i];
    p->in_flight[i].kind = MESSAGE_NONE;
    p->in_flight_count--;
    p->heard_at = clock_mono();
    const char *words = link_answer_words(code);
    if (words == NULL) {
        counter_add(COUNTER_ALARMS_MQTT_PUBLISHED, m.kind == MESSAGE_ALARM);
        counter_add(COUNTER_ALARMS_MQTT_CLEARED, m.kind == MESSAGE_CLEAR);
        p->window = m.kind == MESSAGE_SUBSCRIBE ? p->window : IN_FLIGHT;
        return;
    }
    char topic[LL_MAX_TOPIC];
    if (m.kind == MESSAGE_SUBSCRIBE) {
        alarm_topic_filter(p->base, topic);
    } else {
        alarm_topic_of(p->base, m.alarm, topic);
    }
    refuse(p, what[m.kind], words, topic);
    if (link_answer_denied(code)) {
        p->sweeping = false; /* nor would it take the others */
    }
}

/* --- the connection -------------------------------------------------------------------------- */

static void disconnect(struct publisher *p)
{
    link_free(p->link);
    p->link = NULL;
    p->connected = false;
    p->sweeping = false;
    memset(p->in_flight, 0, sizeof p->in_flight);
    p->in_flight_count = 0;
    counter_set(COUNTER_ALARMS_MQTT_CONNECTED, 0);
    pthread_mutex_lock(&p->lock);
    p->status.connected = false;
    pthread_mutex_unlock(&p->lock);
}

static void lost(struct publisher *p, const char *reason)
{
    char text[CONF_TEXT];
    snprintf(text, sizeof text, "%s", reason);
    /* One that ends soon counts as none: two gateways of one name would else hunt each other. */
    if (p->connected && mono_elapsed_ms(p->connected_at, clock_mono()) > STEADY_MS) {
        p->rounds = 0;
    }
    const int64_t wait = rng_backoff_ms(&p->rng, p->rounds++, BACKOFF_BASE_MS, p->retry_max_ms);
    p->next_try = mono_in(wait);
    log_warn("notify", p->connected ? "disconnected" : "connect_failed",
             "uri=%s reason=\"%s\" retry_in_ms=%" PRId64, p->status.uri, text, wait);
    /* Where it was hung up on for what it was refused, the refusal says more. */
    if (!p->connected || !p->refused) {
        p->refused = false;
        set_error(p, text);
    }
    disconnect(p);
}

static void try_connect(struct publisher *p, const char *uri, int mqtt_version)
{
    const struct link_handlers handlers = {
        .ctx = p, .connected = on_connected, .retained = on_retained, .answered = on_answered};
    struct conf_address address;
    pthread_mutex_lock(&p->lock);
    snprintf(p->status.uri, sizeof p->status.uri, "%s", uri);
    pthread_mutex_unlock(&p->lock);
    p->link_version = mqtt_version;
    if (!conf_broker_address(uri, &address) || link_new(&handlers, &p->link) != LL_OK) {
        lost(p, ll_err_str(LL_ENOMEM));
        return;
    }
    const struct link_options options = {
        .host = address.host,
        .port = address.port,
        .tls = address.tls,
        .ca_file = p->ca_file,
        .cert_file = p->cert_file,
        .key_file = p->key_file[0] != '\0' ? p->key_file : p->cert_file,
        .mqtt_version = mqtt_version,
        .client_id = p->client_id,
        .username = p->username,
        .password = p->password,
        .keepalive_s = p->keepalive_s,
    };
    if (link_connect(p->link, &options) != LL_OK) {
        lost(p, link_error(p->link));
        return;
    }
    p->heard_at = clock_mono();
}

/* Goes to the broker that it is to be at, when it is time. */
static void follow(struct publisher *p)
{
    char uri[CONF_TEXT];
    pthread_mutex_lock(&p->lock);
    snprintf(uri, sizeof uri, "%s", p->uri);
    const int mqtt_version = p->mqtt_version;
    const bool moved = p->moved;
    p->moved = false;
    const bool elsewhere = uri[0] != '\0' && strcmp(uri, p->status.uri) != 0;
    pthread_mutex_unlock(&p->lock);
    if (moved) {
        p->next_try = clock_mono();
    }
    if (p->link != NULL && elsewhere) {
        disconnect(p);
    }
    if (p->link == NULL && uri[0] != '\0' && is_due(p->next_try, clock_mono())) {
        try_connect(p, uri, mqtt_version);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

/* All is well where nothing is left to do and nothing was refused since all was told. */
static void publish_status(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    struct publisher_status *s = &p->status;
    s->waiting = p->changes.count + p->in_flight_count;
    s->up_to_date =
        p->connected && s->waiting == 0 && !p->sweeping && !p->refused && !p->overflowed;
    if (s->up_to_date) {
        s->last_error[0] = '\0';
    }
    counter_set(COUNTER_ALARMS_MQTT_WAITING, s->waiting);
    pthread_mutex_unlock(&p->lock);
}

/* Until there is something to do, or for a second. */
static void turn(struct publisher *p)
{
    if (p->link == NULL) {
        struct pollfd fd = {.fd = p->wake, .events = POLLIN};
        uint64_t count;
        const int64_t ms = mono_elapsed_ms(clock_mono(), p->next_try) + 1;
        poll(&fd, 1, ms > 0 && ms < TURN_MS ? (int)ms : TURN_MS);
        if (fd.revents != 0 && read(p->wake, &count, sizeof count) < 0) {
            log_warn("notify", "wake_failed", "reason=\"%s\"", strerror(errno));
        }
        return;
    }
    if (link_run(p->link, p->wake, TURN_MS) != LL_OK) {
        lost(p, link_error(p->link));
    } else if ((!p->connected || p->in_flight_count > 0) &&
               mono_elapsed_ms(p->heard_at, clock_mono()) > ANSWER_MS) {
        lost(p, "the broker does not answer");
    }
}

/* Whether it may end: once it has told what it can. */
static bool may_end(const struct publisher *p)
{
    if (!atomic_load(&p->stopping)) {
        return false;
    }
    const bool done = p->status.waiting == 0 && !p->sweeping;
    return !p->connected || done || is_due(p->stop_by, clock_mono());
}

static void *run(void *arg)
{
    struct publisher *p = arg;
    do {
        if (atomic_load(&p->stopping) && p->stop_by.ns == 0) {
            p->stop_by = mono_in(FAREWELL_MS);
        }
        follow(p);
        if (p->connected) {
            tell_some(p);
        }
        publish_status(p);
        if (may_end(p)) {
            break;
        }
        turn(p);
    } while (true);
    disconnect(p);
    return NULL;
}

/* --- from outside ---------------------------------------------------------------------------- */

void publisher_changed(struct publisher *p, uint64_t alarm)
{
    pthread_mutex_lock(&p->lock);
    if (!changes_add(&p->changes, alarm)) {
        p->overflowed = true;
    }
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

void publisher_follow(struct publisher *p, const char *uri, int mqtt_version)
{
    const char *now = uri != NULL ? uri : "";
    pthread_mutex_lock(&p->lock);
    const bool moved = strcmp(p->uri, now) != 0;
    if (moved) {
        snprintf(p->uri, sizeof p->uri, "%s", now);
        p->moved = true;
    }
    p->mqtt_version = mqtt_version;
    pthread_mutex_unlock(&p->lock);
    if (moved) {
        wake(p);
    }
}

void publisher_status(struct publisher *p, struct publisher_status *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->status;
    pthread_mutex_unlock(&p->lock);
}

static void free_publisher(struct publisher *p)
{
    alarm_store_close(p->store);
    if (p->wake >= 0) {
        close(p->wake);
    }
    buf_free(&p->row);
    explicit_bzero(p->password, sizeof p->password);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static ll_err copy_settings(struct publisher *p, const struct conf *conf)
{
    if (!alarm_topic_base(conf->alarms_topic, conf->gateway_id, p->base)) {
        return LL_ELIMIT;
    }
    snprintf(p->client_id, sizeof p->client_id, "%s-alarms", conf->client_id);
    snprintf(p->username, sizeof p->username, "%s", conf->mqtt_username);
    snprintf(p->ca_file, sizeof p->ca_file, "%s", conf->mqtt_ca_file);
    snprintf(p->cert_file, sizeof p->cert_file, "%s", conf->mqtt_cert_file);
    snprintf(p->key_file, sizeof p->key_file, "%s", conf->mqtt_key_file);
    p->keepalive_s = (int)conf->keepalive_s;
    p->retry_max_ms = conf->retry_max_ms;
    return conf->mqtt_password_file[0] != '\0'
               ? conf_secret(conf->mqtt_password_file, p->password, sizeof p->password)
               : LL_OK;
}

ll_err publisher_start(const struct conf *conf, const char *db, struct publisher **out)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return LL_ENOMEM;
    }
    pthread_mutex_init(&p->lock, NULL);
    buf_init(&p->row, ROW_BYTES);
    p->rng = rng_random();
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ll_err err = p->wake < 0 ? ll_err_from_errno(errno) : copy_settings(p, conf);
    if (err == LL_OK) {
        err = alarm_store_open(db, &p->store);
    }
    if (err == LL_OK) {
        err = link_init();
    }
    if (err == LL_OK) {
        const int rc = pthread_create(&p->thread, NULL, run, p);
        err = rc == 0 ? LL_OK : ll_err_from_errno(rc);
    }
    if (err != LL_OK) {
        free_publisher(p);
        return err;
    }
    *out = p;
    return LL_OK;
}

void publisher_stop(struct publisher *p)
{
    if (p == NULL) {
        return;
    }
    struct timespec by;
    atomic_store(&p->stopping, true);
    wake(p);
    clock_gettime(CLOCK_REALTIME, &by);
    by.tv_sec += FAREWELL_MS / LL_MS_PER_S + FAREWELL_GRACE_S;
    if (pthread_timedjoin_np(p->thread, NULL, &by) != 0) {
        log_warn("notify", "stopped_connecting", "hint=\"the system still waits for a broker\"");
        return; /* the thread ends with the process */
    }
    free_publisher(p);
}
