#include "gateway/self.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "gateway/base/fs.h"
#include "gateway/base/num.h"
#include "gateway/model/counters.h"
#include "gateway/model/intake.h"

#define REPORT_BYTES  4096
#define SMALL_FILE    512
#define MIB           (1024.0 * 1024.0)
#define DAY_S         86400.0
#define HOUR_MS       (3600 * LL_MS_PER_S)
#define SECTOR_BYTES  512 /* of the kernel's counts, whatever the disk's are */
#define PATH_TEXT     64
#define THERMAL_FILE  "/sys/class/thermal/thermal_zone0/temp"
#define THROTTLE_FILE "/sys/devices/platform/soc/soc:firmware/get_throttled"
/* Raspberry Pi firmware, get_throttled: bit 0 under-voltage, bit 2 throttled, now. */
#define THROTTLED_NOW 0x5UL

struct written {
    struct mono_ns at;
    uint64_t bytes;
};

struct self {
    struct self_parts parts;
    struct mono_ns began;
    struct mono_ns broker_seen;                        /* when it was last connected */
    struct mono_ns database_seen[LL_MAX_DESTINATIONS]; /* and each destination reachable */
    char disk_file[PATH_TEXT];    /* with the counts of the disk that has the data; "": none */
    struct written before, later; /* from an hour to two ago, and within the last one */
    uint64_t evicted[LL_MAX_DESTINATIONS]; /* as it was in the report before */
};

ll_err self_register(struct registry_db *db, const char *gateway_id)
{
    char asset[LL_MAX_ID + 64];
    char device[2 * LL_MAX_ID + 64];
    struct diag *d = calloc(1, sizeof *d);
    size_t count = 0;
    if (d == NULL) {
        return LL_ENOMEM;
    }
    const int asset_len =
        snprintf(asset, sizeof asset, "id,kind\ngw:%s,lifeline_gateway\n", gateway_id);
    const int device_len =
        snprintf(device, sizeof device, "id,asset,profile\ngw:%s,gw:%s,lifeline_gateway\n",
                 gateway_id, gateway_id);
    ll_err err = registry_import_assets(db, "gateway", asset, (size_t)asset_len, d, &count);
    if (err == LL_OK) {
        err = registry_import_devices(db, "gateway", device, (size_t)device_len, d, &count);
        err = err == LL_OK ? LL_OK : LL_ENOENT;
    }
    free(d);
    return err;
}

/* The number that a small file of the kernel's begins with. */
static bool read_number(const char *path, int base, unsigned long *out)
{
    struct buf text;
    buf_init(&text, SMALL_FILE);
    bool good = fs_read_file(path, &text) == LL_OK && text.len > 0;
    if (good) {
        char *end;
        *out = strtoul(buf_str(&text), &end, base);
        good = end != buf_str(&text);
    }
    buf_free(&text);
    return good;
}

/* The seventh number: sectors written, by whomever. */
static bool parse_disk(const char *text, uint64_t *out)
{
    uint64_t sectors = 0;
    for (int i = 0; i < 7; i++) {
        char *end;
        sectors = strtoull(text, &end, 10);
        if (end == text) {
            return false;
        }
        text = end;
    }
    *out = sectors * SECTOR_BYTES;
    return true;
}

/* What this process has had written, without the file system's own part. */
static bool parse_process(const char *text, uint64_t *out)
{
    const char *at = strstr(text, "\nwrite_bytes:");
    if (at == NULL) {
        return false;
    }
    *out = strtoull(at + strlen("\nwrite_bytes:"), NULL, 10);
    return true;
}

/* Bytes written to the disk so far; where it has no counts (overlay, tmpfs), those of the process.
 */
static bool read_written(const struct self *s, uint64_t *out)
{
    struct buf text;
    buf_init(&text, SMALL_FILE);
    const bool disk = s->disk_file[0] != '\0';
    const bool good = fs_read_file(disk ? s->disk_file : "/proc/self/io", &text) == LL_OK &&
                      (disk ? parse_disk(buf_str(&text), out) : parse_process(buf_str(&text), out));
    buf_free(&text);
    return good;
}

static void begin_counting(struct self *s)
{
    struct stat st;
    uint64_t ignored;
    if (stat(s->parts.conf->data_dir, &st) == 0) {
        snprintf(s->disk_file, sizeof s->disk_file, "/sys/dev/block/%u:%u/stat", major(st.st_dev),
                 minor(st.st_dev));
    }
    if (!read_written(s, &ignored)) {
        s->disk_file[0] = '\0';
    }
    s->before.at = s->began;
    read_written(s, &s->before.bytes);
    s->later = s->before;
}

ll_err self_new(const struct self_parts *parts, struct self **out)
{
    struct self *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    s->parts = *parts;
    s->began = clock_mono();
    s->broker_seen = s->began;
    for (size_t i = 0; i < parts->uploader_count; i++) {
        struct uploader_status u;
        uploader_status(parts->uploaders[i], &u);
        s->database_seen[i] = s->began;
        s->evicted[i] = u.delivery.evicted;
    }
    begin_counting(s);
    *out = s;
    return LL_OK;
}

void self_free(struct self *s)
{
    free(s);
}

static void add(struct buf *out, const char *channel, double value)
{
    char text[LL_NUM_TEXT];
    num_format(value, text);
    buf_printf(out, "%s\"%s\":%s", out->data[out->len - 1] == '{' ? "" : ",", channel, text);
}

/* Readings that the destination will never get, since the report before. */
static uint64_t newly_evicted(struct self *s, size_t i, uint64_t evicted)
{
    const uint64_t before = s->evicted[i];
    if (evicted > before) {
        s->evicted[i] = evicted;
    }
    return s->evicted[i] - before;
}

static void add_connections(struct self *s, struct mono_ns now, struct buf *out)
{
    struct ingest_status broker;
    ingest_status(s->parts.ingest, &broker);
    if (broker.connected) {
        s->broker_seen = now;
    }
    int64_t longest_ms = 0;
    uint64_t in_flight = 0;
    uint64_t evicted = 0;
    bool refused = false;
    for (size_t i = 0; i < s->parts.uploader_count; i++) {
        struct uploader_status u;
        uploader_status(s->parts.uploaders[i], &u);
        if (u.reachable) {
            s->database_seen[i] = now;
        }
        const int64_t away_ms = mono_elapsed_ms(s->database_seen[i], now);
        longest_ms = away_ms > longest_ms ? away_ms : longest_ms;
        in_flight = u.in_flight > in_flight ? u.in_flight : in_flight;
        const uint64_t lost = newly_evicted(s, i, u.delivery.evicted);
        evicted = lost > evicted ? lost : evicted;
        refused = refused || u.refused;
    }
    add(out, "broker_away", (double)mono_elapsed_ms(s->broker_seen, now) / LL_MS_PER_S);
    if (s->parts.uploader_count > 0) {
        add(out, "database_away", (double)longest_ms / LL_MS_PER_S);
        add(out, "database_refused", refused ? 1 : 0);
        add(out, "in_flight", (double)in_flight);
        add(out, "evicted", (double)evicted);
    }
}

/* What a day would write at the rate of the last hour or two. */
static void add_written(struct self *s, struct mono_ns now, struct buf *out)
{
    uint64_t bytes;
    if (!read_written(s, &bytes)) {
        return;
    }
    const double past_s = (double)mono_elapsed_ms(s->before.at, now) / LL_MS_PER_S;
    const double mib = (double)(bytes - s->before.bytes) / MIB;
    if (past_s >= 60) { /* a shorter time says nothing of a day */
        add(out, "disk_write_day", (double)(int64_t)(mib * DAY_S / past_s));
    }
    if (mono_elapsed_ms(s->later.at, now) >= HOUR_MS) {
        s->before = s->later;
        s->later = (struct written){now, bytes};
    }
}

static void add_disk(struct self *s, struct mono_ns now, struct buf *out)
{
    uint64_t bytes;
    if (fs_free_bytes(s->parts.conf->data_dir, &bytes) == LL_OK) {
        add(out, "disk_free", (double)(int64_t)((double)bytes / MIB));
    }
    add(out, "intake_size", (double)journal_stats(s->parts.intake).bytes / MIB);
    if (s->parts.spool != NULL) {
        double size = 0;
        for (int lane = 0; lane < SPOOL_LANES; lane++) {
            size +=
                (double)journal_stats(spool_journal(s->parts.spool, (enum spool_lane)lane)).bytes;
        }
        add(out, "spool_size", size / MIB);
    }
    add(out, "log_damage",
        (double)(counter_get(COUNTER_JOURNAL_DAMAGED) + counter_get(COUNTER_JOURNAL_TORN)));
    add_written(s, now, out);
}

static void add_machine(struct self *s, struct buf *out)
{
    unsigned long n;
    add(out, "clock_unset", pipeline_time_known(s->parts.pipeline) ? 0 : 1);
    if (read_number(THERMAL_FILE, 10, &n)) {
        add(out, "cpu_temperature", (double)n / 1000);
    }
    if (read_number(THROTTLE_FILE, 16, &n)) {
        add(out, "throttled", (n & THROTTLED_NOW) != 0 ? 1 : 0);
    }
    struct buf statm;
    unsigned long pages;
    buf_init(&statm, SMALL_FILE);
    if (fs_read_file("/proc/self/statm", &statm) == LL_OK) {
        char *second;
        strtoul(buf_str(&statm), &second, 10);
        pages = strtoul(second, NULL, 10);
        add(out, "memory", (double)pages * (double)sysconf(_SC_PAGESIZE) / MIB);
    }
    buf_free(&statm);
}

ll_err self_report(struct self *s, struct mono_ns now)
{
    struct buf payload;
    struct buf record;
    char topic[LL_MAX_TOPIC];
    buf_init(&payload, REPORT_BYTES);
    buf_init(&record, REPORT_BYTES + LL_MAX_TOPIC);
    buf_str_add(&payload, "{\"r\":{");
    add_connections(s, now, &payload);
    add_disk(s, now, &payload);
    add_machine(s, &payload);
    buf_str_add(&payload, "}}");
    const int n =
        snprintf(topic, sizeof topic, SELF_TOPIC_PREFIX "gw:%s", s->parts.conf->gateway_id);
    const struct intake_message m = {.topic = topic,
                                     .topic_len = (size_t)n,
                                     .payload = buf_str(&payload),
                                     .payload_len = payload.len};
    intake_write(&m, &record);
    const ll_err err =
        buf_ok(&payload) && buf_ok(&record)
            ? intake_log_append(s->parts.intake_log, INTAKE_SELF, record.data, record.len, NULL)
            : LL_ENOMEM;
    buf_free(&payload);
    buf_free(&record);
    return err;
}
