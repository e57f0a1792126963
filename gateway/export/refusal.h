/*
 * What a database's answer says of the lines it did not take. Internal.
 *
 *   InfluxDB 1, 2   "unable to parse '<line>': <why>", one for each line; "... dropped=<count>"
 *   InfluxDB 3      "data": [{"line_number": 2, "error_message": "<why>"}, ...]
 *
 * An answer may name some of them only, so it says nothing of the lines that it does not name.
 * Pure. Threads: any. Foreign or cut text names none.
 */
#ifndef LL_EXPORT_REFUSAL_H
#define LL_EXPORT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

#define REFUSAL_MAX   64 /* of one answer; the others are named when the rest is sent again */
#define REFUSAL_WORDS 256

struct refusal {
    bool all; /* as many points were dropped as there are lines */
    size_t count;
    struct refused_line {
        size_t line; /* from 0, ascending */
        char words[REFUSAL_WORDS];
    } named[REFUSAL_MAX];
};

/* `text`: the lines that were sent. */
void refusal_read(const char *answer, const char *text, size_t len, struct refusal *out);

#endif
