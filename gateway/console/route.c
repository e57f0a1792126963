#include "gateway/console/route.h"

#include <string.h>

#include "gateway/base/diag.h"

#define MAX_HINTS 64

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* RFC 3986, section 2.1. False where it is malformed, empty, too long or holds a zero byte. */
static bool decode(const char *text, size_t len, char *out, size_t out_len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= out_len) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

/* Segment by segment; "{…}" stands for any one. */
static bool fits(const char *pattern, const char *path, char *param, size_t param_len)
{
    param[0] = '\0';
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        const size_t want = strcspn(pattern, "/");
        const size_t have = strcspn(path, "/");
        if (*pattern == '{') {
            if (!decode(path, have, param, param_len)) {
                return false;
            }
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

enum route_result route_find(const struct console_route *routes, size_t count, const char *method,
                             const char *path, bool public_only, struct route_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    enum route_result result = ROUTE_NO_PATH;
    struct route_match m = {0};
    for (size_t i = 0; i < count; i++) {
        if (!fits(routes[i].pattern, path, m.param, sizeof m.param)) {
            continue;
        }
        if (public_only && !routes[i].is_public) {
            result = result == ROUTE_NO_PATH ? ROUTE_NOT_PUBLIC : result;
        } else if (strcmp(routes[i].method, wanted) != 0) {
            result = ROUTE_NO_METHOD;
        } else {
            m.route = &routes[i];
            *out = m;
            return ROUTE_FOUND;
        }
    }
    return result;
}

void route_allowed(const struct console_route *routes, size_t count, const char *path,
                   struct buf *out)
{
    char param[LL_MAX_PATH];
    for (size_t i = 0; i < count; i++) {
        if (fits(routes[i].pattern, path, param, sizeof param)) {
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", routes[i].method);
        }
    }
}

void route_hint(const struct console_route *routes, size_t count, const char *path,
                bool public_only, struct buf *out)
{
    const char *patterns[MAX_HINTS] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < count && n < MAX_HINTS; i++) {
        const bool repeated = n > 0 && strcmp(patterns[n - 1], routes[i].pattern) == 0;
        if (!repeated && (routes[i].is_public || !public_only)) {
            patterns[n++] = routes[i].pattern;
        }
    }
    const char *near = diag_nearest(path, patterns, n);
    if (near != NULL) {
        buf_printf(out, "did you mean %s?", near);
        return;
    }
    buf_str_add(out, "there are:");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, " %s", patterns[i]);
    }
}
