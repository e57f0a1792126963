/*
 * The command line of lifelinesim: one table of verbs, one table of options.
 *
 * Both `help` and the usage errors come from the tables, and every error says what was expected.
 * Threads: main only. The texts in struct sim_options are borrowed from argv.
 */
#ifndef LL_SIM_OPTIONS_H
#define LL_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses. */
enum { SIM_DONE = 0, SIM_FAILED = 1, SIM_USAGE = 2 };

/* Of load's values: more than these are no decimals of a sensor. */
enum { SIM_ALL_DECIMALS = 10 };

struct sim_options {
    const char *scenario; /* the argument of run and registry */
    const char *uri;
    const char *username;
    const char *password_file;
    const char *books;
    const char *truth;
    const char *journal;
    const char *alarms;
    const char *start;
    const char *registry_out;
    const char *out;
    const char *csv;
    const char *map;
    const char *rows;
    const char *profile;
    double speed; /* simulated or recorded seconds per second; 0: as fast as it goes */
    double duration_s;
    double rate; /* messages per second; 0: as fast as the broker takes them */
    int64_t seed;
    int64_t devices;
    int64_t assets;
    double days;
    int64_t messages;
    int64_t readings;
    int64_t decimals; /* SIM_ALL_DECIMALS: all that a double has */
    int64_t bytes;    /* that a payload has at least */
    int64_t connections;
    int64_t first_seq;
    bool json;
};

struct verb {
    const char *name;
    const char *argument; /* "SCENARIO.json", or NULL: takes none */
    const char *help;
    int (*run)(const struct sim_options *o); /* returns an exit status */
};

/* Reads argv, finds the verb and runs it, or prints help or what is wrong. */
int options_dispatch(const struct verb *verbs, unsigned verb_count, int argc, char **argv);

#endif
