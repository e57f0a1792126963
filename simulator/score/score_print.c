/* A score for people, and as JSON. */
#include <math.h>

#include "simulator/score/score.h"

#define NUMBER_TEXT 32

static const char *number(char out[NUMBER_TEXT], int decimals, double v)
{
    if (isnan(v)) {
        return "-";
    }
    snprintf(out, NUMBER_TEXT, "%.*f", decimals, v);
    return out;
}

void score_print(const struct score *s, FILE *out)
{
    char a[NUMBER_TEXT];
    char b[NUMBER_TEXT];
    char c[NUMBER_TEXT];
    char d[NUMBER_TEXT];
    fprintf(out, "%-24s %7s %7s %7s %7s %10s %10s %12s\n", "fault", "faults", "shown", "found",
            "recall", "delay s", "p95 s", "half from");
    for (size_t i = 0; i < s->kind_count; i++) {
        const struct score_kind *k = &s->kinds[i];
        fprintf(out, "%-24s %7zu %7zu %7zu %7s %10s %10s %12s\n", k->kind, k->faults, k->observable,
                k->found, number(a, 3, k->recall), number(b, 0, k->delay_s),
                number(c, 0, k->delay_p95_s), number(d, 3, k->half_found_at));
    }
    fprintf(out, "\nalarms raised                       %zu\n", s->alarms);
    fprintf(out, "  without a cause                   %zu\n", s->false_alarms);
    fprintf(out, "  the same per 1,000 assets and day %s\n",
            number(a, 3, s->false_per_1000_asset_days));
    fprintf(out, "alarms per hour                     %s\n", number(a, 2, s->alarms_per_hour));
    fprintf(out, "floods                              %zu (%.2f %% of all ten minutes)\n",
            s->floods, 100 * s->busy_share);
    fprintf(out, "chattering / fleeting / stale       %zu / %zu / %zu\n", s->chattering,
            s->fleeting, s->stale);
}

static void add(struct buf *out, const char *key, double v)
{
    if (isnan(v)) {
        buf_printf(out, ",\"%s\":null", key);
    } else {
        buf_printf(out, ",\"%s\":%.9g", key, v);
    }
}

void score_json(const struct score *s, struct buf *out)
{
    buf_str_add(out, "{\"faults\":[");
    for (size_t i = 0; i < s->kind_count; i++) {
        const struct score_kind *k = &s->kinds[i];
        buf_printf(out, "%s{\"kind\":\"%s\"", i > 0 ? "," : "", k->kind);
        add(out, "faults", (double)k->faults);
        add(out, "observable", (double)k->observable);
        add(out, "found", (double)k->found);
        add(out, "recall", k->recall);
        add(out, "delay_median_s", k->delay_s);
        add(out, "delay_p95_s", k->delay_p95_s);
        add(out, "half_found_at", k->half_found_at);
        buf_char(out, '}');
    }
    buf_printf(out, "],\"alarms\":%zu", s->alarms);
    add(out, "false_alarms", (double)s->false_alarms);
    add(out, "false_per_1000_asset_days", s->false_per_1000_asset_days);
    add(out, "alarms_per_hour", s->alarms_per_hour);
    add(out, "floods", (double)s->floods);
    add(out, "busy_share", s->busy_share);
    add(out, "chattering", (double)s->chattering);
    add(out, "fleeting", (double)s->fleeting);
    add(out, "stale", (double)s->stale);
    buf_str_add(out, "}\n");
}
