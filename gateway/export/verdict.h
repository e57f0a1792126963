/*
 * What an HTTP status means for the lines that were sent. Internal.
 * Pure. Threads: any.
 */
#ifndef LL_EXPORT_VERDICT_H
#define LL_EXPORT_VERDICT_H

#include <stdbool.h>

enum verdict {
    KEEP,      /* and try again */
    NO_ACCESS, /* likewise; but it needs somebody to see to it */
    DONE,
    REFUSED,
    TOO_LARGE,
};

struct meaning {
    long status;
    enum verdict verdict;
    const char *text;
};

/* Those that are not known are kept and tried again, as is no answer (0). `text` is the answer's:
 * with `json_errors` (InfluxDB of every version) lines count as refused only where it is a JSON
 * object, and 200 as done only where there is none. Anything else comes from another server, such
 * as one that expects TLS or shows a page, and must not empty the spool. */
struct meaning verdict_meaning(long status, const char *text, bool json_errors);

#endif
