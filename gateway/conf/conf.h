/*
 * The configuration: one JSON file with comments, checked against a schema table (schema.c).
 *
 * For: reading settings at start and at reload. The table gives each setting its type, range,
 * default, unit and sentence; --check-config, the example file and the reference come from it.
 * Threads: loaded by the main thread; a loaded struct conf is read-only.
 */
#ifndef LL_CONF_CONF_H
#define LL_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"

#define CONF_TEXT 256

enum conf_destination_type {
    DESTINATION_INFLUXDB1,
    DESTINATION_INFLUXDB2,
    DESTINATION_VICTORIAMETRICS,
    DESTINATION_FILE
};

struct conf_destination {
    char name[LL_MAX_ID]; /* of its cursor file, its metrics and its line in `status` */
    enum conf_destination_type type;
    char url[CONF_TEXT];              /* "http://127.0.0.1:8086" */
    char database[CONF_TEXT];         /* influxdb1 */
    char retention_policy[CONF_TEXT]; /* influxdb1; "": the default one */
    char username[CONF_TEXT];         /* influxdb1, victoriametrics */
    char password_file[CONF_TEXT];    /* likewise */
    char org[CONF_TEXT];              /* influxdb2 */
    char bucket[CONF_TEXT];           /* influxdb2 */
    char token_file[CONF_TEXT];       /* influxdb2 */
    char ca_file[CONF_TEXT];
    char cert_file[CONF_TEXT]; /* the gateway's own, with its key; "": none */
    char key_file[CONF_TEXT];
    char path[CONF_TEXT]; /* file */
    int64_t max_mib;      /* file; of each before the next one */
    int64_t max_files;    /* file */
    bool gzip;
    int64_t batch_lines;   /* a request holds at most so many records */
    int64_t batch_bytes;   /* and about so many bytes before compression */
    int64_t batch_wait_ms; /* a batch that is not full waits at most so long */
    int64_t rate_lines_s;  /* of readings; 0: any */
    int64_t timeout_s;     /* of one request */
};

struct conf_topic {
    char filter[CONF_TEXT]; /* MQTT topic filter */
    char format[32];        /* payload format: a name in decode/'s table */
};

struct conf {
    /* gateway */
    char gateway_id[LL_MAX_ID];
    char data_dir[CONF_TEXT];
    char log_level[16];
    char log_debug[CONF_TEXT]; /* modules whose debug lines are written */
    int64_t self_report_s;     /* 0: none */

    /* mqtt */
    size_t uri_count;
    char uris[LL_MAX_BROKERS][CONF_TEXT];
    bool mqtt_311;                  /* never by MQTT 5 */
    char client_id[LL_MAX_ID + 16]; /* where none is given, made from gateway_id */
    char mqtt_username[CONF_TEXT];
    char mqtt_password_file[CONF_TEXT];
    char mqtt_ca_file[CONF_TEXT];
    char mqtt_cert_file[CONF_TEXT]; /* the gateway's own, with its key; "": none */
    char mqtt_key_file[CONF_TEXT];
    int64_t keepalive_s;
    int64_t session_expiry_s;
    int64_t retry_max_ms; /* the longest pause between attempts to connect */
    int64_t max_message_bytes;
    size_t topic_count;
    struct conf_topic topics[LL_MAX_TOPICS];
    char alarms_topic[CONF_TEXT]; /* what the topics of alarms begin with; "": none is published */

    /* intake */
    bool sync_always;
    int64_t sync_interval_ms;
    int64_t segment_mib;
    int64_t intake_max_mib;
    int64_t checkpoint_interval_s;
    int64_t clock_wait_s;

    /* registry */
    char profiles_dir[CONF_TEXT];

    /* validate */
    int64_t max_ahead_s; /* a reading's time may be ahead of its receipt by so much */

    /* quarantine */
    int64_t quarantine_max_files;
    int64_t quarantine_max_mib;
    int64_t quarantine_max_damaged_mib;

    /* archive */
    int64_t archive_max_alarms;
    int64_t archive_max_audit;

    /* spool and destinations */
    int64_t spool_max_mib;      /* of each lane */
    int64_t spool_min_free_mib; /* 0: the disk may be filled */
    bool spool_hold;            /* when it is full, hold back and give nothing up */
    size_t destination_count;
    struct conf_destination destinations[LL_MAX_DESTINATIONS];

    /* http */
    char http_listen[CONF_TEXT];       /* "127.0.0.1:9464" for /metrics; "": off */
    char http_socket[CONF_TEXT];       /* the API's Unix socket; "": <data_dir>/lifelined.sock */
    char http_socket_group[LL_MAX_ID]; /* group that may use it; "": the process's own */
};

/* Reads and checks the file, and whether the files that it names can be read. On failure `d` names
 * every fault found (file, line, key, what is wrong, what would be right) and *out is not touched.
 * *out: borrowed memory of the caller. */
ll_err conf_load(const char *path, struct diag *d, struct conf *out);

/* Reads a secret's file into `out`: its first line without the line end. Warns through the log
 * where others may read the file. LL_ELIMIT where it does not fit. */
ll_err conf_secret(const char *path, char *out, size_t out_len);

/* Names the settings that differ between the two and cannot change while running, comma-separated;
 * "" where there is none. What can be reloaded is marked in the schema. */
void conf_not_reloadable(const struct conf *running, const struct conf *next, char *out,
                         size_t out_len);

/* A broker's URI, whose schemes are mqtt and tcp, or with TLS mqtts and ssl, in its parts. */
struct conf_address {
    char host[CONF_TEXT]; /* an IPv6 address without its brackets */
    int port;
    bool tls;
};
/* False: it is none; *out is not touched. */
bool conf_broker_address(const char *uri, struct conf_address *out);

/* The settings reference as Markdown, from the table, into stdout. */
void conf_print_reference(void);

/* An MQTT topic filter as MQTT 5, section 4.7 demands it; *why gets a constant sentence if not. */
bool conf_topic_filter_valid(const char *filter, const char **why);
/* A topic to publish under: without wildcards, not the server's own, no '/' at its end; or "". */
bool conf_topic_prefix_valid(const char *topic, const char **why);
/* Whether a valid filter matches a topic name. */
bool conf_topic_matches(const char *filter, const char *topic, size_t topic_len);

#endif
