#include "tests/unit/registry/fixture.h"

#include "gateway/base/db.h"

#define DEVICES 20000

static void small_city(struct fixture *f)
{
    take(f, registry_import_profiles, "p.json", meter_json, 1);
    take(f, registry_import_assets, "a.csv", "id,kind,district\na,gas_pipe,鲤城区\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nz9,a,meter\na1,a,meter\n", 2);
}

static void an_empty_store_gives_an_empty_snapshot(void **state)
{
    struct registry *r = load(*state);
    assert_int_equal(registry_device_count(r), 0);
    assert_int_equal(registry_asset_count(r), 0);
    assert_int_equal(registry_profile_count(r), 0);
    assert_int_equal(registry_series_count(r), 0);
    assert_null(registry_device(r, "d", 1));
    assert_null(registry_asset(r, "a", 1));
    assert_null(registry_device_at(r, 0));
    registry_unref(r);
}

static void a_snapshot_lives_until_its_last_reference_goes(void **state)
{
    struct fixture *f = *state;
    small_city(f);
    struct registry *first = load(f);
    struct registry *second = registry_ref(first);
    assert_ptr_equal(first, second);
    registry_unref(first);
    assert_string_equal(registry_device(second, "a1", 2)->asset->district, "鲤城区");
    registry_unref(second);
    registry_unref(NULL);
}

static void a_snapshot_does_not_see_later_imports(void **state)
{
    struct fixture *f = *state;
    small_city(f);
    struct registry *old = load(f);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nm5,a,meter\n", 1);
    struct registry *new = load(f);
    assert_null(registry_device(old, "m5", 2));
    assert_non_null(registry_device(new, "m5", 2));
    /* What came later is numbered behind what was there. */
    assert_int_equal(registry_device(new, "z9", 2)->index, 0);
    assert_int_equal(registry_device(new, "a1", 2)->index, 1);
    assert_int_equal(registry_device(new, "m5", 2)->index, 2);
    registry_unref(old);
    registry_unref(new);
}

static void ids_are_looked_up_by_length(void **state)
{
    struct fixture *f = *state;
    small_city(f);
    struct registry *r = load(f);
    assert_non_null(registry_device(r, "z9/tail", 2));
    assert_null(registry_device(r, "z9", 1));
    assert_null(registry_device(r, "z9x", 3));
    registry_unref(r);
}

static void a_profile_that_cannot_be_read_costs_only_its_devices(void **state)
{
    struct fixture *f = *state;
    small_city(f);
    take(f, registry_import_profiles, "q.json",
         "{\"profile\":\"other\",\"kind\":\"sewer\",\"channels\":{\"x\":{\"unit\":\"m\",\"min\":0,"
         "\"max\":1}}}",
         1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nm5,a,other\n", 1);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(
        db_exec(db, "UPDATE profile SET json = '{\"profile\":\"meter\"}' WHERE name = 'meter'"),
        LL_OK);
    sqlite3_close(db);
    struct registry *r = load(f);
    assert_int_equal(registry_device_count(r), 1);
    assert_int_equal(registry_device_at(r, 0)->index, 0);
    assert_non_null(registry_device(r, "m5", 2));
    assert_null(registry_device(r, "z9", 2));
    registry_unref(r);
}

static void a_city_of_20000_devices_is_numbered_densely(void **state)
{
    struct fixture *f = *state;
    struct buf assets;
    struct buf devices;
    buf_init(&assets, 16000000);
    buf_init(&devices, 16000000);
    buf_str_add(&assets, "id,kind,district,material\n");
    buf_str_add(&devices, "id,asset,profile,channels\n");
    for (int i = 0; i < DEVICES; i++) {
        buf_printf(&assets, "a%d,gas_pipe,第%d区,PE\n", i, i % 10);
        buf_printf(&devices, "d%d,a%d,meter,%s%s\n", i, i, i % 100 == 1 ? "door=a" : "",
                   i % 100 == 1 ? "0" : "");
    }
    take(f, registry_import_profiles, "p.json", meter_json, 1);
    take(f, registry_import_assets, "a.csv", buf_str(&assets), DEVICES);
    take(f, registry_import_devices, "d.csv", buf_str(&devices), DEVICES);
    struct registry *r = load(f);
    assert_int_equal(registry_device_count(r), DEVICES);
    assert_int_equal(registry_asset_count(r), DEVICES);
    assert_int_equal(registry_series_count(r), DEVICES * 5);
    for (uint32_t i = 0; i < DEVICES; i++) {
        char id[32];
        const struct device *d = registry_device_at(r, i);
        assert_int_equal(d->index, i);
        assert_int_equal(d->first_series, i * 5);
        snprintf(id, sizeof id, "d%u", i);
        assert_ptr_equal(registry_device(r, id, strlen(id)), d);
        snprintf(id, sizeof id, "a%u", i);
        assert_string_equal(d->asset->id, id);
        assert_string_equal(device_asset(d, 1)->id, i % 100 == 1 ? "a0" : id);
    }
    /* Districts are kept once, profiles too. */
    assert_ptr_equal(registry_device_at(r, 3)->asset->district,
                     registry_device_at(r, 13)->asset->district);
    assert_string_equal(registry_device_at(r, 13)->asset->district, "第3区");
    assert_ptr_equal(registry_device_at(r, 3)->profile, registry_device_at(r, 13)->profile);
    assert_null(registry_device_at(r, DEVICES));
    registry_unref(r);
    buf_free(&assets);
    buf_free(&devices);
}

static void a_restart_finds_everything_again(void **state)
{
    struct fixture *f = *state;
    small_city(f);
    take(f, registry_import_assets, "a.csv", "id,kind,name\nb,manhole,窨井\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile,channels\nr,a,meter,door=b\n", 1);
    registry_db_close(f->db);
    f->db = NULL;
    assert_int_equal(registry_db_open(f->path, &f->db), LL_OK);
    struct registry *r = load(f);
    assert_int_equal(registry_device_count(r), 3);
    assert_int_equal(registry_asset_count(r), 2);
    assert_string_equal(device_asset(registry_device(r, "r", 1), 1)->name, "窨井");
    registry_unref(r);
}

static void a_store_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct registry_db *db = NULL;
    assert_int_equal(registry_db_open("/nonexistent/folder/x.db", &db), LL_EDB);
    assert_null(db);
    registry_db_close(NULL);
}

static void a_file_of_a_later_version_is_refused(void **state)
{
    struct fixture *f = *state;
    sqlite3 *sql = NULL;
    struct registry_db *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &sql), SQLITE_OK);
    assert_int_equal(db_exec(sql, "PRAGMA user_version = 1000"), LL_OK);
    sqlite3_close(sql);
    assert_int_equal(registry_db_open(f->path, &db), LL_EVERSION);
    assert_null(db);
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(an_empty_store_gives_an_empty_snapshot),
    FIXTURE_TEST(a_snapshot_lives_until_its_last_reference_goes),
    FIXTURE_TEST(a_snapshot_does_not_see_later_imports),
    FIXTURE_TEST(ids_are_looked_up_by_length),
    FIXTURE_TEST(a_profile_that_cannot_be_read_costs_only_its_devices),
    FIXTURE_TEST(a_city_of_20000_devices_is_numbered_densely),
    FIXTURE_TEST(a_restart_finds_everything_again),
    cmocka_unit_test(a_store_that_cannot_be_opened_is_an_error),
    FIXTURE_TEST(a_file_of_a_later_version_is_refused),
};

UNIT_MAIN(tests)
