#include "gateway/base/num.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2^53: every integer up to here is a double, and m / 10^k with m below it and k <= 22 is rounded
 * once, as strtod rounds the text "m/10^k" (Clinger, "How to Read Floating Point Numbers
 * Accurately", 1990). So where (double)m / 10^k is the value, that short text is exact. */
#define EXACT_LIMIT 9007199254740992.0

static size_t format_scaled(bool negative, uint64_t m, unsigned decimals, char *out)
{
    char digits[24];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + m % 10);
        m /= 10;
    } while (m > 0 || n <= decimals);
    size_t len = 0;
    if (negative) {
        out[len++] = '-';
    }
    while (n > 0) {
        out[len++] = digits[--n];
        if (n == decimals && n > 0) {
            out[len++] = '.';
        }
    }
    out[len] = '\0';
    return len;
}

size_t num_format(double value, char *out)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    const double size = fabs(value);
    if (value == 0 && !signbit(value)) {
        return format_scaled(false, 0, 0, out);
    }
    for (unsigned k = 0; k < sizeof powers / sizeof powers[0]; k++) {
        const double scaled = size * powers[k];
        if (scaled >= EXACT_LIMIT) {
            break;
        }
        const double whole = nearbyint(scaled);
        if (whole > 0 && whole / powers[k] == size) {
            return format_scaled(signbit(value), (uint64_t)whole, k, out);
        }
    }
    /* 17 significant digits give any double back (IEEE 754-2019, 5.12.2). */
    const int n = snprintf(out, LL_NUM_TEXT, "%.17g", value);
    return n > 0 ? (size_t)n : 0;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* RFC 8259, section 6. */
static bool is_json_number(const char *p, const char *end)
{
    if (p < end && *p == '-') {
        p++;
    }
    const char *q = skip_digits(p, end);
    if (q == p || (*p == '0' && q > p + 1)) {
        return false;
    }
    if (q < end && *q == '.') {
        p = q + 1;
        q = skip_digits(p, end);
        if (q == p) {
            return false;
        }
    }
    if (q < end && (*q == 'e' || *q == 'E')) {
        p = q + 1;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        q = skip_digits(p, end);
        if (q == p) {
            return false;
        }
    }
    return q == end;
}

bool num_parse(const char *text, size_t len, double *out)
{
    char copy[64];
    if (len == 0 || len >= sizeof copy || !is_json_number(text, text + len)) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    const double v = strtod(copy, NULL);
    if (!isfinite(v)) {
        return false;
    }
    *out = v;
    return true;
}

bool num_parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (p == text || *p != '\0') {
        return false;
    }
    *out = value;
    return true;
}
