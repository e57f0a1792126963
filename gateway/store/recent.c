#include "gateway/store/recent.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/limits.h"
#include "gateway/base/num.h"

struct entry {
    int64_t ts_ms;
    double value;
    const struct unit *unit; /* a row of a constant table */
    uint32_t flags;
    char device[LL_MAX_ID];
    char asset[LL_MAX_ID];
    char channel[LL_MAX_CHANNEL];
    char field[LL_MAX_FIELD];
};

struct recent {
    pthread_mutex_t lock;
    uint64_t
        count; /* ever added; reading number n (from 1) is in slot (n - 1) % LL_RECENT_READINGS */
    struct entry ring[LL_RECENT_READINGS];
};

ll_err recent_new(struct recent **out)
{
    struct recent *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return LL_OK;
}

void recent_free(struct recent *r)
{
    if (r != NULL) {
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}

static void copy_text(char *to, size_t size, const char *from)
{
    const size_t len = strnlen(from, size - 1);
    memcpy(to, from, len);
    to[len] = '\0';
}

void recent_add(struct recent *r, const struct reading *readings, size_t count)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < count; i++) {
        const struct reading *from = &readings[i];
        const struct channel_spec *channel = &from->device->profile->channels[from->channel];
        struct entry *e = &r->ring[r->count++ % LL_RECENT_READINGS];
        e->ts_ms = from->ts_ms;
        e->value = from->value;
        e->unit = channel->unit;
        e->flags = from->flags;
        copy_text(e->device, sizeof e->device, from->device->id);
        copy_text(e->asset, sizeof e->asset, device_asset(from->device, from->channel)->id);
        copy_text(e->channel, sizeof e->channel, channel->name);
        copy_text(e->field, sizeof e->field, channel->field);
    }
    pthread_mutex_unlock(&r->lock);
}

static void write_flags(uint32_t flags, struct buf *out)
{
    static const struct {
        uint32_t flag;
        const char *key;
    } names[] = {{READING_TIME_FROM_RECEIVE, "time_from_receive"},
                 {READING_TIME_MOVED, "time_moved"},
                 {READING_BACKFILL, "backfill"},
                 {READING_TIME_ESTIMATED, "time_estimated"},
                 {READING_TIME_CORRECTED, "time_corrected"},
                 {READING_CLOCK_BEHIND, "clock_behind"},
                 {READING_LATE, "late"},
                 {READING_RETAINED, "retained"}};
    bool first = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags & names[i].flag) != 0) {
            buf_printf(out, "%s\"%s\"", first ? "" : ",", names[i].key);
            first = false;
        }
    }
}

static void write_entry(const struct entry *e, uint64_t number, struct buf *out)
{
    char when[LL_TIME_TEXT];
    char value[LL_NUM_TEXT];
    num_format(e->value, value);
    /* Ids, channels and fields have no character that JSON must escape. */
    buf_printf(out,
               "{\"n\":%llu,\"time\":\"%s\",\"device\":\"%s\",\"asset\":\"%s\",\"channel\":\"%s\","
               "\"field\":\"%s\",\"value\":%s,\"unit\":",
               (unsigned long long)number, wall_format((struct wall_ms){e->ts_ms}, when), e->device,
               e->asset, e->channel, e->field, value);
    buf_json_str(out, e->unit->symbol, strlen(e->unit->symbol));
    buf_str_add(out, ",\"flags\":[");
    write_flags(e->flags, out);
    buf_str_add(out, "]}");
}

static bool is_of(const struct entry *e, const char *device)
{
    return device[0] == '\0' || strcmp(e->device, device) == 0;
}

/* The number before the device's newest `limit`; `oldest` where there are fewer. */
static uint64_t before_newest(const struct recent *r, uint64_t oldest, const char *device,
                              size_t limit)
{
    uint64_t at = r->count;
    for (size_t left = limit; at > oldest && left > 0; at--) {
        left -= is_of(&r->ring[(at - 1) % LL_RECENT_READINGS], device);
    }
    return at;
}

ll_err recent_list(struct recent *r, uint64_t after, const char *device, size_t limit,
                   struct buf *out)
{
    pthread_mutex_lock(&r->lock);
    const uint64_t oldest = r->count > LL_RECENT_READINGS ? r->count - LL_RECENT_READINGS : 0;
    uint64_t at = after; /* the number of the last one passed */
    if (after == UINT64_MAX) {
        at = before_newest(r, oldest, device, limit);
    }
    if (at < oldest || at > r->count) { /* overwritten, or from before a restart */
        at = at > r->count ? r->count : oldest;
    }
    buf_str_add(out, "{\"items\":[");
    size_t shown = 0;
    while (at < r->count && shown < limit) {
        const struct entry *e = &r->ring[at % LL_RECENT_READINGS];
        at++;
        if (is_of(e, device)) {
            buf_str_add(out, shown++ > 0 ? "," : "");
            write_entry(e, at, out);
        }
    }
    buf_printf(out, "],\"next\":%llu}", (unsigned long long)at);
    pthread_mutex_unlock(&r->lock);
    return buf_err(out);
}
