/*
 * The schema of the configuration: one row a setting. Used inside conf/ and by its tests.
 *
 * A new setting is a member of struct conf and a row in schema.c: reading, checking, comparing at
 * reload, the reference and the check of the example file follow from the row.
 * Threads: any; the tables are constant.
 */
#ifndef LL_CONF_SCHEMA_H
#define LL_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/conf/conf.h"

enum setting_type {
    SETTING_TEXT,    /* char[size] */
    SETTING_ID,      /* char[size], as asset_id_valid has it */
    SETTING_PATH,    /* char[size]; a relative one starts at the configuration file's folder */
    SETTING_CHOICE,  /* bool or enum: the index of one of `choices` */
    SETTING_BOOL,    /* bool */
    SETTING_INT,     /* int64_t from min to max */
    SETTING_SECTION, /* an object with `rows`, in the same struct */
    SETTING_LIST     /* an array of min to max elements, each `size` bytes, counted at `count_at` */
};

struct setting;

struct schema {
    const struct setting *rows;
    size_t count;
};

struct setting {
    const char *key; /* NULL: the elements of a list are plain values, not objects */
    enum setting_type type;
    size_t offset; /* in struct conf, or in its list's element */
    size_t size;
    int64_t min;
    int64_t max;
    const char *fallback; /* the default: text as it is, all else as JSON; NULL: must be given */
    const char *unit;
    const char *const *choices; /* ends with NULL */
    /* For text, where its type says too little; *why gets a constant sentence. */
    bool (*check)(const char *text, const char **why);
    struct schema rows;
    size_t count_at;
    unsigned only;   /* bits of the values of its table's choice that have this setting; 0: all */
    bool unique;     /* no two elements of the list may have the same */
    bool reloadable; /* taken over by a running gateway */
    bool is_read;    /* of a path: where one is given, a file that can be read must stand there */
    const char *help;
};

/* The top object: sections, and the list of destinations. */
extern const struct schema conf_schema;

/* The index that a SETTING_CHOICE holds in the struct at `base`. */
size_t setting_choice(const struct setting *row, const void *base);
void setting_choose(const struct setting *row, void *base, size_t index);

/* conf_load for text in memory; `name` stands in for the file's path. */
ll_err conf_parse(const char *name, const char *text, size_t len, struct diag *d, struct conf *out);

/* What conf_print_reference prints. */
void conf_reference(struct buf *out);

/* Checks of addresses (address.c), for the schema's rows. */
bool address_broker_valid(const char *text, const char **why);
bool address_url_valid(const char *text, const char **why);
/* "" is valid: do not listen. */
bool address_listen_valid(const char *text, const char **why);

#endif
