#include "tests/unit/registry/fixture.h"

#include "gateway/base/buf.h"

static struct buf out;

static int open_city(void **state)
{
    buf_init(&out, 1000000);
    if (fixture_open(state) != 0) {
        return -1;
    }
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", meter_json, 1);
    take(f, registry_import_assets, "a.csv",
         "id,kind,name,district,installed,latitude,criticality\n"
         "gas-1,gas_pipe,\"say \"\"东\"\"\",鲤城区,1958-01-31,24.9,4\n"
         "lid-1,manhole,,,,,\n",
         2);
    take(f, registry_import_devices, "d.csv",
         "id,asset,profile,channels\nrtu-2,gas-1,meter,door=lid-1\nrtu-1,lid-1,meter,\n", 2);
    return 0;
}

static int close_city(void **state)
{
    buf_free(&out);
    return fixture_close(state);
}

#define CITY_TEST(t) cmocka_unit_test_setup_teardown(t, open_city, close_city)

static void assets_are_listed_by_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_list_assets(f->db, "", 0, &out), LL_OK);
    assert_string_equal(
        buf_str(&out),
        "{\"total\":2,\"items\":["
        "{\"id\":\"gas-1\",\"kind\":\"gas_pipe\",\"name\":\"say \\\"东\\\"\","
        "\"district\":\"鲤城区\",\"material\":null,\"installed\":\"1958-01-31\",\"latitude\":24.9,"
        "\"longitude\":null,\"length_m\":null,\"diameter_mm\":null,\"criticality\":4},"
        "{\"id\":\"lid-1\",\"kind\":\"manhole\",\"name\":null,\"district\":null,\"material\":null,"
        "\"installed\":null,\"latitude\":null,\"longitude\":null,\"length_m\":null,"
        "\"diameter_mm\":null,\"criticality\":2}]}");
}

static void a_list_takes_part_of_an_id_and_an_offset(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_list_devices(f->db, "", 1, &out), LL_OK);
    assert_string_equal(buf_str(&out),
                        "{\"total\":2,\"items\":[{\"id\":\"rtu-2\",\"asset\":\"gas-1\","
                        "\"profile\":\"meter\",\"kind\":\"gas_pipe\",\"district\":\"鲤城区\"}]}");
    buf_reset(&out);
    assert_int_equal(registry_list_devices(f->db, "-1", 0, &out), LL_OK);
    assert_string_equal(buf_str(&out),
                        "{\"total\":1,\"items\":[{\"id\":\"rtu-1\",\"asset\":\"lid-1\","
                        "\"profile\":\"meter\",\"kind\":\"manhole\",\"district\":null}]}");
    buf_reset(&out);
    /* Nothing in a filter is a pattern. */
    assert_int_equal(registry_list_devices(f->db, "%", 0, &out), LL_OK);
    assert_string_equal(buf_str(&out), "{\"total\":0,\"items\":[]}");
    buf_reset(&out);
    assert_int_equal(registry_list_assets(f->db, "", UINT64_MAX, &out), LL_OK);
    assert_string_equal(buf_str(&out), "{\"total\":2,\"items\":[]}");
}

static void a_list_holds_at_most_its_cap(void **state)
{
    struct fixture *f = *state;
    struct buf rows;
    buf_init(&rows, 100000);
    buf_str_add(&rows, "id,kind\n");
    for (int i = 0; i < LL_MAX_ROWS; i++) {
        buf_printf(&rows, "x%d,sewer\n", i);
    }
    take(f, registry_import_assets, "a.csv", buf_str(&rows), LL_MAX_ROWS);
    buf_free(&rows);
    assert_int_equal(registry_list_assets(f->db, NULL, 0, &out), LL_OK);
    size_t items = 0;
    for (const char *p = buf_str(&out); (p = strstr(p, "\"id\":")) != NULL; p++) {
        items++;
    }
    assert_int_equal(items, LL_MAX_ROWS);
    assert_non_null(strstr(buf_str(&out), "{\"total\":1002,"));
}

static void profiles_are_listed_with_their_devices(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_list_profiles(f->db, "met", 0, &out), LL_OK);
    assert_non_null(strstr(buf_str(&out),
                           "{\"total\":1,\"items\":[{\"profile\":\"meter\",\"kind\":\"gas_pipe\","
                           "\"title_en\":\"Meter\",\"title_zh\":\"燃气表\",\"channels\":5,"
                           "\"devices\":2,\"imported_ms\":"));
}

static void one_asset_is_shown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_show_asset(f->db, "lid-1", &out), LL_OK);
    assert_string_equal(buf_str(&out),
                        "{\"id\":\"lid-1\",\"kind\":\"manhole\",\"name\":null,\"district\":null,"
                        "\"material\":null,\"installed\":null,\"latitude\":null,"
                        "\"longitude\":null,\"length_m\":null,\"diameter_mm\":null,"
                        "\"criticality\":2}");
}

static void a_device_is_shown_with_the_assets_of_its_channels(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_show_device(f->db, "rtu-2", &out), LL_OK);
    const char *text = buf_str(&out);
    assert_non_null(strstr(text, "{\"id\":\"rtu-2\",\"asset\":\"gas-1\",\"profile\":\"meter\","
                                 "\"kind\":\"gas_pipe\",\"district\":\"鲤城区\",\"channels\":["
                                 "{\"channel\":\"methane\",\"asset\":\"gas-1\","
                                 "\"quantity\":\"methane\",\"unit\":\"%LEL\","
                                 "\"field\":\"methane_pct_lel\",\"type\":\"float\",\"min\":0,"
                                 "\"max\":100,\"period_s\":600},"));
    assert_non_null(strstr(text, "{\"channel\":\"door\",\"asset\":\"lid-1\","));
    assert_non_null(strstr(text, "{\"channel\":\"rssi\",\"asset\":\"gas-1\","));
}

static void a_profile_is_shown_with_its_defaults_filled_in(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "q.json",
         "{\"profile\":\"q\",\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":-1,"
         "\"max\":2.5,\"period_s\":60,\"detectors\":[{\"detector\":\"limit\",\"above\":2},"
         "{\"detector\":\"silence\",\"priority\":\"low\"}]}}}",
         1);
    assert_int_equal(registry_show_profile(f->db, "q", &out), LL_OK);
    assert_string_equal(
        buf_str(&out),
        "{\"profile\":\"q\",\"kind\":\"sewer\",\"title_en\":\"q\",\"title_zh\":\"q\","
        "\"device_clock\":\"correct_ahead\",\"late_after_s\":1800,"
        "\"late_limit_s\":604800,\"channels\":[{\"channel\":\"x\",\"quantity\":\"x\","
        "\"unit\":\"m\",\"field\":\"x_m\",\"type\":\"float\",\"min\":-1,\"max\":2.5,"
        "\"period_s\":60,\"detectors\":[{\"detector\":\"limit\",\"name\":\"limit\","
        "\"priority\":\"medium\",\"above\":2,\"dead_band\":0,\"on_delay_s\":0,\"off_delay_s\":0},"
        "{\"detector\":\"silence\",\"name\":\"silence\",\"priority\":\"low\",\"after_s\":180,"
        "\"on_delay_s\":0,\"off_delay_s\":0}]},"
        "{\"channel\":\"bat\",\"quantity\":\"battery\",\"unit\":\"V\",\"field\":\"bat_v\","
        "\"type\":\"float\",\"min\":0,\"max\":100,\"period_s\":0,\"detectors\":[]},"
        "{\"channel\":\"rssi\",\"quantity\":\"signal\",\"unit\":\"dBm\",\"field\":\"rssi_dbm\","
        "\"type\":\"float\",\"min\":-200,\"max\":20,\"period_s\":0,\"detectors\":[]}]}");
}

static void what_is_not_there_is_not_shown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_show_asset(f->db, "gas", &out), LL_ENOENT);
    assert_int_equal(registry_show_device(f->db, "rtu", &out), LL_ENOENT);
    assert_int_equal(registry_show_profile(f->db, "", &out), LL_ENOENT);
    assert_string_equal(buf_str(&out), "");
}

static void an_answer_that_does_not_fit_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct buf small;
    buf_init(&small, 40);
    assert_int_equal(registry_list_assets(f->db, "", 0, &small), LL_ELIMIT);
    buf_reset(&small);
    assert_int_equal(registry_show_device(f->db, "rtu-1", &small), LL_ELIMIT);
    buf_free(&small);
}

static const struct CMUnitTest tests[] = {
    CITY_TEST(assets_are_listed_by_id),
    CITY_TEST(a_list_takes_part_of_an_id_and_an_offset),
    CITY_TEST(a_list_holds_at_most_its_cap),
    CITY_TEST(profiles_are_listed_with_their_devices),
    CITY_TEST(one_asset_is_shown),
    CITY_TEST(a_device_is_shown_with_the_assets_of_its_channels),
    CITY_TEST(a_profile_is_shown_with_its_defaults_filled_in),
    CITY_TEST(what_is_not_there_is_not_shown),
    CITY_TEST(an_answer_that_does_not_fit_is_an_error),
};

UNIT_MAIN(tests)
