#include "tests/unit/unit.h"

#include "gateway/base/db.h"

static const char *const one[] = {"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"};
static const char *const two[] = {"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)",
                                  "ALTER TABLE t ADD COLUMN more TEXT;"
                                  "INSERT INTO t (id, name) VALUES (2, 'from migration 2')"};
static const char *const broken[] = {"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)",
                                     "CREATE TABLE u (id INTEGER); NO SUCH STATEMENT"};

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
    return path;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    ll_err err = LL_OK;
    assert_int_equal(db_prepare(db, sql, &st), LL_OK);
    assert_true(db_row(st, &err));
    const int64_t n = sqlite3_column_int64(st, 0);
    assert_false(db_row(st, &err));
    assert_int_equal(err, LL_OK);
    sqlite3_finalize(st);
    return n;
}

static void a_new_file_gets_every_migration_once(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(db_open(path_of("new.db"), two, 2, &db), LL_OK);
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM t WHERE id = 2"), 1);
        db_close(db);
    }
}

static void an_older_file_is_brought_up_to_date_with_its_rows(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(db_open(path_of("old.db"), one, 1, &db), LL_OK);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 'kept')"), LL_OK);
    db_close(db);
    assert_int_equal(db_open(path_of("old.db"), two, 2, &db), LL_OK);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 2);
    assert_int_equal(number(db, "SELECT count(*) FROM t WHERE name = 'kept'"), 1);
    db_close(db);
}

static void a_newer_file_is_refused(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(db_open(path_of("newer.db"), two, 2, &db), LL_OK);
    db_close(db);
    db = NULL;
    assert_int_equal(db_open(path_of("newer.db"), one, 1, &db), LL_EVERSION);
    assert_null(db);
}

static void a_failed_migration_leaves_the_file_as_it_was(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(db_open(path_of("broken.db"), one, 1, &db), LL_OK);
    db_close(db);
    db = NULL;
    assert_int_equal(db_open(path_of("broken.db"), broken, 2, &db), LL_EDB);
    assert_null(db);
    assert_int_equal(db_open(path_of("broken.db"), one, 1, &db), LL_OK);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'u'"), 0);
    db_close(db);
}

static void a_file_in_no_folder_cannot_be_opened(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(db_open("/nonexistent/x.db", one, 1, &db), LL_EDB);
    assert_null(db);
    db_close(NULL);
}

static void empty_text_is_null_and_null_reads_as_empty(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    ll_err err = LL_OK;
    assert_int_equal(db_open(path_of("text.db"), one, 1, &db), LL_OK);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?, ?)", &st), LL_OK);
    static const char *const names[] = {"", NULL, "x"};
    for (int i = 0; i < 3; i++) {
        sqlite3_bind_int(st, 1, i);
        db_bind_text(st, 2, names[i]);
        assert_int_equal(db_run(st), LL_OK);
    }
    sqlite3_finalize(st);
    assert_int_equal(number(db, "SELECT count(*) FROM t WHERE name IS NULL"), 2);

    assert_int_equal(db_prepare(db, "SELECT name FROM t ORDER BY id", &st), LL_OK);
    static const char *const read[] = {"", "", "x"};
    for (int i = 0; i < 3; i++) {
        assert_true(db_row(st, &err));
        assert_string_equal(db_text(st, 0), read[i]);
    }
    assert_false(db_row(st, &err));
    assert_int_equal(err, LL_OK);
    sqlite3_finalize(st);
    db_close(db);
}

static void failures_are_told_and_a_statement_works_again_after_one(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(db_open(path_of("fail.db"), one, 1, &db), LL_OK);
    assert_int_equal(db_exec(db, "NO SUCH STATEMENT"), LL_EDB);
    assert_int_equal(db_prepare(db, "SELECT nothing FROM nowhere", &st), LL_EDB);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?, 'x')", &st), LL_OK);
    sqlite3_bind_int(st, 1, 1);
    assert_int_equal(db_run(st), LL_OK);
    assert_int_equal(db_run(st), LL_EDB); /* the same key again */
    sqlite3_bind_int(st, 1, 2);
    assert_int_equal(db_run(st), LL_OK);
    sqlite3_finalize(st);
    db_close(db);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_file_gets_every_migration_once),
    cmocka_unit_test(an_older_file_is_brought_up_to_date_with_its_rows),
    cmocka_unit_test(a_newer_file_is_refused),
    cmocka_unit_test(a_failed_migration_leaves_the_file_as_it_was),
    cmocka_unit_test(a_file_in_no_folder_cannot_be_opened),
    cmocka_unit_test(empty_text_is_null_and_null_reads_as_empty),
    cmocka_unit_test(failures_are_told_and_a_statement_works_again_after_one),
};

UNIT_MAIN(tests)
