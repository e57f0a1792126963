/*
 * lifelinectl: the command line of the gateway. Verbs stand in one table (ctl.c); each asks the
 * daemon's API over its Unix socket and prints the answer, for people or, with --json, as it came.
 *
 * Threads: one. A failure is one line on `err` and an exit status.
 */
#ifndef LL_CTL_CTL_H
#define LL_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ctl_exit {
    CTL_OK = 0,
    CTL_REFUSED = 1,     /* the gateway said no */
    CTL_USAGE = 2,       /* the command line is wrong, or a file it names cannot be read */
    CTL_UNREACHABLE = 3, /* no gateway answers */
};

enum ctl_option {
    CTL_SOCKET,
    CTL_JSON,
    CTL_HELP,
    CTL_ALL,
    CTL_ASSET,
    CTL_NOTE,
    CTL_DEVICE,
    CTL_SOURCE,
    CTL_COUNT,
    CTL_LIMIT,
    CTL_OPTION_COUNT
};

/* One run of the program. */
struct ctl {
    FILE *out;
    FILE *err;
    const char *socket_path;
    bool json;
    const char *option[CTL_OPTION_COUNT]; /* the value, "" for a flag that is set, or NULL */
    size_t word_count;
    const char *const *words; /* the verb's arguments */
    void *curl;               /* client.c's */
};

/* The whole program. `argv` is borrowed. */
enum ctl_exit ctl_main(int argc, char *const *argv, FILE *out, FILE *err);

/* One line on `err`, with the program's name in front; returns `status`. */
enum ctl_exit ctl_fail(const struct ctl *c, enum ctl_exit status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* An option's value, or `fallback`. */
const char *ctl_option(const struct ctl *c, enum ctl_option option, const char *fallback);

/* The verbs. */
typedef enum ctl_exit ctl_verb(struct ctl *c);
ctl_verb ctl_status;
ctl_verb ctl_ledger;
ctl_verb ctl_alarms_list;
ctl_verb ctl_alarms_show;
ctl_verb ctl_alarms_ack;
ctl_verb ctl_tail;
ctl_verb ctl_explain;
ctl_verb ctl_quarantine;
ctl_verb ctl_audit;
ctl_verb ctl_assets_import;
ctl_verb ctl_assets_list;
ctl_verb ctl_assets_show;
ctl_verb ctl_devices_import;
ctl_verb ctl_devices_list;
ctl_verb ctl_devices_show;
ctl_verb ctl_profiles_import;
ctl_verb ctl_profiles_list;
ctl_verb ctl_profiles_show;
ctl_verb ctl_fields_list;
ctl_verb ctl_fields_release;

#endif
