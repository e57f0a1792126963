/*
 * How long it takes from a reading to the retained alarm that it raises: publishes one such reading
 * a device, at random moments, and waits for the alarm's message.
 *
 *   alarm_latency --port N --alarms N [--first N] [--interval-ms N] [--timeout S]
 *
 * The devices are alarm-000001 and so on, or from a later number on, of the profile manhole, each
 * without an open alarm. The readings go out at QoS 1 by one connection and the alarms come in by
 * another, each with a thread of its own. Writes one JSON object: alarms, and the milliseconds from
 * before the reading was handed to the connection until the alarm's message was there: p50, p99,
 * most. Exit status 1 where fewer alarms than readings came within the time limit.
 */
#include <mosquitto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/num.h"
#include "gateway/base/rng.h"

#define MAX_ALARMS   100000
#define KEEPALIVE_S  30
#define DEVICE       "\"device\":\"alarm-"
#define DIGITS       6
#define READING_SIZE 64

struct meter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool subscribed;
    size_t came;
    int64_t sent_ns[MAX_ALARMS];
    int64_t took_ns[MAX_ALARMS]; /* 0: not yet */
};

static void on_connect(struct mosquitto *m, void *ctx, int rc)
{
    (void)ctx;
    if (rc == 0) {
        mosquitto_subscribe(m, NULL, "lifeline/v1/alarms/#", 1);
    }
}

static void on_subscribe(struct mosquitto *m, void *ctx, int mid, int count, const int *granted)
{
    struct meter *meter = ctx;
    (void)m;
    (void)mid;
    (void)count;
    (void)granted;
    pthread_mutex_lock(&meter->lock);
    meter->subscribed = true;
    pthread_cond_signal(&meter->changed);
    pthread_mutex_unlock(&meter->lock);
}

/* The device's number, from 1; 0: the message is about something else. */
static size_t device_of(const struct mosquitto_message *message)
{
    const char *at = message->payloadlen > 0 ? memmem(message->payload, (size_t)message->payloadlen,
                                                      DEVICE, strlen(DEVICE))
                                             : NULL;
    if (at == NULL) {
        return 0;
    }
    char digits[DIGITS + 1] = "";
    uint64_t number;
    memcpy(digits, at + strlen(DEVICE), DIGITS);
    return num_parse_u64(digits, &number) && number <= MAX_ALARMS ? (size_t)number : 0;
}

static void on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *message)
{
    struct meter *meter = ctx;
    const int64_t now_ns = clock_mono().ns;
    const size_t device = device_of(message);
    (void)m;
    pthread_mutex_lock(&meter->lock);
    if (device > 0 && meter->sent_ns[device - 1] > 0 && meter->took_ns[device - 1] == 0) {
        meter->took_ns[device - 1] = now_ns - meter->sent_ns[device - 1];
        meter->came++;
        pthread_cond_signal(&meter->changed);
    }
    pthread_mutex_unlock(&meter->lock);
}

static struct mosquitto *start(struct meter *meter, int port, bool listens)
{
    struct mosquitto *m = mosquitto_new(NULL, true, meter);
    if (m == NULL) {
        return NULL;
    }
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    if (listens) {
        mosquitto_connect_callback_set(m, on_connect);
        mosquitto_subscribe_callback_set(m, on_subscribe);
        mosquitto_message_callback_set(m, on_message);
    }
    if (mosquitto_connect(m, "127.0.0.1", port, KEEPALIVE_S) != MOSQ_ERR_SUCCESS ||
        mosquitto_loop_start(m) != MOSQ_ERR_SUCCESS) {
        mosquitto_destroy(m);
        return NULL;
    }
    return m;
}

static void stop(struct mosquitto *m)
{
    if (m != NULL) {
        mosquitto_disconnect(m);
        mosquitto_loop_stop(m, false);
        mosquitto_destroy(m);
    }
}

static void send_all(struct meter *meter, struct mosquitto *m, size_t first, size_t alarms,
                     double interval_ms)
{
    struct rng rng = rng_seeded(1);
    for (size_t i = first - 1; i < first - 1 + alarms; i++) {
        char topic[READING_SIZE];
        const char reading[] = "{\"seq\":1,\"r\":{\"methane\":30}}";
        snprintf(topic, sizeof topic, "lifeline/v1/up/alarm-%0*zu", DIGITS, i + 1);
        pthread_mutex_lock(&meter->lock);
        meter->sent_ns[i] = clock_mono().ns;
        pthread_mutex_unlock(&meter->lock);
        mosquitto_publish(m, NULL, topic, (int)strlen(reading), reading, 1, false);
        const int64_t ns = (int64_t)(2 * interval_ms * rng_uniform(&rng) * LL_NS_PER_MS);
        const struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
        nanosleep(&pause, NULL);
    }
}

/* Until so many alarms came and it is subscribed, or the time is over. */
static void wait_for(struct meter *meter, size_t alarms, double timeout_s)
{
    const int64_t until = clock_mono().ns + (int64_t)(timeout_s * 1e9);
    const struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_lock(&meter->lock);
    while ((meter->came < alarms || !meter->subscribed) &&
           pthread_cond_timedwait(&meter->changed, &meter->lock, &at) == 0) {
    }
    pthread_mutex_unlock(&meter->lock);
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct meter *meter, double part)
{
    /* Those that did not come stand first, as zeros. */
    return meter->came == 0 ? 0
                            : (double)meter->took_ns[MAX_ALARMS - meter->came +
                                                     (size_t)(part * (double)(meter->came - 1))] /
                                  LL_NS_PER_MS;
}

int main(int argc, char **argv)
{
    static struct meter meter;
    struct {
        const char *name;
        double value;
    } options[] = {
        {"--port", 0}, {"--alarms", 0}, {"--first", 1}, {"--interval-ms", 20}, {"--timeout", 60}};
    enum { PORT, ALARMS, FIRST, INTERVAL, TIMEOUT, OPTIONS };
    bool usage = argc % 2 == 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        int o = 0;
        while (o < OPTIONS && strcmp(argv[i], options[o].name) != 0) {
            o++;
        }
        usage = usage || o == OPTIONS ||
                !num_parse(argv[i + 1], strlen(argv[i + 1]), &options[o].value);
    }
    if (usage || options[PORT].value < 1 || options[ALARMS].value < 1 || options[FIRST].value < 1 ||
        options[ALARMS].value + options[FIRST].value > MAX_ALARMS) {
        fprintf(stderr,
                "usage: %s --port N --alarms N [--first N] [--interval-ms N] [--timeout S]\n",
                argv[0]);
        return 2;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&meter.changed, &attributes);
    pthread_mutex_init(&meter.lock, NULL);
    mosquitto_lib_init();
    const size_t alarms = (size_t)options[ALARMS].value;
    struct mosquitto *listener = start(&meter, (int)options[PORT].value, true);
    struct mosquitto *sender = start(&meter, (int)options[PORT].value, false);
    if (listener != NULL && sender != NULL) {
        wait_for(&meter, 0, options[TIMEOUT].value);
        send_all(&meter, sender, (size_t)options[FIRST].value, alarms, options[INTERVAL].value);
        wait_for(&meter, alarms, options[TIMEOUT].value);
    }
    stop(sender);
    stop(listener);
    mosquitto_lib_cleanup();
    qsort(meter.took_ns, MAX_ALARMS, sizeof meter.took_ns[0], by_value);
    printf("{\"alarms\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"most_ms\":%.3f}\n", meter.came,
           percentile_ms(&meter, 0.5), percentile_ms(&meter, 0.99), percentile_ms(&meter, 1));
    return meter.came == alarms ? 0 : 1;
}
