/*
 * A registry for harnesses that need devices: d1 on asset a1, with channels of each type and all
 * kinds of detectors. Made at the first call, in memory; it lives as long as the process.
 */
#ifndef LL_TESTS_FUZZ_REGISTRY_H
#define LL_TESTS_FUZZ_REGISTRY_H

#include <stdlib.h>
#include <string.h>

#include "gateway/registry/registry.h"

static inline struct registry *fuzz_registry(void)
{
    static const char profile[] =
        "{\"profile\":\"p\",\"kind\":\"gas_pipe\",\"title\":{\"en\":\"P\",\"zh\":\"P\"},"
        "\"channels\":{"
        "\"methane\":{\"unit\":\"%LEL\",\"min\":0,\"max\":100,\"period_s\":60,\"detectors\":["
        "{\"detector\":\"limit\",\"name\":\"high\",\"above\":20,\"dead_band\":2},"
        "{\"detector\":\"silence\"},{\"detector\":\"stuck\",\"after_s\":600}]},"
        "\"door\":{\"unit\":\"state\",\"type\":\"bool\"},"
        "\"trips\":{\"unit\":\"1\",\"type\":\"int\",\"min\":0,\"max\":1000}}}";
    static const char assets[] = "id,kind,name,district\na1,gas_pipe,a,north\n";
    static const char devices[] = "id,asset,profile\nd1,a1,p\nd2,a1,p\n";
    static struct registry *r;
    if (r != NULL) {
        return r;
    }
    struct registry_db *db = NULL;
    struct diag *d = calloc(1, sizeof *d);
    size_t count;
    if (d == NULL || registry_db_open(":memory:", &db) != LL_OK ||
        registry_import_profiles(db, "p", profile, strlen(profile), d, &count) != LL_OK ||
        registry_import_assets(db, "a", assets, strlen(assets), d, &count) != LL_OK ||
        registry_import_devices(db, "d", devices, strlen(devices), d, &count) != LL_OK ||
        registry_db_load(db, &r) != LL_OK) {
        abort();
    }
    registry_db_close(db);
    free(d);
    return r;
}

#endif
