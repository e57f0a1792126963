#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "simulator/scenario.h"

static const char *file_of(const char *text)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/scenario.json", unit_tmpdir());
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
    return path;
}

static struct scenario *good(const char *text)
{
    struct diag d = {0};
    struct scenario *s = NULL;
    const ll_err err = scenario_load(file_of(text), &d, &s);
    if (err != LL_OK) {
        fail_msg("expected a good scenario, got: %s", d.text[0]);
    }
    return s;
}

/* That loading fails, and that one of the messages ends with `expected`. */
static void expect_fault(const char *text, const char *expected)
{
    struct diag d = {0};
    struct scenario *s = NULL;
    assert_int_equal(scenario_load(file_of(text), &d, &s), LL_EFORMAT);
    assert_null(s);
    for (size_t i = 0; i < diag_kept(&d); i++) {
        const char *name = strstr(d.text[i], "scenario.json:");
        if (name != NULL && strcmp(name, expected) == 0) {
            return;
        }
    }
    fail_msg("expected '%s', got %zu faults, first '%s'", expected, d.count, d.text[0]);
}

#define HEAD "{\"scenario\": \"s\",\n\"districts\": [\"north\", \"south\"],\n"

static void assets_are_numbered_by_kind_and_dealt_to_the_districts(void **state)
{
    (void)state;
    struct scenario *s =
        good(HEAD "\"assets\": [{\"kind\": \"gas_pipe\", \"count\": 2, \"period_s\": 2},"
                  "{\"kind\": \"gas_pipe\", \"profile\": \"gas_pipe_pressure\", \"count\": 1,"
                  "\"period_s\": 0.5}]}");
    assert_int_equal(s->asset_count, 3);
    assert_string_equal(s->assets[0].id, "gas_pipe-0001");
    assert_string_equal(s->assets[0].device, "gas_pipe-0001-1");
    assert_string_equal(s->assets[0].model->profile, "gas_chamber");
    assert_string_equal(s->assets[1].district, "south");
    assert_string_equal(s->assets[2].id, "gas_pipe-0003");
    assert_string_equal(s->assets[2].model->profile, "gas_pipe_pressure");
    assert_int_equal(s->assets[2].period_ms, 500);
    scenario_free(s);
}

static void faults_take_the_models_magnitude_unless_they_give_one(void **state)
{
    (void)state;
    struct scenario *s = good(
        HEAD "\"assets\": [{\"kind\": \"gas_pipe\", \"count\": 1, \"period_s\": 2}],"
             "\"faults\": [{\"kind\": \"gas_leak\", \"asset\": \"gas_pipe-0001\", \"at_s\": 12},"
             "{\"kind\": \"gas_leak\", \"asset\": \"gas_pipe-0001\", \"at_s\": 60, \"for_s\": 5,"
             "\"magnitude\": 8}]}");
    assert_int_equal(s->fault_count, 2);
    assert_true(s->faults[0].magnitude == 0.5);
    assert_int_equal(s->faults[0].at_ms, 12000);
    assert_true(s->faults[0].end_ms == INT64_MAX);
    assert_true(s->faults[1].magnitude == 8);
    assert_int_equal(s->faults[1].end_ms, 65000);
    scenario_free(s);
}

static void storms_come_after_the_start(void **state)
{
    (void)state;
    struct scenario *s = good(
        HEAD
        "\"weather\": {\"wet_days\": 0.25, \"storms\": [{\"at_s\": 60, \"for_s\": 7200, "
        "\"depth_mm\": 40}]}, \"assets\": [{\"kind\": \"sewer\", \"count\": 1, \"period_s\": 2}]}");
    assert_true(s->wet_days == 0.25);
    assert_int_equal(s->storm_count, 1);
    assert_int_equal(s->storms[0].at_ms, 60000);
    assert_int_equal(s->storms[0].for_ms, 7200000);
    assert_true(s->storms[0].depth_mm == 40);
    scenario_free(s);
    expect_fault(HEAD "\"assets\": [{\"kind\": \"sewer\", \"count\": 1, \"period_s\": 2}],\n"
                      "\"weather\": {\"storms\": [{\"at_s\": 60, \"for_s\": 1, \"depth_mm\": 4}]}}",
                 "scenario.json:4: weather.storms[0].for_s: expected seconds from 60 to 604800");
}

static void every_fault_of_the_file_is_named_with_line_and_key(void **state)
{
    (void)state;
    expect_fault(HEAD "\"asets\": []}",
                 "scenario.json:3: asets: unknown key; did you mean 'assets'?");
    expect_fault(
        HEAD "\"assets\": [\n{\"kind\": \"gas_pip\", \"count\": 2, \"period_s\": 2}]}",
        "scenario.json:4: assets[0].kind: unknown asset kind 'gas_pip'; nearest: gas_pipe");
    expect_fault(HEAD "\"assets\": [{\"kind\": \"elevator\", \"profile\": \"manhole\",\n"
                      "\"count\": 2, \"period_s\": 2}]}",
                 "scenario.json:3: assets[0].profile: no model of 'elevator' with the profile "
                 "'manhole'; expected elevator");
    expect_fault(HEAD "\"assets\": [{\"kind\": \"elevator\",\n\"count\": 0, \"period_s\": 2}]}",
                 "scenario.json:4: assets[0].count: expected a whole number from 1 to 1000000");
    expect_fault(HEAD "\"assets\": [{\"kind\": \"elevator\", \"count\": 1.5, \"period_s\": 2}]}",
                 "scenario.json:3: assets[0].count: expected a whole number");
    expect_fault(HEAD "\"assets\": [{\"kind\": \"elevator\", \"count\": 1}]}",
                 "scenario.json:3: assets[0]: the key 'period_s' is missing; expected seconds "
                 "between samples");
}

#define ELEVATOR "\"assets\": [{\"kind\": \"elevator\", \"count\": 1, \"period_s\": 2}],\n"

static void impossible_faults_are_refused(void **state)
{
    (void)state;
    expect_fault(HEAD ELEVATOR "\"faults\": [{\"kind\": \"gas_leak\", \"asset\": "
                               "\"elevator-0001\", \"at_s\": 1}]}",
                 "scenario.json:4: faults[0].kind: 'elevator' has no fault 'gas_leak'; expected "
                 "entrapment, levelling_drift, door_friction, brake_wear, guide_wear, overspeed, "
                 "moving_door_open or one of a device");
    expect_fault(HEAD ELEVATOR "\"faults\": [{\"kind\": \"entrapment\", \"asset\":\n"
                               "\"elevator-0002\", \"at_s\": 1}]}",
                 "scenario.json:5: faults[0].asset: no asset 'elevator-0002' here");
    expect_fault(HEAD ELEVATOR "\"faults\": [{\"kind\": \"levelling_drift\", \"asset\": "
                               "\"elevator-0001\", \"at_s\": 1,\n\"magnitude\": 900}]}",
                 "scenario.json:5: faults[0].magnitude: expected 1 to 100 mm");
    expect_fault(HEAD ELEVATOR "\"faults\": [{\"kind\": \"entrapment\", \"asset\": "
                               "\"elevator-0001\", \"at_s\": -1}]}",
                 "scenario.json:4: faults[0].at_s: expected seconds after the start from 0 to "
                 "1000000000");
}

#define CHAMBER "\"assets\": [{\"kind\": \"gas_pipe\", \"count\": 2, \"period_s\": 60"
#define CHANCE  CHAMBER "}],\n\"random_faults\": [{\"per_asset_year\": 2, "

static void devices_report_as_the_group_says(void **state)
{
    (void)state;
    struct scenario *s = good(HEAD CHAMBER ", \"batch\": 5, \"dead_band\": 3, \"heartbeat_s\":"
                                           "600, \"payload\": \"native\"}]}");
    assert_int_equal(s->assets[1].batch, 5);
    assert_true(s->assets[1].dead_band == 3);
    assert_int_equal(s->assets[1].heartbeat_ms, 600000);
    assert_string_equal(s->assets[1].format->name, "native");
    scenario_free(s);
    s = good(HEAD CHAMBER "}]}");
    assert_int_equal(s->assets[1].batch, 1);
    assert_int_equal(s->assets[1].heartbeat_ms, 0);
    scenario_free(s);
}

static void assets_are_of_the_years_and_materials_that_the_group_says(void **state)
{
    (void)state;
    struct scenario *s = good(HEAD CHAMBER ", \"installed\": [1991, 1991],"
                                           "\"materials\": {\"cast_iron\": 0.1}}]}");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(s->assets[i].ageing.installed_year, 1991);
        assert_string_equal(s->assets[i].ageing.material->material, "cast_iron");
    }
    scenario_free(s);
    expect_fault(HEAD CHAMBER ", \"materials\":\n{\"cast_irn\": 1}}]}",
                 "scenario.json:4: assets[0].materials.cast_irn: unknown key; did you mean "
                 "'cast_iron'?");
    expect_fault(HEAD CHAMBER ", \"materials\": {\"PE\": 0}}]}",
                 "scenario.json:3: assets[0].materials: expected a share above 0");
    expect_fault(HEAD CHAMBER ", \"installed\": [2001, 1991]}]}",
                 "scenario.json:3: assets[0].installed: expected the lower number first");
}

static void faults_of_devices_have_a_channel(void **state)
{
    (void)state;
    struct scenario *s =
        good(HEAD CHAMBER "}], \"faults\": [{\"kind\": \"stuck\", \"asset\": \"gas_pipe-0001\","
                          "\"at_s\": 1, \"channel\": \"immersion\"},"
                          "{\"kind\": \"drift\", \"asset\": \"gas_pipe-0001\", \"at_s\": 1},"
                          "{\"kind\": \"silent\", \"asset\": \"gas_pipe-0001\", \"at_s\": 1}]}");
    assert_string_equal(s->faults[0].channel, "immersion");
    assert_string_equal(s->faults[1].channel, "methane");
    assert_string_equal(s->faults[2].channel, "");
    scenario_free(s);
    expect_fault(
        HEAD CHAMBER "}], \"faults\": [{\"kind\": \"drift\", \"asset\":"
                     "\"gas_pipe-0001\", \"at_s\": 1, \"channel\": \"immersion\"}]}",
        "scenario.json:3: faults[0].channel: 'gas_pipe-0001-1' has no channel for 'drift'");
    expect_fault(HEAD CHAMBER "}], \"faults\": [{\"kind\": \"backfill\", \"asset\":"
                              "\"gas_pipe-0001\", \"at_s\": 1, \"magnitude\": 499}]}",
                 "scenario.json:3: faults[0].magnitude: expected 500 to 100000 messages");
}

static void impossible_random_faults_are_refused(void **state)
{
    (void)state;
    struct scenario *s = good(HEAD CHANCE "\"kind\": \"gas_leak\", \"magnitude\": [1, 2]}]}");
    assert_int_equal(s->chance_count, 1);
    assert_true(isnan(s->chances[0].for_s[0]) && s->chances[0].magnitude[1] == 2);
    scenario_free(s);
    expect_fault(HEAD CHANCE "\"kind\": \"gas_lek\"}]}",
                 "scenario.json:4: random_faults[0].kind: no asset here can have the fault "
                 "'gas_lek'");
    expect_fault(HEAD CHANCE "\"kind\": \"gas_leak\", \"of\": \"sewer\"}]}",
                 "scenario.json:4: random_faults[0].kind: no asset here can have the fault "
                 "'gas_leak'");
    expect_fault(HEAD CHANCE "\"kind\": \"gas_leak\", \"of\": \"sewr\"}]}",
                 "scenario.json:4: random_faults[0].of: unknown asset kind 'sewr'; nearest: sewer");
    expect_fault(HEAD CHANCE "\"kind\": \"noise\", \"channel\": \"pressure\"}]}",
                 "scenario.json:4: random_faults[0].kind: no asset here can have the fault 'noise' "
                 "on the channel pressure");
    expect_fault(HEAD CHANCE "\"kind\": \"gas_leak\", \"magnitude\": [1, 2000]}]}",
                 "scenario.json:4: random_faults[0].magnitude: expected 0.001 to 60 m3/h");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(assets_are_numbered_by_kind_and_dealt_to_the_districts),
    cmocka_unit_test(faults_take_the_models_magnitude_unless_they_give_one),
    cmocka_unit_test(storms_come_after_the_start),
    cmocka_unit_test(every_fault_of_the_file_is_named_with_line_and_key),
    cmocka_unit_test(impossible_faults_are_refused),
    cmocka_unit_test(devices_report_as_the_group_says),
    cmocka_unit_test(assets_are_of_the_years_and_materials_that_the_group_says),
    cmocka_unit_test(faults_of_devices_have_a_channel),
    cmocka_unit_test(impossible_random_faults_are_refused),
};

UNIT_MAIN(tests)
