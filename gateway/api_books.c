/* The ledger as one view, and /metrics, which renders it with the counters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/api_internal.h"
#include "gateway/base/fs.h"
#include "gateway/model/counters.h"

/* --- the books ------------------------------------------------------------------------------- */

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* A message is counted by ingest an instant after it can be read from the journal; one that the
 * pipeline took in between is waited for. */
static uint64_t received(const struct api *api, uint64_t taken)
{
    const struct timespec instant = {.tv_nsec = LL_NS_PER_MS};
    const uint64_t before = pipeline_backlog_at_start(api->pipeline);
    uint64_t sum = before + ingest_received(api->ingest);
    for (int i = 0; sum < taken && i < 100; i++) {
        nanosleep(&instant, NULL);
        sum = before + ingest_received(api->ingest);
    }
    return sum;
}

void api_books(struct api *api, struct api_books *out)
{
    /* Against the stream: what comes later was counted at each earlier place before it. */
    const struct uploader_status *last = NULL;
    memset(out, 0, sizeof *out);
    out->destination_count = api->uploader_count;
    for (size_t i = 0; i < api->uploader_count; i++) {
        uploader_status(api->uploaders[i], &out->destinations[i]);
        if (last == NULL || out->destinations[i].delivered_total < last->delivered_total) {
            last = &out->destinations[i];
        }
    }
    struct ledger_view *v = &out->view;
    pipeline_ledger(api->pipeline, &v->ledger, &out->sources);
    v->messages_received = received(api, v->ledger.messages_taken);
    v->messages_in_flight = minus(v->messages_received, v->ledger.messages_taken);
    v->delivery = last != NULL ? last->delivery : (struct delivery){0};
    v->ledger.rejected[REASON_REFUSED_BY_DATABASE] = v->delivery.rejected;
    v->readings_in_flight =
        minus(v->ledger.readings_spooled, last != NULL ? last->delivered_total : 0);
}

/* --- GET /api/v1/ledger ---------------------------------------------------------------------- */

void api_write_destinations(const struct api_books *books, struct buf *out)
{
    buf_str_add(out, "\"destinations\":[");
    for (size_t i = 0; i < books->destination_count; i++) {
        const struct uploader_status *s = &books->destinations[i];
        buf_str_add(out, i > 0 ? ",{" : "{");
        api_write_text(out, "name", s->name);
        buf_printf(out, ",\"reachable\":%s,", s->reachable ? "true" : "false");
        api_write_text(out, "last_error", s->last_error);
        if (s->last_success.ms > 0) {
            buf_printf(out, ",\"last_success\":%lld", (long long)s->last_success.ms);
        } else {
            buf_str_add(out, ",\"last_success\":null");
        }
        const struct {
            const char *key;
            uint64_t value;
        } numbers[] = {
            {"retry_in_ms", s->retry_in_ms},           {"in_flight", s->in_flight},
            {"forwarded", s->delivery.forwarded},      {"quarantined", s->delivery.quarantined},
            {"rejected", s->delivery.rejected},        {"evicted", s->delivery.evicted},
            {"alarms_in_flight", s->alarms_in_flight}, {"alarms_delivered", s->alarms_delivered},
        };
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            buf_printf(out, ",\"%s\":%llu", numbers[n].key, (unsigned long long)numbers[n].value);
        }
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

/* A state of the ledger that is not a refusal. */
struct state {
    const char *key;
    uint64_t value;
};
#define MESSAGE_STATES        3
#define READING_STATES        7
#define SOURCE_READING_STATES 4

static void message_states(const struct ledger *l, struct state out[MESSAGE_STATES])
{
    out[0] = (struct state){"decoded", l->messages_decoded};
    out[1] = (struct state){"duplicate", l->messages_duplicate};
    out[2] = (struct state){"retained", l->messages_retained};
}

static void reading_states(const struct ledger_view *v, struct state out[READING_STATES])
{
    out[0] = (struct state){"decoded", v->ledger.readings_decoded};
    out[1] = (struct state){"forwarded", v->delivery.forwarded};
    out[2] = (struct state){"kept", v->ledger.readings_kept};
    out[3] = (struct state){"duplicate", v->ledger.readings_duplicate};
    out[4] = (struct state){"late", v->ledger.readings_late};
    out[5] = (struct state){"quarantined", v->delivery.quarantined};
    out[6] = (struct state){"evicted", v->delivery.evicted};
}

/* Of one source: what is spooled or kept is accepted. */
static void source_reading_states(const struct ledger *l, struct state out[SOURCE_READING_STATES])
{
    out[0] = (struct state){"decoded", l->readings_decoded};
    out[1] = (struct state){"accepted", l->readings_spooled + l->readings_kept};
    out[2] = (struct state){"duplicate", l->readings_duplicate};
    out[3] = (struct state){"late", l->readings_late};
}

static void write_states(struct buf *out, const struct state *states, size_t count,
                         const struct ledger *l, enum reason_scope scope)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "\"%s\":%llu,", states[i].key, (unsigned long long)states[i].value);
    }
    buf_str_add(out, "\"rejected\":{");
    const char *comma = "";
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        const struct reason_info *info = reason_info((enum reason)r);
        if (info->scope == scope) {
            buf_printf(out, "%s\"%s\":%llu", comma, info->key, (unsigned long long)l->rejected[r]);
            comma = ",";
        }
    }
    buf_str_add(out, "},");
}

static void write_balanced(struct buf *out, bool balanced)
{
    buf_printf(out, "\"balanced\":%s}", balanced ? "true" : "false");
}

static void write_in_flight(struct buf *out, uint64_t in_flight, bool balanced)
{
    buf_printf(out, "\"in_flight\":%llu,", (unsigned long long)in_flight);
    write_balanced(out, balanced);
}

static void write_source(const struct source_books *s, struct buf *out)
{
    const struct ledger *l = &s->ledger;
    struct state messages[MESSAGE_STATES];
    struct state readings[SOURCE_READING_STATES];
    message_states(l, messages);
    source_reading_states(l, readings);
    buf_char(out, '{');
    api_write_text(out, "source", s->name);
    buf_char(out, ',');
    api_write_text(out, "format", s->format);
    buf_printf(out, ",\"messages\":{\"received\":%llu,", (unsigned long long)l->messages_taken);
    write_states(out, messages, MESSAGE_STATES, l, SCOPE_MESSAGE);
    write_balanced(out, source_messages_balance(l));
    buf_str_add(out, ",\"readings\":{");
    write_states(out, readings, SOURCE_READING_STATES, l, SCOPE_READING);
    write_balanced(out, source_readings_balance(l));
    buf_char(out, '}');
}

static void write_sources(const struct source_list *list, struct buf *out)
{
    buf_str_add(out, "\"sources\":[");
    for (size_t i = 0; i < list->count; i++) {
        buf_str_add(out, i > 0 ? "," : "");
        write_source(&list->row[i], out);
    }
    buf_char(out, ']');
}

static void answer_source(const struct source_list *list, const char *name,
                          struct console_answer *ans)
{
    const char *names[LL_MAX_SOURCES] = {NULL};
    for (size_t i = 0; i < list->count; i++) {
        names[i] = list->row[i].name;
        if (strcmp(names[i], name) == 0) {
            write_source(&list->row[i], &ans->body);
            return;
        }
    }
    const char *near = diag_nearest(name, names, list->count);
    console_error(ans, 404, "there is no source '%s'%s%s%s", name,
                  near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                  near != NULL ? "'?" : "");
}

void api_get_ledger(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    const char *device = console_query(req, "device");
    const char *source = console_query(req, "source");
    if (device != NULL) {
        const struct api *api = ctx;
        api_finish(ans, pipeline_device(api->pipeline, device, &ans->body));
        return;
    }
    struct buf *out = &ans->body;
    struct api_books books;
    struct state messages[MESSAGE_STATES];
    struct state readings[READING_STATES];
    const struct ledger_view *v = &books.view;
    api_books(ctx, &books);
    if (source != NULL) {
        answer_source(&books.sources, source, ans);
        return;
    }
    message_states(&v->ledger, messages);
    reading_states(v, readings);

    buf_printf(out, "{\"messages\":{\"received\":%llu,", (unsigned long long)v->messages_received);
    write_states(out, messages, MESSAGE_STATES, &v->ledger, SCOPE_MESSAGE);
    write_in_flight(out, v->messages_in_flight, ledger_messages_balance(v));
    buf_str_add(out, ",\"readings\":{");
    write_states(out, readings, READING_STATES, &v->ledger, SCOPE_READING);
    write_in_flight(out, v->readings_in_flight, ledger_readings_balance(v));
    buf_char(out, ',');
    write_sources(&books.sources, out);
    buf_char(out, ',');
    api_write_destinations(&books, out);
    buf_char(out, '}');
}

/* --- GET /metrics ---------------------------------------------------------------------------- */

/* Prometheus' text exposition format, version 0.0.4. */
static void metric_head(struct buf *out, const char *name, const char *type, const char *text)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static void metric(struct buf *out, const char *name, const char *type, const char *text,
                   uint64_t value)
{
    metric_head(out, name, type, text);
    buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

/* A label's value with its quotes. */
static void label(struct buf *out, const char *text)
{
    buf_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buf_str_add(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            buf_char(out, '\\');
        }
        buf_char(out, *text);
    }
    buf_char(out, '"');
}

static void counters(struct buf *out)
{
    char name[LL_MAX_NAME];
    for (int c = 0; c < COUNTER_COUNT; c++) {
        const struct counter_info *info = counter_info((enum counter)c);
        snprintf(name, sizeof name, "lifeline_%s", info->metric);
        metric(out, name, info->type, info->text, counter_get((enum counter)c));
    }
}

/* `source`: NULL where it is of all. */
static void one_state(struct buf *out, const char *name, const char *source, const char *state,
                      const char *reason, uint64_t value)
{
    buf_printf(out, "%s{", name);
    if (source != NULL) {
        buf_str_add(out, "source=");
        label(out, source);
        buf_char(out, ',');
    }
    buf_printf(out, "state=\"%s\",reason=\"%s\"} %llu\n", state, reason, (unsigned long long)value);
}

static void states(struct buf *out, const char *name, const char *source,
                   const struct state *values, size_t count, const struct ledger *l,
                   enum reason_scope scope)
{
    for (size_t i = 0; i < count; i++) {
        one_state(out, name, source, values[i].key, "", values[i].value);
    }
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        const struct reason_info *info = reason_info((enum reason)r);
        if (info->scope == scope) {
            one_state(out, name, source, "rejected", info->key, l->rejected[r]);
        }
    }
}

static void source_metrics(struct buf *out, const struct source_list *list)
{
    static const char messages_total[] = "lifeline_source_messages_total";
    static const char readings_total[] = "lifeline_source_readings_total";
    metric_head(out, messages_total, "counter",
                "messages by the topic filter that they came by and the state they ended in");
    for (size_t i = 0; i < list->count; i++) {
        const struct source_books *s = &list->row[i];
        struct state values[MESSAGE_STATES];
        message_states(&s->ledger, values);
        states(out, messages_total, s->name, values, MESSAGE_STATES, &s->ledger, SCOPE_MESSAGE);
    }
    metric_head(out, readings_total, "counter",
                "readings by the topic filter that they came by and the state they ended in");
    for (size_t i = 0; i < list->count; i++) {
        const struct source_books *s = &list->row[i];
        struct state values[SOURCE_READING_STATES];
        source_reading_states(&s->ledger, values);
        states(out, readings_total, s->name, values + 1, SOURCE_READING_STATES - 1, &s->ledger,
               SCOPE_READING);
    }
}

static void ledger_metrics(struct buf *out, const struct ledger_view *v)
{
    static const char messages_total[] = "lifeline_messages_total";
    static const char readings_total[] = "lifeline_readings_total";
    struct state messages[MESSAGE_STATES];
    struct state readings[READING_STATES];
    message_states(&v->ledger, messages);
    reading_states(v, readings);
    metric(out, "lifeline_messages_received_total", "counter",
           "messages that the journal took, ever", v->messages_received);
    metric_head(out, messages_total, "counter", "messages by the state they ended in");
    states(out, messages_total, NULL, messages, MESSAGE_STATES, &v->ledger, SCOPE_MESSAGE);
    metric(out, "lifeline_readings_decoded_total", "counter", "readings found in messages",
           v->ledger.readings_decoded);
    /* The first is "decoded", the sum of the others. */
    metric_head(out, readings_total, "counter", "readings by the state they ended in");
    states(out, readings_total, NULL, readings + 1, READING_STATES - 1, &v->ledger, SCOPE_READING);
    metric(out, "lifeline_messages_in_flight", "gauge",
           "messages in the journal that the pipeline has yet to take", v->messages_in_flight);
    metric(out, "lifeline_readings_in_flight", "gauge",
           "readings in the spool that the slowest destination has yet to take",
           v->readings_in_flight);
    metric(out, "lifeline_messages_balanced", "gauge",
           "1 if every message received is in exactly one state", ledger_messages_balance(v));
    metric(out, "lifeline_readings_balanced", "gauge",
           "1 if every reading decoded is in exactly one state", ledger_readings_balance(v));
}

static uint64_t seconds(struct wall_ms t)
{
    return t.ms > 0 ? (uint64_t)t.ms / LL_MS_PER_S : 0;
}

static void destination_metrics(struct buf *out, const struct api_books *books)
{
    enum { ROWS = 9 };
    static const struct {
        const char *name;
        const char *type;
        const char *text;
    } rows[ROWS] = {
        {"reachable", "gauge", "1 if the last request was answered with success"},
        {"last_success_timestamp_seconds", "gauge", "when the last batch was taken; 0: never"},
        {"in_flight", "gauge", "readings in the spool that it has yet to take"},
        {"forwarded_total", "counter", "readings it took"},
        {"quarantined_total", "counter", "readings it refused for good, kept in quarantine"},
        {"rejected_total", "counter", "readings it refused for good, not kept"},
        {"evicted_total", "counter", "readings given up for want of space"},
        {"alarms_in_flight", "gauge", "alarm transitions that it has yet to take"},
        {"alarms_delivered_total", "counter", "alarm transitions it took"},
    };
    for (size_t r = 0; r < ROWS && books->destination_count > 0; r++) {
        char name[LL_MAX_NAME];
        snprintf(name, sizeof name, "lifeline_destination_%s", rows[r].name);
        metric_head(out, name, rows[r].type, rows[r].text);
        for (size_t i = 0; i < books->destination_count; i++) {
            const struct uploader_status *s = &books->destinations[i];
            const uint64_t values[ROWS] = {
                s->reachable,          seconds(s->last_success), s->in_flight,
                s->delivery.forwarded, s->delivery.quarantined,  s->delivery.rejected,
                s->delivery.evicted,   s->alarms_in_flight,      s->alarms_delivered,
            };
            buf_printf(out, "%s{destination=", name);
            label(out, s->name);
            buf_printf(out, "} %llu\n", (unsigned long long)values[r]);
        }
    }
}

/* proc(5), statm: the second number is the resident set in pages. */
static uint64_t resident_bytes(void)
{
    struct buf text;
    buf_init(&text, 256);
    uint64_t pages = 0;
    if (fs_read_file("/proc/self/statm", &text) == LL_OK) {
        const char *space = strchr(buf_str(&text), ' ');
        pages = space != NULL ? strtoull(space, NULL, 10) : 0;
    }
    buf_free(&text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void process_metrics(struct buf *out, const struct api *api)
{
    struct timespec cpu = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    metric_head(out, "process_cpu_seconds_total", "counter", "processor time used");
    buf_printf(out, "process_cpu_seconds_total %lld.%09ld\n", (long long)cpu.tv_sec, cpu.tv_nsec);
    metric(out, "process_resident_memory_bytes", "gauge", "resident memory", resident_bytes());
    metric(out, "process_start_time_seconds", "gauge", "when the gateway started, since 1970",
           seconds(api_started(api)));
    metric_head(out, "lifeline_info", "gauge", "1; which gateway this is");
    buf_str_add(out, "lifeline_info{gateway=");
    label(out, api->conf->gateway_id);
    buf_str_add(out, ",version=");
    label(out, LL_VERSION);
    buf_str_add(out, "} 1\n");
}

void api_get_metrics(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)req;
    struct api *api = ctx;
    struct buf *out = &ans->body;
    struct api_books books;
    api_books(api, &books);
    const struct journal_stats intake = journal_stats(api->intake);

    ans->content_type = "text/plain; version=0.0.4; charset=utf-8";
    counters(out);
    ledger_metrics(out, &books.view);
    source_metrics(out, &books.sources);
    destination_metrics(out, &books);
    metric(out, "lifeline_intake_disk_bytes", "gauge", "size of the intake journal on disk",
           intake.bytes);
    metric(out, "lifeline_intake_first_seq", "gauge", "oldest record that the intake journal holds",
           intake.first_seq);
    metric(out, "lifeline_intake_next_seq", "gauge", "number that the next record will get",
           intake.next_seq);
    metric(out, "lifeline_alarms_open", "gauge", "alarms that are not back to normal",
           pipeline_open_alarms(api->pipeline));
    process_metrics(out, api);
}
