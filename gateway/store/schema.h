/*
 * The schema of lifeline.db, which registry/ and store/ share: one list of migrations, since
 * SQLite counts versions for a whole file.
 *
 * A change is a new row at the end; rows that have shipped never change. Threads: any; constant.
 */
#ifndef LL_STORE_SCHEMA_H
#define LL_STORE_SCHEMA_H

#include <stddef.h>

/* For db_open. */
extern const char *const store_schema_migrations[];
extern const size_t store_schema_count;

#endif
