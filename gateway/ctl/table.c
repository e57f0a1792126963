#include "gateway/ctl/table.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/limits.h"
#include "gateway/base/utf8.h"

#define GAP 2

struct range {
    uint32_t first;
    uint32_t last;
};

/* Unicode 15, East_Asian_Width W and F, with neighbouring ranges joined. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x2e80, 0x303e},
    {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static const struct range zero_width[] = {
    {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* C0, DEL, C1, line and paragraph separators, and what reverses the order of text. */
static const struct range steering[] = {
    {0, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool within(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* The character at `text`, and its bytes; one byte that stands alone where it is not UTF-8. */
static size_t next_char(const char *text, size_t len, uint32_t *out)
{
    const size_t n = utf8_sequence(text, len);
    if (n <= 1) {
        *out = n == 1 ? (unsigned char)text[0] : 0;
        return 1;
    }
    uint32_t c = (unsigned char)text[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | ((unsigned char)text[i] & 0x3fU);
    }
    *out = c;
    return n;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (size_t left = strlen(text); left > 0;) {
        uint32_t c;
        const size_t n = next_char(text, left, &c);
        if (within(c, wide, COUNT(wide))) {
            width += 2;
        } else if (!within(c, zero_width, COUNT(zero_width))) {
            width++;
        }
        text += n;
        left -= n;
    }
    return width;
}

void text_clean(const char *text, size_t len, struct buf *out)
{
    while (len > 0) {
        uint32_t c;
        const size_t n = next_char(text, len, &c);
        if (within(c, steering, COUNT(steering))) {
            buf_char(out, '?');
        } else {
            buf_add(out, text, n);
        }
        text += n;
        len -= n;
    }
}

static void spaces(size_t count, struct buf *out)
{
    while (count-- > 0) {
        buf_char(out, ' ');
    }
}

void text_pad(const char *text, size_t width, bool right, struct buf *out)
{
    struct buf clean;
    buf_init(&clean, LL_MAX_HTTP_ANSWER);
    text_clean(text, strlen(text), &clean);
    const size_t own = text_width(buf_str(&clean));
    const size_t more = own < width ? width - own : 0;
    spaces(right ? more : 0, out);
    buf_add(out, buf_str(&clean), clean.len);
    spaces(right ? 0 : more, out);
    buf_free(&clean);
}

void table_init(struct table *t, size_t column_count)
{
    assert(column_count > 0 && column_count <= TABLE_MAX_COLUMNS);
    *t = (struct table){.column_count = column_count};
    buf_init(&t->cells, LL_MAX_HTTP_ANSWER);
}

void table_free(struct table *t)
{
    buf_free(&t->cells);
}

void table_add(struct table *t, const char *text)
{
    const size_t before = t->cells.len;
    text_clean(text, strlen(text), &t->cells);
    buf_char(&t->cells, '\0');
    if (buf_ok(&t->cells)) {
        t->cell_count++;
    } else {
        t->cells.len = before; /* no half a cell */
    }
}

void table_print(const struct table *t, size_t indent, FILE *out)
{
    size_t widths[TABLE_MAX_COLUMNS] = {0};
    const char *cell = buf_str(&t->cells);
    for (size_t i = 0; i < t->cell_count; i++) {
        const size_t width = text_width(cell);
        size_t *widest = &widths[i % t->column_count];
        *widest = width > *widest ? width : *widest;
        cell += strlen(cell) + 1;
    }
    cell = buf_str(&t->cells);
    struct buf line;
    buf_init(&line, LL_MAX_HTTP_ANSWER);
    for (size_t i = 0; i < t->cell_count; i++) {
        const size_t column = i % t->column_count;
        spaces(column == 0 ? indent : GAP, &line);
        text_pad(cell, widths[column], t->right[column], &line);
        cell += strlen(cell) + 1;
        if (column + 1 == t->column_count || i + 1 == t->cell_count) {
            while (line.len > 0 && line.data[line.len - 1] == ' ') {
                line.len--; /* nothing follows that would need them */
            }
            fprintf(out, "%.*s\n", (int)line.len, buf_str(&line));
            buf_reset(&line);
        }
    }
    if (!buf_ok(&t->cells)) {
        fprintf(out, "(the table is too large; the rest is left out)\n");
    }
    buf_free(&line);
}
