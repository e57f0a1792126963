/*
 * SQLite as this project uses it: one open function with the pragmas set, numbered migrations, and
 * statements that are prepared with their failure logged.
 *
 * For: registry/ and store/. A connection belongs to one thread; several connections may be open at
 * the same file (WAL), and a writer waits up to five seconds for another.
 * Fails with LL_EDB; the reason is logged here, since only SQLite knows it.
 */
#ifndef LL_BASE_DB_H
#define LL_BASE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

/* Opens or makes the file and brings its schema up to date. `migrations[i]` is SQL that takes the
 * schema from version i to i + 1; a file of a later version is refused with LL_EVERSION. */
ll_err db_open(const char *path, const char *const *migrations, size_t count, sqlite3 **out);
/* Closes; NULL is fine. */
void db_close(sqlite3 *db);

ll_err db_exec(sqlite3 *db, const char *sql);
ll_err db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);
/* One step of a statement that gives no rows, then a reset. */
ll_err db_run(sqlite3_stmt *st);
/* Whether there is a row; *err tells a failure from the end. */
bool db_row(sqlite3_stmt *st, ll_err *err);
/* Column text, never NULL; borrowed until the next step. */
const char *db_text(sqlite3_stmt *st, int column);
/* Binds borrowed text; "" and NULL become SQL NULL. */
void db_bind_text(sqlite3_stmt *st, int index, const char *text);

/* The row at hand as a JSON object, the columns' names being its keys. */
void db_row_json(sqlite3_stmt *st, struct buf *out);
/* All rows to come as a JSON array of such objects. */
ll_err db_rows_json(sqlite3_stmt *st, struct buf *out);

#endif
