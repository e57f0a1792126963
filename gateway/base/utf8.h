/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
 * Threads: any.
 */
#ifndef LL_BASE_UTF8_H
#define LL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the valid sequence at the start of `text`, or 0. */
size_t utf8_sequence(const char *text, size_t len);

bool utf8_valid(const char *text, size_t len);

#endif
