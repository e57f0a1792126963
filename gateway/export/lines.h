/*
 * Line protocol taken apart into lines again, each with its part of the readings. Internal.
 *
 * For: splitting what is too large for one record or one request, and counting what was refused.
 * Not for: judging lines; foreign or damaged text gives some split, never a fault.
 * Pure. Threads: any.
 */
#ifndef LL_EXPORT_LINES_H
#define LL_EXPORT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
    const char *at;
    size_t left;
    uint32_t readings_left;
    bool by_fields;
};

struct line_part {
    const char *text; /* borrowed; with its '\n', if the text has one */
    size_t len;
    uint32_t readings;
};

/* `readings` are shared out among the lines so that the parts always sum to it: one for each field
 * where that is what they sum to (readings), else one for each line (alarms, with many fields
 * each), the last line taking what is left. */
struct lines lines_over(const char *text, size_t len, uint32_t readings);
/* The next line; false at the end. */
bool lines_next(struct lines *l, struct line_part *out);

#endif
