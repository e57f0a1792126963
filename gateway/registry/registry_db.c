#include "gateway/registry/registry_db.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/jsonfile.h"
#include "gateway/base/log.h"
#include "gateway/registry/profile_parse.h"
#include "gateway/store/schema.h"

ll_err registry_db_open(const char *path, struct registry_db **out)
{
    struct registry_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return LL_ENOMEM;
    }
    const ll_err err = db_open(path, store_schema_migrations, store_schema_count, &db->sql);
    if (err != LL_OK) {
        free(db);
        return err;
    }
    *out = db;
    return LL_OK;
}

void registry_db_close(struct registry_db *db)
{
    if (db != NULL) {
        db_close(db->sql);
        free(db);
    }
}

ll_err registry_db_begin(struct registry_db *db)
{
    return db_exec(db->sql, "BEGIN IMMEDIATE");
}

ll_err registry_db_end(struct registry_db *db, ll_err err)
{
    if (err == LL_OK) {
        err = db_exec(db->sql, "COMMIT");
    }
    /* SQLite has rolled back by itself after some failures (a full disk). */
    if (err != LL_OK && !sqlite3_get_autocommit(db->sql)) {
        db_exec(db->sql, "ROLLBACK");
    }
    return err;
}

ll_err registry_db_parse_profile(const char *name, const char *json, struct profile **out)
{
    struct diag *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return LL_ENOMEM;
    }
    struct jsonfile *f = NULL;
    ll_err err = jsonfile_parse(name, json, strlen(json), d, &f);
    if (err == LL_OK) {
        err = profile_parse(f, jsonfile_root(f), "", d, out);
    }
    if (err != LL_OK) {
        log_error("registry", "profile_unreadable", "profile=%s reason=\"%s\"", name,
                  d->count > 0 ? d->text[0] : ll_err_str(err));
    }
    jsonfile_free(f);
    free(d);
    return err;
}
