#include "gateway/pipeline/sources.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/model/counters.h"

struct sources {
    size_t count; /* `name`, `format` and this do not change once anything was counted */
    char name[LL_MAX_SOURCES][CONF_TEXT];
    const char *format[LL_MAX_SOURCES]; /* of the settings, or "" */
    struct ledger books[LL_MAX_SOURCES];
    size_t current;
    uint64_t touched; /* one bit a source: counted in since the last publishing */

    pthread_mutex_t lock;
    struct ledger published[LL_MAX_SOURCES];
};

static_assert(LL_MAX_SOURCES <= 64, "one bit of `touched` a source");
static_assert(SOURCE_TOPICS + LL_MAX_TOPICS <= LL_MAX_SOURCES, "all topics of the settings fit");

static size_t add(struct sources *s, const char *name, const char *format)
{
    snprintf(s->name[s->count], CONF_TEXT, "%s", name);
    s->format[s->count] = format;
    return s->count++;
}

ll_err sources_new(const struct conf *conf, struct sources **out)
{
    static const char *const others[SOURCE_TOPICS] = {
        [SOURCE_NONE] = "+none", [SOURCE_GATEWAY] = "+gateway", [SOURCE_UNKNOWN] = "+unknown"};
    struct sources *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < SOURCE_TOPICS; i++) {
        add(s, others[i], "");
    }
    for (size_t i = 0; i < conf->topic_count; i++) {
        add(s, conf->topics[i].filter, conf->topics[i].format);
    }
    *out = s;
    return LL_OK;
}

void sources_free(struct sources *s)
{
    if (s != NULL) {
        pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

struct ledger *sources_turn_to(struct sources *s, size_t source)
{
    assert(source < s->count);
    s->current = source;
    s->touched |= UINT64_C(1) << source;
    return &s->books[source];
}

struct ledger sources_sum(const struct sources *s)
{
    struct ledger sum = {0};
    for (size_t i = 0; i < s->count; i++) {
        ledger_add(&sum, &s->books[i]);
    }
    return sum;
}

void sources_publish(struct sources *s)
{
    pthread_mutex_lock(&s->lock);
    for (uint64_t left = s->touched; left != 0; left &= left - 1) {
        const int i = __builtin_ctzll(left);
        s->published[i] = s->books[i];
    }
    pthread_mutex_unlock(&s->lock);
    s->touched = UINT64_C(1) << s->current; /* it may be counted in further */
}

void sources_view(struct sources *s, struct ledger *sum, struct source_list *list)
{
    struct ledger all = {0};
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++) {
        ledger_add(&all, &s->published[i]);
        if (list != NULL) {
            /* The three that are no topics stand last. */
            const size_t row = (i + s->count - SOURCE_TOPICS) % s->count;
            list->row[row] = (struct source_books){
                .name = s->name[i], .format = s->format[i], .ledger = s->published[i]};
        }
    }
    pthread_mutex_unlock(&s->lock);
    if (list != NULL) {
        list->count = s->count;
    }
    *sum = all;
}

/* --- checkpoint ------------------------------------------------------------------------------ */

/*
 * u32 sources, then for each: u8 name length, name, u32 counters, and for each of these u8 name
 * length, name, u64 count: by name, so that a program with other states or reasons reads it.
 *
 * Version 1 was one ledger: u64 counts as first_counters lists them, then refusals by name.
 */
static const char *const first_counters[] = {
    "messages_taken",     "messages_decoded", "messages_duplicate", "readings_decoded",
    "readings_duplicate", "readings_late",    "readings_kept",      "readings_spooled",
};

static void save_text(const char *text, struct buf *out)
{
    const size_t len = strlen(text);
    buf_char(out, (char)len);
    buf_add(out, text, len);
}

void sources_save(const struct sources *s, struct buf *out)
{
    buf_u32(out, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        struct ledger l = s->books[i];
        const char *name;
        uint32_t counters = 0;
        while (ledger_counter(&l, counters, &name) != NULL) {
            counters++;
        }
        save_text(s->name[i], out);
        buf_u32(out, counters);
        for (size_t k = 0; k < counters; k++) {
            const uint64_t value = *ledger_counter(&l, k, &name);
            save_text(name, out);
            buf_u64(out, value);
        }
    }
}

static bool is_text(const char *text, const void *data, size_t len)
{
    return strlen(text) == len && memcmp(text, data, len) == 0;
}

static void load_counter(struct ledger *l, const void *name, size_t len, uint64_t value)
{
    const char *own;
    uint64_t *counter;
    for (size_t i = 0; (counter = ledger_counter(l, i, &own)) != NULL; i++) {
        if (is_text(own, name, len)) {
            *counter += value;
            return;
        }
    }
    if (value > 0) {
        log_warn("pipeline", "books_unknown", "counter=\"%.*s\" count=%" PRIu64, (int)len,
                 (const char *)name, value);
    }
}

static void load_counters(struct ledger *l, struct cursor *in)
{
    const uint32_t count = cursor_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        const uint8_t len = cursor_u8(in);
        const uint8_t *name = cursor_bytes(in, len);
        const uint64_t value = cursor_u64(in);
        if (!in->bad) {
            load_counter(l, name, len, value);
        }
    }
}

/* The source of that name; one that the settings do not have is added while there is room. */
static size_t find(struct sources *s, const void *name, size_t len)
{
    for (size_t i = 0; i < s->count; i++) {
        if (is_text(s->name[i], name, len)) {
            return i;
        }
    }
    if (s->count < LL_MAX_SOURCES) {
        char text[CONF_TEXT];
        snprintf(text, sizeof text, "%.*s", (int)len, (const char *)name);
        return add(s, text, "");
    }
    counter_add(COUNTER_SOURCES_MERGED, 1);
    log_warn("pipeline", "source_merged", "source=\"%.*s\" into=\"%s\" most=%d", (int)len,
             (const char *)name, s->name[SOURCE_UNKNOWN], LL_MAX_SOURCES);
    return SOURCE_UNKNOWN;
}

ll_err sources_load(struct sources *s, uint32_t version, struct cursor *in)
{
    if (version == 1) {
        struct ledger *l = &s->books[SOURCE_UNKNOWN];
        for (size_t i = 0; i < sizeof first_counters / sizeof first_counters[0]; i++) {
            load_counter(l, first_counters[i], strlen(first_counters[i]), cursor_u64(in));
        }
        load_counters(l, in);
    } else {
        const uint32_t count = cursor_u32(in);
        for (uint32_t i = 0; i < count && !in->bad; i++) {
            const uint8_t len = cursor_u8(in);
            const uint8_t *name = cursor_bytes(in, len);
            if (name == NULL || memchr(name, '\0', len) != NULL) {
                return LL_ECORRUPT;
            }
            load_counters(&s->books[find(s, name, len)], in);
        }
    }
    memcpy(s->published, s->books, sizeof s->books);
    return in->bad ? LL_ECORRUPT : LL_OK;
}
