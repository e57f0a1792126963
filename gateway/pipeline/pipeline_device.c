/*
 * pipeline_device: what the pipeline knows of one device, for people.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/base/num.h"
#include "gateway/pipeline/pipeline_state.h"

static void write_time(const char *key, int64_t ms, struct buf *out)
{
    char text[LL_TIME_TEXT];
    if (ms == 0 || ms == INT64_MIN) {
        buf_printf(out, "\"%s\":null", key);
    } else {
        buf_printf(out, "\"%s\":\"%s\"", key, wall_format((struct wall_ms){ms}, text));
    }
}

static void write_books(const struct device_books *b, struct buf *out)
{
    buf_printf(out,
               "\"messages\":{\"received\":%" PRIu64 ",\"decoded\":%" PRIu64
               ",\"duplicate\":%" PRIu64 ",\"missing\":%" PRIu64 "},",
               b->messages, b->messages - b->messages_duplicate, b->messages_duplicate,
               b->messages_missing);
    buf_printf(out,
               "\"readings\":{\"decoded\":%" PRIu64 ",\"accepted\":%" PRIu64
               ",\"duplicate\":%" PRIu64 ",\"late\":%" PRIu64 ",\"rejected\":%" PRIu64
               ",\"balanced\":%s},",
               b->readings, b->readings_accepted, b->readings_duplicate, b->readings_late,
               b->readings_rejected, device_books_balance(b) ? "true" : "false");
}

static void write_channels(const struct series_table *t, const struct device *d, struct buf *out)
{
    buf_str_add(out, ",\"channels\":[");
    for (size_t c = 0; c < d->profile->channel_count; c++) {
        const struct series *s = &t->series[d->first_series + c];
        const struct channel_spec *spec = &d->profile->channels[c];
        const bool retained = series_shows_retained(s);
        char value[LL_NUM_TEXT] = "null";
        if (retained || s->last_ts_ms != INT64_MIN) {
            num_format(retained ? s->retained_value : s->last_value, value);
        }
        buf_printf(out, "%s{\"channel\":\"%s\",\"value\":%s,\"unit\":", c > 0 ? "," : "",
                   spec->name, value);
        buf_json_str(out, spec->unit->symbol, strlen(spec->unit->symbol));
        buf_char(out, ',');
        write_time("time", retained ? s->retained_ms : s->last_ts_ms, out);
        buf_printf(out, ",\"retained\":%s}", retained ? "true" : "false");
    }
    buf_str_add(out, "]}");
}

ll_err pipeline_device(struct pipeline *p, const char *id, struct buf *out)
{
    ll_err err = LL_ENOENT;
    atomic_fetch_add(&p->viewers, 1);
    pthread_mutex_lock(&p->state_lock);
    atomic_fetch_sub(&p->viewers, 1);
    const struct series_table *t = p->table;
    const struct device *d = registry_device(t->registry, id, strlen(id));
    if (d != NULL) {
        const struct device_books *b = &t->devices[d->index].books;
        buf_printf(out, "{\"device\":\"%s\",", d->id);
        write_books(b, out);
        write_time("last_message", b->last_ms, out);
        buf_printf(out, ",\"clock_behind_s\":%" PRId64,
                   t->devices[d->index].clock.behind_ms / LL_MS_PER_S);
        write_channels(t, d, out);
        err = buf_err(out);
    }
    pthread_mutex_unlock(&p->state_lock);
    return err;
}
