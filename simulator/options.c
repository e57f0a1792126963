#include "simulator/options.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/diag.h"
#include "gateway/base/num.h"

enum option_type { OPTION_TEXT, OPTION_NUMBER, OPTION_INTEGER, OPTION_FLAG };

/* Which verbs take the option: a bit for each, found by the verb's name. */
enum { RUN = 1, REPLAY = 2, LOAD = 4, REGISTRY = 8, SCORE = 16, SENDERS = RUN | REPLAY | LOAD };
static const char *const verb_bits[] = {"run", "replay", "load", "registry", "score"};

struct option_spec {
    const char *name;
    const char *value; /* what stands behind it, NULL for a flag */
    unsigned verbs;
    unsigned required_by;
    enum option_type type;
    size_t offset;
    double min;
    double max;
    double fallback;
    const char *help;
};

#define AT(field) offsetof(struct sim_options, field)

static const struct option_spec specs[] = {
    {"--csv", "FILE", REPLAY, REPLAY, OPTION_TEXT, AT(csv), 0, 0, 0, "the recorded data"},
    {"--map", "MAP.json", REPLAY, REPLAY, OPTION_TEXT, AT(map), 0, 0, 0,
     "which column is which device and channel"},
    {"--rows", "A:B", REPLAY, 0, OPTION_TEXT, AT(rows), 0, 0, 0,
     "only these data rows, counted from 1, both included; B may be left out"},
    {"--devices", "N", LOAD, LOAD, OPTION_INTEGER, AT(devices), 1, 999999, 0,
     "devices load-000001 to load-N"},
    {"--messages", "M", LOAD, LOAD, OPTION_INTEGER, AT(messages), 1, 1e12, 0,
     "messages in all, dealt to the devices in turn"},
    {"--readings", "K", LOAD, 0, OPTION_INTEGER, AT(readings), 1, 64, 2, "readings in a message"},
    {"--decimals", "N", LOAD, 0, OPTION_INTEGER, AT(decimals), 0, SIM_ALL_DECIMALS,
     SIM_ALL_DECIMALS, "decimals of a value, as a sensor sends them; 10: all that a double has"},
    {"--bytes", "N", LOAD, 0, OPTION_INTEGER, AT(bytes), 0, 65536, 0,
     "pad a payload with spaces up to N bytes"},
    {"--profile", "FILE", LOAD, 0, OPTION_TEXT, AT(profile), 0, 0, 0,
     "take names and ranges of the channels from this profile (default "
     "config/profiles/water_main.json)"},
    {"--rate", "R", LOAD, 0, OPTION_NUMBER, AT(rate), 0, 1e6, 0,
     "messages per second; 0: as fast as the broker takes them"},
    {"--out", "DIR", REGISTRY, REGISTRY, OPTION_TEXT, AT(out), 0, 0, 0,
     "folder for assets.csv and devices.csv"},
    {"--uri", "URI", SENDERS, 0, OPTION_TEXT, AT(uri), 0, 0, 0,
     "the broker (default mqtt://127.0.0.1:1883)"},
    {"--username", "NAME", SENDERS, 0, OPTION_TEXT, AT(username), 0, 0, 0, "for the broker"},
    {"--password-file", "FILE", SENDERS, 0, OPTION_TEXT, AT(password_file), 0, 0, 0,
     "its first line is the password"},
    {"--connections", "C", SENDERS, 0, OPTION_INTEGER, AT(connections), 1, 64, 4,
     "connections that the devices share"},
    {"--first-seq", "N", SENDERS, 0, OPTION_INTEGER, AT(first_seq), 0, 9e15, 1,
     "sequence number of each device's first message"},
    {"--seed", "N", RUN | LOAD | REGISTRY, 0, OPTION_INTEGER, AT(seed), 0, 9e15, 1,
     "the same seed gives the same values"},
    {"--speed", "X", RUN | REPLAY, 0, OPTION_NUMBER, AT(speed), 0, 1e6, NAN,
     "times real time; 0: as fast as the broker takes them (run: default 1; replay: default 0)"},
    {"--duration", "S", RUN, 0, OPTION_NUMBER, AT(duration_s), 0.001, 1e9, 0,
     "simulated seconds; without it until SIGINT or SIGTERM"},
    {"--books", "FILE", SENDERS, 0, OPTION_TEXT, AT(books), 0, 0, 0,
     "write device,seq,channel,ts_ms,value of every reading that the broker acknowledged"},
    {"--journal", "DIR", RUN, 0, OPTION_TEXT, AT(journal), 0, 0, 0,
     "publish nothing: write the intake journal that a gateway would have, with the registry and "
     "the truth, for lifelined --replay"},
    {"--start", "DATE", RUN, 0, OPTION_TEXT, AT(start), 0, 0, 0,
     "with --journal: the first day, UTC (default 2026-01-01)"},
    {"--truth", "FILE", RUN | SCORE, SCORE, OPTION_TEXT, AT(truth), 0, 0, 0,
     "the faults as they were, as JSON Lines: run writes them"},
    {"--alarms", "FILE", SCORE, SCORE, OPTION_TEXT, AT(alarms), 0, 0, 0,
     "transitions.jsonl of lifelined --replay"},
    {"--assets", "N", SCORE, 0, OPTION_INTEGER, AT(assets), 0, 1e9, 0,
     "so many there are; 0: as run.json beside the truth says"},
    {"--days", "D", SCORE, 0, OPTION_NUMBER, AT(days), 0, 1e5, 0,
     "so long it took; 0: as run.json beside the truth says"},
    {"--registry-out", "DIR", SENDERS, 0, OPTION_TEXT, AT(registry_out), 0, 0, 0,
     "write assets.csv and devices.csv before publishing"},
    {"--json", NULL, SENDERS | SCORE, 0, OPTION_FLAG, AT(json), 0, 0, 0, "the summary as JSON"},
};
enum { SPEC_COUNT = sizeof specs / sizeof specs[0] };

static unsigned verb_bit(const struct verb *v)
{
    for (unsigned i = 0; i < sizeof verb_bits / sizeof verb_bits[0]; i++) {
        if (strcmp(verb_bits[i], v->name) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

static void *field_of(struct sim_options *o, const struct option_spec *s)
{
    return (char *)o + s->offset;
}

static void set_number(struct sim_options *o, const struct option_spec *s, double value)
{
    if (s->type == OPTION_NUMBER) {
        *(double *)field_of(o, s) = value;
    } else if (s->type == OPTION_INTEGER) {
        *(int64_t *)field_of(o, s) = (int64_t)value;
    }
}

static void set_defaults(struct sim_options *o)
{
    *o = (struct sim_options){.uri = "mqtt://127.0.0.1:1883",
                              .profile = "config/profiles/water_main.json"};
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        set_number(o, &specs[i], specs[i].fallback);
    }
}

static bool set_value(struct sim_options *o, const struct verb *v, const struct option_spec *s,
                      const char *text)
{
    if (s->type == OPTION_TEXT) {
        *(const char **)field_of(o, s) = text;
        return true;
    }
    double value;
    if (!num_parse(text, strlen(text), &value) || value < s->min || value > s->max ||
        (s->type == OPTION_INTEGER && value != nearbyint(value))) {
        char min[LL_NUM_TEXT];
        char max[LL_NUM_TEXT];
        num_format(s->min, min);
        num_format(s->max, max);
        fprintf(stderr, "lifelinesim %s: %s '%s': expected %s from %s to %s\n", v->name, s->name,
                text, s->type == OPTION_INTEGER ? "a whole number" : "a number", min, max);
        return false;
    }
    set_number(o, s, value);
    return true;
}

static const struct option_spec *find_option(const struct verb *v, const char *name)
{
    const char *names[SPEC_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if ((specs[i].verbs & verb_bit(v)) == 0) {
            continue;
        }
        if (strcmp(specs[i].name, name) == 0) {
            return &specs[i];
        }
        names[count++] = specs[i].name;
    }
    const char *nearest = diag_nearest(name, names, count);
    fprintf(stderr, "lifelinesim %s: unknown option '%s'", v->name, name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean %s?", nearest);
    }
    fprintf(stderr, "\nlifelinesim help %s lists the options\n", v->name);
    return NULL;
}

static bool check_required(const struct verb *v, const struct sim_options *o, uint64_t given)
{
    if (v->argument != NULL && o->scenario == NULL) {
        fprintf(stderr, "lifelinesim %s: expected %s\n", v->name, v->argument);
        return false;
    }
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if ((specs[i].required_by & verb_bit(v)) != 0 && (given & 1ULL << i) == 0) {
            fprintf(stderr, "lifelinesim %s: %s %s is required: %s\n", v->name, specs[i].name,
                    specs[i].value, specs[i].help);
            return false;
        }
    }
    return true;
}

static bool parse(const struct verb *v, int argc, char **argv, struct sim_options *o)
{
    uint64_t given = 0;
    static_assert(SPEC_COUNT <= 64, "a bit for each option");
    set_defaults(o);
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (v->argument == NULL || o->scenario != NULL) {
                fprintf(stderr, "lifelinesim %s: unexpected argument '%s'\n", v->name, argv[i]);
                return false;
            }
            o->scenario = argv[i];
            continue;
        }
        const struct option_spec *s = find_option(v, argv[i]);
        if (s == NULL) {
            return false;
        }
        given |= 1ULL << (s - specs);
        if (s->type == OPTION_FLAG) {
            *(bool *)field_of(o, s) = true;
        } else if (i + 1 == argc) {
            fprintf(stderr, "lifelinesim %s: %s: expected %s behind it\n", v->name, s->name,
                    s->value);
            return false;
        } else if (!set_value(o, v, s, argv[++i])) {
            return false;
        }
    }
    return check_required(v, o, given);
}

static void print_verb(const struct verb *v)
{
    printf("lifelinesim %s%s%s [options]\n    %s\n\n", v->name, v->argument != NULL ? " " : "",
           v->argument != NULL ? v->argument : "", v->help);
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        const struct option_spec *s = &specs[i];
        if ((s->verbs & verb_bit(v)) == 0) {
            continue;
        }
        char left[40];
        snprintf(left, sizeof left, "%s %s", s->name, s->value != NULL ? s->value : "");
        printf("  %-22s %s%s", left, (s->required_by & verb_bit(v)) != 0 ? "required: " : "",
               s->help);
        if (s->type == OPTION_INTEGER && s->required_by == 0) {
            printf(" (default %.0f)", s->fallback);
        }
        printf("\n");
    }
}

static int print_help(const struct verb *verbs, unsigned count)
{
    printf("lifelinesim: a simulated city of devices on MQTT, and recorded data as devices\n\n");
    for (unsigned i = 0; i < count; i++) {
        printf("  %-9s %s\n", verbs[i].name, verbs[i].help);
    }
    printf("\nlifelinesim help VERB lists its options; lifelinesim --version\n");
    return SIM_DONE;
}

/* NULL, with the reason printed, where there is no such verb. */
static const struct verb *find_verb(const struct verb *verbs, unsigned count, const char *name)
{
    const char *names[16];
    assert(count <= sizeof names / sizeof names[0]);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
        names[i] = verbs[i].name;
    }
    const char *nearest = diag_nearest(name, names, count);
    fprintf(stderr, "lifelinesim: unknown verb '%s'; %s%s\n", name,
            nearest != NULL ? "did you mean " : "see lifelinesim help",
            nearest != NULL ? nearest : "");
    return NULL;
}

int options_dispatch(const struct verb *verbs, unsigned verb_count, int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "lifelinesim: expected a verb; see lifelinesim help\n");
        return SIM_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("lifelinesim %s\n", LL_VERSION);
        return SIM_DONE;
    }
    const bool help = strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0;
    if (help && argc == 2) {
        return print_help(verbs, verb_count);
    }
    const struct verb *v = find_verb(verbs, verb_count, argv[help ? 2 : 1]);
    if (v == NULL) {
        return SIM_USAGE;
    }
    if (help || (argc == 3 && strcmp(argv[2], "--help") == 0)) {
        print_verb(v);
        return SIM_DONE;
    }
    struct sim_options o;
    return parse(v, argc - 2, argv + 2, &o) ? v->run(&o) : SIM_USAGE;
}
