#include "gateway/base/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/num.h"

#define BUSY_TIMEOUT_MS 5000

static ll_err report(sqlite3 *db, const char *what)
{
    static struct log_limit limit; /* what is refused is tried again, by all connections */
    uint64_t left_out;
    if (log_limit_pass(&limit, &left_out)) {
        log_error("db", "failed", "what=\"%s\" reason=\"%s\" suppressed=%" PRIu64, what,
                  db != NULL ? sqlite3_errmsg(db) : "out of memory", left_out);
    }
    return LL_EDB;
}

ll_err db_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? LL_OK : report(db, sql);
}

ll_err db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(db, sql, -1, out, NULL) == SQLITE_OK ? LL_OK : report(db, sql);
}

ll_err db_run(sqlite3_stmt *st)
{
    const int rc = sqlite3_step(st);
    const ll_err err = rc == SQLITE_DONE || rc == SQLITE_ROW
                           ? LL_OK
                           : report(sqlite3_db_handle(st), sqlite3_sql(st));
    sqlite3_reset(st);
    return err;
}

bool db_row(sqlite3_stmt *st, ll_err *err)
{
    const int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        *err = report(sqlite3_db_handle(st), sqlite3_sql(st));
    }
    return false;
}

const char *db_text(sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    return text != NULL ? (const char *)text : "";
}

void db_bind_text(sqlite3_stmt *st, int index, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        sqlite3_bind_null(st, index);
    } else {
        sqlite3_bind_text(st, index, text, -1, SQLITE_STATIC);
    }
}

void db_row_json(sqlite3_stmt *st, struct buf *out)
{
    char number[LL_NUM_TEXT];
    const int count = sqlite3_column_count(st);
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(st, i);
        buf_char(out, i == 0 ? '{' : ',');
        buf_json_str(out, name != NULL ? name : "", name != NULL ? strlen(name) : 0);
        buf_char(out, ':');
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
            buf_printf(out, "%lld", (long long)sqlite3_column_int64(st, i));
            break;
        case SQLITE_FLOAT:
            buf_add(out, number, num_format(sqlite3_column_double(st, i), number));
            break;
        case SQLITE_TEXT:
            buf_json_str(out, db_text(st, i), (size_t)sqlite3_column_bytes(st, i));
            break;
        default:
            buf_str_add(out, "null");
        }
    }
    buf_char(out, '}');
}

ll_err db_rows_json(sqlite3_stmt *st, struct buf *out)
{
    ll_err err = LL_OK;
    buf_char(out, '[');
    for (bool first = true; db_row(st, &err); first = false) {
        if (!first) {
            buf_char(out, ',');
        }
        db_row_json(st, out);
    }
    buf_char(out, ']');
    return err == LL_OK ? buf_err(out) : err;
}

static ll_err schema_version(sqlite3 *db, size_t *out)
{
    sqlite3_stmt *st = NULL;
    ll_err err = db_prepare(db, "PRAGMA user_version", &st);
    if (err == LL_OK && db_row(st, &err)) {
        *out = (size_t)sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return err;
}

static ll_err migrate(sqlite3 *db, const char *path, const char *const *migrations, size_t count)
{
    /* One transaction around the check and the change: two processes may open a new file at once.
     */
    ll_err err = db_exec(db, "BEGIN IMMEDIATE");
    if (err != LL_OK) {
        return err;
    }
    size_t version = 0;
    err = schema_version(db, &version);
    if (err == LL_OK && version > count) {
        log_error("db", "too_new", "file=%s version=%zu known=%zu", path, version, count);
        err = LL_EVERSION;
    }
    for (; err == LL_OK && version < count; version++) {
        char pragma[48];
        snprintf(pragma, sizeof pragma, "PRAGMA user_version = %zu", version + 1);
        err = db_exec(db, migrations[version]);
        if (err == LL_OK) {
            err = db_exec(db, pragma);
        }
    }
    const ll_err end = db_exec(db, err == LL_OK ? "COMMIT" : "ROLLBACK");
    return err == LL_OK ? end : err;
}

ll_err db_open(const char *path, const char *const *migrations, size_t count, sqlite3 **out)
{
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        report(db, path);
        sqlite3_close(db);
        return LL_EDB;
    }
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    ll_err err = db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                             "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
    if (err == LL_OK) {
        err = migrate(db, path, migrations, count);
    }
    if (err != LL_OK) {
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return LL_OK;
}

void db_close(sqlite3 *db)
{
    sqlite3_close(db);
}
