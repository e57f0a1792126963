#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/model/detector.h"

static void each_detector_has_named_settings_with_sound_bounds(void **state)
{
    (void)state;
    for (int t = 0; t < DETECTOR_TYPE_COUNT; t++) {
        const struct detector_kind *kind = &detector_kinds[t];
        assert_non_null(kind->key);
        assert_non_null(kind->help);
        assert_in_range(kind->setting_count, 1, LL_MAX_DETECTOR_PARAMS);
        for (size_t i = 0; i < kind->setting_count; i++) {
            const struct detector_setting *s = &kind->settings[i];
            assert_non_null(s->key);
            assert_non_null(s->unit);
            assert_non_null(s->help);
            assert_true(s->min < s->max);
            assert_true(isnan(s->fallback) || (s->fallback >= s->min && s->fallback <= s->max));
            for (size_t j = 0; j < i; j++) {
                assert_string_not_equal(s->key, kind->settings[j].key);
            }
        }
    }
}

static void settings_stand_at_their_indices(void **state)
{
    (void)state;
    const struct detector_setting *limit = detector_kinds[DETECTOR_LIMIT].settings;
    const struct detector_setting *stuck = detector_kinds[DETECTOR_STUCK].settings;
    assert_string_equal(limit[LIMIT_ABOVE].key, "above");
    assert_string_equal(limit[LIMIT_BELOW].key, "below");
    assert_string_equal(limit[LIMIT_DEAD_BAND].key, "dead_band");
    assert_string_equal(detector_kinds[DETECTOR_SILENCE].settings[SILENCE_AFTER_S].key, "after_s");
    assert_string_equal(stuck[STUCK_AFTER_S].key, "after_s");
    assert_string_equal(stuck[STUCK_TOLERANCE].key, "tolerance");
    assert_string_equal(stuck[STUCK_MIN_READINGS].key, "min_readings");
}

static void priorities_rise_from_low_to_critical(void **state)
{
    (void)state;
    assert_string_equal(alarm_priority_keys[PRIORITY_LOW], "low");
    assert_string_equal(alarm_priority_keys[PRIORITY_MEDIUM], "medium");
    assert_string_equal(alarm_priority_keys[PRIORITY_HIGH], "high");
    assert_string_equal(alarm_priority_keys[PRIORITY_CRITICAL], "critical");
    assert_true(PRIORITY_LOW < PRIORITY_MEDIUM && PRIORITY_HIGH < PRIORITY_CRITICAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_detector_has_named_settings_with_sound_bounds),
    cmocka_unit_test(settings_stand_at_their_indices),
    cmocka_unit_test(priorities_rise_from_low_to_critical),
};

UNIT_MAIN(tests)
