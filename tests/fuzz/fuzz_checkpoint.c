/* Sections of the checkpoint as another version may have written them: the first byte says which
 * one. Refused, or loaded into a state that goes on and, saved, loads as the same again. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/pipeline/alarms.h"
#include "gateway/pipeline/series.h"
#include "gateway/pipeline/sources.h"
#include "tests/fuzz/fuzz_registry.h"

#define MAX_SECTION (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct series_table *new_table(void)
{
    struct series_table *t = NULL;
    demand(series_table_new(fuzz_registry(), &t) == LL_OK);
    return t;
}

/* Each state is one that the stages know, and they go on from it. */
static void run_devices(struct series_table *t)
{
    for (uint32_t w = 0; w < t->watch_count; w++) {
        struct watch *watch = &t->watches[w];
        const struct detector_spec *spec = watch_spec(t, w);
        const struct detect_now now = {.event_ms = 1764000000000, .alive_ms = 1000000};
        demand(watch->point.state < ALARM_STATE_COUNT);
        (void)detect_due_ms(spec, &watch->detect);
        (void)alarm_due_ms(&watch->point, spec);
        (void)detect_tick(spec, &watch->detect, now);
        (void)detect_observe(spec, &watch->detect, 50, now);
    }
    for (uint32_t d = 0; d < t->device_count; d++) {
        int64_t missing;
        const enum seq_verdict first = seq_window_enter(&t->devices[d].seq, 4711, &missing);
        const enum seq_verdict again = first == SEQ_BELOW ? SEQ_BELOW : SEQ_REPEATED;
        demand(seq_window_enter(&t->devices[d].seq, 4711, &missing) == again);
        device_clock_learn(&t->devices[d].clock, series_device(t, 0)->profile, 1764000000000,
                           1764009000000);
    }
}

static void load_devices(const uint8_t *data, size_t size, uint32_t version)
{
    struct series_table *t = new_table();
    struct series_table *again = new_table();
    struct cursor in = cursor_over(data, size);
    if (series_table_load(t, version, &in) == LL_OK) {
        struct buf a;
        struct buf b;
        buf_init(&a, MAX_SECTION);
        buf_init(&b, MAX_SECTION);
        series_table_save(t, &a);
        in = cursor_over(a.data, a.len);
        demand(series_table_load(again, SERIES_TABLE_VERSION, &in) == LL_OK &&
               cursor_left(&in) == 0);
        series_table_save(again, &b);
        demand(buf_ok(&a) && a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
        buf_free(&a);
        buf_free(&b);
    }
    run_devices(t);
    series_table_free(t);
    series_table_free(again);
}

static void load_retained(const uint8_t *data, size_t size)
{
    struct series_table *t = new_table();
    struct series_table *again = new_table();
    struct cursor in = cursor_over(data, size);
    if (series_retained_load(t, &in) == LL_OK) {
        struct buf a;
        struct buf b;
        buf_init(&a, MAX_SECTION);
        buf_init(&b, MAX_SECTION);
        series_retained_save(t, &a);
        in = cursor_over(a.data, a.len);
        demand(series_retained_load(again, &in) == LL_OK && cursor_left(&in) == 0);
        series_retained_save(again, &b);
        demand(buf_ok(&a) && a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
        buf_free(&a);
        buf_free(&b);
    }
    series_table_free(t);
    series_table_free(again);
}

static void count_transition(void *ctx, const struct alarm_record *r)
{
    size_t *count = ctx;
    demand(r->state < ALARM_STATE_COUNT && r->priority < PRIORITY_COUNT);
    ++*count;
}

static uint64_t not_known(void *ctx, const struct alarm_cause *cause)
{
    (void)ctx;
    (void)cause;
    return 0;
}

/* Found in the registry, acknowledged, raised and cleared. */
static void run_alarms(struct alarms *a, const size_t *transitions)
{
    struct series_table *t = new_table();
    struct alarm_cause cause = {.seq = 1, .now = {.event_ms = 1764000000000}};
    const uint32_t loaded = alarms_open_count(a);
    alarms_attach(a, t, &cause);
    demand(alarms_open_count(a) + *transitions == loaded);
    (void)alarms_ack(a, t, 1, "operator", "", &cause);
    for (int condition = 1; condition >= 0; condition--) {
        for (uint32_t w = 0; w < t->watch_count; w++) {
            cause.now.alive_ms += 3600000;
            demand(alarms_settle(a, t, w, condition == 1, NAN, &cause) == LL_OK);
        }
    }
    series_table_free(t);
}

static void load_alarms(const uint8_t *data, size_t size)
{
    struct alarms *a = NULL;
    struct alarms *again = NULL;
    size_t transitions = 0;
    demand(alarms_new(count_transition, not_known, &transitions, &a) == LL_OK);
    demand(alarms_new(count_transition, not_known, &transitions, &again) == LL_OK);
    struct cursor in = cursor_over(data, size);
    if (alarms_load(a, &in) == LL_OK) {
        struct buf b;
        buf_init(&b, MAX_SECTION);
        alarms_save(a, &b);
        in = cursor_over(b.data, b.len);
        demand(buf_ok(&b) && alarms_load(again, &in) == LL_OK && cursor_left(&in) == 0);
        demand(alarms_open_count(a) == alarms_open_count(again));
        buf_free(&b);
        run_alarms(a, &transitions);
    }
    alarms_free(a);
    alarms_free(again);
}

static struct sources *new_sources(void)
{
    static struct conf conf = {.topic_count = 1};
    struct sources *s = NULL;
    memcpy(conf.topics[0].filter, "city/+", sizeof "city/+");
    demand(sources_new(&conf, &s) == LL_OK);
    return s;
}

static void load_books(const uint8_t *data, size_t size, uint32_t version)
{
    struct sources *s = new_sources();
    struct sources *again = new_sources();
    struct cursor in = cursor_over(data, size);
    if (sources_load(s, version, &in) == LL_OK) {
        const struct ledger sum = sources_sum(s);
        struct buf b;
        buf_init(&b, MAX_SECTION);
        sources_save(s, &b);
        in = cursor_over(b.data, b.len);
        demand(buf_ok(&b) && sources_load(again, SOURCES_VERSION, &in) == LL_OK);
        const struct ledger same = sources_sum(again);
        demand(cursor_left(&in) == 0 && memcmp(&sum, &same, sizeof sum) == 0);
        buf_free(&b);
    }
    sources_free(s);
    sources_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'D') {
        for (uint32_t version = 1; version <= SERIES_TABLE_VERSION; version++) {
            load_devices(data + 1, size - 1, version);
        }
    } else if (size > 0 && data[0] == 'R') {
        load_retained(data + 1, size - 1);
    } else if (size > 0 && data[0] == 'A') {
        load_alarms(data + 1, size - 1);
    } else if (size > 0 && (data[0] == 1 || data[0] == SOURCES_VERSION)) {
        load_books(data + 1, size - 1, data[0]);
    }
    return 0;
}
