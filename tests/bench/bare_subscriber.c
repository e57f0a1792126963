/*
 * The least that a subscriber can do: count. What the gateway is measured against, on the same
 * broker in the same run.
 *
 *   bare_subscriber --uri mqtt://127.0.0.1:1883 --topic 'lifeline/v1/up/+' --count N [--timeout S]
 *                   [--trace on|off]
 *
 * --trace: Paho's trace of its own calls, which goes on in memory unless it is switched off.
 * MQTT 5, QoS 1, clean start. Writes "subscribed" to standard error once it is; at the end one JSON
 * object to standard output: messages, seconds from the first to the last of them, and the CPU
 * seconds (user and system) of the process over that time. Exit status 1 where fewer than N came
 * within the time limit.
 */
#include <MQTTAsync.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/num.h"

struct counter {
    MQTTAsync client;
    const char *topic;
    uint64_t wanted;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    uint64_t messages;
    bool failed;
    struct mono_ns first;
    struct mono_ns last;
    double cpu_at_first_s;
};

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(struct counter *c, const char *what)
{
    fprintf(stderr, "bare_subscriber: %s\n", what);
    pthread_mutex_lock(&c->lock);
    c->failed = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *m)
{
    struct counter *c = context;
    (void)topic_len;
    pthread_mutex_lock(&c->lock);
    if (c->messages++ == 0) {
        c->first = clock_mono();
        c->cpu_at_first_s = cpu_s();
    }
    if (c->messages >= c->wanted) {
        c->last = clock_mono();
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    MQTTAsync_freeMessage(&m);
    MQTTAsync_free(topic);
    return 1;
}

static void on_lost(void *context, char *cause)
{
    MQTTAsync_free(cause);
    fail(context, "the connection was lost");
}

static void on_failure(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    fail(context, "cannot connect or subscribe");
}

static void on_subscribed(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    fprintf(stderr, "subscribed\n");
}

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    struct counter *c = context;
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    (void)data;
    options.onSuccess5 = on_subscribed;
    options.onFailure5 = on_failure;
    options.context = c;
    if (MQTTAsync_subscribe(c->client, c->topic, 1, &options) != MQTTASYNC_SUCCESS) {
        fail(c, "cannot subscribe");
    }
}

static bool start(struct counter *c, const char *uri)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    char id[64];
    snprintf(id, sizeof id, "bare-subscriber-%ld", (long)getpid());
    if (MQTTAsync_createWithOptions(&c->client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS) {
        return false;
    }
    MQTTAsync_setCallbacks(c->client, c, on_lost, on_message, NULL);
    connect.cleanstart = 1;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_failure;
    connect.context = c;
    return MQTTAsync_connect(c->client, &connect) == MQTTASYNC_SUCCESS;
}

static void wait_for_all(struct counter *c, double timeout_s)
{
    const int64_t until = clock_mono().ns + (int64_t)(timeout_s * 1e9);
    const struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_lock(&c->lock);
    while (c->messages < c->wanted && !c->failed &&
           pthread_cond_timedwait(&c->changed, &c->lock, &at) == 0) {
    }
    if (c->messages < c->wanted) {
        c->last = clock_mono();
    }
    pthread_mutex_unlock(&c->lock);
}

int main(int argc, char **argv)
{
    struct counter c = {.topic = "lifeline/v1/up/+"};
    const char *uri = "mqtt://127.0.0.1:1883";
    double count = 0;
    double timeout_s = 60;
    bool usage = argc % 2 == 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--uri") == 0) {
            uri = value;
        } else if (strcmp(argv[i], "--topic") == 0) {
            c.topic = value;
        } else if (strcmp(argv[i], "--count") == 0) {
            usage = usage || !num_parse(value, strlen(value), &count);
        } else if (strcmp(argv[i], "--timeout") == 0) {
            usage = usage || !num_parse(value, strlen(value), &timeout_s);
        } else if (strcmp(argv[i], "--trace") == 0) {
            if (strcmp(value, "off") == 0) {
                MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
            }
        } else {
            usage = true;
        }
    }
    if (usage || count < 1 || timeout_s <= 0) {
        fprintf(stderr,
                "usage: %s --uri URI --topic FILTER --count N [--timeout S] "
                "[--trace on|off]\n",
                argv[0]);
        return 2;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c.changed, &attributes);
    pthread_mutex_init(&c.lock, NULL);
    c.wanted = (uint64_t)count;
    if (!start(&c, uri)) {
        fprintf(stderr, "bare_subscriber: cannot connect to %s\n", uri);
        return 2;
    }
    wait_for_all(&c, timeout_s);
    const double cpu_at_end_s = cpu_s();
    MQTTAsync_destroy(&c.client);
    const bool any = c.messages > 0;
    printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f}\n", (unsigned long long)c.messages,
           any ? (double)(c.last.ns - c.first.ns) / 1e9 : 0,
           any ? cpu_at_end_s - c.cpu_at_first_s : 0);
    return c.messages >= c.wanted ? 0 : 1;
}
