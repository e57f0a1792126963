#include "gateway/notify/changes.h"

bool changes_add(struct changes *c, uint64_t id)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->ids[(c->first + i) % LL_MAX_CHANGED_ALARMS] == id) {
            return true;
        }
    }
    if (c->count == LL_MAX_CHANGED_ALARMS) {
        return false;
    }
    c->ids[(c->first + c->count) % LL_MAX_CHANGED_ALARMS] = id;
    c->count++;
    return true;
}

bool changes_take(struct changes *c, uint64_t *id)
{
    if (c->count == 0) {
        return false;
    }
    *id = c->ids[c->first];
    c->first = (c->first + 1) % LL_MAX_CHANGED_ALARMS;
    c->count--;
    return true;
}
