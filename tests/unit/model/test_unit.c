#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/model/unit.h"

static const struct unit *find(const char *symbol)
{
    const struct unit *u = unit_find(symbol, strlen(symbol));
    if (u == NULL) {
        fail_msg("no unit '%s'", symbol);
    }
    return u;
}

static void assert_converts(double value, const char *from, const char *to, double expected)
{
    double out = NAN;
    assert_true(unit_convert(value, find(from), find(to), &out));
    if (!(fabs(out - expected) <= 1e-12 * fabs(expected) + 1e-12)) {
        fail_msg("%.17g %s is %.17g %s, expected %.17g", value, from, out, to, expected);
    }
}

static void the_case_of_a_symbol_matters(void **state)
{
    (void)state;
    assert_non_null(unit_find("MPa", 3));
    assert_null(unit_find("mPa", 3));
    assert_null(unit_find("", 0));
    assert_null(unit_find("MPa ", 4));
    assert_string_equal(unit_find("kPaX", 3)->symbol, "kPa");
    assert_null(unit_find("kP", 2));
    assert_null(unit_find("kPa\0", 4));
}

static void units_convert_within_their_dimension(void **state)
{
    (void)state;
    assert_converts(352, "kPa", "MPa", 0.352);
    assert_converts(1, "bar", "kPa", 100);
    assert_converts(10, "mH2O", "kPa", 98.0665);
    assert_converts(1, "L/s", "m3/h", 3.6);
    assert_converts(100, "L/min", "m3/h", 6);
    assert_converts(1, "m3/s", "L/s", 1000);
    assert_converts(25, "mm", "cm", 2.5);
    assert_converts(0, "K", "Cel", -273.15);
    assert_converts(20, "Cel", "K", 293.15);
    assert_converts(212, "degF", "Cel", 100);
    assert_converts(-40, "Cel", "degF", -40);
    assert_converts(1, "%VOL", "%LEL", 20);
    assert_converts(50, "%LEL", "%VOL", 2.5);
    assert_converts(180, "deg", "rad", 3.14159265358979323846);
    assert_converts(1, "g", "m/s2", 9.80665);
    assert_converts(1.5, "h", "min", 90);
    assert_converts(3610, "mV", "V", 3.61);
}

static void units_of_different_dimensions_do_not_convert(void **state)
{
    (void)state;
    double out = 4711;
    assert_false(unit_convert(1, find("MPa"), find("m3/h"), &out));
    assert_false(unit_convert(1, find("1"), find("state"), &out));
    assert_false(unit_convert(1, find("ppm"), find("mg/m3"), &out));
    assert_true(out == 4711);
}

static void the_same_unit_gives_the_same_bits(void **state)
{
    (void)state;
    const double value = 0.1 + 0.2;
    double out = 0;
    assert_true(unit_convert(value, find("degF"), find("degF"), &out));
    assert_memory_equal(&out, &value, sizeof out);
}

static void a_misspelt_symbol_has_a_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(unit_nearest("mPa"), "MPa");
    assert_string_equal(unit_nearest("m3/hr"), "m3/h");
    assert_null(unit_nearest("fortnights"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_case_of_a_symbol_matters),
    cmocka_unit_test(units_convert_within_their_dimension),
    cmocka_unit_test(units_of_different_dimensions_do_not_convert),
    cmocka_unit_test(the_same_unit_gives_the_same_bits),
    cmocka_unit_test(a_misspelt_symbol_has_a_nearest_one),
};

UNIT_MAIN(tests)
