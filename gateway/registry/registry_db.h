/*
 * What the parts of the registry's store share: the connection, transactions, the reading of a
 * stored profile. Private to registry/.
 */
#ifndef LL_REGISTRY_REGISTRY_DB_H
#define LL_REGISTRY_REGISTRY_DB_H

#include "gateway/base/db.h"
#include "gateway/base/diag.h"
#include "gateway/model/profile.h"
#include "gateway/registry/registry.h"

struct registry_db {
    sqlite3 *sql;
};

/* A transaction that writes; registry_db_end commits where `err` is LL_OK and rolls back
 * otherwise. Returns `err`, or why the commit failed. */
ll_err registry_db_begin(struct registry_db *db);
ll_err registry_db_end(struct registry_db *db, ll_err err);

/* Parses a profile's text as it was imported; logged where it cannot be read any more (it was
 * written by another version). The caller frees with profile_free. */
ll_err registry_db_parse_profile(const char *name, const char *json, struct profile **out);

#endif
