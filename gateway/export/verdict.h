/*
 * What an HTTP status means for the lines that were sent. Internal.
 * Pure. Threads: any.
 */
#ifndef LL_EXPORT_VERDICT_H
#define LL_EXPORT_VERDICT_H

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

/* Those that are not known are kept and tried again, as is no answer (0). */
struct meaning verdict_meaning(long status);

#endif
