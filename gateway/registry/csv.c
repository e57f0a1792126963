#include "gateway/registry/csv.h"

#include <string.h>

#include "gateway/base/utf8.h"

#define END (-1)

static const char too_long[] = "the row is longer than 65536 bytes; a quote may be missing";
_Static_assert(LL_MAX_CSV_ROW == 65536, "the sentence above names the cap");

void csv_init(struct csv *c, const void *text, size_t len)
{
    *c = (struct csv){.in = cursor_over(text, len), .line = 1};
    buf_init(&c->text, LL_MAX_CSV_ROW);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        cursor_bytes(&c->in, 3);
    }
}

void csv_free(struct csv *c)
{
    buf_free(&c->text);
}

static int peek(const struct csv *c)
{
    return cursor_left(&c->in) > 0 ? *c->in.at : END;
}

static char take(struct csv *c)
{
    const char byte = (char)cursor_u8(&c->in);
    c->line += byte == '\n';
    return byte;
}

/* Past the line end at hand; false where there is none. */
static bool take_line_end(struct csv *c)
{
    if (peek(c) == '\r' && cursor_left(&c->in) > 1 && c->in.at[1] == '\n') {
        take(c);
    }
    if (peek(c) != '\n') {
        return false;
    }
    take(c);
    return true;
}

/* The rest of a field that began with a quote. NULL, or what is wrong. */
static const char *quoted(struct csv *c)
{
    take(c);
    for (;;) {
        const int next = peek(c);
        if (next == END) {
            return "a quoted field does not end";
        }
        const char byte = take(c);
        if (byte == '"') {
            if (peek(c) != '"') {
                return NULL;
            }
            take(c);
        }
        if (byte == '\0') {
            return "a zero byte; the text must be UTF-8";
        }
        buf_char(&c->text, byte);
        if (!buf_ok(&c->text)) {
            return too_long;
        }
    }
}

static const char *plain(struct csv *c)
{
    for (;;) {
        const int next = peek(c);
        if (next == END || next == ',' || next == '\n') {
            return NULL;
        }
        if (next == '\r') {
            const bool line_end = cursor_left(&c->in) > 1 && c->in.at[1] == '\n';
            return line_end || cursor_left(&c->in) == 1 ? NULL
                                                        : "a carriage return without a line feed";
        }
        if (next == '"') {
            return "a quote inside a field that does not begin with one";
        }
        if (next == '\0') {
            return "a zero byte; the text must be UTF-8";
        }
        buf_char(&c->text, take(c));
        if (!buf_ok(&c->text)) {
            return too_long;
        }
    }
}

/* One row's fields into c->text. NULL, or what is wrong. */
static const char *read_row(struct csv *c)
{
    buf_reset(&c->text);
    c->count = 0;
    for (;;) {
        if (c->count == LL_MAX_CSV_COLUMNS) {
            return "the row has more than 64 fields";
        }
        c->start[c->count++] = c->text.len;
        const char *why = peek(c) == '"' ? quoted(c) : plain(c);
        if (why != NULL) {
            return why;
        }
        buf_char(&c->text, '\0');
        if (!buf_ok(&c->text)) {
            return too_long;
        }
        if (peek(c) == '\r' && cursor_left(&c->in) == 1) {
            take(c); /* the last line end lost its second half */
        }
        if (peek(c) == END || take_line_end(c)) {
            return NULL;
        }
        if (peek(c) != ',') {
            return "text behind the closing quote of a field";
        }
        take(c);
    }
}
_Static_assert(LL_MAX_CSV_COLUMNS == 64, "the sentence above names the cap");

ll_err csv_next(struct csv *c, struct csv_row *out, const char **why)
{
    while (take_line_end(c)) {
    }
    if (peek(c) == END) {
        return LL_EEND;
    }
    out->line = c->line;
    out->count = 0;
    *why = read_row(c);
    if (*why != NULL) {
        while (peek(c) != END && take(c) != '\n') {
        }
        return LL_EFORMAT;
    }
    if (!utf8_valid(c->text.data, c->text.len)) {
        *why = "not UTF-8; save the file as UTF-8";
        return LL_EFORMAT;
    }
    for (size_t i = 0; i < c->count; i++) {
        out->field[i] = c->text.data + c->start[i];
    }
    out->count = c->count;
    return LL_OK;
}
