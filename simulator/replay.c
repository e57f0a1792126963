#include "simulator/verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/num.h"
#include "simulator/colmap.h"
#include "simulator/csv.h"
#include "simulator/session.h"

struct replay {
    const struct sim_options *options;
    struct colmap *map;
    struct csv *csv;
    struct session session;
    struct diag diag;
    uint64_t first_row; /* of the data, from 1 */
    uint64_t last_row;
    uint64_t *next_seq; /* of each device */
    int64_t first_ts_ms;
    struct mono_ns start;
};

/* "A:B" or "A:", rows from 1. */
static bool parse_rows(const char *text, uint64_t *first, uint64_t *last)
{
    const char *colon = strchr(text, ':');
    double a;
    double b = 1e15;
    if (colon == NULL || !num_parse(text, (size_t)(colon - text), &a) ||
        (colon[1] != '\0' && !num_parse(colon + 1, strlen(colon + 1), &b)) || a < 1 || b < a ||
        b > 1e15) {
        return false;
    }
    *first = (uint64_t)a;
    *last = (uint64_t)b;
    return true;
}

static ll_err write_roster(const struct colmap *m, const char *dir)
{
    struct roster *r;
    ll_err err = roster_open(dir, &r);
    if (err == LL_OK) {
        for (size_t i = 0; i < m->asset_count; i++) {
            roster_add_asset(r, &m->assets[i]);
        }
        for (size_t i = 0; i < m->device_count; i++) {
            const struct colmap_device *d = &m->devices[i];
            roster_add_device(r, d->id, d->asset, d->profile);
        }
        err = roster_close(r);
    }
    if (err != LL_OK) {
        fprintf(stderr, "%s: cannot be written: %s\n", dir, ll_err_str(err));
    }
    return err;
}

/* Whether each cell of the row is a number or missing; *values gets how many are numbers. */
static bool check_device_row(struct replay *r, const struct colmap_device *device,
                             const struct csv_row *row, size_t *values)
{
    *values = 0;
    for (size_t i = 0; i < device->channel_count; i++) {
        const struct colmap_channel *c = &device->channels[i];
        const char *cell = row->cells[c->index];
        double number;
        if (colmap_is_missing(r->map, cell)) {
            continue;
        }
        if (!num_parse(cell, strlen(cell), &number)) {
            diag_add(&r->diag, r->options->csv, row->line,
                     "column '%s': '%s' is not a number; list it under \"missing\" where it means "
                     "that there is none",
                     c->column, cell);
            return false;
        }
        (*values)++;
    }
    return true;
}

static ll_err send_device_row(struct replay *r, size_t device, const struct csv_row *row,
                              int64_t ts_ms)
{
    const struct colmap_device *dev = &r->map->devices[device];
    struct message *m;
    size_t values;
    if (!check_device_row(r, dev, row, &values)) {
        return LL_EFORMAT;
    }
    if (values == 0) {
        return LL_OK;
    }
    const ll_err err = publisher_message(r->session.publisher, device, &m);
    if (err != LL_OK) {
        return err;
    }
    message_begin(m, dev->id, r->next_seq[device]++, ts_ms);
    for (size_t i = 0; i < dev->channel_count; i++) {
        const char *cell = row->cells[dev->channels[i].index];
        if (!colmap_is_missing(r->map, cell)) {
            message_value(m, dev->channels[i].name, cell, strlen(cell));
        }
    }
    return publisher_send(r->session.publisher, m);
}

static ll_err send_row(struct replay *r, uint64_t number, const struct csv_row *row, size_t columns)
{
    int64_t ts_ms;
    ll_err err = LL_OK;
    if (row->count != columns) {
        diag_add(&r->diag, r->options->csv, row->line, "%zu cells, but the header has %zu",
                 row->count, columns);
        return LL_EFORMAT;
    }
    if (!colmap_time(r->map, row->cells[r->map->time_index], &ts_ms)) {
        diag_add(&r->diag, r->options->csv, row->line, "'%s' is not a time of the format '%s'",
                 row->cells[r->map->time_index], r->map->time_format);
        return LL_EFORMAT;
    }
    if (number == r->first_row) {
        r->first_ts_ms = ts_ms;
        r->start = clock_mono();
    }
    if (r->options->speed > 0) {
        const double ahead_ms = (double)(ts_ms - r->first_ts_ms) / r->options->speed;
        publisher_wait_until(r->session.publisher,
                             (struct mono_ns){r->start.ns + (int64_t)(ahead_ms * LL_NS_PER_MS)});
    }
    for (size_t i = 0; i < r->map->device_count && err == LL_OK; i++) {
        err = send_device_row(r, i, row, ts_ms);
    }
    return err;
}

static ll_err send_rows(struct replay *r, size_t columns)
{
    struct csv_row row;
    ll_err err = LL_OK;
    for (uint64_t number = 1; number <= r->last_row && err == LL_OK; number++) {
        err = csv_next(r->csv, &r->diag, &row);
        if (err == LL_OK && number >= r->first_row) {
            err = send_row(r, number, &row, columns);
        }
    }
    return err == LL_EEND ? LL_OK : err;
}

static ll_err prepare(struct replay *r, size_t *columns)
{
    const struct sim_options *o = r->options;
    struct csv_row header;
    ll_err err = colmap_load(o->map, &r->diag, &r->map);
    if (err != LL_OK) {
        return err;
    }
    err = csv_open(o->csv, r->map->separator, r->map->trim, &r->diag, &r->csv);
    if (err != LL_OK) {
        return err;
    }
    err = csv_next(r->csv, &r->diag, &header);
    if (err == LL_EEND) {
        diag_add(&r->diag, o->csv, 0, "the file is empty; a header row was expected");
    }
    if (err != LL_OK) {
        return err;
    }
    *columns = header.count;
    err = colmap_bind(r->map, o->csv, &header, &r->diag);
    if (err != LL_OK) {
        return err;
    }
    r->next_seq = calloc(r->map->device_count, sizeof *r->next_seq);
    if (r->next_seq == NULL) {
        return LL_ENOMEM;
    }
    for (size_t i = 0; i < r->map->device_count; i++) {
        r->next_seq[i] = (uint64_t)o->first_seq;
    }
    return LL_OK;
}

int verb_replay(const struct sim_options *options)
{
    struct sim_options o = *options;
    struct replay r = {.options = &o, .first_row = 1, .last_row = UINT64_MAX};
    size_t columns = 0;
    int status = SIM_FAILED;
    if (o.rows != NULL && !parse_rows(o.rows, &r.first_row, &r.last_row)) {
        fprintf(stderr, "lifelinesim replay: --rows '%s': expected A:B with 1 <= A <= B\n", o.rows);
        return SIM_USAGE;
    }
    if (isnan(o.speed)) {
        o.speed = 0;
    }
    ll_err err = prepare(&r, &columns);
    if (err == LL_OK && o.registry_out != NULL) {
        err = write_roster(r.map, o.registry_out);
    }
    if (err == LL_OK) {
        err = session_open(&o, &r.session);
    }
    if (err == LL_OK) {
        err = send_rows(&r, columns);
        status = session_close(&r.session, err);
    }
    session_print_diag(&r.diag);
    csv_close(r.csv);
    colmap_free(r.map);
    free(r.next_seq);
    return status;
}
