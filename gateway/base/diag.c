#include "gateway/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

void diag_add(struct diag *d, const char *file, unsigned line, const char *fmt, ...)
{
    if (d->count < LL_MAX_DIAGS) {
        char *text = d->text[d->count];
        const int n = line > 0 ? snprintf(text, LL_DIAG_TEXT, "%s:%u: ", file, line)
                               : snprintf(text, LL_DIAG_TEXT, "%s: ", file);
        if (n > 0 && n < LL_DIAG_TEXT) {
            va_list ap;
            va_start(ap, fmt);
            vsnprintf(text + n, LL_DIAG_TEXT - (size_t)n, fmt, ap);
            va_end(ap);
        }
    }
    d->count++;
}

size_t diag_kept(const struct diag *d)
{
    return d->count < LL_MAX_DIAGS ? d->count : LL_MAX_DIAGS;
}

/* Levenshtein's distance; words longer than WORD_MAX are as far away as can be. */
static size_t distance(const char *a, const char *b)
{
    const size_t la = strlen(a);
    const size_t lb = strlen(b);
    size_t row[WORD_MAX + 1];
    if (la > WORD_MAX || lb > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t j = 0; j <= lb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            const size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) {
                best = above + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            diagonal = above;
            row[j] = best;
        }
    }
    return row[lb];
}

const char *diag_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t least = 1 + strlen(word) / 2; /* further away than half the word is no suggestion */
    for (size_t i = 0; i < count; i++) {
        const size_t d = distance(word, candidates[i]);
        if (d < least) {
            least = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}
