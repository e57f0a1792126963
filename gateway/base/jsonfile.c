/*
 * json-c builds the values and judges the syntax; a second, much simpler pass over the same text
 * notes the line of each path. It runs only where json-c accepted the text, so it may trust the
 * syntax, but it is bounded all the same. Comments are blanked out before json-c sees the text:
 * json-c 0.16 misses the end of one that closes with two stars and a slash.
 */
#include "gateway/base/jsonfile.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/buf.h"
#include "gateway/base/fs.h"
#include "gateway/base/map.h"

#define PATH_MAX_BYTES 256

struct place {
    char *path;
    unsigned line;
};

struct jsonfile {
    char *name;
    struct buf text;
    struct json_object *root;
    struct place *places;
    size_t place_count;
    size_t place_cap;
    struct map by_path;
};

struct scanner {
    struct jsonfile *file;
    struct diag *diag;
    const char *at;
    const char *end;
    unsigned line;
    unsigned depth;
    unsigned open_comment; /* the line of a comment that does not end; 0: none */
    ll_err err;
    char path[PATH_MAX_BYTES];
    size_t path_len;
};

static void note_place(struct scanner *s)
{
    struct jsonfile *f = s->file;
    if (f->place_count == f->place_cap) {
        const size_t cap = f->place_cap > 0 ? f->place_cap * 2 : 64;
        struct place *p = realloc(f->places, cap * sizeof *p);
        if (p == NULL) {
            s->err = LL_ENOMEM;
            return;
        }
        f->places = p;
        f->place_cap = cap;
    }
    char *path = strdup(s->path);
    if (path == NULL) {
        s->err = LL_ENOMEM;
        return;
    }
    f->places[f->place_count].path = path;
    f->places[f->place_count].line = s->line;
    f->place_count++;
}

static void skip_block_comment(struct scanner *s)
{
    const unsigned first = s->line;
    for (s->at += 2; s->end - s->at >= 2; s->at++) {
        if (s->at[0] == '*' && s->at[1] == '/') {
            s->at += 2;
            return;
        }
        s->line += *s->at == '\n';
    }
    s->at = s->end;
    s->open_comment = first;
}

static void skip_blank(struct scanner *s)
{
    while (s->at < s->end) {
        const char c = *s->at;
        if (c == '\n') {
            s->line++;
            s->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            s->at++;
        } else if (c == '/' && s->at + 1 < s->end && s->at[1] == '/') {
            while (s->at < s->end && *s->at != '\n') {
                s->at++;
            }
        } else if (c == '/' && s->at + 1 < s->end && s->at[1] == '*') {
            skip_block_comment(s);
        } else {
            return;
        }
    }
}

/* Past a string; its raw content (escapes and all) through `text` and `len`. json-c also takes
 * single quotes. */
static void skip_string(struct scanner *s, const char **text, size_t *len)
{
    const char quote = *s->at++;
    *text = s->at;
    while (s->at < s->end && *s->at != quote) {
        if (*s->at == '\\' && s->at + 1 < s->end) {
            s->at++;
        }
        s->line += *s->at == '\n';
        s->at++;
    }
    *len = (size_t)(s->at - *text);
    if (s->at < s->end) {
        s->at++;
    }
}

static void path_push_key(struct scanner *s, const char *key, size_t len)
{
    const size_t room = sizeof s->path - s->path_len;
    const int n = snprintf(s->path + s->path_len, room, "%s%.*s", s->path_len > 0 ? "." : "",
                           (int)(len < PATH_MAX_BYTES ? len : PATH_MAX_BYTES), key);
    s->path_len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void path_push_index(struct scanner *s, size_t index)
{
    const size_t room = sizeof s->path - s->path_len;
    const int n = snprintf(s->path + s->path_len, room, "[%zu]", index);
    s->path_len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void path_pop(struct scanner *s, size_t len)
{
    s->path_len = len;
    s->path[len] = '\0';
}

static void scan_value(struct scanner *s);

static void scan_members(struct scanner *s, bool object)
{
    const char close = object ? '}' : ']';
    const size_t parent = s->path_len;
    s->at++;
    for (size_t index = 0; s->err == LL_OK; index++) {
        const char *before = s->at;
        skip_blank(s);
        if (s->at < s->end && *s->at == ',') {
            s->at++;
            skip_blank(s);
        }
        if (s->at >= s->end || *s->at == close) {
            break;
        }
        if (object) {
            const char *key = NULL;
            size_t len = 0;
            skip_string(s, &key, &len);
            path_push_key(s, key, len);
            skip_blank(s);
            if (s->at < s->end && *s->at == ':') {
                s->at++;
            }
            skip_blank(s);
        } else {
            path_push_index(s, index);
        }
        scan_value(s);
        path_pop(s, parent);
        if (s->at == before) {
            s->err = LL_EFORMAT; /* what json-c took for a value is none here */
        }
    }
    if (s->at < s->end) {
        s->at++;
    }
}

static void scan_value(struct scanner *s)
{
    skip_blank(s);
    note_place(s);
    if (s->at >= s->end || s->err != LL_OK) {
        return;
    }
    if (*s->at == '{' || *s->at == '[') {
        if (s->depth >= LL_MAX_JSON_DEPTH) {
            s->err = LL_ELIMIT;
            return;
        }
        s->depth++;
        scan_members(s, *s->at == '{');
        s->depth--;
    } else if (*s->at == '"' || *s->at == '\'') {
        const char *text;
        size_t len;
        skip_string(s, &text, &len);
    } else {
        while (s->at < s->end && strchr(",]} \t\r\n/", *s->at) == NULL) {
            s->at++;
        }
    }
}

static ll_err index_places(struct jsonfile *f, struct diag *d)
{
    struct scanner s = {
        .file = f, .diag = d, .at = f->text.data, .end = f->text.data + f->text.len, .line = 1};
    scan_value(&s);
    if (s.err != LL_OK) {
        return s.err;
    }
    ll_err err = LL_OK;
    for (size_t i = 0; i < f->place_count; i++) {
        struct place *p = &f->places[i];
        const ll_err put = map_put(&f->by_path, p->path, strlen(p->path), p);
        if (put == LL_EEXIST && strlen(p->path) == PATH_MAX_BYTES - 1) {
            continue; /* cut, so that two long keys may look the same */
        }
        if (put == LL_EEXIST) {
            diag_add(d, f->name, p->line, "key '%s' stands here a second time; remove one",
                     p->path);
            err = LL_EFORMAT;
        } else if (put != LL_OK) {
            return put;
        }
    }
    return err;
}

static unsigned line_of_offset(const struct buf *text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset && i < text->len; i++) {
        line += text->data[i] == '\n';
    }
    return line;
}

/* Makes comments blanks, with lines and offsets as they were. Returns the line of a comment that
 * does not end, or 0. */
static unsigned blank_comments(char *text, size_t len)
{
    struct scanner s = {.at = text, .end = text + len, .line = 1};
    while (s.at < s.end) {
        const size_t from = (size_t)(s.at - text);
        if (*s.at == '"' || *s.at == '\'') {
            const char *ignored;
            size_t ignored_len;
            skip_string(&s, &ignored, &ignored_len);
            continue;
        }
        skip_blank(&s);
        const size_t to = (size_t)(s.at - text);
        for (size_t i = from; i < to; i++) {
            text[i] = text[i] == '\n' ? '\n' : ' ';
        }
        s.at += to == from;
    }
    return s.open_comment;
}

/* `plain`: the text without its comments. */
static ll_err parse_plain(struct jsonfile *f, const struct buf *plain, struct diag *d)
{
    struct json_tokener *tok = json_tokener_new_ex(LL_MAX_JSON_DEPTH);
    if (tok == NULL) {
        return LL_ENOMEM;
    }
    /* json-c takes the length with the final zero as the sign that the text is complete. */
    f->root = json_tokener_parse_ex(tok, plain->data, (int)plain->len + 1);
    const enum json_tokener_error jerr = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (jerr != json_tokener_success) {
        const bool early = jerr == json_tokener_continue || jerr == json_tokener_error_parse_eof;
        diag_add(d, f->name, line_of_offset(&f->text, end), "not valid JSON: %s",
                 early ? "the text ends too early" : json_tokener_error_desc(jerr));
        return LL_EFORMAT;
    }
    for (; end < plain->len; end++) {
        const char c = plain->data[end];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            diag_add(d, f->name, line_of_offset(plain, end),
                     "text after the end of the JSON value");
            return LL_EFORMAT;
        }
    }
    return LL_OK;
}

static ll_err parse_text(struct jsonfile *f, struct diag *d)
{
    struct buf plain;
    buf_init(&plain, LL_MAX_TEXT_FILE);
    buf_add(&plain, f->text.data, f->text.len);
    if (!buf_ok(&plain)) {
        return LL_ENOMEM;
    }
    ll_err err;
    const unsigned open_comment = blank_comments(plain.data, plain.len);
    if (open_comment > 0) {
        diag_add(d, f->name, open_comment, "the comment that begins here does not end");
        err = LL_EFORMAT;
    } else if (strspn(plain.data, " \t\r\n") == plain.len) {
        diag_add(d, f->name, 0, "the file is empty; a JSON value was expected");
        err = LL_EFORMAT;
    } else {
        err = parse_plain(f, &plain, d);
    }
    buf_free(&plain);
    return err == LL_OK ? index_places(f, d) : err;
}

static ll_err finish(struct jsonfile *f, ll_err err, struct diag *d, struct jsonfile **out)
{
    if (err == LL_OK) {
        err = parse_text(f, d);
    }
    if (err != LL_OK) {
        if (d->count == 0) {
            diag_add(d, f->name != NULL ? f->name : "?", 0, "%s", ll_err_str(err));
        }
        jsonfile_free(f);
        return err;
    }
    *out = f;
    return LL_OK;
}

static struct jsonfile *new_file(const char *name)
{
    struct jsonfile *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    f->name = strdup(name);
    if (f->name == NULL) {
        free(f);
        return NULL;
    }
    buf_init(&f->text, LL_MAX_TEXT_FILE);
    return f;
}

ll_err jsonfile_load(const char *path, struct diag *d, struct jsonfile **out)
{
    struct jsonfile *f = new_file(path);
    if (f == NULL) {
        return LL_ENOMEM;
    }
    const ll_err err = fs_read_file(path, &f->text);
    if (err != LL_OK) {
        diag_add(d, path, 0, "cannot be read: %s", ll_err_str(err));
    }
    return finish(f, err, d, out);
}

ll_err jsonfile_parse(const char *name, const char *text, size_t len, struct diag *d,
                      struct jsonfile **out)
{
    struct jsonfile *f = new_file(name);
    if (f == NULL) {
        return LL_ENOMEM;
    }
    buf_add(&f->text, text, len);
    return finish(f, buf_err(&f->text), d, out);
}

void jsonfile_free(struct jsonfile *f)
{
    if (f == NULL) {
        return;
    }
    json_object_put(f->root);
    for (size_t i = 0; i < f->place_count; i++) {
        free(f->places[i].path);
    }
    free(f->places);
    map_free(&f->by_path);
    buf_free(&f->text);
    free(f->name);
    free(f);
}

const char *jsonfile_name(const struct jsonfile *f)
{
    return f->name;
}

struct json_object *jsonfile_root(const struct jsonfile *f)
{
    return f->root;
}

const char *jsonfile_text(const struct jsonfile *f, size_t *len)
{
    *len = f->text.len;
    return buf_str(&f->text);
}

unsigned jsonfile_line(const struct jsonfile *f, const char *path)
{
    size_t len = strlen(path);
    for (;;) {
        const struct place *p = map_get(&f->by_path, path, len);
        if (p != NULL) {
            return p->line;
        }
        while (len > 0 && path[len - 1] != '.' && path[len - 1] != '[') {
            len--;
        }
        if (len == 0) {
            return 1;
        }
        len--;
    }
}
