#include "gateway/conf/schema.h"

#include "gateway/base/log.h"

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define ROWS(table)                                 \
    {                                               \
        (table), sizeof(table) / sizeof((table)[0]) \
    }

#define MIB_MAX_DISK (16 << 20) /* 16 TiB */

static bool check_log_level(const char *text, const char **why)
{
    enum log_level ignored;
    *why = "expected \"error\", \"warn\", \"info\" or \"debug\"";
    return log_level_parse(text, &ignored);
}

static const struct setting gateway_rows[] = {
    {.key = "id",
     .type = SETTING_ID,
     AT(struct conf, gateway_id),
     .fallback = "",
     .help = "The gateway's name in topics, tags and metrics. Empty: the host name, or `gateway` "
             "where that is not a valid id."},
    {.key = "data_dir",
     .type = SETTING_PATH,
     AT(struct conf, data_dir),
     .fallback = "/var/lib/lifeline",
     .help = "Folder of everything the gateway keeps: journal, spool, database, quarantine."},
    {.key = "log_level",
     .type = SETTING_TEXT,
     AT(struct conf, log_level),
     .fallback = "info",
     .check = check_log_level,
     .reloadable = true,
     .help = "The least severe lines that are logged: `error`, `warn`, `info` or `debug`."},
    {.key = "log_debug",
     .type = SETTING_TEXT,
     AT(struct conf, log_debug),
     .fallback = "",
     .reloadable = true,
     .help = "Modules whose debug lines are logged whatever the level, with commas: "
             "`ingest,export`."},
    {.key = "self_report_s",
     .type = SETTING_INT,
     AT(struct conf, self_report_s),
     .min = 0,
     .max = 3600,
     .fallback = "10",
     .unit = "s",
     .help = "How often the gateway reports on itself: connections, disk, clock, temperature. Its "
             "alarms are limits in the profile `lifeline_gateway`. 0: never."},
};

static const struct setting uri_rows[] = {
    {.type = SETTING_TEXT,
     .size = CONF_TEXT,
     .check = address_broker_valid,
     .unique = true,
     .help = "`mqtt://host:port` or, with TLS, `mqtts://host:port`."},
};

static const struct setting topic_rows[] = {
    {.key = "filter",
     .type = SETTING_TEXT,
     AT(struct conf_topic, filter),
     .check = conf_topic_filter_valid,
     .unique = true,
     .help = "MQTT topic filter; `$share/group/filter` shares the load between gateways."},
    {.key = "format",
     .type = SETTING_ID,
     AT(struct conf_topic, format),
     .fallback = "native",
     .help = "Payload format of the messages that match."},
};

static const char *const version_choices[] = {"5", "3.1.1", NULL};

static const struct setting mqtt_rows[] = {
    {.key = "uris",
     .type = SETTING_LIST,
     .offset = offsetof(struct conf, uris),
     .size = CONF_TEXT,
     .min = 1,
     .max = LL_MAX_BROKERS,
     .count_at = offsetof(struct conf, uri_count),
     .fallback = "[\"mqtt://127.0.0.1:1883\"]",
     .rows = ROWS(uri_rows),
     .help = "Brokers, tried in this order: `mqtt://host:port` or, with TLS, `mqtts://host:port`."},
    {.key = "version",
     .type = SETTING_CHOICE,
     AT(struct conf, mqtt_311),
     .choices = version_choices,
     .fallback = "5",
     .help =
         "`5`: MQTT 5, and 3.1.1 where the broker refuses it. `3.1.1`: that alone, for a broker "
         "that answers MQTT 5 with less than a refusal."},
    {.key = "client_id",
     .type = SETTING_ID,
     AT(struct conf, client_id),
     .fallback = "",
     .help = "MQTT client id, under which the broker keeps the session. Empty: made from "
             "`gateway.id`."},
    {.key = "username",
     .type = SETTING_TEXT,
     AT(struct conf, mqtt_username),
     .fallback = "",
     .help = "Name of the gateway's account at the broker. Empty: none."},
    {.key = "password_file",
     .type = SETTING_PATH,
     AT(struct conf, mqtt_password_file),
     .is_read = true,
     .fallback = "",
     .help = "File whose first line is that account's password."},
    {.key = "ca_file",
     .type = SETTING_PATH,
     AT(struct conf, mqtt_ca_file),
     .is_read = true,
     .fallback = "",
     .help = "Certificates (PEM) that the broker's is checked against. Empty: the system's."},
    {.key = "cert_file",
     .type = SETTING_PATH,
     AT(struct conf, mqtt_cert_file),
     .is_read = true,
     .fallback = "",
     .help = "Certificate (PEM) that the gateway shows the broker. Empty: none."},
    {.key = "key_file",
     .type = SETTING_PATH,
     AT(struct conf, mqtt_key_file),
     .is_read = true,
     .fallback = "",
     .help = "Its private key (PEM, without a passphrase). Empty: it stands in `cert_file`."},
    {.key = "keepalive_s",
     .type = SETTING_INT,
     AT(struct conf, keepalive_s),
     .min = 5,
     .max = 3600,
     .fallback = "30",
     .unit = "s",
     .help = "A broker that is silent for one and a half times this is taken as lost."},
    {.key = "session_expiry_s",
     .type = SETTING_INT,
     AT(struct conf, session_expiry_s),
     .min = 0,
     .max = UINT32_MAX,
     .fallback = "604800",
     .unit = "s",
     .help = "How long the broker keeps messages for a gateway that is away (MQTT 5)."},
    {.key = "retry_max_ms",
     .type = SETTING_INT,
     AT(struct conf, retry_max_ms),
     .min = 100,
     .max = 3600000,
     .fallback = "30000",
     .unit = "ms",
     .help = "The pause before the next attempt to connect doubles from half a second up to this."},
    {.key = "max_message_bytes",
     .type = SETTING_INT,
     AT(struct conf, max_message_bytes),
     .min = 1024,
     .max = LL_MAX_MESSAGE,
     .fallback = "262144",
     .unit = "bytes",
     .help = "Larger payloads are refused and counted as `oversized`."},
    {.key = "topics",
     .type = SETTING_LIST,
     .offset = offsetof(struct conf, topics),
     .size = sizeof(struct conf_topic),
     .min = 1,
     .max = LL_MAX_TOPICS,
     .count_at = offsetof(struct conf, topic_count),
     .fallback = "[{\"filter\": \"lifeline/v1/up/+\", \"format\": \"native\"}]",
     .rows = ROWS(topic_rows),
     .help = "What is subscribed to, and the payload format of each; the first filter that matches "
             "a topic decides."},
    {.key = "alarms_topic",
     .type = SETTING_TEXT,
     AT(struct conf, alarms_topic),
     .fallback = "lifeline/v1/alarms",
     .check = conf_topic_prefix_valid,
     .help =
         "Each open alarm is a retained message at the broker, under this, the gateway's id and "
         "the alarm's number: `lifeline/v1/alarms/north-1/12`. Empty: none is published. What "
         "the broker retains under another topic or id stays there."},
};

static const char *const sync_choices[] = {"interval", "always", NULL};

static const struct setting intake_rows[] = {
    {.key = "sync",
     .type = SETTING_CHOICE,
     AT(struct conf, sync_always),
     .choices = sync_choices,
     .fallback = "interval",
     .help = "`always`: each message is on the disk before it is acknowledged. `interval`: it is "
             "with the kernel, so that only a power cut can take it."},
    {.key = "sync_interval_ms",
     .type = SETTING_INT,
     AT(struct conf, sync_interval_ms),
     .min = 10,
     .max = 60000,
     .fallback = "200",
     .unit = "ms",
     .help = "With `interval`: a power cut takes at most what came in this time."},
    {.key = "segment_mib",
     .type = SETTING_INT,
     AT(struct conf, segment_mib),
     .min = 1,
     .max = 1024,
     .fallback = "16",
     .unit = "MiB",
     .help = "Size of one file of the intake journal."},
    {.key = "max_mib",
     .type = SETTING_INT,
     AT(struct conf, intake_max_mib),
     .min = 2,
     .max = MIB_MAX_DISK,
     .fallback = "1024",
     .unit = "MiB",
     .help =
         "The intake journal's most; at least two segments. When it is full, messages stay with "
         "the broker."},
    {.key = "checkpoint_interval_s",
     .type = SETTING_INT,
     AT(struct conf, checkpoint_interval_s),
     .min = 1,
     .max = 3600,
     .fallback = "30",
     .unit = "s",
     .help =
         "The state is saved no more often, and only when four times as much came in since as it "
         "is long, or `segment_mib`. After a crash what came since is read again; nothing is "
         "exported twice."},
    {.key = "clock_wait_s",
     .type = SETTING_INT,
     AT(struct conf, clock_wait_s),
     .min = 0,
     .max = 86400,
     .fallback = "300",
     .unit = "s",
     .help = "For so long after the machine's start readings wait, on disk, for the clock to be "
             "synchronised (NTP) or set; alarms do not wait. 0: do not wait. A clock that says a "
             "year before 2010 is never believed."},
};

static const struct setting registry_rows[] = {
    {.key = "profiles_dir",
     .type = SETTING_PATH,
     AT(struct conf, profiles_dir),
     .fallback = "profiles",
     .reloadable = true,
     .help = "Folder whose `*.json` files are read as device profiles at start and at reload."},
};

static const struct setting validate_rows[] = {
    {.key = "max_ahead_s",
     .type = SETTING_INT,
     AT(struct conf, max_ahead_s),
     .min = 0,
     .max = 86400,
     .fallback = "300",
     .unit = "s",
     .help = "Readings whose time is further ahead of their receipt are refused as `time_ahead`."},
};

static const struct setting quarantine_rows[] = {
    {.key = "max_files",
     .type = SETTING_INT,
     AT(struct conf, quarantine_max_files),
     .min = 0,
     .max = 1000000,
     .fallback = "10000",
     .unit = "files",
     .help = "So many refused originals are kept at most."},
    {.key = "max_mib",
     .type = SETTING_INT,
     AT(struct conf, quarantine_max_mib),
     .min = 0,
     .max = 65536,
     .fallback = "64",
     .unit = "MiB",
     .help = "And so much of them."},
    {.key = "max_damaged_mib",
     .type = SETTING_INT,
     AT(struct conf, quarantine_max_damaged_mib),
     .min = 0,
     .max = 65536,
     .fallback = "64",
     .unit = "MiB",
     .help = "Beside them, so much of damaged stretches and segments of logs."},
};

static const struct setting archive_rows[] = {
    {.key = "max_alarms",
     .type = SETTING_INT,
     AT(struct conf, archive_max_alarms),
     .min = 100,
     .max = 100000000,
     .fallback = "100000",
     .unit = "alarms",
     .help = "With more than that the oldest that are closed are deleted, a tenth at once. Open "
             "ones never are."},
    {.key = "max_audit",
     .type = SETTING_INT,
     AT(struct conf, archive_max_audit),
     .min = 100,
     .max = 100000000,
     .fallback = "100000",
     .unit = "entries",
     .help = "With more entries of the audit log than that the oldest are deleted, a tenth at "
             "once, of which it gets an entry."},
};

static const char *const full_choices[] = {"evict", "hold", NULL};

static const struct setting spool_rows[] = {
    {.key = "max_mib",
     .type = SETTING_INT,
     AT(struct conf, spool_max_mib),
     .min = 4,
     .max = MIB_MAX_DISK,
     .fallback = "4096",
     .unit = "MiB",
     .help = "Readings that wait for a database take so much disk at most; alarms, in a lane of "
             "their own, as much again."},
    {.key = "min_free_mib",
     .type = SETTING_INT,
     AT(struct conf, spool_min_free_mib),
     .min = 0,
     .max = MIB_MAX_DISK,
     .fallback = "256",
     .unit = "MiB",
     .help = "With `evict`: with less free space on the disk than this, the oldest readings that "
             "wait are given up too. 0: only when the disk is full."},
    {.key = "on_full",
     .type = SETTING_CHOICE,
     AT(struct conf, spool_hold),
     .choices = full_choices,
     .fallback = "evict",
     .help = "`evict`: the oldest readings are given up for new ones, whatever device they are of, "
             "and counted as `evicted`; alarms never are. `hold`: nothing is given up; the intake "
             "journal fills instead, then messages stay with the broker, and no new alarms are "
             "seen meanwhile."},
};

#define ONLY_1    (1U << DESTINATION_INFLUXDB1)
#define ONLY_2    (1U << DESTINATION_INFLUXDB2)
#define ONLY_FILE (1U << DESTINATION_FILE)
#define ONLY_USER (ONLY_1 | 1U << DESTINATION_VICTORIAMETRICS)
#define ONLY_HTTP (ONLY_2 | ONLY_USER)

static const char *const destination_choices[] = {[DESTINATION_INFLUXDB1] = "influxdb1",
                                                  [DESTINATION_INFLUXDB2] = "influxdb2",
                                                  [DESTINATION_VICTORIAMETRICS] = "victoriametrics",
                                                  [DESTINATION_FILE] = "file",
                                                  NULL};

static const struct setting destination_rows[] = {
    {.key = "name",
     .type = SETTING_ID,
     AT(struct conf_destination, name),
     .unique = true,
     .help = "Its name in metrics, in `status` and of the file that says how far it got."},
    {.key = "type",
     .type = SETTING_CHOICE,
     AT(struct conf_destination, type),
     .choices = destination_choices,
     .help = "`influxdb1`: `/write` (InfluxDB 1). `influxdb2`: `/api/v2/write` (InfluxDB 2 and 3). "
             "`victoriametrics`: the same without organisation, bucket and token. `file`: line "
             "protocol appended to a file."},
    {.key = "url",
     .type = SETTING_TEXT,
     AT(struct conf_destination, url),
     .check = address_url_valid,
     .only = ONLY_HTTP,
     .help = "`http://host:port` or `https://host:port`, without the path of the write API."},
    {.key = "database",
     .type = SETTING_TEXT,
     AT(struct conf_destination, database),
     .only = ONLY_1,
     .help = "Name of the database."},
    {.key = "retention_policy",
     .type = SETTING_TEXT,
     AT(struct conf_destination, retention_policy),
     .fallback = "",
     .only = ONLY_1,
     .help = "Empty: the database's default one."},
    {.key = "username",
     .type = SETTING_TEXT,
     AT(struct conf_destination, username),
     .fallback = "",
     .only = ONLY_USER,
     .help = "Empty: none."},
    {.key = "password_file",
     .type = SETTING_PATH,
     AT(struct conf_destination, password_file),
     .is_read = true,
     .fallback = "",
     .only = ONLY_USER,
     .help = "File whose first line is the password."},
    {.key = "org",
     .type = SETTING_TEXT,
     AT(struct conf_destination, org),
     .fallback = "",
     .only = ONLY_2,
     .help = "Name of the organisation. Empty: none, as for InfluxDB 3."},
    {.key = "bucket",
     .type = SETTING_TEXT,
     AT(struct conf_destination, bucket),
     .only = ONLY_2,
     .help = "Name of the bucket."},
    {.key = "token_file",
     .type = SETTING_PATH,
     AT(struct conf_destination, token_file),
     .is_read = true,
     .fallback = "",
     .only = ONLY_2,
     .help = "File whose first line is the token. Empty: none."},
    {.key = "ca_file",
     .type = SETTING_PATH,
     AT(struct conf_destination, ca_file),
     .is_read = true,
     .fallback = "",
     .only = ONLY_HTTP,
     .help = "Certificates (PEM) that the server's is checked against. Empty: the system's."},
    {.key = "cert_file",
     .type = SETTING_PATH,
     AT(struct conf_destination, cert_file),
     .is_read = true,
     .fallback = "",
     .only = ONLY_HTTP,
     .help = "Certificate (PEM) that the gateway shows the server. Empty: none."},
    {.key = "key_file",
     .type = SETTING_PATH,
     AT(struct conf_destination, key_file),
     .is_read = true,
     .fallback = "",
     .only = ONLY_HTTP,
     .help = "Its private key (PEM, without a passphrase)."},
    {.key = "path",
     .type = SETTING_PATH,
     AT(struct conf_destination, path),
     .unique = true,
     .only = ONLY_FILE,
     .help = "The file that is written; those before it are `path.1`, `path.2`, …"},
    {.key = "max_mib",
     .type = SETTING_INT,
     AT(struct conf_destination, max_mib),
     .min = 1,
     .max = MIB_MAX_DISK,
     .fallback = "64",
     .unit = "MiB",
     .only = ONLY_FILE,
     .help = "A file that has this size is followed by the next one."},
    {.key = "max_files",
     .type = SETTING_INT,
     AT(struct conf_destination, max_files),
     .min = 2,
     .max = 1000,
     .fallback = "16",
     .unit = "files",
     .only = ONLY_FILE,
     .help = "So many are kept; then the oldest is deleted."},
    {.key = "gzip",
     .type = SETTING_BOOL,
     AT(struct conf_destination, gzip),
     .fallback = "true",
     .only = ONLY_HTTP,
     .help = "Compress what is sent."},
    {.key = "batch_lines",
     .type = SETTING_INT,
     AT(struct conf_destination, batch_lines),
     .min = 1,
     .max = 100000,
     .fallback = "5000",
     .unit = "records",
     .help = "A request holds at most so many records."},
    {.key = "batch_bytes",
     .type = SETTING_INT,
     AT(struct conf_destination, batch_bytes),
     .min = 1024,
     .max = 16 << 20,
     .fallback = "1048576",
     .unit = "bytes",
     .help = "And about so many bytes, before compression."},
    {.key = "batch_wait_ms",
     .type = SETTING_INT,
     AT(struct conf_destination, batch_wait_ms),
     .min = 10,
     .max = 60000,
     .fallback = "1000",
     .unit = "ms",
     .help = "A batch that is not full waits so long for more."},
    {.key = "rate_lines_s",
     .type = SETTING_INT,
     AT(struct conf_destination, rate_lines_s),
     .min = 0,
     .max = 10000000,
     .fallback = "0",
     .unit = "lines/s",
     .help = "Readings are sent no faster than this, so that a backlog does not fill the link; "
             "alarms are not held up. 0: as fast as it goes."},
    {.key = "timeout_s",
     .type = SETTING_INT,
     AT(struct conf_destination, timeout_s),
     .min = 1,
     .max = 300,
     .fallback = "10",
     .unit = "s",
     .only = ONLY_HTTP,
     .help = "A request without an answer is given up after this, and repeated."},
};

static const struct setting http_rows[] = {
    {.key = "listen",
     .type = SETTING_TEXT,
     AT(struct conf, http_listen),
     .fallback = "127.0.0.1:9464",
     .check = address_listen_valid,
     .help = "Address and port of `/metrics`; port 0: a free one. Empty: off."},
    {.key = "socket",
     .type = SETTING_PATH,
     AT(struct conf, http_socket),
     .fallback = "",
     .help = "The API's Unix socket, for `lifelinectl`. Empty: `lifelined.sock` in "
             "`gateway.data_dir`."},
    {.key = "socket_group",
     .type = SETTING_ID,
     AT(struct conf, http_socket_group),
     .fallback = "",
     .help = "Group that may use the socket. Empty: the gateway's own."},
};

#define SECTION(name, table, sentence)                                                 \
    {                                                                                  \
        .key = (name), .type = SETTING_SECTION, .fallback = "{}", .rows = ROWS(table), \
        .help = (sentence)                                                             \
    }

static const struct setting top_rows[] = {
    SECTION("gateway", gateway_rows, "The gateway itself."),
    SECTION("mqtt", mqtt_rows, "Where readings come from."),
    SECTION("intake", intake_rows, "The journal that a message is in before it is acknowledged."),
    SECTION("registry", registry_rows, "What the gateway knows of devices."),
    SECTION("validate", validate_rows, "What is accepted as a reading."),
    SECTION("quarantine", quarantine_rows, "Originals of refused messages, for inspection."),
    SECTION("archive", archive_rows, "Alarms and the audit log, in SQLite."),
    SECTION("spool", spool_rows, "What waits for databases."),
    {.key = "destinations",
     .type = SETTING_LIST,
     .offset = offsetof(struct conf, destinations),
     .size = sizeof(struct conf_destination),
     .min = 0,
     .max = LL_MAX_DESTINATIONS,
     .count_at = offsetof(struct conf, destination_count),
     .fallback = "[]",
     .rows = ROWS(destination_rows),
     .help = "Databases that get every reading and alarm. None: the gateway keeps the recent "
             "readings alone."},
    SECTION("http", http_rows, "Metrics and the API."),
};

const struct schema conf_schema = ROWS(top_rows);

size_t setting_choice(const struct setting *row, const void *base)
{
    const void *at = (const char *)base + row->offset;
    if (row->size == sizeof(bool)) {
        return *(const bool *)at ? 1 : 0;
    }
    return *(const enum conf_destination_type *)at;
}

void setting_choose(const struct setting *row, void *base, size_t index)
{
    void *at = (char *)base + row->offset;
    if (row->size == sizeof(bool)) {
        *(bool *)at = index != 0;
    } else {
        *(enum conf_destination_type *)at = (enum conf_destination_type)index;
    }
}
