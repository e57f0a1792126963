#include "gateway/export/refusal.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIAL "partial write"
#define DROPPED "dropped="
#define UNREAD  "unable to parse '"

static void add(struct refusal *r, size_t line, const char *words, size_t len)
{
    size_t at = r->count;
    while (at > 0 && r->named[at - 1].line > line) {
        at--;
    }
    if (r->count == REFUSAL_MAX || (at > 0 && r->named[at - 1].line == line)) {
        return;
    }
    memmove(&r->named[at + 1], &r->named[at], (r->count - at) * sizeof r->named[0]);
    r->named[at].line = line;
    snprintf(r->named[at].words, REFUSAL_WORDS, "%.*s",
             (int)(len < REFUSAL_WORDS ? len : REFUSAL_WORDS - 1), words);
    r->count++;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\n';
    }
    return count;
}

/* Those whose numbers stand in `data`. */
static void read_numbers(struct json_object *data, size_t lines, struct refusal *out)
{
    const size_t count = json_object_array_length(data);
    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(data, i);
        struct json_object *number;
        struct json_object *message;
        if (!json_object_is_type(row, json_type_object) ||
            !json_object_object_get_ex(row, "line_number", &number) ||
            !json_object_object_get_ex(row, "error_message", &message)) {
            continue;
        }
        const int64_t n = json_object_get_int64(number);
        const char *words = json_object_get_string(message);
        if (n >= 1 && (uint64_t)n <= lines && words != NULL) {
            add(out, (size_t)n - 1, words, strlen(words));
        }
    }
}

/* The line that `quoted` begins with, up to a closing quote; false: none of them. */
static bool find_line(const char *quoted, const char *text, size_t len, size_t *line)
{
    const char *const end = text + len;
    for (size_t n = 0; text < end; n++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const size_t bytes = (size_t)((newline != NULL ? newline : end) - text);
        if (strncmp(quoted, text, bytes) == 0 && quoted[bytes] == '\'') {
            *line = n;
            return true;
        }
        text += bytes + 1;
    }
    return false;
}

/* Those that stand in the message, in quotes. */
static void read_quotes(const char *message, const char *text, size_t len, struct refusal *out)
{
    for (const char *at = strstr(message, UNREAD); at != NULL;) {
        const char *next = strstr(at + 1, UNREAD);
        size_t line;
        if (find_line(at + sizeof UNREAD - 1, text, len, &line)) {
            add(out, line, at, next != NULL ? (size_t)(next - at) : strlen(at));
        }
        at = next;
    }
}

static uint64_t dropped(const char *message)
{
    const char *at = strstr(message, PARTIAL) != NULL ? strstr(message, DROPPED) : NULL;
    return at != NULL ? strtoull(at + sizeof DROPPED - 1, NULL, 10) : 0;
}

void refusal_read(const char *answer, const char *text, size_t len, struct refusal *out)
{
    static const char *const keys[] = {"error", "message"};
    out->all = false;
    out->count = 0;
    struct json_object *root = json_tokener_parse(answer);
    if (root == NULL || !json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return;
    }
    const size_t lines = count_lines(text, len);
    struct json_object *member;
    if (json_object_object_get_ex(root, "data", &member) &&
        json_object_is_type(member, json_type_array)) {
        read_numbers(member, lines, out);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (json_object_object_get_ex(root, keys[i], &member) &&
            json_object_is_type(member, json_type_string)) {
            const char *message = json_object_get_string(member);
            read_quotes(message, text, len, out);
            out->all = out->all || (lines > 0 && dropped(message) == lines);
        }
    }
    json_object_put(root);
}
