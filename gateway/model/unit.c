#include "gateway/model/unit.h"

#include <string.h>

#include "gateway/base/diag.h"

/* 100 %LEL of methane is 5 % by volume (GB/T 50493). */
#define METHANE_LEL_PCT_VOL 5.0

static const struct unit units[] = {
    {"1", "", "count", 1, 0},
    {"state", "", "state", 1, 0},
    {"%", "pct", "ratio", 1, 0},
    {"MPa", "mpa", "pressure", 1e6, 0},
    {"kPa", "kpa", "pressure", 1e3, 0},
    {"Pa", "pa", "pressure", 1, 0},
    {"bar", "bar", "pressure", 1e5, 0},
    {"mH2O", "mh2o", "pressure", 9806.65, 0},
    {"m3/h", "m3h", "flow", 1, 0},
    {"L/s", "lps", "flow", 3.6, 0},
    {"m3/s", "m3s", "flow", 3600, 0},
    {"L/min", "lpm", "flow", 0.06, 0},
    {"m", "m", "length", 1, 0},
    {"cm", "cm", "length", 0.01, 0},
    {"mm", "mm", "length", 0.001, 0},
    {"Cel", "degc", "temperature", 1, 0},
    {"K", "k", "temperature", 1, -273.15},
    {"degF", "degf", "temperature", 5.0 / 9.0, -160.0 / 9.0},
    {"%LEL", "pct_lel", "methane", 1, 0},
    {"%VOL", "pct_vol", "methane", 100.0 / METHANE_LEL_PCT_VOL, 0},
    {"%O2", "pct", "oxygen", 1, 0},
    {"ppm", "ppm", "gas_ratio", 1, 0},
    {"ppb", "ppb", "gas_ratio", 1e-3, 0},
    {"mg/m3", "mgm3", "gas_mass", 1, 0},
    {"mg/L", "mgl", "concentration", 1, 0},
    {"NTU", "ntu", "turbidity", 1, 0},
    {"pH", "", "acidity", 1, 0},
    {"mm/s", "mms", "velocity", 0.001, 0},
    {"m/s", "ms", "velocity", 1, 0},
    {"m/s2", "ms2", "acceleration", 1, 0},
    {"mg", "mg", "acceleration", 9.80665e-3, 0},
    {"g", "g", "acceleration", 9.80665, 0},
    {"deg", "deg", "angle", 1, 0},
    {"rad", "rad", "angle", 57.29577951308232, 0},
    {"ue", "ue", "strain", 1, 0},
    {"Hz", "hz", "frequency", 1, 0},
    {"V", "v", "voltage", 1, 0},
    {"mV", "mv", "voltage", 1e-3, 0},
    {"A", "a", "current", 1, 0},
    {"mA", "ma", "current", 1e-3, 0},
    {"W", "w", "power", 1, 0},
    {"kW", "kw", "power", 1e3, 0},
    {"kWh", "kwh", "energy", 1, 0},
    {"t", "t", "mass", 1e3, 0},
    {"kg", "kg", "mass", 1, 0},
    {"s", "s", "time", 1, 0},
    {"min", "min", "time", 60, 0},
    {"h", "h", "time", 3600, 0},
    {"dB", "db", "level", 1, 0},
    {"dBm", "dbm", "signal", 1, 0},
    {"mm/h", "mmh", "rain", 1, 0},
    {"MiB", "mib", "data", 1, 0},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

const struct unit *unit_find(const char *symbol, size_t len)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strlen(units[i].symbol) == len && memcmp(units[i].symbol, symbol, len) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

const char *unit_nearest(const char *symbol)
{
    const char *symbols[UNIT_COUNT];
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        symbols[i] = units[i].symbol;
    }
    return diag_nearest(symbol, symbols, UNIT_COUNT);
}

bool unit_convert(double value, const struct unit *from, const struct unit *to, double *out)
{
    if (from == to) {
        *out = value;
        return true;
    }
    if (strcmp(from->dimension, to->dimension) != 0) {
        return false;
    }
    *out = (value * from->factor + from->offset - to->offset) / to->factor;
    return true;
}
