#include "gateway/model/kind.h"

#include <string.h>

#include "gateway/base/diag.h"

const struct asset_kind asset_kinds[] = {
    {"gas_pipe", "gas pipe", "燃气管道", "km"},
    {"gas_station", "gas station", "燃气场站", "座"},
    {"water_main", "water main", "供水管网", "km"},
    {"secondary_supply", "secondary water supply", "二次供水设施", "处"},
    {"sewer", "sewer", "污水管网", "km"},
    {"manhole", "manhole", "窨井", "个"},
    {"pump_station", "pump station", "泵站", "座"},
    {"hydrant", "hydrant", "市政消火栓", "个"},
    {"elevator", "elevator", "电梯", "台"},
    {"bridge", "bridge", "桥梁", "座"},
    {"tunnel", "tunnel", "隧道", "座"},
    {"heat_supply", "heat supply", "供热设施", "km"},
    {"transfer_station", "refuse transfer station", "垃圾转运站", "座"},
    {"lifeline_gateway", "gateway", "网关", "台"}, /* the gateway itself */
};
const size_t asset_kind_count = sizeof asset_kinds / sizeof asset_kinds[0];

const struct asset_kind *asset_kind_find(const char *key)
{
    for (size_t i = 0; i < asset_kind_count; i++) {
        if (strcmp(asset_kinds[i].key, key) == 0) {
            return &asset_kinds[i];
        }
    }
    return NULL;
}

const char *asset_kind_nearest(const char *key)
{
    const char *keys[sizeof asset_kinds / sizeof asset_kinds[0]];
    for (size_t i = 0; i < asset_kind_count; i++) {
        keys[i] = asset_kinds[i].key;
    }
    return diag_nearest(key, keys, asset_kind_count);
}
