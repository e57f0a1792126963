#include "gateway/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/utf8.h"

#define FIRST_CAP 256

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    buf_cut(b, 0);
}

void buf_cut(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    b->failure = LL_OK;
    if (b->data != NULL) {
        b->data[len] = '\0';
    }
}

bool buf_ok(const struct buf *b)
{
    return b->failure == LL_OK;
}

ll_err buf_err(const struct buf *b)
{
    return b->failure;
}

const char *buf_str(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

/* Room for `more` bytes and the zero behind them. */
static bool buf_reserve(struct buf *b, size_t more)
{
    if (!buf_ok(b)) {
        return false;
    }
    if (more > b->max - b->len) {
        b->failure = LL_ELIMIT;
        return false;
    }
    const size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
    while (cap < need) {
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failure = LL_ENOMEM;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (!buf_reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_str_add(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    const size_t room = b->cap > b->len ? b->cap - b->len : 0;
    const int n = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failure = LL_ELIMIT;
    } else if (buf_reserve(b, (size_t)n)) {
        if ((size_t)n >= room) {
            vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        }
        b->len += (size_t)n;
    }
    va_end(again);
    if (!buf_ok(b) && b->cap > b->len) {
        b->data[b->len] = '\0';
    }
}

void buf_json_str(struct buf *b, const char *text, size_t len)
{
    buf_char(b, '"');
    size_t plain = 0; /* start of the run not yet copied */
    size_t i = 0;
    while (i < len) {
        const unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        const size_t n = c < 0x80 ? 0 : utf8_sequence(text + i, len - i);
        if (n > 0) {
            i += n;
            continue;
        }
        buf_add(b, text + plain, i - plain);
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, (char)c);
        } else if (c == '\n') {
            buf_str_add(b, "\\n");
        } else if (c == '\t') {
            buf_str_add(b, "\\t");
        } else if (c == '\r') {
            buf_str_add(b, "\\r");
        } else if (c < 0x20) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_str_add(b, "\xef\xbf\xbd");
        }
        plain = ++i;
    }
    buf_add(b, text + plain, len - plain);
    buf_char(b, '"');
}

void buf_u32(struct buf *b, uint32_t v)
{
    const unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8),
                                 (unsigned char)(v >> 16), (unsigned char)(v >> 24)};
    buf_add(b, le, sizeof le);
}

void buf_u64(struct buf *b, uint64_t v)
{
    buf_u32(b, (uint32_t)v);
    buf_u32(b, (uint32_t)(v >> 32));
}
