#include "gateway/model/reason.h"

#include <assert.h>

static const struct reason_info table[REASON_COUNT] = {
    [REASON_NONE] = {"none", SCOPE_READING, "accepted"},
#define X(name, key, scope, text) [REASON_##name] = {key, SCOPE_##scope, text},
#include "gateway/model/reason.def"
#undef X
};

const struct reason_info *reason_info(enum reason reason)
{
    assert((unsigned)reason < REASON_COUNT);
    return &table[reason];
}
