/*
 * The reasons of refusal, from one table (reason.def). Threads: any; constants.
 */
#ifndef LL_MODEL_REASON_H
#define LL_MODEL_REASON_H

enum reason {
    REASON_NONE,
#define X(name, key, scope, text) REASON_##name,
#include "gateway/model/reason.def"
#undef X
    REASON_COUNT
};

enum reason_scope { SCOPE_MESSAGE, SCOPE_READING };

struct reason_info {
    const char *key;
    enum reason_scope scope;
    const char *text;
};

/* The row for a reason; that of REASON_NONE is "none". */
const struct reason_info *reason_info(enum reason reason);

#endif
