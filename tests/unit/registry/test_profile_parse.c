#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/registry/profile_parse.h"

static struct diag diag;

static ll_err parse(const char *text, struct profile **out)
{
    struct jsonfile *f = NULL;
    memset(&diag, 0, sizeof diag);
    ll_err err = jsonfile_parse("p.json", text, strlen(text), &diag, &f);
    if (err == LL_OK) {
        err = profile_parse(f, jsonfile_root(f), "", &diag, out);
    }
    jsonfile_free(f);
    return err;
}

static struct profile *parse_good(const char *text)
{
    struct profile *p = NULL;
    const ll_err err = parse(text, &p);
    if (diag.count > 0) {
        print_error("%s\n", diag.text[0]);
    }
    assert_int_equal(err, LL_OK);
    assert_int_equal(diag.count, 0);
    return p;
}

static void parse_bad(const char *text, const char *message)
{
    struct profile *untouched = (struct profile *)&diag;
    struct profile *p = untouched;
    assert_int_equal(parse(text, &p), LL_EFORMAT);
    assert_string_equal(diag.text[0], message);
    assert_int_equal(diag.count, 1);
    assert_ptr_equal(p, untouched);
}

/* A profile with one channel "x" (unit m, 0 to 10), its further members and its detectors. */
#define WITH_CHANNEL(members) \
    "{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{\n\"x\":" members "}}"
#define WITH_DETECTORS(detectors) \
    WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":10,\"detectors\":[\n" detectors "]}")

static void a_full_profile_is_read_as_written(void **state)
{
    (void)state;
    struct profile *p = parse_good(
        "// a chamber\n"
        "{\"profile\":\"gas_chamber\",\"kind\":\"gas_pipe\","
        "\"title\":{\"en\":\"Chamber\",\"zh\":\"阀井\"},\"late_limit_s\":1000,"
        "\"channels\":{\"methane\":{\"quantity\":\"gas\",\"unit\":\"%LEL\",\"type\":\"float\","
        "\"min\":0,\"max\":100,\"period_s\":600,\"detectors\":["
        "{\"detector\":\"limit\",\"name\":\"high\",\"above\":20,\"dead_band\":1,\"on_delay_s\":5,"
        "\"off_delay_s\":60,\"priority\":\"critical\"},"
        "{\"detector\":\"limit\",\"name\":\"low\",\"below\":1.5},"
        "{\"detector\":\"silence\",\"after_s\":700},"
        "{\"detector\":\"stuck\",\"tolerance\":0.5,\"min_readings\":20}]}}}");
    assert_string_equal(p->name, "gas_chamber");
    assert_string_equal(p->title_en, "Chamber");
    assert_string_equal(p->title_zh, "阀井");
    assert_string_equal(p->kind->key, "gas_pipe");
    assert_int_equal(p->late_limit_s, 1000);
    assert_int_equal(p->channel_count, 3);
    const struct channel_spec *c = &p->channels[0];
    assert_string_equal(c->name, "methane");
    assert_string_equal(c->quantity, "gas");
    assert_string_equal(c->field, "methane_pct_lel");
    assert_string_equal(c->unit->symbol, "%LEL");
    assert_int_equal(c->period_s, 600);
    assert_int_equal(c->detector_count, 4);
    const struct detector_spec *high = &c->detectors[0];
    assert_int_equal(high->type, DETECTOR_LIMIT);
    assert_string_equal(high->name, "high");
    assert_true(high->param[LIMIT_ABOVE] == 20);
    assert_true(isnan(high->param[LIMIT_BELOW]));
    assert_true(high->param[LIMIT_DEAD_BAND] == 1);
    assert_int_equal(high->priority, PRIORITY_CRITICAL);
    assert_int_equal(high->on_delay_s, 5);
    assert_int_equal(high->off_delay_s, 60);
    const struct detector_spec *low = &c->detectors[1];
    assert_true(isnan(low->param[LIMIT_ABOVE]));
    assert_true(low->param[LIMIT_BELOW] == 1.5);
    assert_true(c->detectors[2].param[SILENCE_AFTER_S] == 700);
    const struct detector_spec *stuck = &c->detectors[3];
    assert_int_equal(stuck->type, DETECTOR_STUCK);
    assert_string_equal(stuck->name, "stuck");
    assert_true(stuck->param[STUCK_AFTER_S] == 604800);
    assert_true(stuck->param[STUCK_TOLERANCE] == 0.5);
    assert_true(stuck->param[STUCK_MIN_READINGS] == 20);
    profile_free(p);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    struct profile *p = parse_good(
        "{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,"
        "\"max\":1,\"period_s\":300,\"detectors\":[{\"detector\":\"silence\"}]},"
        "\"open\":{\"unit\":\"state\",\"type\":\"bool\"}}}");
    assert_string_equal(p->title_en, "p");
    assert_string_equal(p->title_zh, "p");
    assert_int_equal(p->late_limit_s, 7 * 86400);
    const struct channel_spec *x = &p->channels[0];
    assert_string_equal(x->quantity, "x");
    assert_int_equal(x->type, FIELD_FLOAT);
    assert_string_equal(x->detectors[0].name, "silence");
    assert_int_equal(x->detectors[0].priority, PRIORITY_MEDIUM);
    assert_int_equal(x->detectors[0].on_delay_s, 0);
    assert_int_equal(x->detectors[0].off_delay_s, 0);
    assert_true(x->detectors[0].param[SILENCE_AFTER_S] == 900);
    const struct channel_spec *open = &p->channels[1];
    assert_int_equal(open->type, FIELD_BOOL);
    assert_true(open->min == 0 && open->max == 1);
    assert_int_equal(open->period_s, 0);
    profile_free(p);
}

static void battery_and_signal_stand_at_the_end(void **state)
{
    (void)state;
    struct profile *p = parse_good(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":10}"));
    assert_int_equal(p->channel_count, 3);
    const struct channel_spec *bat = &p->channels[1];
    assert_string_equal(bat->name, "bat");
    assert_string_equal(bat->field, "bat_v");
    assert_string_equal(bat->unit->symbol, "V");
    assert_true(bat->min == 0 && bat->max == 100);
    assert_int_equal(bat->type, FIELD_FLOAT);
    assert_int_equal(bat->detector_count, 0);
    const struct channel_spec *rssi = &p->channels[2];
    assert_string_equal(rssi->name, "rssi");
    assert_string_equal(rssi->field, "rssi_dbm");
    assert_true(rssi->min == -200 && rssi->max == 20);
    profile_free(p);
}

static void a_profile_may_define_the_battery_itself(void **state)
{
    (void)state;
    struct profile *p = parse_good("{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{"
                                   "\"bat\":{\"unit\":\"mV\",\"min\":0,\"max\":5000},"
                                   "\"x\":{\"unit\":\"m\",\"min\":0,\"max\":1}}}");
    assert_int_equal(p->channel_count, 3);
    assert_string_equal(p->channels[0].field, "bat_mv");
    assert_string_equal(p->channels[1].name, "x");
    assert_string_equal(p->channels[2].name, "rssi");
    profile_free(p);
}

static void a_field_carries_its_unit_once(void **state)
{
    (void)state;
    struct profile *p = parse_good("{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{"
                                   "\"L_T1\":{\"unit\":\"m\",\"min\":0,\"max\":1},"
                                   "\"speed_ms\":{\"unit\":\"m/s\",\"min\":0,\"max\":1},"
                                   "\"items\":{\"unit\":\"s\",\"min\":0,\"max\":1},"
                                   "\"m\":{\"unit\":\"m\",\"min\":0,\"max\":1},"
                                   "\"ph\":{\"unit\":\"pH\",\"min\":0,\"max\":14}}}");
    assert_string_equal(p->channels[0].field, "L_T1_m");
    assert_string_equal(p->channels[1].field, "speed_ms");
    assert_string_equal(p->channels[2].field, "items_s");
    assert_string_equal(p->channels[3].field, "m_m");
    assert_string_equal(p->channels[4].field, "ph");
    profile_free(p);
}

static void unknown_words_are_errors_with_a_suggestion(void **state)
{
    (void)state;
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\n\"chanels\":{},\"channels\":{\"x\":"
              "{\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:2: chanels: unknown key 'chanels'; did you mean 'channels'?");
    parse_bad(
        "{\"profile\":\"p\",\n\"kind\":\"sewr\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,"
        "\"max\":1}}}",
        "p.json:2: kind: unknown asset kind 'sewr'; did you mean 'sewer'?");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\"title\":{\"cn\":\"x\"},\"channels\":{\"x\":{"
              "\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:1: title.cn: unknown key 'cn'; did you mean 'en'?");
    parse_bad(WITH_CHANNEL("{\"unit\":\"MPA\",\"min\":0,\"max\":1}"),
              "p.json:2: channels.x.unit: unknown unit 'MPA'; did you mean 'MPa'?");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":1,\"periods\":5}"),
              "p.json:2: channels.x.periods: unknown key 'periods'; did you mean 'period_s'?");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":1,\"type\":\"flaot\"}"),
              "p.json:2: channels.x.type: unknown type 'flaot'; did you mean 'float'?");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limits\",\"above\":1}"),
              "p.json:3: channels.x.detectors[0].detector: unknown detector 'limits'; "
              "did you mean 'limit'?");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"abvoe\":1,\"above\":2}"),
              "p.json:3: channels.x.detectors[0].abvoe: unknown key 'abvoe'; "
              "did you mean 'above'?");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":1,\n\"priority\":\"hihg\"}"),
              "p.json:4: channels.x.detectors[0].priority: unknown priority 'hihg'; "
              "did you mean 'high'?");
    /* A setting of another detector is unknown to this one. */
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":1,\"tolerance\":2}"),
              "p.json:3: channels.x.detectors[0].tolerance: unknown key 'tolerance'");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    parse_bad("{\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:1: 'profile' is missing: the profile's name");
    parse_bad("{\"profile\":\"p\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:1: 'kind' is missing: the asset kind");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\"}", "p.json:1: 'channels' is missing");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\n\"channels\":{}}",
              "p.json:2: channels: 0 channels; a profile has 1 to 256");
    parse_bad(WITH_CHANNEL("{\"min\":0,\"max\":1}"),
              "p.json:2: channels.x: 'unit' is missing; \"state\" and \"1\" stand for none");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0}"),
              "p.json:2: channels.x: 'min' and 'max' are missing: the plausible range in m");
    parse_bad(WITH_DETECTORS("{\"above\":1}"),
              "p.json:3: channels.x.detectors[0]: 'detector' is missing: limit, silence, …");
}

static void values_of_the_wrong_sort_are_named(void **state)
{
    (void)state;
    parse_bad("[1]", "p.json:1: an object was expected");
    parse_bad("{\"profile\":\"a b\",\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\","
              "\"min\":0,\"max\":1}}}",
              "p.json:1: profile: 'a b' is not a name: letters, digits and . _ - :");
    parse_bad("{\"profile\":5,\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,"
              "\"max\":1}}}",
              "p.json:1: profile: a text was expected");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\"title\":{\"en\":\"\xff\"},\"channels\":{"
              "\"x\":{\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:1: title.en: the text is longer than 127 bytes or is not UTF-8");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\"late_limit_s\":0,\"channels\":{\"x\":{"
              "\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:1: late_limit_s: 0 is outside 1 to 3153600000 s");
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{\"x-y\":{\"unit\":\"m\","
              "\"min\":0,\"max\":1}}}",
              "p.json:1: channels.x-y: 'x-y' is not a channel name: letters, digits and _, "
              "at most 47");
    parse_bad(WITH_CHANNEL("7"), "p.json:2: channels.x: an object was expected");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":\"0\",\"max\":1}"),
              "p.json:2: channels.x.min: a number was expected");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":NaN}"),
              "p.json:2: channels.x.max: a number was expected");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":3,\"max\":3}"),
              "p.json:2: channels.x.max: 3 is not above 'min', 3");
    parse_bad(WITH_CHANNEL("{\"unit\":\"state\",\"type\":\"bool\",\"min\":0,\"max\":2}"),
              "p.json:2: channels.x.max: 2 is outside 0 to 1 state");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":1,\"period_s\":1.5}"),
              "p.json:2: channels.x.period_s: 1.5 is not a whole number of seconds");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":1,\"detectors\":{}}"),
              "p.json:2: channels.x.detectors: an array was expected");
    parse_bad(WITH_DETECTORS("5"), "p.json:3: channels.x.detectors[0]: an object was expected");
}

static void a_limit_that_could_never_act_is_refused(void **state)
{
    (void)state;
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\"}"),
              "p.json:3: channels.x.detectors[0]: a limit needs 'above' or 'below', one of them");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":5,\"below\":1}"),
              "p.json:3: channels.x.detectors[0]: a limit needs 'above' or 'below', one of them");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":10}"),
              "p.json:3: channels.x.detectors[0].above: 10 can never be passed: "
              "the channel's range ends at 10");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"below\":-1}"),
              "p.json:3: channels.x.detectors[0].below: -1 can never be passed: "
              "the channel's range begins at 0");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":5,\"dead_band\":6}"),
              "p.json:3: channels.x.detectors[0].dead_band: 6 reaches past the channel's range: "
              "the alarm could never clear");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":5,\"dead_band\":-1}"),
              "p.json:3: channels.x.detectors[0].dead_band: -1 is outside 0 to 1e+12 m");
    parse_bad(WITH_DETECTORS("{\"detector\":\"silence\"}"),
              "p.json:3: channels.x.detectors[0]: silence needs 'after_s', since the channel has "
              "no 'period_s'");
    parse_bad(WITH_DETECTORS("{\"detector\":\"stuck\",\"tolerance\":10}"),
              "p.json:3: channels.x.detectors[0].tolerance: 10 is as wide as the channel's range");
}

static void detectors_of_a_channel_have_names_of_their_own(void **state)
{
    (void)state;
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":5},\n"
                             "{\"detector\":\"limit\",\"above\":6}"),
              "p.json:4: channels.x.detectors[1]: a second detector named 'limit' on this channel; "
              "give it another name");
    parse_bad(WITH_DETECTORS("{\"detector\":\"limit\",\"above\":5,\"name\":\"too high\"}"),
              "p.json:3: channels.x.detectors[0].name: 'too high' is not a name: letters, digits "
              "and _");
    parse_bad(WITH_CHANNEL("{\"unit\":\"m\",\"min\":0,\"max\":1,\"detectors\":"
                           "[0,0,0,0,0,0,0,0,0]}"),
              "p.json:2: channels.x.detectors: 9 detectors; a channel may have 8");
}

static void two_channels_cannot_be_one_field(void **state)
{
    (void)state;
    parse_bad("{\"profile\":\"p\",\"kind\":\"sewer\",\"channels\":{\n"
              "\"level\":{\"unit\":\"m\",\"min\":0,\"max\":1},\n"
              "\"level_m\":{\"unit\":\"m\",\"min\":0,\"max\":1}}}",
              "p.json:2: channels.level: field 'level_m' would also be that of channel 'level_m'");
}

static void every_fault_of_a_profile_is_named(void **state)
{
    (void)state;
    struct profile *p = NULL;
    assert_int_equal(parse("{\"profile\":\"p\",\"kind\":\"x\",\"extra\":1,\"channels\":{\n"
                           "\"a\":{\"unit\":\"m\"},\n"
                           "\"b\":{\"unit\":\"q\",\"min\":0,\"max\":1}}}",
                           &p),
                     LL_EFORMAT);
    assert_int_equal(diag.count, 4);
    assert_null(p);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_full_profile_is_read_as_written),
    cmocka_unit_test(what_is_left_out_has_its_default),
    cmocka_unit_test(battery_and_signal_stand_at_the_end),
    cmocka_unit_test(a_profile_may_define_the_battery_itself),
    cmocka_unit_test(a_field_carries_its_unit_once),
    cmocka_unit_test(unknown_words_are_errors_with_a_suggestion),
    cmocka_unit_test(what_is_missing_is_named),
    cmocka_unit_test(values_of_the_wrong_sort_are_named),
    cmocka_unit_test(a_limit_that_could_never_act_is_refused),
    cmocka_unit_test(detectors_of_a_channel_have_names_of_their_own),
    cmocka_unit_test(two_channels_cannot_be_one_field),
    cmocka_unit_test(every_fault_of_a_profile_is_named),
};

UNIT_MAIN(tests)
