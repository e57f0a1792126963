#include "tests/unit/registry/fixture.h"

#include <sys/stat.h>

#include "gateway/base/fs.h"

/* A profile with one channel. */
#define ONE(name, kind, channel, unit, type, min, max)                           \
    "{\"profile\":\"" name "\",\"kind\":\"" kind "\",\"channels\":{\n\"" channel \
    "\":{\"unit\":\"" unit "\",\"type\":\"" type "\",\"min\":" #min ",\"max\":" #max "}}}"

static const struct asset_kind *kind_of(struct registry *r, const char *device)
{
    return registry_device(r, device, strlen(device))->profile->kind;
}

static void a_profile_is_kept_and_used(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", meter_json, 1);
    take(f, registry_import_assets, "a.csv", "id,kind\na,gas_pipe\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nd,a,meter\n", 1);
    struct registry *r = load(f);
    assert_int_equal(registry_profile_count(r), 1);
    const struct profile *p = registry_device(r, "d", 1)->profile;
    assert_string_equal(p->title_zh, "燃气表");
    assert_int_equal(p->channel_count, 5);
    assert_string_equal(p->channels[0].field, "methane_pct_lel");
    assert_string_equal(p->channels[4].name, "rssi");
    registry_unref(r);
}

static void an_array_brings_several(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json",
         "[" ONE("p1", "sewer", "x", "m", "float", 0, 1) ",\n/* and */" ONE("p2", "hydrant", "x",
                                                                            "m", "float", 0, 2) "]",
         2);
    take(f, registry_import_assets, "a.csv", "id,kind\na,hydrant\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nd1,a,p1\nd2,a,p2\n", 2);
    struct registry *r = load(f);
    assert_string_equal(kind_of(r, "d1")->key, "sewer");
    assert_true(registry_device(r, "d2", 2)->profile->channels[0].max == 2);
    registry_unref(r);
    take(f, registry_import_profiles, "none.json", "[]", 0);
}

static void a_profile_imported_again_is_replaced(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", ONE("p", "sewer", "x", "m", "float", 0, 1), 1);
    take(f, registry_import_assets, "a.csv", "id,kind\na,sewer\nb,sewer\n", 2);
    take(f, registry_import_devices, "d.csv", "id,asset,profile,channels\nd,a,p,x=b\n", 1);
    /* The type of a field may change where no other profile has it, and a binding to a channel
     * that is gone is left aside. */
    take(f, registry_import_profiles, "p.json", ONE("p", "sewer", "y", "m", "int", 0, 9), 1);
    struct registry *r = load(f);
    const struct device *d = registry_device(r, "d", 1);
    assert_string_equal(d->profile->channels[0].name, "y");
    assert_int_equal(d->profile->channels[0].type, FIELD_INT);
    assert_null(d->channel_assets);
    assert_int_equal(registry_profile_count(r), 1);
    registry_unref(r);
}

static void two_types_of_one_field_are_refused_naming_both_profiles(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", ONE("old", "sewer", "trips", "1", "int", 0, 9), 1);
    refuse_one(f, registry_import_profiles, "q.json",
               ONE("new", "sewer", "trips", "1", "float", 0, 9),
               "q.json:2: channels.trips: field 'trips' is float in profile 'new' but int in "
               "profile 'old'; a field has one type, so rename the channel or change its type");
    /* Of whatever kind: a channel may be bound to an asset of any. */
    refuse_one(f, registry_import_profiles, "q.json",
               ONE("new", "bridge", "trips", "1", "float", 0, 9),
               "q.json:2: channels.trips: field 'trips' is float in profile 'new' but int in "
               "profile 'old'; a field has one type, so rename the channel or change its type");
    struct registry *r = load(f);
    assert_int_equal(registry_profile_count(r), 1);
    registry_unref(r);
    /* The same channel in another unit is another field. */
    take(f, registry_import_profiles, "q.json", ONE("new", "sewer", "trips", "m", "float", 0, 9),
         1);
}

static void two_profiles_may_change_a_type_together(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json",
         "[" ONE("a", "sewer", "x", "1", "int", 0, 9) "," ONE("b", "sewer", "x", "1", "int", 0,
                                                              9) "]",
         2);
    take(f, registry_import_profiles, "p.json",
         "[" ONE("a", "sewer", "x", "1", "float", 0, 9) "," ONE("b", "sewer", "x", "1", "float", 0,
                                                                9) "]",
         2);
}

static void a_fault_in_one_of_several_takes_none(void **state)
{
    struct fixture *f = *state;
    refuse_one(f, registry_import_profiles, "p.json",
               "[" ONE("a", "sewer", "x", "m", "float", 0, 9) ",\n" ONE("b", "sewer", "x", "m",
                                                                        "float", 9, 0) "]",
               "p.json:4: [1].channels.x.max: 0 is not above 'min', 9");
    refuse_one(f, registry_import_profiles, "p.json",
               "[" ONE("a", "sewer", "x", "m", "float", 0, 9) ",\n" ONE("a", "sewer", "x", "m",
                                                                        "float", 0, 9) "]",
               "p.json:3: [1]: profile 'a' stands here a second time");
    struct registry *r = load(f);
    assert_int_equal(registry_profile_count(r), 0);
    registry_unref(r);
}

static void a_bad_file_in_a_folder_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;
    char dir[300];
    char path[512];
    snprintf(dir, sizeof dir, "%s/profiles", unit_tmpdir());
    assert_int_equal(mkdir(dir, 0700), 0);
    static const char *const files[][2] = {
        {"a.json", ONE("a", "sewer", "x", "m", "float", 0, 9)},
        {"b.json", "{\"profile\":\"b\"}"},
        {"c.json", "{"},
        {"d.json", ONE("d", "sewer", "x", "m", "float", 0, 9)},
        {"e.txt", "not one"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i][0]);
        assert_int_equal(fs_replace_file(path, files[i][1], strlen(files[i][1])), LL_OK);
    }
    size_t count = 0;
    assert_int_equal(registry_import_profile_dir(f->db, dir, &f->diag, &count), LL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(f->diag.count, 3);
    assert_non_null(strstr(f->diag.text[0], "/b.json:1: 'kind' is missing"));
    assert_non_null(strstr(f->diag.text[1], "/b.json:1: 'channels' is missing"));
    assert_non_null(strstr(f->diag.text[2], "/c.json:1: not valid JSON"));
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;
    size_t count = 7;
    assert_int_equal(registry_import_profile_dir(f->db, "/nonexistent", &f->diag, &count),
                     LL_ENOENT);
    assert_string_equal(
        f->diag.text[0],
        "/nonexistent: the folder of profiles ('registry.profiles_dir') cannot be read");
    assert_int_equal(count, 7);
}

static void all_profiles_that_ship_are_without_a_fault(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    assert_int_equal(registry_import_profile_dir(f->db, "config/profiles", &f->diag, &count),
                     LL_OK);
    for (size_t i = 0; i < diag_kept(&f->diag); i++) {
        print_error("%s\n", f->diag.text[i]);
    }
    assert_int_equal(f->diag.count, 0);
    assert_true(count >= asset_kind_count);
    /* Twice is once. */
    assert_int_equal(registry_import_profile_dir(f->db, "config/profiles", &f->diag, &count),
                     LL_OK);
    assert_int_equal(f->diag.count, 0);
    struct registry *r = load(f);
    assert_int_equal(registry_profile_count(r), count);
    registry_unref(r);
    /* And there is one for each kind of asset. */
    struct buf list;
    buf_init(&list, LL_MAX_HTTP_ANSWER);
    assert_int_equal(registry_list_profiles(f->db, "", 0, &list), LL_OK);
    for (size_t i = 0; i < asset_kind_count; i++) {
        char kind[64];
        snprintf(kind, sizeof kind, "\"kind\":\"%s\"", asset_kinds[i].key);
        assert_non_null(strstr(buf_str(&list), kind));
    }
    buf_free(&list);
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(a_profile_is_kept_and_used),
    FIXTURE_TEST(an_array_brings_several),
    FIXTURE_TEST(a_profile_imported_again_is_replaced),
    FIXTURE_TEST(two_types_of_one_field_are_refused_naming_both_profiles),
    FIXTURE_TEST(two_profiles_may_change_a_type_together),
    FIXTURE_TEST(a_fault_in_one_of_several_takes_none),
    FIXTURE_TEST(a_bad_file_in_a_folder_does_not_stop_the_others),
    FIXTURE_TEST(a_folder_that_is_not_there_is_named),
    FIXTURE_TEST(all_profiles_that_ship_are_without_a_fault),
};

UNIT_MAIN(tests)
