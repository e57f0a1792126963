#include "gateway/ctl/ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/diag.h"
#include "gateway/base/limits.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/table.h"

#define DEFAULT_SOCKET "/var/lib/lifeline/lifelined.sock"
#define MAX_WORDS      8

static const struct {
    const char *name;
    const char *value; /* what follows it; NULL: nothing */
} options[CTL_OPTION_COUNT] = {
    [CTL_SOCKET] = {"--socket", "PATH"}, [CTL_JSON] = {"--json", NULL},
    [CTL_HELP] = {"--help", NULL},       [CTL_ALL] = {"--all", NULL},
    [CTL_ASSET] = {"--asset", "ID"},     [CTL_NOTE] = {"--note", "TEXT"},
    [CTL_DEVICE] = {"--device", "ID"},   [CTL_SOURCE] = {"--source", "FILTER"},
    [CTL_COUNT] = {"--count", "N"},      [CTL_LIMIT] = {"--limit", "N"},
};

#define BIT(option)  (1U << (option))
#define EVERYWHERE   (BIT(CTL_SOCKET) | BIT(CTL_JSON) | BIT(CTL_HELP))
#define LIST_OPTIONS (BIT(CTL_ALL) | BIT(CTL_ASSET) | BIT(CTL_LIMIT))

struct verb {
    const char *name;
    const char *action; /* the word behind the name; in parentheses where it may be left out */
    const char *usage;
    const char *help;
    size_t least; /* words that must and may follow */
    size_t most;
    unsigned options;
    ctl_verb *run;
};

static ctl_verb run_help;

static const struct verb verbs[] = {
    {"status", "", "", "connections, destinations, registry, open alarms", 0, 0, 0, ctl_status},
    {"ledger", "", "[--device ID | --source FILTER]",
     "where every message and every reading ended: all, a device's, a topic filter's", 0, 0,
     BIT(CTL_DEVICE) | BIT(CTL_SOURCE), ctl_ledger},
    {"alarms", "(list)", "[--all] [--asset ID] [--limit N]", "open alarms, or all, newest first", 0,
     0, LIST_OPTIONS, ctl_alarms_list},
    {"alarms", "show", "ID", "one alarm and what became of it", 1, 1, 0, ctl_alarms_show},
    {"alarms", "ack", "ID [--note TEXT]", "acknowledge an alarm", 1, 1, BIT(CTL_NOTE),
     ctl_alarms_ack},
    {"tail", "", "[--device ID] [--count N]", "readings as they come", 0, 0,
     BIT(CTL_DEVICE) | BIT(CTL_COUNT), ctl_tail},
    {"explain", "", "TOPIC PAYLOAD|@FILE", "the line protocol of a message, or why it is refused",
     2, 2, 0, ctl_explain},
    {"quarantine", "", "[--limit N]", "originals of what was refused", 0, 0, BIT(CTL_LIMIT),
     ctl_quarantine},
    {"asset", "import", "FILE", "add or change assets (CSV or JSON)", 1, 1, 0, ctl_assets_import},
    {"asset", "list", "[FILTER]", "assets whose id contains the filter", 0, 1, 0, ctl_assets_list},
    {"asset", "show", "ID", "one asset", 1, 1, 0, ctl_assets_show},
    {"device", "import", "FILE", "add or change devices (CSV or JSON)", 1, 1, 0,
     ctl_devices_import},
    {"device", "list", "[FILTER]", "devices whose id contains the filter", 0, 1, 0,
     ctl_devices_list},
    {"device", "show", "ID", "one device with its channels", 1, 1, 0, ctl_devices_show},
    {"profile", "import", "FILE", "add or change profiles (JSON)", 1, 1, 0, ctl_profiles_import},
    {"profile", "list", "[FILTER]", "profiles whose name contains the filter", 0, 1, 0,
     ctl_profiles_list},
    {"profile", "show", "NAME", "one profile with its channels and detectors", 1, 1, 0,
     ctl_profiles_show},
    {"field", "list", "[FILTER]", "the type that each field has in the databases, and since when",
     0, 1, 0, ctl_fields_list},
    {"field", "release", "MEASUREMENT [FIELD]",
     "forget the types of what is dropped in every database", 1, 2, 0, ctl_fields_release},
    {"audit", "", "[--limit N]", "who did what, and when", 0, 0, BIT(CTL_LIMIT), ctl_audit},
    {"help", "", "", "this text", 0, 0, 0, run_help},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

enum ctl_exit ctl_fail(const struct ctl *c, enum ctl_exit status, const char *fmt, ...)
{
    char text[LL_DIAG_TEXT + LL_MAX_PATH];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct buf clean;
    buf_init(&clean, 4 * sizeof text);
    text_clean(text, strlen(text), &clean);
    fprintf(c->err, "lifelinectl: %s\n", buf_str(&clean));
    buf_free(&clean);
    return status;
}

const char *ctl_option(const struct ctl *c, enum ctl_option option, const char *fallback)
{
    return c->option[option] != NULL ? c->option[option] : fallback;
}

static enum ctl_exit run_help(struct ctl *c)
{
    fprintf(c->out,
            "lifelinectl [--socket PATH] [--json] COMMAND\n\n"
            "The socket is $LIFELINE_SOCKET or, without it, %s.\n"
            "--json prints the gateway's answer as it is.\n\n",
            DEFAULT_SOCKET);
    struct table t;
    table_init(&t, 2);
    for (size_t i = 0; i < VERBS; i++) {
        const struct verb *v = &verbs[i];
        char line[LL_MAX_NAME];
        snprintf(line, sizeof line, "%s%s%s%s%s", v->name, v->action[0] != '\0' ? " " : "",
                 v->action, v->usage[0] != '\0' ? " " : "", v->usage);
        table_add(&t, line);
        table_add(&t, v->help);
    }
    table_print(&t, 2, c->out);
    table_free(&t);
    fprintf(c->out, "\nExit status: 0 done, 1 refused by the gateway, 2 wrong usage, "
                    "3 no gateway answers.\n");
    return CTL_OK;
}

/* The option that `arg` names, up to its end or '='. */
static int find_option(const char *arg, size_t len)
{
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0) {
            return i;
        }
    }
    return -1;
}

static enum ctl_exit unknown_option(const struct ctl *c, const char *arg)
{
    const char *names[CTL_OPTION_COUNT];
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        names[i] = options[i].name;
    }
    const char *near = diag_nearest(arg, names, CTL_OPTION_COUNT);
    return ctl_fail(c, CTL_USAGE, "unknown option %s%s%s; see lifelinectl help", arg,
                    near != NULL ? ", did you mean " : "", near != NULL ? near : "");
}

/* Takes the options out of the arguments; what is left are the words, in their order. */
static enum ctl_exit parse(struct ctl *c, int argc, char *const *argv, const char **words)
{
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_words && strcmp(arg, "-h") == 0) {
            c->option[CTL_HELP] = "";
            continue;
        }
        if (only_words || strncmp(arg, "--", 2) != 0) {
            if (c->word_count == MAX_WORDS) {
                return ctl_fail(c, CTL_USAGE, "too many words; see lifelinectl help");
            }
            words[c->word_count++] = arg;
            continue;
        }
        if (arg[2] == '\0') {
            only_words = true;
            continue;
        }
        const size_t len = strcspn(arg, "=");
        const int option = find_option(arg, len);
        if (option < 0) {
            return unknown_option(c, arg);
        }
        const bool takes = options[option].value != NULL;
        const bool inside = arg[len] == '=';
        if (takes && !inside && i + 1 == argc) {
            return ctl_fail(c, CTL_USAGE, "%s must be followed by %s", arg, options[option].value);
        }
        if (!takes && inside) {
            return ctl_fail(c, CTL_USAGE, "%s takes no value", options[option].name);
        }
        c->option[option] = inside ? arg + len + 1 : takes ? argv[++i] : "";
    }
    return CTL_OK;
}

static bool action_is(const struct verb *v, const char *word)
{
    const size_t open = v->action[0] == '(';
    const size_t len = strlen(v->action) - 2 * open;
    return strlen(word) == len && memcmp(v->action + open, word, len) == 0;
}

/* The verb that the words name, and how many of them do. */
static const struct verb *find_verb(const struct ctl *c, const char *const *words, size_t *used)
{
    const struct verb *fallback = NULL;
    for (size_t i = 0; i < VERBS; i++) {
        const struct verb *v = &verbs[i];
        if (strcmp(v->name, words[0]) != 0) {
            continue;
        }
        if (v->action[0] != '\0' && c->word_count > 1 && action_is(v, words[1])) {
            *used = 2;
            return v;
        }
        if (v->action[0] == '\0' || (v->action[0] == '(' && c->word_count == 1)) {
            fallback = v;
        }
    }
    *used = 1;
    return fallback;
}

static enum ctl_exit unknown_verb(const struct ctl *c, const char *const *words)
{
    const char *names[VERBS];
    struct buf actions;
    buf_init(&actions, LL_MAX_NAME);
    for (size_t i = 0; i < VERBS; i++) {
        names[i] = verbs[i].name;
        if (strcmp(verbs[i].name, words[0]) == 0) {
            buf_printf(&actions, " %s", verbs[i].action);
        }
    }
    enum ctl_exit status;
    if (actions.len > 0) {
        status = ctl_fail(c, CTL_USAGE, "%s is followed by one of:%s", words[0], buf_str(&actions));
    } else {
        const char *near = diag_nearest(words[0], names, VERBS);
        status = ctl_fail(c, CTL_USAGE, "unknown command '%s'%s%s; see lifelinectl help", words[0],
                          near != NULL ? ", did you mean " : "", near != NULL ? near : "");
    }
    buf_free(&actions);
    return status;
}

/* As it is typed: "alarms list". */
static const char *title(const struct verb *v, char *out, size_t out_len)
{
    const size_t open = v->action[0] == '(';
    snprintf(out, out_len, "%s%s%.*s", v->name, v->action[0] != '\0' ? " " : "",
             (int)(strlen(v->action) - 2 * open), v->action + open);
    return out;
}

static enum ctl_exit check(const struct ctl *c, const struct verb *v)
{
    char name[LL_MAX_NAME];
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if (c->option[i] != NULL && ((v->options | EVERYWHERE) & BIT(i)) == 0) {
            return ctl_fail(c, CTL_USAGE, "%s does not take %s", title(v, name, sizeof name),
                            options[i].name);
        }
    }
    if (c->word_count < v->least || c->word_count > v->most) {
        return ctl_fail(c, CTL_USAGE, "usage: lifelinectl %s%s%s", title(v, name, sizeof name),
                        v->usage[0] != '\0' ? " " : "", v->usage);
    }
    return CTL_OK;
}

enum ctl_exit ctl_main(int argc, char *const *argv, FILE *out, FILE *err)
{
    const char *words[MAX_WORDS];
    struct ctl c = {.out = out, .err = err, .words = words};
    enum ctl_exit status = parse(&c, argc, argv, words);
    if (status != CTL_OK) {
        return status;
    }
    if (c.option[CTL_HELP] != NULL) {
        return run_help(&c);
    }
    if (c.word_count == 0) {
        return ctl_fail(&c, CTL_USAGE, "no command was given; see lifelinectl help");
    }
    size_t used;
    const struct verb *v = find_verb(&c, words, &used);
    if (v == NULL) {
        return unknown_verb(&c, words);
    }
    c.words += used;
    c.word_count -= used;
    status = check(&c, v);
    if (status != CTL_OK) {
        return status;
    }
    const char *configured = getenv("LIFELINE_SOCKET");
    const bool given = configured != NULL && configured[0] != '\0';
    c.socket_path = ctl_option(&c, CTL_SOCKET, given ? configured : DEFAULT_SOCKET);
    c.json = c.option[CTL_JSON] != NULL;
    status = v->run(&c);
    client_close(&c);
    return status;
}
