/*
 * One MQTT connection to publish by: the only user of libmosquitto.
 *
 * Not by Paho as ingest/, since Paho has one lock and one receiving thread for all connections of a
 * process, and a message that the intake holds back holds both (ingest.c): alarms would wait with
 * it. Nothing is kept across connections; what was not answered is the caller's to send again.
 * Threads: one at a time; the handlers are called from within link_run.
 */
#ifndef LL_NOTIFY_LINK_H
#define LL_NOTIFY_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"

struct link_options {
    const char *host;
    int port;
    bool tls;
    const char *ca_file;   /* "": the system's */
    const char *cert_file; /* "": none */
    const char *key_file;
    int mqtt_version; /* 5 or 4 (3.1.1) */
    const char *client_id;
    const char *username; /* "": none */
    const char *password;
    int keepalive_s;
};

struct link_handlers {
    void *ctx;
    void (*connected)(void *ctx);
    /* A message that the broker retained before it was asked. */
    void (*retained)(void *ctx, const char *topic);
    /* To what was sent with this number; link_answer_words reads the code. */
    void (*answered)(void *ctx, int number, int code);
};

struct link;

/* Once, before any other. LL_ENOMEM. */
ll_err link_init(void);

/* `handlers` are copied. */
ll_err link_new(const struct link_handlers *handlers, struct link **out);
/* Says farewell where it is connected. NULL is fine. */
void link_free(struct link *l);

/* Once. Waits for the name's address and the TCP connection, as long as the system does; the
 * broker's answer comes to `connected`. `options` are borrowed for the call. LL_ENET. */
ll_err link_connect(struct link *l, const struct link_options *options);

/* Waits for at most `wait_ms`, or until the eventfd `wake` says that there is something else to do,
 * and does what the connection needs. LL_ENET: it is lost. */
ll_err link_run(struct link *l, int wake, int wait_ms);

/* A retained message at QoS 1; without a payload it takes back the one before. LL_EREFUSED: the
 * broker takes none such. LL_ENET: the connection is lost, as link_run will say. */
ll_err link_publish(struct link *l, const char *topic, const void *data, size_t len, int *number);
/* Asks for what is retained there. LL_EREFUSED, LL_ENET. */
ll_err link_subscribe(struct link *l, const char *filter, int *number);

/* Why not, or NULL where the answer is yes. */
const char *link_answer_words(int code);
/* Whether this account may not. */
bool link_answer_denied(int code);

/* Why the last call failed. Borrowed. */
const char *link_error(const struct link *l);

#endif
