/*
 * What the registry's tests share: a fresh store, and imports of text that stands in the test.
 */
#ifndef LL_TESTS_REGISTRY_FIXTURE_H
#define LL_TESTS_REGISTRY_FIXTURE_H

#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/registry/registry.h"

struct fixture {
    struct registry_db *db;
    struct diag diag;
    char path[512];
};

/* The profile that most tests use: its own channels are methane, door and trips. */
static const char meter_json[] =
    "{\n"
    "  // what this device has\n"
    "  \"profile\": \"meter\", \"kind\": \"gas_pipe\", \"title\": {\"en\": \"Meter\", \"zh\": "
    "\"燃气表\"},\n"
    "  \"channels\": {\n"
    "    \"methane\": {\"unit\": \"%LEL\", \"min\": 0, \"max\": 100, \"period_s\": 600},\n"
    "    \"door\": {\"unit\": \"state\", \"type\": \"bool\"},\n"
    "    \"trips\": {\"unit\": \"1\", \"type\": \"int\", \"min\": 0, \"max\": 1000}\n"
    "  }\n"
    "}\n";

static inline int fixture_open(void **state)
{
    static int number;
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/registry-%d.db", unit_tmpdir(), number++);
    if (registry_db_open(f->path, &f->db) != LL_OK) {
        return -1;
    }
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    registry_db_close(f->db);
    free(f);
    return 0;
}

#define FIXTURE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_open, fixture_close)

typedef ll_err fixture_import(struct registry_db *db, const char *name, const char *text,
                              size_t len, struct diag *d, size_t *count);

/* The import must be taken whole. */
static inline void take(struct fixture *f, fixture_import *import, const char *name,
                        const char *text, size_t rows)
{
    size_t count = SIZE_MAX;
    memset(&f->diag, 0, sizeof f->diag);
    const ll_err err = import(f->db, name, text, strlen(text), &f->diag, &count);
    if (f->diag.count > 0) {
        print_error("%s\n", f->diag.text[0]);
    }
    assert_int_equal(err, LL_OK);
    assert_int_equal(f->diag.count, 0);
    assert_int_equal(count, rows);
}

/* The import must be refused with exactly these messages, in this order. */
static inline void refuse(struct fixture *f, fixture_import *import, const char *name,
                          const char *text, const char *const *messages, size_t n)
{
    size_t count = 4711;
    memset(&f->diag, 0, sizeof f->diag);
    assert_int_equal(import(f->db, name, text, strlen(text), &f->diag, &count), LL_EFORMAT);
    for (size_t i = 0; i < n && i < diag_kept(&f->diag); i++) {
        assert_string_equal(f->diag.text[i], messages[i]);
    }
    assert_int_equal(f->diag.count, n);
    assert_int_equal(count, 4711);
}

static inline void refuse_one(struct fixture *f, fixture_import *import, const char *name,
                              const char *text, const char *message)
{
    refuse(f, import, name, text, &message, 1);
}

static inline struct registry *load(struct fixture *f)
{
    struct registry *r = NULL;
    assert_int_equal(registry_db_load(f->db, &r), LL_OK);
    return r;
}

#endif
