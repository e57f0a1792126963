#include "tests/unit/registry/fixture.h"

#include "gateway/base/db.h"
#include "gateway/registry/registry_db.h"
#include "gateway/store/schema.h"

/* A profile with one channel. */
#define ONE(name, channel, type)                                              \
    "{\"profile\":\"" name "\",\"kind\":\"sewer\",\"channels\":{\n\"" channel \
    "\":{\"unit\":\"1\",\"type\":\"" type "\",\"min\":0,\"max\":9}}}"

static void in_use(struct fixture *f, const char *profile_json)
{
    take(f, registry_import_profiles, "p.json", profile_json, 1);
    take(f, registry_import_assets, "a.csv", "id,kind\ns,sewer\nb,bridge\nt,tunnel\n", 3);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nd,s,p\n", 1);
    registry_unref(load(f));
}

/* The profile must be refused with one message that begins and ends so. */
static void refused(struct fixture *f, const char *json, const char *head, const char *tail)
{
    size_t count = 0;
    memset(&f->diag, 0, sizeof f->diag);
    assert_int_equal(
        registry_import_profiles(f->db, "p.json", json, strlen(json), &f->diag, &count),
        LL_EFORMAT);
    assert_int_equal(f->diag.count, 1);
    const char *text = f->diag.text[0];
    if (strncmp(text, head, strlen(head)) != 0 || strlen(text) < strlen(tail) ||
        strcmp(text + strlen(text) - strlen(tail), tail) != 0) {
        fail_msg("expected '%s…%s', got '%s'", head, tail, text);
    }
}

static void release(struct fixture *f, const char *measurement, const char *field, size_t expected)
{
    size_t count = 0;
    struct buf before;
    buf_init(&before, 10000);
    assert_int_equal(registry_release_fields(f->db, measurement, field, &count, &before), LL_OK);
    assert_int_equal(count, expected);
    buf_free(&before);
}

static void expect_pins(struct fixture *f, const char *filter, const char *expected)
{
    struct buf out;
    buf_init(&out, 100000);
    assert_int_equal(registry_list_fields(f->db, filter, 0, &out), LL_OK);
    if (strstr(buf_str(&out), expected) == NULL) {
        fail_msg("expected '%s' in %s", expected, buf_str(&out));
    }
    buf_free(&out);
}

static void a_field_is_pinned_once_a_device_may_send_it(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", ONE("p", "trips", "int"), 1);
    registry_unref(load(f));
    expect_pins(f, "", "\"total\":0");
    /* Until then it may change. */
    in_use(f, ONE("p", "trips", "float"));
    expect_pins(f, "", "\"total\":3"); /* with bat and rssi */
    expect_pins(f, "sewer.trips",
                "{\"measurement\":\"sewer\",\"field\":\"trips\",\"type\":\"float\","
                "\"profile\":\"p\",\"since_ms\":");
    expect_pins(f, "er.tr", "\"total\":1");
}

static void a_type_that_would_change_is_refused_naming_pin_and_key(void **state)
{
    struct fixture *f = *state;
    in_use(f, ONE("p", "trips", "int"));
    static const char head[] =
        "p.json:2: channels.trips: field 'trips' is float, but pinned as int "
        "in 'sewer' since 2";
    static const char tail[] = "Z by profile 'p': rename the channel or, if it is dropped there, "
                               "'lifelinectl field release sewer trips'";
    refused(f, ONE("p", "trips", "float"), head, tail);
    /* The other type is still what is used, and the same type is welcome. */
    struct registry *r = load(f);
    assert_int_equal(registry_device(r, "d", 1)->profile->channels[0].type, FIELD_INT);
    registry_unref(r);
    take(f, registry_import_profiles, "p.json", ONE("p", "trips", "int"), 1);
}

static void a_pin_outlives_the_channel_and_the_process(void **state)
{
    struct fixture *f = *state;
    in_use(f, ONE("p", "trips", "int"));
    take(f, registry_import_profiles, "p.json", ONE("p", "visits", "float"), 1);
    registry_db_close(f->db);
    assert_int_equal(registry_db_open(f->path, &f->db), LL_OK);
    refused(f, ONE("q", "trips", "float"), "p.json:2: channels.trips: field 'trips' is float, but ",
            "release sewer trips'");
}

static void a_bound_channel_is_pinned_for_the_kind_of_its_asset(void **state)
{
    struct fixture *f = *state;
    in_use(f, ONE("p", "trips", "int"));
    expect_pins(f, "bridge", "\"total\":0");
    take(f, registry_import_devices, "d.csv", "id,asset,profile,channels\ne,s,p,trips=b;rssi=t\n",
         1);
    registry_unref(load(f));
    expect_pins(f, "bridge", "\"total\":1");
    expect_pins(f, "bridge.trips", "\"type\":\"int\"");
    expect_pins(f, "tunnel", "\"field\":\"rssi_dbm\"");
    expect_pins(f, "sewer", "\"total\":3");
}

static void a_released_field_may_have_another_type(void **state)
{
    struct fixture *f = *state;
    size_t count = 7;
    struct buf before;
    in_use(f, ONE("p", "trips", "int"));
    buf_init(&before, 1000);
    assert_int_equal(registry_release_fields(f->db, "sewer", "trip", &count, &before), LL_ENOENT);
    assert_int_equal(registry_release_fields(f->db, "bridge", NULL, &count, &before), LL_ENOENT);
    assert_int_equal(count, 7);
    buf_reset(&before);
    assert_int_equal(registry_release_fields(f->db, "sewer", "trips", &count, &before), LL_OK);
    assert_int_equal(count, 1);
    assert_non_null(strstr(buf_str(&before), "\"field\":\"trips\",\"type\":\"int\""));
    buf_free(&before);
    expect_pins(f, "", "\"total\":2");
    take(f, registry_import_profiles, "p.json", ONE("p", "trips", "float"), 1);
    registry_unref(load(f));
    expect_pins(f, "sewer.trips", "\"type\":\"float\"");
    release(f, "sewer", NULL, 3);
    expect_pins(f, "", "\"total\":0");
}

static void a_field_that_is_still_in_use_is_pinned_again(void **state)
{
    struct fixture *f = *state;
    in_use(f, ONE("p", "trips", "int"));
    release(f, "sewer", NULL, 3);
    registry_unref(load(f));
    refused(f, ONE("p", "trips", "float"), "p.json:2: channels.trips: ", "release sewer trips'");
}

/* Imports are checked; but what a profile says is read by the program as it is now. */
static void where_a_profile_means_another_type_the_pinned_one_is_sent(void **state)
{
    struct fixture *f = *state;
    in_use(f, ONE("p", "trips", "int"));
    assert_int_equal(db_exec(f->db->sql, "UPDATE field_pin SET type = 'float'"), LL_OK);
    struct registry *r = load(f);
    assert_int_equal(registry_device(r, "d", 1)->profile->channels[0].type, FIELD_FLOAT);
    registry_unref(r);
}

static void what_was_in_use_before_there_were_pins_is_pinned(void **state)
{
    struct fixture *f = *state;
    char path[600];
    sqlite3 *old = NULL;
    snprintf(path, sizeof path, "%s.old", f->path);
    assert_int_equal(db_open(path, store_schema_migrations, 1, &old), LL_OK);
    assert_int_equal(
        db_exec(old, "INSERT INTO profile VALUES ('p', 'sewer', 'p', 'p', '{}', 1);"
                     "INSERT INTO profile_channel VALUES ('p', 'trips', 'trips', 'int');"
                     "INSERT INTO asset (id, kind, criticality) VALUES ('s', 'sewer', 2);"
                     "INSERT INTO device (id, asset, profile) VALUES ('d', 's', 'p'), ('e', 's', "
                     "'p')"),
        LL_OK);
    db_close(old);
    registry_db_close(f->db);
    assert_int_equal(registry_db_open(path, &f->db), LL_OK);
    expect_pins(f, "",
                "\"total\":1,\"items\":[{\"measurement\":\"sewer\",\"field\":\"trips\","
                "\"type\":\"int\",\"profile\":\"p\",\"since_ms\":1");
}

/* --- an import in the middle of a load ------------------------------------------------------- */

static struct registry_db *other;

static int on_statement(unsigned kind, void *ctx, void *statement, void *sql)
{
    (void)kind;
    (void)ctx;
    (void)sql;
    struct diag d = {0};
    size_t count;
    static const char json[] = ONE("p", "trips", "float");
    if (other != NULL && strstr(sqlite3_sql(statement), "FROM device") != NULL) {
        struct registry_db *db = other;
        other = NULL;
        assert_int_equal(registry_import_profiles(db, "p", json, sizeof json - 1, &d, &count),
                         LL_OK);
        registry_db_close(db);
    }
    return 0;
}

static void an_import_in_the_middle_of_a_load_is_loaded_too(void **state)
{
    struct fixture *f = *state;
    take(f, registry_import_profiles, "p.json", ONE("p", "trips", "int"), 1);
    take(f, registry_import_assets, "a.csv", "id,kind\ns,sewer\n", 1);
    take(f, registry_import_devices, "d.csv", "id,asset,profile\nd,s,p\n", 1);
    assert_int_equal(registry_db_open(f->path, &other), LL_OK);
    sqlite3_trace_v2(f->db->sql, SQLITE_TRACE_STMT, on_statement, NULL);
    struct registry *r = load(f);
    sqlite3_trace_v2(f->db->sql, 0, NULL, NULL);
    assert_null(other);
    assert_int_equal(registry_device(r, "d", 1)->profile->channels[0].type, FIELD_FLOAT);
    registry_unref(r);
    expect_pins(f, "sewer.trips", "\"type\":\"float\"");
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(a_field_is_pinned_once_a_device_may_send_it),
    FIXTURE_TEST(a_type_that_would_change_is_refused_naming_pin_and_key),
    FIXTURE_TEST(a_pin_outlives_the_channel_and_the_process),
    FIXTURE_TEST(a_bound_channel_is_pinned_for_the_kind_of_its_asset),
    FIXTURE_TEST(a_released_field_may_have_another_type),
    FIXTURE_TEST(a_field_that_is_still_in_use_is_pinned_again),
    FIXTURE_TEST(where_a_profile_means_another_type_the_pinned_one_is_sent),
    FIXTURE_TEST(what_was_in_use_before_there_were_pins_is_pinned),
    FIXTURE_TEST(an_import_in_the_middle_of_a_load_is_loaded_too),
};

UNIT_MAIN(tests)
