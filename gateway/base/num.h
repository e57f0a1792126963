/*
 * Numbers as text, exactly: what is written reads back as the same double.
 * Threads: any. Independent of the locale.
 */
#ifndef LL_BASE_NUM_H
#define LL_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LL_NUM_TEXT 32

/* A finite double as a plain decimal of up to nine places where that is exact, else in 17
 * significant digits; strtod gives the same bits back. Returns the length; `out` has LL_NUM_TEXT
 * bytes. */
size_t num_format(double value, char *out);

/* Strictly a JSON number and nothing around it; finite. */
bool num_parse(const char *text, size_t len, double *out);

/* Strictly decimal digits, and no more than fits. */
bool num_parse_u64(const char *text, uint64_t *out);

#endif
