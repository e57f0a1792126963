#include "gateway/export/line.h"

#include <math.h>
#include <string.h>

#include "gateway/base/num.h"

#define TWO_TO_63 9223372036854775808.0

static void add_int(struct buf *out, int64_t v)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0) {
        text[--at] = '-';
    }
    buf_add(out, text + at, sizeof text - at);
}

static void add_float(struct buf *out, double v)
{
    char text[LL_NUM_TEXT];
    const size_t len = num_format(v, text);
    buf_add(out, text, len);
}

/* A measurement, tag or field key. A line end cannot be written there. A backslash could, but
 * databases differ in how they read it, and at the end of a value it would swallow the separator.
 */
static void add_key(struct buf *out, const char *text, const char *special)
{
    for (;;) {
        const size_t plain = strcspn(text, special);
        buf_add(out, text, plain);
        text += plain;
        if (*text == '\0') {
            return;
        }
        if (*text == '\n' || *text == '\r') {
            buf_str_add(out, "\\ ");
        } else if (*text == '\\') {
            buf_char(out, '/');
        } else {
            buf_char(out, '\\');
            buf_char(out, *text);
        }
        text++;
    }
}

static void add_measurement(struct buf *out, const char *text)
{
    add_key(out, text, ", \\\r\n");
}

/* Ids consist of characters that need no escaping (asset_id_valid). */
static void add_id_tag(struct buf *out, const char *key, const char *id)
{
    buf_str_add(out, key);
    buf_str_add(out, id);
}

/* `key` with its comma and equals sign. A tag without a value is not allowed: it is left out. */
static void add_tag(struct buf *out, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        buf_str_add(out, key);
        add_key(out, value, ",= \\\r\n");
    }
}

/* A string field's value. Line ends become spaces, so that a line end always ends a line. */
static void add_string(struct buf *out, const char *text)
{
    buf_char(out, '"');
    for (;;) {
        const size_t plain = strcspn(text, "\"\\\r\n");
        buf_add(out, text, plain);
        text += plain;
        if (*text == '\0') {
            break;
        }
        if (*text == '\n' || *text == '\r') {
            buf_char(out, ' ');
        } else {
            buf_char(out, '\\');
            buf_char(out, *text);
        }
        text++;
    }
    buf_char(out, '"');
}

/* What the time of a reading is worth; NULL: it is as good as any. */
static const char *time_quality(const struct reading *r)
{
    static const struct {
        uint32_t flags;
        const char *words;
    } qualities[] = {{READING_TIME_ESTIMATED, "estimated"},
                     {READING_TIME_CORRECTED, "corrected"},
                     {READING_CLOCK_BEHIND, "behind"},
                     {READING_BACKFILL | READING_LATE, "late"}};
    for (size_t i = 0; i < sizeof qualities / sizeof qualities[0]; i++) {
        if ((r->flags & qualities[i].flags) != 0) {
            return qualities[i].words;
        }
    }
    return NULL;
}

static void add_time(struct buf *out, int64_t ms)
{
    buf_char(out, ' ');
    add_int(out, ms);
    buf_char(out, '\n');
}

static const struct channel_spec *spec_of(const struct reading *r)
{
    return &r->device->profile->channels[r->channel];
}

/* Whether `r` may stand in the line that holds the `count` readings at `line`. The same field twice
 * in one line would leave it to the database which value to keep. */
static bool shares_line(const struct reading *line, size_t count, const struct reading *r)
{
    if (r->device != line->device || r->ts_ms != line->ts_ms ||
        time_quality(r) != time_quality(line) ||
        device_asset(r->device, r->channel) != device_asset(line->device, line->channel)) {
        return false;
    }
    const char *field = spec_of(r)->field;
    for (size_t i = 0; i < count; i++) {
        if (line[i].channel == r->channel || strcmp(spec_of(&line[i])->field, field) == 0) {
            return false;
        }
    }
    return true;
}

static void add_field(struct buf *out, const struct reading *r)
{
    const struct channel_spec *spec = spec_of(r);
    add_key(out, spec->field, ",= \\\r\n");
    buf_char(out, '=');
    switch (spec->type) {
    case FIELD_INT:
        /* Whole by now; the ends of the range only guard the conversion. */
        add_int(out, r->value >= TWO_TO_63   ? INT64_MAX
                     : r->value < -TWO_TO_63 ? INT64_MIN
                                             : (int64_t)r->value);
        buf_char(out, 'i');
        break;
    case FIELD_BOOL:
        buf_char(out, r->value != 0 ? 't' : 'f');
        break;
    default:
        add_float(out, r->value);
        break;
    }
}

void line_readings(const struct reading *readings, size_t count, struct buf *out)
{
    for (size_t start = 0; start < count;) {
        const struct reading *first = &readings[start];
        const struct asset *asset = device_asset(first->device, first->channel);
        add_measurement(out, asset->kind->key);
        add_id_tag(out, ",asset=", asset->id);
        add_id_tag(out, ",device=", first->device->id);
        add_tag(out, ",district=", asset->district);
        buf_char(out, ' ');
        add_field(out, first);
        size_t held = 1;
        while (start + held < count && shares_line(first, held, &readings[start + held])) {
            buf_char(out, ',');
            add_field(out, &readings[start + held]);
            held++;
        }
        const char *quality = time_quality(first);
        if (quality != NULL) {
            buf_printf(out, "," LINE_TIME_QUALITY "=\"%s\"", quality);
        }
        add_time(out, first->ts_ms);
        start += held;
    }
}

void line_alarm(const struct alarm_record *a, struct buf *out)
{
    buf_str_add(out, "lifeline_alarm");
    add_tag(out, ",asset=", a->asset);
    add_tag(out, ",device=", a->device);
    add_tag(out, ",channel=", a->channel);
    add_tag(out, ",condition=", a->condition);
    add_tag(out, ",priority=", alarm_priority_keys[a->priority]);
    add_tag(out, ",kind=", a->kind);
    add_tag(out, ",district=", a->district);
    buf_str_add(out, " id=");
    add_int(out, (int64_t)a->id);
    buf_str_add(out, "i,state=");
    add_string(out, alarm_state_keys[a->state]);
    buf_str_add(out, ",from=");
    add_string(out, alarm_state_keys[a->from]);
    if (isfinite(a->value)) {
        buf_str_add(out, ",value=");
        add_float(out, a->value);
    }
    buf_str_add(out, ",text=");
    add_string(out, a->text_en);
    buf_str_add(out, ",raised_ms=");
    add_int(out, a->raised_ms);
    buf_char(out, 'i');
    add_time(out, a->at_ms);
}
