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

/* What a profile is used for in a snapshot. A kind is one bit, by its place in asset_kinds. */
struct profile_use {
    struct profile *profile;
    uint32_t kinds;  /* of the assets of its devices */
    uint32_t *bound; /* by channel: of assets that it is bound to; NULL: none is */
};

/* Pins the fields of these in the transaction at hand, and gives a channel the type that its field
 * was pinned to. LL_EBUSY: somebody else wrote since it began. */
ll_err registry_db_pin(struct registry_db *db, const struct profile_use *uses, size_t count);

#endif
