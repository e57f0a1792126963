#include "gateway/model/asset.h"

#include <string.h>

bool asset_id_valid(const char *id, size_t len)
{
    if (len == 0 || len >= LL_MAX_ID) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char c = id[i];
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr("._-:", c) == NULL)) {
            return false;
        }
    }
    return true;
}
