/* Each detector's rule, and the words it explains itself with. */
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/detect/detect.h"

static struct detector_spec limit_above(double above, double dead_band)
{
    struct detector_spec s = {.type = DETECTOR_LIMIT, .name = "high"};
    s.param[LIMIT_ABOVE] = above;
    s.param[LIMIT_BELOW] = NAN;
    s.param[LIMIT_DEAD_BAND] = dead_band;
    return s;
}

static struct detect_now at(int64_t alive_s)
{
    return (struct detect_now){.event_ms = 1764000000000 + alive_s * 1000,
                               .alive_ms = alive_s * 1000};
}

static void a_limit_holds_until_the_value_is_back_by_the_dead_band(void **state)
{
    (void)state;
    const struct detector_spec spec = limit_above(20, 2);
    struct detect_state st = {0};
    static const struct {
        double value;
        bool active;
    } steps[] = {{20, false}, {20.1, true},  {19, true},   {18.1, true},
                 {18, false}, {19.9, false}, {20.1, true}, {0, false}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(detect_observe(&spec, &st, steps[i].value, at((int64_t)i)),
                         steps[i].active);
    }
}

static void a_lower_limit_is_the_mirror_of_an_upper_one(void **state)
{
    (void)state;
    struct detector_spec spec = limit_above(NAN, 0.02);
    spec.param[LIMIT_BELOW] = 0.14;
    struct detect_state st = {0};
    assert_false(detect_observe(&spec, &st, 0.14, at(0)));
    assert_true(detect_observe(&spec, &st, 0.139, at(1)));
    assert_true(detect_observe(&spec, &st, 0.15, at(2)));
    assert_false(detect_observe(&spec, &st, 0.16, at(3)));
}

static void silence_is_noticed_by_time_alone_and_ends_with_a_reading(void **state)
{
    (void)state;
    struct detector_spec spec = {.type = DETECTOR_SILENCE, .name = "silence"};
    spec.param[SILENCE_AFTER_S] = 180;
    struct detect_state st = {0};
    assert_false(detect_observe(&spec, &st, 1, at(100)));
    assert_int_equal(detect_due_ms(&spec, &st), 280000);
    assert_false(detect_tick(&spec, &st, at(279)));
    assert_true(detect_tick(&spec, &st, at(280)));
    assert_true(detect_tick(&spec, &st, at(1000)));
    assert_int_equal(detect_due_ms(&spec, &st), INT64_MAX);
    assert_false(detect_observe(&spec, &st, 1, at(1001)));
}

static void a_channel_never_heard_is_silent_from_its_first_watch(void **state)
{
    (void)state;
    struct detector_spec spec = {.type = DETECTOR_SILENCE, .name = "silence"};
    spec.param[SILENCE_AFTER_S] = 60;
    struct detect_state st = {0};
    assert_false(detect_tick(&spec, &st, at(5000)));
    assert_int_equal(detect_due_ms(&spec, &st), 5060000);
    assert_true(detect_tick(&spec, &st, at(5060)));
}

static void a_stuck_value_needs_both_time_and_readings(void **state)
{
    (void)state;
    struct detector_spec spec = {.type = DETECTOR_STUCK, .name = "stuck"};
    spec.param[STUCK_AFTER_S] = 100;
    spec.param[STUCK_TOLERANCE] = 0.5;
    spec.param[STUCK_MIN_READINGS] = 4;
    struct detect_state st = {0};
    assert_false(detect_observe(&spec, &st, 7, at(0)));
    assert_false(detect_observe(&spec, &st, 7.5, at(50))); /* within the tolerance */
    assert_false(detect_observe(&spec, &st, 7, at(100)));  /* long enough, third reading */
    assert_true(detect_observe(&spec, &st, 7, at(101)));
    assert_false(detect_observe(&spec, &st, 7.6, at(102))); /* it moved */
    assert_false(detect_observe(&spec, &st, 7.6, at(150)));
    assert_false(detect_observe(&spec, &st, 7.6, at(160)));
    assert_false(detect_observe(&spec, &st, 7.6, at(170))); /* readings, but not the time */
}

static void an_explanation_names_value_limit_and_unit_in_both_languages(void **state)
{
    (void)state;
    const struct detector_spec spec = limit_above(20, 1);
    struct channel_spec c = {
        .name = "methane", .quantity = "methane", .unit = unit_find("%LEL", 4)};
    char text[128];
    detect_explain(&spec, &c, 23.4, DETECT_ENGLISH, text, sizeof text);
    assert_string_equal(text, "methane is 23.4 %LEL, above the limit of 20 %LEL");
    detect_explain(&spec, &c, 23.4, DETECT_CHINESE, text, sizeof text);
    assert_string_equal(text, "甲烷 23.4 %LEL，高于限值 20 %LEL");
    detect_explain(&spec, &c, NAN, DETECT_ENGLISH, text, sizeof text);
    assert_string_equal(text, "methane is above the limit of 20 %LEL");
    detect_explain(&spec, &c, NAN, DETECT_CHINESE, text, sizeof text);
    assert_string_equal(text, "甲烷 高于限值 20 %LEL");
}

static void a_channel_with_a_name_of_its_own_shows_it_behind_the_quantity(void **state)
{
    (void)state;
    const struct detector_spec spec = limit_above(20, 1);
    struct channel_spec c = {.name = "L_T1", .quantity = "level", .unit = unit_find("m", 1)};
    char text[128];
    detect_explain(&spec, &c, 21, DETECT_ENGLISH, text, sizeof text);
    assert_string_equal(text, "level (L_T1) is 21 m, above the limit of 20 m");
    detect_explain(&spec, &c, 21, DETECT_CHINESE, text, sizeof text);
    assert_string_equal(text, "液位（L_T1） 21 m，高于限值 20 m");
    snprintf(c.quantity, sizeof c.quantity, "unheard_of");
    detect_explain(&spec, &c, 21, DETECT_CHINESE, text, sizeof text);
    assert_string_equal(text, "L_T1 21 m，高于限值 20 m");
}

static void a_truth_is_told_as_yes_and_no(void **state)
{
    (void)state;
    const struct detector_spec spec = limit_above(0.5, 0);
    const struct channel_spec c = {.name = "entrapment",
                                   .quantity = "entrapment",
                                   .type = FIELD_BOOL,
                                   .unit = unit_find("state", 5)};
    char text[128];
    detect_explain(&spec, &c, 1, DETECT_ENGLISH, text, sizeof text);
    assert_string_equal(text, "entrapment: yes (normally no)");
    detect_explain(&spec, &c, 1, DETECT_CHINESE, text, sizeof text);
    assert_string_equal(text, "困人：是（正常为否）");
}

static void every_detector_explains_itself_within_the_room_given(void **state)
{
    (void)state;
    struct channel_spec c = {.name = "level", .unit = unit_find("m", 1), .period_s = 60};
    for (int type = 0; type < DETECTOR_TYPE_COUNT; type++) {
        struct detector_spec spec = {.type = (enum detector_type)type, .name = "x"};
        for (int language = DETECT_ENGLISH; language <= DETECT_CHINESE; language++) {
            char text[16];
            memset(text, '!', sizeof text);
            detect_explain(&spec, &c, 1e300, (enum detect_language)language, text, 12);
            assert_true(strnlen(text, sizeof text) < 12);
            assert_int_equal(text[12], '!');
            assert_true(strlen(text) > 0);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_limit_holds_until_the_value_is_back_by_the_dead_band),
    cmocka_unit_test(a_lower_limit_is_the_mirror_of_an_upper_one),
    cmocka_unit_test(silence_is_noticed_by_time_alone_and_ends_with_a_reading),
    cmocka_unit_test(a_channel_never_heard_is_silent_from_its_first_watch),
    cmocka_unit_test(a_stuck_value_needs_both_time_and_readings),
    cmocka_unit_test(an_explanation_names_value_limit_and_unit_in_both_languages),
    cmocka_unit_test(a_channel_with_a_name_of_its_own_shows_it_behind_the_quantity),
    cmocka_unit_test(a_truth_is_told_as_yes_and_no),
    cmocka_unit_test(every_detector_explains_itself_within_the_room_given),
};

UNIT_MAIN(tests)
