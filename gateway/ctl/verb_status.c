/* lifelinectl status, ledger */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/limits.h"
#include "gateway/base/num.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/render.h"
#include "gateway/ctl/table.h"
#include "gateway/model/reason.h"

#define LINE_BYTES 1024
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

static void add_line(struct table *t, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add_line(struct table *t, const char *name, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_add(t, name);
    table_add(t, text);
}

static void add_mqtt(struct table *t, struct json_object *mqtt)
{
    char since[LL_TIME_TEXT];
    char wait[LL_NUM_TEXT];
    wall_format((struct wall_ms){member_int(mqtt, "since")}, since);
    if (member_true(mqtt, "holding")) {
        add_line(t, "MQTT", "held back: the intake journal takes no more; messages wait at %s",
                 member_text(mqtt, "uri"));
    } else if (member_true(mqtt, "connected")) {
        add_line(t, "MQTT", "connected to %s by MQTT %s since %s", member_text(mqtt, "uri"),
                 member_int(mqtt, "mqtt_version") == 5 ? "5" : "3.1.1", since);
    } else {
        add_line(t, "MQTT", "not connected since %s: %s; next try in %s", since,
                 member_text(mqtt, "last_error"),
                 render_span(member_int(mqtt, "retry_in_ms"), wait));
    }
}

/* Alarms as they stand at the broker. */
static void add_alarms_mqtt(struct table *t, struct json_object *mqtt)
{
    char counts[LL_MAX_NAME];
    if (mqtt == NULL) {
        add_line(t, "", "not published by MQTT");
        return;
    }
    snprintf(counts, sizeof counts,
             "%" PRId64 " published, %" PRId64 " cleared, %" PRId64 " waiting, %" PRId64 " failed",
             member_int(mqtt, "published"), member_int(mqtt, "cleared"),
             member_int(mqtt, "waiting"), member_int(mqtt, "failed"));
    const char *error = member_text(mqtt, "last_error");
    if (!member_true(mqtt, "connected")) {
        add_line(t, "", "by MQTT: not connected%s%s; %s", error[0] != '\0' ? ": " : "", error,
                 counts);
    } else if (error[0] != '\0') {
        add_line(t, "", "by MQTT: %s; %s", error, counts);
    } else {
        add_line(t, "", "by MQTT: %s; %s",
                 member_true(mqtt, "up_to_date") ? "up to date" : "being brought up to date",
                 counts);
    }
}

/* Until something was sent, nothing is known of a destination. */
static void mark_untried(struct json_object *destination)
{
    struct json_object *success = NULL;
    if (json_object_object_get_ex(destination, "last_success", &success) && success == NULL &&
        member_text(destination, "last_error")[0] == '\0') {
        json_object_object_add(destination, "reachable", json_object_new_string("not tried"));
    }
}

static void print_destinations(const struct ctl *c, struct json_object *root)
{
    static const char *const keys[] = {"name",      "reachable",        "forwarded",
                                       "in_flight", "quarantined",      "rejected",
                                       "evicted",   "alarms_delivered", "alarms_in_flight"};
    size_t count;
    struct json_object *all = member_array(root, "destinations", &count);
    fprintf(c->out, "\n");
    if (count == 0) {
        fprintf(c->out, "no destination is configured: readings are only kept for a while\n");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        mark_untried(json_object_array_get_idx(all, i));
    }
    render_rows(all, keys, sizeof keys / sizeof keys[0], 0, c->out);
    for (size_t i = 0; i < count; i++) {
        struct json_object *d = json_object_array_get_idx(all, i);
        struct buf line;
        char wait[LL_NUM_TEXT];
        buf_init(&line, LL_MAX_HTTP_ANSWER);
        if (member_text(d, "last_error")[0] != '\0') {
            text_pad(member_text(d, "name"), 0, false, &line);
            buf_str_add(&line, ": ");
            text_pad(member_text(d, "last_error"), 0, false, &line);
            fprintf(c->out, "%s; next try in %s\n", buf_str(&line),
                    render_span(member_int(d, "retry_in_ms"), wait));
        }
        buf_free(&line);
    }
}

enum ctl_exit ctl_status(struct ctl *c)
{
    struct client_answer a;
    bool done;
    struct buf path = client_path("/api/v1/status");
    const enum ctl_exit status = client_get(c, &path, &a, &done);
    if (done) {
        return status;
    }
    char span[LL_NUM_TEXT];
    char bytes[LL_NUM_TEXT];
    struct json_object *intake = member_object(a.root, "intake");
    struct json_object *registry = member_object(a.root, "registry");
    const int64_t next = member_int(intake, "next_seq");
    const int64_t first = member_int(intake, "first_seq");

    struct table t;
    table_init(&t, 2);
    add_line(&t, "gateway", "%s, version %s, up %s", member_text(a.root, "gateway"),
             member_text(a.root, "version"),
             render_span(member_int(a.root, "now") - member_int(a.root, "started"), span));
    if (!member_true(a.root, "time_known")) {
        add_line(&t, "clock", "not known: readings wait in the intake journal; alarms do not");
    }
    add_mqtt(&t, member_object(a.root, "mqtt"));
    add_line(&t, "intake", "%" PRId64 " records, the next is %" PRId64 ", %s, %" PRId64 " damaged",
             next - first, next, render_bytes((uint64_t)member_int(intake, "bytes"), bytes),
             member_int(intake, "damaged"));
    add_line(&t, "registry",
             "%" PRId64 " assets, %" PRId64 " devices, %" PRId64 " series, %" PRId64 " profiles",
             member_int(registry, "assets"), member_int(registry, "devices"),
             member_int(registry, "series"), member_int(registry, "profiles"));
    add_line(&t, "alarms", "%" PRId64 " open", member_int(a.root, "alarms_open"));
    add_alarms_mqtt(&t, member_object(a.root, "alarms_mqtt"));
    table_print(&t, 0, c->out);
    table_free(&t);
    print_destinations(c, a.root);
    client_free(&a);
    return CTL_OK;
}

/* --- ledger ---------------------------------------------------------------------------------- */

static void add_count(struct table *t, const char *name, int64_t value, const char *text)
{
    char number[LL_NUM_TEXT];
    snprintf(number, sizeof number, "%" PRId64, value);
    table_add(t, name);
    table_add(t, number);
    table_add(t, text);
}

/* Why a reason's counter moves; "" for one that this program does not know. */
static const char *reason_text(const char *key)
{
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        if (strcmp(reason_info((enum reason)r)->key, key) == 0) {
            return reason_info((enum reason)r)->text;
        }
    }
    return "";
}

static int64_t rejected_sum(struct json_object *books)
{
    int64_t sum = 0;
    struct json_object *rejected = member_object(books, "rejected");
    if (rejected != NULL) {
        json_object_object_foreach(rejected, reason, count)
        {
            (void)count;
            sum += member_int(rejected, reason);
        }
    }
    return sum;
}

static void add_rejected(struct table *t, struct json_object *books)
{
    struct json_object *rejected = member_object(books, "rejected");
    if (rejected == NULL) {
        return;
    }
    add_count(t, "  rejected", rejected_sum(books), "");
    json_object_object_foreach(rejected, key, value)
    {
        (void)value;
        char name[LL_MAX_NAME];
        if (member_int(rejected, key) > 0) {
            snprintf(name, sizeof name, "    %s", key);
            add_count(t, name, member_int(rejected, key), reason_text(key));
        }
    }
}

/* The first state is the sum of the others. */
static void add_books(struct table *t, const char *title, struct json_object *books,
                      const char *const *states, size_t count)
{
    char name[LL_MAX_NAME];
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            snprintf(name, sizeof name, "%s %s", title, states[i]);
        } else {
            snprintf(name, sizeof name, "  %s", states[i]);
        }
        add_count(t, name, member_int(books, states[i]), "");
    }
    add_rejected(t, books);
    if (json_object_object_get_ex(books, "in_flight", NULL)) {
        add_count(t, "  in flight", member_int(books, "in_flight"), "");
    }
    table_add(t, "  balanced");
    table_add(t, member_true(books, "balanced") ? "yes" : "NO");
    table_add(t, member_true(books, "balanced") ? "" : "the states do not add up: see the log");
}

/* Messages, then readings. */
static void print_books(const struct ctl *c, struct json_object *root, const char *const *messages,
                        size_t message_states, const char *const *readings, size_t reading_states)
{
    struct table t;
    table_init(&t, 3);
    t.right[1] = true;
    add_books(&t, "messages", member_object(root, "messages"), messages, message_states);
    add_books(&t, "readings", member_object(root, "readings"), readings, reading_states);
    table_print(&t, 0, c->out);
    table_free(&t);
}

static void print_sources(const struct ctl *c, struct json_object *root)
{
    static const char *const head[] = {"source",    "messages", "decoded",  "duplicate",
                                       "retained",  "rejected", "readings", "accepted",
                                       "duplicate", "late",     "rejected"};
    size_t count;
    struct json_object *all = member_array(root, "sources", &count);
    struct table t;
    table_init(&t, COUNT(head));
    for (size_t i = 0; i < COUNT(head); i++) {
        t.right[i] = i > 0;
        table_add(&t, head[i]);
    }
    for (size_t i = 0; i < count; i++) {
        struct json_object *source = json_object_array_get_idx(all, i);
        struct json_object *m = member_object(source, "messages");
        struct json_object *r = member_object(source, "readings");
        const int64_t numbers[] = {
            member_int(m, "received"),
            member_int(m, "decoded"),
            member_int(m, "duplicate"),
            member_int(m, "retained"),
            rejected_sum(m),
            member_int(r, "decoded"),
            member_int(r, "accepted"),
            member_int(r, "duplicate"),
            member_int(r, "late"),
            rejected_sum(r),
        };
        table_add(&t, member_text(source, "source"));
        for (size_t n = 0; n < COUNT(numbers); n++) {
            char text[LL_NUM_TEXT];
            snprintf(text, sizeof text, "%" PRId64, numbers[n]);
            table_add(&t, text);
        }
    }
    fprintf(c->out, "\n");
    table_print(&t, 0, c->out);
    table_free(&t);
}

enum ctl_exit ctl_ledger(struct ctl *c)
{
    static const char *const messages[] = {"received", "decoded", "duplicate", "retained"};
    static const char *const readings[] = {"decoded", "forwarded",   "kept",   "duplicate",
                                           "late",    "quarantined", "evicted"};
    static const char *const of_source[] = {"decoded", "accepted", "duplicate", "late"};
    struct client_answer a;
    bool done;
    const char *device = ctl_option(c, CTL_DEVICE, NULL);
    const char *source = ctl_option(c, CTL_SOURCE, NULL);
    if (device != NULL && source != NULL) {
        return ctl_fail(c, CTL_USAGE, "ledger takes --device or --source, one of them");
    }
    struct buf path = client_path("/api/v1/ledger");
    if (device != NULL || source != NULL) {
        buf_str_add(&path, device != NULL ? "?device=" : "?source=");
        client_escape(&path, device != NULL ? device : source);
    }
    const enum ctl_exit status = client_get(c, &path, &a, &done);
    if (done) {
        return status;
    }
    if (device != NULL) {
        render_object(a.root, 0, c->out);
    } else if (source != NULL) {
        print_books(c, a.root, messages, COUNT(messages), of_source, COUNT(of_source));
    } else {
        print_books(c, a.root, messages, COUNT(messages), readings, COUNT(readings));
        print_sources(c, a.root);
        print_destinations(c, a.root);
    }
    client_free(&a);
    return CTL_OK;
}
