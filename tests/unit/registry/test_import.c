#include "tests/unit/registry/fixture.h"

#include <math.h>

#include "gateway/base/clock.h"

static void assets_come_from_csv_with_all_their_columns(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_assets, "a.csv",
         "\xef\xbb\xbf"
         "id,kind,name,district,material,installed,latitude,longitude,length_m,diameter_mm,"
         "criticality\r\n"
         "gp-1,gas_pipe,\"新华路, 东段\",鲤城区,PE,2009-05-31,24.9,118.6,120.5,200,4\r\n"
         "gp-2,gas_pipe,,,,,,,,,\r\n",
         2);
    struct registry *r = load(f);
    const struct asset *a = registry_asset(r, "gp-1", 4);
    int64_t day;
    assert_true(clock_parse_date("2009-05-31", &day));
    assert_non_null(a);
    assert_string_equal(a->id, "gp-1");
    assert_string_equal(a->kind->key, "gas_pipe");
    assert_string_equal(a->name, "新华路, 东段");
    assert_string_equal(a->district, "鲤城区");
    assert_string_equal(a->material, "PE");
    assert_int_equal(a->installed_day, day);
    assert_true(a->latitude == 24.9 && a->longitude == 118.6);
    assert_true(a->length_m == 120.5 && a->diameter_mm == 200);
    assert_int_equal(a->criticality, 4);
    const struct asset *bare = registry_asset(r, "gp-2", 4);
    assert_string_equal(bare->name, "");
    assert_string_equal(bare->district, "");
    assert_true(bare->installed_day == LL_DATE_UNKNOWN);
    assert_true(isnan(bare->latitude) && isnan(bare->length_m) && isnan(bare->diameter_mm));
    assert_int_equal(bare->criticality, 2);
    registry_unref(r);
}

static void columns_may_bear_their_other_names(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_assets, "mains.csv",
         "asset_id,kind,material,diameter_mm,length_m,delivered\n270,water_main,CI,150,59.74,"
         "1958-01-01\n",
         1);
    take(f, registry_import_profiles, "p.json", meter_json, 1);
    take(f, registry_import_devices, "d.csv",
         "device_id,profile,asset,channel_assets\nd1,meter,270,\n", 1);
    struct registry *r = load(f);
    assert_true(registry_asset(r, "270", 3)->length_m == 59.74);
    assert_non_null(registry_device(r, "d1", 2));
    registry_unref(r);
}

static void assets_come_from_json_too(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_assets, "a.json",
         " [ // two lifts\n{\"id\": \"lift-1\", \"kind\": \"elevator\", \"district\": \"赣县区\","
         "\"delivered\": \"2008-02-29\", \"criticality\": 3, \"latitude\": 25.5},\n"
         "{\"asset_id\": 270, \"kind\": \"hydrant\", \"name\": null}]",
         2);
    take(f, registry_import_assets, "one.json", "{\"id\":\"lift-3\",\"kind\":\"elevator\"}", 1);
    struct registry *r = load(f);
    const struct asset *a = registry_asset(r, "lift-1", 6);
    assert_string_equal(a->district, "赣县区");
    assert_int_equal(a->criticality, 3);
    assert_true(a->latitude == 25.5);
    assert_string_equal(registry_asset(r, "270", 3)->kind->key, "hydrant");
    assert_int_equal(registry_asset_count(r), 3);
    registry_unref(r);
}

static void a_known_asset_changes_only_in_the_columns_given(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_assets, "a.csv",
         "id,kind,name,district,criticality\na,sewer,Old,North,4\n", 1);
    take(f, registry_import_assets, "b.csv", "id,kind,name,length_m\na,manhole,,7\n", 1);
    struct registry *r = load(f);
    const struct asset *a = registry_asset(r, "a", 1);
    assert_int_equal(registry_asset_count(r), 1);
    assert_string_equal(a->kind->key, "manhole");
    assert_string_equal(a->name, "");
    assert_string_equal(a->district, "North");
    assert_int_equal(a->criticality, 4);
    assert_true(a->length_m == 7);
    registry_unref(r);
}

#define NOT_AN_ID \
    "a.csv:4: id: 'a b' is not an id: letters, digits and . _ - : are allowed, at most 63 of them"

static void every_bad_row_is_named_and_nothing_is_changed(void **state)
{
    struct fixture *f = *state;
    static const char *const messages[] = {
        "a.csv:3: kind: 'gas_pip' is not an asset kind; did you mean 'gas_pipe'?",
        NOT_AN_ID,
        "a.csv:5: id: a value is required",
        "a.csv:6: installed: '2009-02-30' is not a date; write it as 2009-05-31",
        "a.csv:7: latitude: 90.5 is outside -90 to 90",
        "a.csv:8: length_m: '12,5' is not a number",
        "a.csv:9: criticality: '2.5' is not a whole number",
        "a.csv:10: criticality: 5 is outside 1 to 4",
        "a.csv:11: 3 fields, but the header has 6",
        "a.csv:12: id: 'ok-1' stands on line 2 already",
        "a.csv:13: a quote inside a field that does not begin with one",
    };
    refuse(f, registry_import_assets, "a.csv",
           "id,kind,installed,latitude,length_m,criticality\n"
           "ok-1,sewer,,,,\n"
           "b,gas_pip,,,,\n"
           "a b,sewer,,,,\n"
           ",sewer,,,,\n"
           "c,sewer,2009-02-30,,,\n"
           "d,sewer,,90.5,,\n"
           "e,sewer,,,\"12,5\",\n"
           "g,sewer,,,,2.5\n"
           "h,sewer,,,,5\n"
           "i,sewer,\n"
           "ok-1,sewer,,,,\n"
           "j\"k,sewer,,,,\n"
           "ok-2,sewer,,,,\n",
           messages, sizeof messages / sizeof messages[0]);
    struct registry *r = load(f);
    assert_int_equal(registry_asset_count(r), 0);
    registry_unref(r);
}

static void a_half_good_file_leaves_the_store_as_it_was(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_assets, "a.csv", "id,kind,name\na,sewer,First\n", 1);
    refuse_one(f, registry_import_assets, "b.csv", "id,kind,name\na,sewer,Second\nb,sewr,X\n",
               "b.csv:3: kind: 'sewr' is not an asset kind; did you mean 'sewer'?");
    struct registry *r = load(f);
    assert_int_equal(registry_asset_count(r), 1);
    assert_string_equal(registry_asset(r, "a", 1)->name, "First");
    registry_unref(r);
    /* The refusal left no transaction open. */
    take(f, registry_import_assets, "c.csv", "id,kind\nb,sewer\n", 1);
}

static void a_wrong_header_is_named_alone(void **state)
{
    struct fixture *f = *state;
    refuse_one(f, registry_import_assets, "a.csv", "id,kind,distrct\na,wrong,\n",
               "a.csv:1: unknown column 'distrct'; did you mean 'district'?");
    refuse_one(f, registry_import_assets, "a.csv", "id,kind,zzzzzzzz\n",
               "a.csv:1: unknown column 'zzzzzzzz'; known are: id, kind, name, district, material, "
               "installed, latitude, longitude, length_m, diameter_mm, criticality");
    refuse_one(f, registry_import_assets, "a.csv", "id,name\na,x\n",
               "a.csv:1: column 'kind' is missing");
    refuse_one(f, registry_import_assets, "a.csv", "id,kind,asset_id\n",
               "a.csv:1: column 'id' stands here twice, as 'asset_id'");
    refuse_one(f, registry_import_assets, "a.csv", "",
               "a.csv: the file is empty; a header row was expected");
    refuse_one(f, registry_import_assets, "a.csv", "id,\"kind\n",
               "a.csv:1: a quoted field does not end");
}

static void text_that_would_break_a_tag_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[512];
    refuse_one(f, registry_import_assets, "a.csv", "id,kind,name\na,sewer,\"two\nlines\"\n",
               "a.csv:2: name: the text has a line end or another control character");
    snprintf(text, sizeof text, "id,kind,district\na,sewer,%0128d\n", 0);
    refuse_one(f, registry_import_assets, "a.csv", text,
               "a.csv:2: district: the text is longer than 127 bytes");
    refuse_one(f, registry_import_assets, "a.csv", "id,kind,name\na,sewer,\xc4\xcf\n",
               "a.csv:2: not UTF-8; save the file as UTF-8");
    refuse_one(f, registry_import_assets, "a.json",
               "{\"id\":\"a\",\"kind\":\"sewer\",\"name\":\"\xc4\xcf\"}",
               "a.json:1: name: the text is not UTF-8 or has a zero byte");
}

static void faults_in_json_are_named_by_their_own_line(void **state)
{
    struct fixture *f = *state;
    static const char *const messages[] = {
        "a.json:4: kind: 'sewr' is not an asset kind; did you mean 'sewer'?",
        "a.json:6: name: a text or a number was expected",
        "a.json:7: unknown column 'lenght_m'; did you mean 'length_m'?",
        "a.json:8: an object was expected",
        "a.json:9: kind: a value is required",
        "a.json:10: column 'id' stands here twice, by both its names",
    };
    refuse(f, registry_import_assets, "a.json",
           "[\n"
           "{\"id\": \"a\", \"kind\": \"sewer\"},\n"
           "{\"id\": \"b\",\n"
           "  \"kind\": \"sewr\"},\n"
           "{\"id\": \"c\", \"kind\": \"sewer\",\n"
           "  \"name\": [1]},\n"
           "{\"id\": \"d\", \"kind\": \"sewer\", \"lenght_m\": 5},\n"
           "5,\n"
           "{\"id\": \"e\"},\n"
           "{\"id\": \"f\", \"asset_id\": \"g\", \"kind\": \"sewer\"}\n"
           "]",
           messages, sizeof messages / sizeof messages[0]);
    memset(&f->diag, 0, sizeof f->diag);
    size_t count = 0;
    assert_int_equal(registry_import_assets(f->db, "a.json", "[{]", 3, &f->diag, &count),
                     LL_EFORMAT);
    assert_int_equal(f->diag.count, 1);
    assert_non_null(strstr(f->diag.text[0], "a.json:1: not valid JSON"));
}

static void more_faults_than_are_shown_are_counted(void **state)
{
    struct fixture *f = *state;
    char text[1024] = "id,kind\n";
    for (int i = 0; i < 30; i++) {
        char row[32];
        snprintf(row, sizeof row, "a%d,nothing\n", i);
        strncat(text, row, sizeof text - strlen(text) - 1);
    }
    size_t count;
    assert_int_equal(registry_import_assets(f->db, "a.csv", text, strlen(text), &f->diag, &count),
                     LL_EFORMAT);
    assert_int_equal(f->diag.count, 30);
    assert_int_equal(diag_kept(&f->diag), LL_MAX_DIAGS);
}

/* --- devices --------------------------------------------------------------------------------- */

static void with_assets_and_profile(struct fixture *f)
{
    take(f, registry_import_assets, "a.csv",
         "id,kind\ngas,gas_pipe\nlid,manhole\nmain,water_main\n", 3);
    take(f, registry_import_profiles, "p.json", meter_json, 1);
}

static void a_device_may_report_for_assets_of_several_kinds(void **state)
{
    struct fixture *f = *state;
    with_assets_and_profile(f);
    take(f, registry_import_devices, "d.csv",
         "id,asset,profile,channel_assets\nrtu,gas,meter,door=lid;trips=main\nplain,lid,meter,\n",
         2);
    take(f, registry_import_devices, "d.json",
         "[{\"id\":\"rtu2\",\"asset\":\"gas\",\"profile\":\"meter\","
         "\"channels\":{\"bat\":\"main\"}}]",
         1);
    struct registry *r = load(f);
    const struct device *rtu = registry_device(r, "rtu", 3);
    assert_string_equal(device_asset(rtu, 0)->id, "gas");
    assert_string_equal(device_asset(rtu, 1)->id, "lid");
    assert_string_equal(device_asset(rtu, 1)->kind->key, "manhole");
    assert_string_equal(device_asset(rtu, 2)->id, "main");
    assert_null(registry_device(r, "plain", 5)->channel_assets);
    assert_string_equal(device_asset(registry_device(r, "rtu2", 4), 3)->id, "main");
    registry_unref(r);
}

static void bindings_are_replaced_only_where_they_are_given(void **state)
{
    struct fixture *f = *state;
    with_assets_and_profile(f);
    take(f, registry_import_devices, "d.csv",
         "id,asset,profile,channels\nrtu,gas,meter,door=lid;trips=main\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nrtu,main,meter\n", 1);
    struct registry *r = load(f);
    const struct device *rtu = registry_device(r, "rtu", 3);
    assert_string_equal(device_asset(rtu, 0)->id, "main");
    assert_string_equal(device_asset(rtu, 1)->id, "lid");
    registry_unref(r);
    take(f, registry_import_devices, "d.csv", "id,asset,profile,channels\nrtu,gas,meter,\n", 1);
    r = load(f);
    assert_null(registry_device(r, "rtu", 3)->channel_assets);
    registry_unref(r);
}

static void what_a_device_refers_to_must_be_there(void **state)
{
    struct fixture *f = *state;
    with_assets_and_profile(f);
    static const char *const messages[] = {
        "d.csv:2: asset: no asset 'gone'; import assets before devices",
        "d.csv:3: profile: no profile 'metre'; did you mean 'meter'?",
        "d.csv:4: channels: no channel 'dor'; did you mean 'door'?",
        "d.csv:5: channels: no asset 'gone' for channel 'door'",
        "d.csv:6: channels: 'door' is not channel=asset; pairs are parted by ';'",
        "d.csv:7: channels: channel 'door' stands here twice",
        "d.csv:8: profile: a value is required",
    };
    refuse(f, registry_import_devices, "d.csv",
           "id,asset,profile,channel_assets\n"
           "d1,gone,meter,\n"
           "d2,gas,metre,\n"
           "d3,gas,meter,dor=lid\n"
           "d4,gas,meter,door=gone\n"
           "d5,gas,meter,door;trips=lid\n"
           "d6,gas,meter,door=lid;door=gas\n"
           "d7,gas,,\n",
           messages, sizeof messages / sizeof messages[0]);
    struct registry *r = load(f);
    assert_int_equal(registry_device_count(r), 0);
    registry_unref(r);
    static const char *const in_json[] = {
        "d.json:1: channels: an object was expected",
        "d.json:2: channels: 'door' needs an asset's id",
    };
    refuse(f, registry_import_devices, "d.json",
           "[{\"id\":\"d1\",\"asset\":\"gas\",\"profile\":\"meter\",\"channels\":\"door=lid\"},\n"
           "{\"id\":\"d2\",\"asset\":\"gas\",\"profile\":\"meter\",\"channels\":{\"door\":1}}]",
           in_json, 2);
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(assets_come_from_csv_with_all_their_columns),
    FIXTURE_TEST(columns_may_bear_their_other_names),
    FIXTURE_TEST(assets_come_from_json_too),
    FIXTURE_TEST(a_known_asset_changes_only_in_the_columns_given),
    FIXTURE_TEST(every_bad_row_is_named_and_nothing_is_changed),
    FIXTURE_TEST(a_half_good_file_leaves_the_store_as_it_was),
    FIXTURE_TEST(a_wrong_header_is_named_alone),
    FIXTURE_TEST(text_that_would_break_a_tag_is_refused),
    FIXTURE_TEST(faults_in_json_are_named_by_their_own_line),
    FIXTURE_TEST(more_faults_than_are_shown_are_counted),
    FIXTURE_TEST(a_device_may_report_for_assets_of_several_kinds),
    FIXTURE_TEST(bindings_are_replaced_only_where_they_are_given),
    FIXTURE_TEST(what_a_device_refers_to_must_be_there),
};

UNIT_MAIN(tests)
