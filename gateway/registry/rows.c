#include "gateway/registry/rows.h"

#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/jsonfile.h"
#include "gateway/base/map.h"
#include "gateway/base/num.h"
#include "gateway/base/utf8.h"
#include "gateway/model/asset.h"
#include "gateway/registry/arena.h"
#include "gateway/registry/csv.h"

#define WHY_BYTES 200

struct reader {
    const struct column *columns;
    size_t count;
    const char *file;
    struct diag *diag;
    rows_take *take;
    void *ctx;
    struct map seen; /* id → the line it stands on */
    struct arena ids;
};

/* --- values ---------------------------------------------------------------------------------- */

static bool parse_id(const struct column *col, struct cell *cell, char *why)
{
    (void)col;
    if (asset_id_valid(cell->text, strlen(cell->text))) {
        return true;
    }
    snprintf(why, WHY_BYTES,
             "'%.70s' is not an id: letters, digits and . _ - : are allowed, at most %d of them",
             cell->text, LL_MAX_ID - 1);
    return false;
}

static bool parse_text(const struct column *col, struct cell *cell, char *why)
{
    (void)col;
    if (strlen(cell->text) >= LL_MAX_NAME) {
        snprintf(why, WHY_BYTES, "the text is longer than %d bytes", LL_MAX_NAME - 1);
        return false;
    }
    for (const char *p = cell->text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            snprintf(why, WHY_BYTES, "the text has a line end or another control character");
            return false;
        }
    }
    return true;
}

static bool parse_kind(const struct column *col, struct cell *cell, char *why)
{
    (void)col;
    if (asset_kind_find(cell->text) != NULL) {
        return true;
    }
    const char *nearest = asset_kind_nearest(cell->text);
    int n = snprintf(why, WHY_BYTES, "'%.70s' is not an asset kind", cell->text);
    if (nearest != NULL) {
        snprintf(why + n, WHY_BYTES - (size_t)n, "; did you mean '%s'?", nearest);
    }
    return false;
}

static bool parse_date(const struct column *col, struct cell *cell, char *why)
{
    (void)col;
    if (clock_parse_date(cell->text, &cell->day)) {
        return true;
    }
    snprintf(why, WHY_BYTES, "'%.70s' is not a date; write it as 2009-05-31", cell->text);
    return false;
}

static bool parse_number(const struct column *col, struct cell *cell, char *why)
{
    const bool whole = col->type == COLUMN_WHOLE;
    double v;
    if (!num_parse(cell->text, strlen(cell->text), &v) || (whole && v != floor(v))) {
        snprintf(why, WHY_BYTES, "'%.70s' is not a %s", cell->text,
                 whole ? "whole number" : "number");
        return false;
    }
    if (v < col->min || v > col->max) {
        snprintf(why, WHY_BYTES, "%.30s is outside %.12g to %.12g", cell->text, col->min, col->max);
        return false;
    }
    cell->number = v;
    return true;
}

static bool (*const parsers[])(const struct column *col, struct cell *cell, char *why) = {
    [COLUMN_ID] = parse_id,     [COLUMN_TEXT] = parse_text,     [COLUMN_KIND] = parse_kind,
    [COLUMN_DATE] = parse_date, [COLUMN_NUMBER] = parse_number, [COLUMN_WHOLE] = parse_number,
    [COLUMN_PAIRS] = NULL,
};

/* --- rows ------------------------------------------------------------------------------------ */

/* The column of that name, or -1 with the fault named. */
static int find_column(struct reader *r, unsigned line, const char *name)
{
    const char *known[2 * ROWS_MAX_COLUMNS];
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct column *c = &r->columns[i];
        if (strcmp(name, c->key) == 0 || (c->alias != NULL && strcmp(name, c->alias) == 0)) {
            return (int)i;
        }
        known[n++] = c->key;
        if (c->alias != NULL) {
            known[n++] = c->alias;
        }
    }
    const char *nearest = diag_nearest(name, known, n);
    if (nearest != NULL) {
        diag_add(r->diag, r->file, line, "unknown column '%.70s'; did you mean '%s'?", name,
                 nearest);
        return -1;
    }
    char list[WHY_BYTES] = "";
    size_t len = 0;
    for (size_t i = 0; i < r->count && len < sizeof list; i++) {
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "",
                                r->columns[i].key);
    }
    diag_add(r->diag, r->file, line, "unknown column '%.70s'; known are: %s", name, list);
    return -1;
}

static void clear_row(struct row *row, const char *file)
{
    *row = (struct row){.file = file};
    for (size_t i = 0; i < ROWS_MAX_COLUMNS; i++) {
        row->cell[i] = (struct cell){.text = "", .number = NAN, .day = LL_DATE_UNKNOWN};
    }
}

/* Whether the id is new in this file; the fault is named where it is not. */
static ll_err note_id(struct reader *r, const struct row *row)
{
    const char *id = row->cell[0].text;
    const size_t len = strlen(id);
    const unsigned *line = map_get(&r->seen, id, len);
    if (line != NULL) {
        diag_add(r->diag, r->file, row->line, "%s: '%s' stands on line %u already",
                 r->columns[0].key, id, *line);
        return LL_OK;
    }
    const char *key = arena_str(&r->ids, id);
    unsigned *value = arena_alloc(&r->ids, sizeof *value);
    if (key == NULL || value == NULL) {
        return LL_ENOMEM;
    }
    *value = row->line;
    return map_put(&r->seen, key, len, value);
}

/* Checks the row's values and hands it on if they are good. `line_of` gives the line of one
 * column's value, which in JSON is not the row's. */
static ll_err finish_row(struct reader *r, struct row *row, const unsigned *line_of)
{
    const size_t before = r->diag->count;
    for (size_t i = 0; i < r->count; i++) {
        const struct column *col = &r->columns[i];
        struct cell *cell = &row->cell[i];
        char why[WHY_BYTES];
        const bool empty = cell->text[0] == '\0' && cell->json == NULL;
        if (empty && col->required) {
            diag_add(r->diag, r->file, line_of[i], "%s: a value is required", col->key);
        } else if (!empty && parsers[col->type] != NULL && !parsers[col->type](col, cell, why)) {
            diag_add(r->diag, r->file, line_of[i], "%s: %s", col->key, why);
        }
    }
    if (r->diag->count == before) {
        const ll_err err = note_id(r, row);
        if (err != LL_OK || r->diag->count != before) {
            return err;
        }
        return r->take(r->ctx, row, r->diag);
    }
    return LL_OK;
}

/* --- CSV ------------------------------------------------------------------------------------- */

/* Which column each field of the header is. */
static void read_header(struct reader *r, const struct csv_row *header, int *column_of)
{
    int field_of[ROWS_MAX_COLUMNS];
    for (size_t i = 0; i < ROWS_MAX_COLUMNS; i++) {
        field_of[i] = -1;
    }
    for (size_t i = 0; i < header->count; i++) {
        const int col = find_column(r, header->line, header->field[i]);
        column_of[i] = col;
        if (col >= 0 && field_of[col] >= 0) {
            diag_add(r->diag, r->file, header->line, "column '%s' stands here twice, as '%s'",
                     r->columns[col].key, header->field[i]);
        } else if (col >= 0) {
            field_of[col] = (int)i;
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->columns[i].required && field_of[i] < 0) {
            diag_add(r->diag, r->file, header->line, "column '%s' is missing", r->columns[i].key);
        }
    }
}

static ll_err read_csv(struct reader *r, const char *text, size_t len)
{
    struct csv csv;
    struct csv_row fields;
    struct row row;
    const char *why;
    int column_of[LL_MAX_CSV_COLUMNS];
    size_t columns = 0;
    const size_t before = r->diag->count;
    csv_init(&csv, text, len);
    ll_err err = csv_next(&csv, &fields, &why);
    if (err == LL_EEND) {
        diag_add(r->diag, r->file, 0, "the file is empty; a header row was expected");
    } else if (err != LL_OK) {
        diag_add(r->diag, r->file, fields.line, "%s", why);
    } else {
        columns = fields.count;
        read_header(r, &fields, column_of);
    }
    /* Under a wrong header every row would be wrong. */
    err = r->diag->count == before ? LL_OK : LL_EFORMAT;
    while (err == LL_OK && (err = csv_next(&csv, &fields, &why)) != LL_EEND) {
        if (err == LL_EFORMAT) {
            diag_add(r->diag, r->file, fields.line, "%s", why);
            err = LL_OK;
            continue;
        }
        if (fields.count != columns) {
            diag_add(r->diag, r->file, fields.line, "%zu fields, but the header has %zu",
                     fields.count, columns);
            continue;
        }
        unsigned lines[ROWS_MAX_COLUMNS];
        clear_row(&row, r->file);
        row.line = fields.line;
        for (size_t i = 0; i < r->count; i++) {
            lines[i] = fields.line;
        }
        for (size_t i = 0; i < columns; i++) {
            row.cell[column_of[i]].given = true;
            row.cell[column_of[i]].text = fields.field[i];
        }
        err = finish_row(r, &row, lines);
    }
    csv_free(&csv);
    return err == LL_EEND ? LL_OK : err;
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* One value of an object into its cell; numbers become text again, so that both formats pass the
 * same checks. */
static void read_member(struct reader *r, struct row *row, int col, struct json_object *value,
                        unsigned line)
{
    struct cell *cell = &row->cell[col];
    const enum json_type type = json_object_get_type(value);
    if (cell->given) {
        diag_add(r->diag, r->file, line, "column '%s' stands here twice, by both its names",
                 r->columns[col].key);
        return;
    }
    cell->given = true;
    if (r->columns[col].type == COLUMN_PAIRS) {
        if (type == json_type_object) {
            cell->json = value;
        } else if (type != json_type_null) {
            diag_add(r->diag, r->file, line, "%s: an object was expected", r->columns[col].key);
        }
    } else if (type == json_type_string || type == json_type_int || type == json_type_double) {
        const char *text = json_object_get_string(value);
        const size_t len = strlen(text);
        if ((type == json_type_string && len != (size_t)json_object_get_string_len(value)) ||
            !utf8_valid(text, len)) {
            diag_add(r->diag, r->file, line, "%s: the text is not UTF-8 or has a zero byte",
                     r->columns[col].key);
            return;
        }
        cell->text = text;
    } else if (type != json_type_null) {
        diag_add(r->diag, r->file, line, "%s: a text or a number was expected",
                 r->columns[col].key);
    }
}

static ll_err read_object(struct reader *r, const struct jsonfile *f, struct json_object *obj,
                          const char *path)
{
    struct row row;
    unsigned lines[ROWS_MAX_COLUMNS];
    const size_t before = r->diag->count;
    clear_row(&row, r->file);
    row.line = jsonfile_line(f, path);
    if (!json_object_is_type(obj, json_type_object)) {
        diag_add(r->diag, r->file, row.line, "an object was expected");
        return LL_OK;
    }
    for (size_t i = 0; i < r->count; i++) {
        lines[i] = row.line;
    }
    json_object_object_foreach(obj, key, value)
    {
        char place[LL_MAX_NAME];
        snprintf(place, sizeof place, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        const unsigned line = jsonfile_line(f, place);
        const int col = find_column(r, line, key);
        if (col >= 0) {
            lines[col] = line;
            read_member(r, &row, col, value, line);
        }
    }
    return r->diag->count == before ? finish_row(r, &row, lines) : LL_OK;
}

static ll_err read_json(struct reader *r, const char *text, size_t len)
{
    struct jsonfile *f = NULL;
    ll_err err = jsonfile_parse(r->file, text, len, r->diag, &f);
    if (err != LL_OK) {
        return err;
    }
    struct json_object *root = jsonfile_root(f);
    if (!json_object_is_type(root, json_type_array)) {
        err = read_object(r, f, root, "");
    }
    const size_t rows =
        json_object_is_type(root, json_type_array) ? json_object_array_length(root) : 0;
    for (size_t i = 0; err == LL_OK && i < rows; i++) {
        char path[32];
        snprintf(path, sizeof path, "[%zu]", i);
        err = read_object(r, f, json_object_array_get_idx(root, i), path);
    }
    jsonfile_free(f);
    return err;
}

static bool looks_like_json(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0') {
        i++;
    }
    return i < len && (text[i] == '[' || text[i] == '{' || text[i] == '/');
}

ll_err rows_read(const struct column *columns, size_t count, const char *file, const char *text,
                 size_t len, struct diag *d, rows_take *take, void *ctx)
{
    assert(count <= ROWS_MAX_COLUMNS);
    struct reader r = {
        .columns = columns, .count = count, .file = file, .diag = d, .take = take, .ctx = ctx};
    const size_t before = d->count;
    const bool bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    const size_t skip = bom ? 3 : 0;
    ll_err err = looks_like_json(text + skip, len - skip) ? read_json(&r, text + skip, len - skip)
                                                          : read_csv(&r, text, len);
    map_free(&r.seen);
    arena_free(&r.ids);
    return err == LL_OK && d->count > before ? LL_EFORMAT : err;
}
