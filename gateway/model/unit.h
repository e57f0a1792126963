/*
 * Units of measure: their symbols, their suffix in field names, and conversion within a dimension.
 *
 * Symbols follow the SenML registry (RFC 8428, section 12.1) where it has one ("Cel", "m3/h" by its
 * secondary units, RFC 8798), and the field's own word elsewhere ("%LEL").
 * Threads: any; the table is constant.
 */
#ifndef LL_MODEL_UNIT_H
#define LL_MODEL_UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct unit {
    const char *symbol;    /* "kPa" */
    const char *suffix;    /* of the field name: "kpa"; "" for counts and states */
    const char *dimension; /* units convert within one dimension only */
    double factor;         /* base value = value * factor + offset */
    double offset;
};

/* The row for a symbol (case matters: mPa is not MPa), or NULL. */
const struct unit *unit_find(const char *symbol, size_t len);

/* The symbol nearest to an unknown one, or NULL. */
const char *unit_nearest(const char *symbol);

/* `value` in `from`, expressed in `to`; false where the dimensions differ. The same unit gives the
 * same bits back. */
bool unit_convert(double value, const struct unit *from, const struct unit *to, double *out);

#endif
