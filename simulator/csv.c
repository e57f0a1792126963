#include "simulator/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv {
    char *path;
    FILE *file;
    char separator;
    bool trim;
    unsigned line;
    char *text; /* of the row, getline's */
    size_t text_cap;
    char *cells[CSV_MAX_CELLS];
};

ll_err csv_open(const char *path, char separator, bool trim, struct diag *d, struct csv **out)
{
    struct csv *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return LL_ENOMEM;
    }
    c->separator = separator;
    c->trim = trim;
    c->path = strdup(path);
    c->file = fopen(path, "re");
    if (c->path == NULL || c->file == NULL) {
        const ll_err err = ll_err_from_errno(errno);
        diag_add(d, path, 0, "cannot be read: %s", ll_err_str(err));
        csv_close(c);
        return err;
    }
    *out = c;
    return LL_OK;
}

void csv_close(struct csv *c)
{
    if (c == NULL) {
        return;
    }
    if (c->file != NULL) {
        fclose(c->file);
    }
    free(c->text);
    free(c->path);
    free(c);
}

static char *trimmed(char *cell)
{
    cell += strspn(cell, " \t");
    size_t len = strlen(cell);
    while (len > 0 && (cell[len - 1] == ' ' || cell[len - 1] == '\t')) {
        len--;
    }
    cell[len] = '\0';
    return cell;
}

static ll_err split(struct csv *c, struct diag *d, struct csv_row *out)
{
    size_t count = 0;
    for (char *p = c->text; p != NULL;) {
        char *end = strchr(p, c->separator);
        if (end != NULL) {
            *end = '\0';
        }
        if (count == CSV_MAX_CELLS) {
            diag_add(d, c->path, c->line, "more than %d cells", CSV_MAX_CELLS);
            return LL_EFORMAT;
        }
        c->cells[count++] = c->trim ? trimmed(p) : p;
        p = end != NULL ? end + 1 : NULL;
    }
    *out = (struct csv_row){c->cells, count, c->line};
    return LL_OK;
}

ll_err csv_next(struct csv *c, struct diag *d, struct csv_row *out)
{
    for (;;) {
        errno = 0;
        const ssize_t got = getline(&c->text, &c->text_cap, c->file);
        if (got < 0 && feof(c->file)) {
            return LL_EEND;
        }
        c->line++;
        if (got < 0) {
            diag_add(d, c->path, c->line, "cannot be read: %s", strerror(errno));
            return LL_EIO;
        }
        const size_t len = strcspn(c->text, "\r\n");
        if (got > CSV_MAX_LINE || strlen(c->text) != (size_t)got ||
            memchr(c->text, '"', len) != NULL) {
            diag_add(d, c->path, c->line,
                     "expected a row of at most %d bytes without quotes or zero bytes",
                     CSV_MAX_LINE);
            return LL_EFORMAT;
        }
        c->text[len] = '\0';
        if (len > 0) {
            return split(c, d, out);
        }
    }
}
