#include "gateway/model/profile.h"

#include <stdlib.h>
#include <string.h>

const char *const field_type_keys[FIELD_TYPE_COUNT] = {"float", "int", "bool"};
const char *const clock_policy_keys[CLOCK_POLICY_COUNT] = {"correct_ahead", "correct", "keep"};

int profile_channel(const struct profile *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->channel_count; i++) {
        const char *own = p->channels[i].name;
        if (strlen(own) == len && memcmp(own, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void profile_free(struct profile *p)
{
    if (p != NULL) {
        free(p->channels);
        free(p);
    }
}
