#include "gateway/export/lines.h"

#include <string.h>

static size_t line_len(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    return end != NULL ? (size_t)(end - text) + 1 : len;
}

/* Fields of one line: the commas between the first and the second bare space, and one. */
static uint32_t count_fields(const char *line, size_t len)
{
    uint32_t commas = 0;
    bool in_fields = false;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\') {
            i++;
        } else if (line[i] == '"' && in_fields) {
            in_string = !in_string;
        } else if (line[i] == ' ' && !in_string) {
            if (in_fields) {
                break;
            }
            in_fields = true;
        } else if (line[i] == ',' && in_fields && !in_string) {
            commas++;
        }
    }
    return commas + 1;
}

struct lines lines_over(const char *text, size_t len, uint32_t readings)
{
    struct lines l = {.at = text, .left = len, .readings_left = readings};
    size_t first = len > 0 ? line_len(text, len) : 0;
    if (first == len) {
        return l; /* one line takes all: nothing to count */
    }
    uint64_t fields = 0;
    for (size_t at = 0; at < len; at += first) {
        first = line_len(text + at, len - at);
        fields += count_fields(text + at, first);
    }
    l.by_fields = fields == readings;
    return l;
}

bool lines_next(struct lines *l, struct line_part *out)
{
    if (l->left == 0) {
        return false;
    }
    const size_t len = line_len(l->at, l->left);
    uint32_t readings = l->readings_left;
    if (len < l->left) {
        const uint32_t want = l->by_fields ? count_fields(l->at, len) : 1;
        readings = want < readings ? want : readings;
    }
    *out = (struct line_part){l->at, len, readings};
    l->at += len;
    l->left -= len;
    l->readings_left -= readings;
    return true;
}
