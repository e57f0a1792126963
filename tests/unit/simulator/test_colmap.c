#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/fs.h"
#include "simulator/colmap.h"

#define MAP_HEAD                                                                     \
    "{\"trim\": true, \"time\": {\"column\": \"T\", \"format\": \"%d/%m/%y %H\"},\n" \
    "\"missing\": [\"NaN\"], \"ignore\": [\"FLAG\"],\n"                              \
    "\"assets\": [{\"id\": \"a\", \"kind\": \"water_main\", \"name\": \"A\","        \
    " \"district\": \"n\"}],\n"
#define MAP                                                                        \
    MAP_HEAD "\"devices\": [{\"id\": \"d\", \"asset\": \"a\", \"profile\": \"p\"," \
             " \"channels\": {\"pressure\": \"P1\", \"flow\": \"F1\"}}]}"

static const char *write_file(const char *name, const char *text)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
    return path;
}

static struct colmap *good(const char *path)
{
    struct diag d = {0};
    struct colmap *m = NULL;
    if (colmap_load(path, &d, &m) != LL_OK) {
        fail_msg("expected a good map, got: %s", d.text[0]);
    }
    return m;
}

static void expect_text(const struct diag *d, const char *expected)
{
    for (size_t i = 0; i < diag_kept(d); i++) {
        if (strstr(d->text[i], expected) != NULL) {
            return;
        }
    }
    fail_msg("expected '%s', got %zu faults, first '%s'", expected, d->count, d->text[0]);
}

static void expect_fault(const char *text, const char *expected)
{
    struct diag d = {0};
    struct colmap *m = NULL;
    assert_int_equal(colmap_load(write_file("map.json", text), &d, &m), LL_EFORMAT);
    assert_null(m);
    expect_text(&d, expected);
}

static void expect_bind_fault(char **cells, size_t count, const char *expected)
{
    struct colmap *m = good(write_file("map.json", MAP));
    struct diag d = {0};
    const struct csv_row header = {cells, count, 1};
    assert_int_equal(colmap_bind(m, "data.csv", &header, &d), LL_EFORMAT);
    expect_text(&d, expected);
    colmap_free(m);
}

static void columns_are_found_in_whatever_order_they_stand(void **state)
{
    (void)state;
    struct colmap *m = good(write_file("map.json", MAP));
    struct diag d = {0};
    char *cells[] = {"F1", "FLAG", "T", "P1"};
    const struct csv_row header = {cells, 4, 1};
    assert_int_equal(colmap_bind(m, "data.csv", &header, &d), LL_OK);
    assert_int_equal(m->time_index, 2);
    assert_int_equal(m->devices[0].channels[0].index, 3);
    assert_int_equal(m->devices[0].channels[1].index, 0);
    colmap_free(m);
}

static void a_column_that_map_or_file_lacks_is_named(void **state)
{
    (void)state;
    char *more[] = {"T", "P1", "F1", "FLAG", "EXTRA"};
    char *less[] = {"T", "P1", "FLAG"};
    expect_bind_fault(more, 5, "data.csv:1: the column 'EXTRA' is in no device of the map");
    expect_bind_fault(less, 3, "data.csv:1: the map expects a column 'F1'");
}

static void errors_of_a_map_name_line_and_key(void **state)
{
    (void)state;
    expect_fault(MAP_HEAD "\"device\": []}",
                 "map.json:4: device: unknown key; did you mean 'devices'?");
    expect_fault(MAP_HEAD "\"devices\": [{\"id\": \"d\", \"asset\": \"b\", \"profile\": \"p\","
                          "\"channels\": {\"c\": \"C\"}}]}",
                 "map.json:4: devices[0].asset: no asset 'b' in this map");
    expect_fault(MAP_HEAD "\"devices\": [{\"id\": \"d/1\", \"asset\": \"a\", \"profile\": \"p\","
                          "\"channels\": {\"c\": \"C\"}}]}",
                 "map.json:4: devices[0].id: expected letters, digits");
    expect_fault(MAP_HEAD "\"devices\": [{\"id\": \"d\", \"asset\": \"a\", \"profile\": \"p\","
                          "\"channels\": {\n\"a,b\": \"C\"}}]}",
                 "map.json:5: devices[0].channels.a,b: expected \"<channel>\": \"<column>\"");
    expect_fault("{\"time\": {\"column\": \"T\"}, \"assets\": [], \"devices\": []}",
                 "map.json:1: assets: expected a list of assets");
}

static void times_are_utc_and_must_be_whole(void **state)
{
    (void)state;
    struct colmap *m = good(write_file("map.json", MAP));
    int64_t ms = 0;
    assert_true(colmap_time(m, "06/01/14 00", &ms));
    assert_int_equal(ms, 1388966400000);
    assert_true(colmap_time(m, "25/12/16 23", &ms));
    assert_int_equal(ms, 1482706800000);
    assert_false(colmap_time(m, "06/01/14", &ms));
    assert_false(colmap_time(m, "06/01/14 00:30", &ms));
    assert_false(colmap_time(m, "", &ms));
    colmap_free(m);
}

static void empty_cells_and_the_maps_words_are_no_readings(void **state)
{
    (void)state;
    struct colmap *m = good(write_file("map.json", MAP));
    assert_true(colmap_is_missing(m, ""));
    assert_true(colmap_is_missing(m, "NaN"));
    assert_false(colmap_is_missing(m, "0"));
    assert_false(colmap_is_missing(m, "nan"));
    colmap_free(m);
}

static void rows_are_split_and_trimmed_and_counted_by_their_line(void **state)
{
    (void)state;
    struct diag d = {0};
    struct csv *c = NULL;
    struct csv_row row;
    const char *path = write_file("a.csv", "T, A,B \r\n\n1,\t2 3,\nx");
    assert_int_equal(csv_open(path, ',', true, &d, &c), LL_OK);
    assert_int_equal(csv_next(c, &d, &row), LL_OK);
    assert_int_equal(row.count, 3);
    assert_string_equal(row.cells[1], "A");
    assert_string_equal(row.cells[2], "B");
    assert_int_equal(csv_next(c, &d, &row), LL_OK);
    assert_int_equal(row.line, 3);
    assert_string_equal(row.cells[1], "2 3");
    assert_string_equal(row.cells[2], "");
    assert_int_equal(csv_next(c, &d, &row), LL_OK);
    assert_int_equal(row.count, 1);
    assert_string_equal(row.cells[0], "x");
    assert_int_equal(csv_next(c, &d, &row), LL_EEND);
    csv_close(c);
}

static void quotes_and_endless_rows_are_refused_with_their_line(void **state)
{
    (void)state;
    struct diag d = {0};
    struct csv *c = NULL;
    struct csv_row row;
    assert_int_equal(csv_open(write_file("q.csv", "a\n\"b\"\n"), ',', false, &d, &c), LL_OK);
    assert_int_equal(csv_next(c, &d, &row), LL_OK);
    assert_int_equal(csv_next(c, &d, &row), LL_EFORMAT);
    expect_text(&d, "q.csv:2: expected a row of at most");
    csv_close(c);

    char *endless = malloc(CSV_MAX_LINE + 3);
    assert_non_null(endless);
    memset(endless, '1', CSV_MAX_LINE + 2);
    endless[CSV_MAX_LINE + 2] = '\0';
    assert_int_equal(csv_open(write_file("e.csv", endless), ',', false, &d, &c), LL_OK);
    assert_int_equal(csv_next(c, &d, &row), LL_EFORMAT);
    csv_close(c);
    free(endless);
}

static void the_map_that_ships_fits_the_data_that_ships(void **state)
{
    (void)state;
    struct colmap *m = good("config/maps/ctown.json");
    struct diag d = {0};
    struct csv *c = NULL;
    struct csv_row row;
    size_t channels = 0;
    assert_int_equal(
        csv_open("tests/integration/data/network_made_up.csv", m->separator, m->trim, &d, &c),
        LL_OK);
    assert_int_equal(csv_next(c, &d, &row), LL_OK);
    if (colmap_bind(m, "network_made_up.csv", &row, &d) != LL_OK) {
        fail_msg("%s", d.text[0]);
    }
    for (size_t i = 0; i < m->device_count; i++) {
        channels += m->devices[i].channel_count;
    }
    assert_int_equal(channels, 43);
    csv_close(c);
    colmap_free(m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(columns_are_found_in_whatever_order_they_stand),
    cmocka_unit_test(a_column_that_map_or_file_lacks_is_named),
    cmocka_unit_test(errors_of_a_map_name_line_and_key),
    cmocka_unit_test(times_are_utc_and_must_be_whole),
    cmocka_unit_test(empty_cells_and_the_maps_words_are_no_readings),
    cmocka_unit_test(rows_are_split_and_trimmed_and_counted_by_their_line),
    cmocka_unit_test(quotes_and_endless_rows_are_refused_with_their_line),
    cmocka_unit_test(the_map_that_ships_fits_the_data_that_ships),
};

UNIT_MAIN(tests)
