/*
 * lifelined: the gateway daemon's command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/app.h"
#include "gateway/pipeline/judge.h"
#include "gateway/registry/registry.h"
#include "gateway/replay.h"

static const char usage[] =
    "usage: lifelined -c FILE              run with the configuration FILE\n"
    "       lifelined --check-config FILE  say what is wrong with FILE and the profiles it names\n"
    "       lifelined -c FILE --replay INTAKE --registry DIR --out DIR\n"
    "                                      a recorded intake journal through the pipeline, with "
    "the\n"
    "                                      assets.csv and devices.csv in a folder, into another\n"
    "       lifelined --print-reference    the settings, as Markdown\n"
    "       lifelined --version\n";

/* The profiles of the configuration, read into a database that is thrown away. */
static bool profiles_good(const struct conf *conf, struct diag *d)
{
    struct registry_db *db = NULL;
    size_t count;
    if (conf->profiles_dir[0] == '\0') {
        return true;
    }
    ll_err err = registry_db_open(":memory:", &db);
    if (err == LL_OK) {
        err = registry_import_profile_dir(db, conf->profiles_dir, d, &count);
    }
    if (err != LL_OK && d->count == 0) {
        diag_add(d, conf->profiles_dir, 0, "%s", ll_err_str(err));
    }
    registry_db_close(db);
    return d->count == 0;
}

/* The configuration, or NULL with its faults on standard error. A running gateway does without a
 * bad profile, and logs it; who checks wants to know. */
static struct conf *load(const char *path, bool profiles)
{
    struct diag *d = calloc(1, sizeof *d);
    struct conf *conf = calloc(1, sizeof *conf);
    bool good = d != NULL && conf != NULL && conf_load(path, d, conf) == LL_OK &&
                judge_formats_known(conf, path, d);
    if (good && profiles) {
        good = profiles_good(conf, d);
    }
    for (size_t i = 0; d != NULL && i < diag_kept(d); i++) {
        fprintf(stderr, "%s\n", d->text[i]);
    }
    if (!good && (d == NULL || d->count == 0)) {
        fprintf(stderr, "%s: %s\n", path, ll_err_str(LL_ENOMEM));
    }
    if (d != NULL && d->count > LL_MAX_DIAGS) {
        fprintf(stderr, "%s: and %zu more\n", path, d->count - LL_MAX_DIAGS);
    }
    free(d);
    if (!good) {
        free(conf);
        return NULL;
    }
    return conf;
}

/* A verb of the command line, and what it is given. */
struct command {
    enum { RUN, CHECK, REPLAY } verb;
    const char *config;
    struct replay_options replay;
};

enum { PARSED = -1 };

/* PARSED, or the exit status where nothing is left to be done. */
static int parse(int argc, char **argv, struct command *c)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", required_argument, NULL, 'k'},
                                            {"replay", required_argument, NULL, 'R'},
                                            {"registry", required_argument, NULL, 'G'},
                                            {"out", required_argument, NULL, 'O'},
                                            {"print-reference", no_argument, NULL, 'r'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            c->config = optarg;
            break;
        case 'k':
            c->config = optarg;
            c->verb = CHECK;
            break;
        case 'R':
            c->replay.intake = optarg;
            c->verb = REPLAY;
            break;
        case 'G':
            c->replay.registry = optarg;
            break;
        case 'O':
            c->replay.out = optarg;
            break;
        case 'r':
            conf_print_reference();
            return 0;
        case 'v':
            puts("lifelined " LL_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lifelined: '%s' is one argument too many\n%s", argv[optind], usage);
        return 2;
    }
    const bool whole = c->replay.registry != NULL && c->replay.out != NULL;
    const bool any = c->replay.registry != NULL || c->replay.out != NULL;
    if (c->config == NULL || (c->verb == REPLAY ? !whole : any)) {
        fputs(usage, stderr);
        return 2;
    }
    return PARSED;
}

static ll_err run(struct conf *conf, const char *path)
{
    struct app *app = NULL;
    ll_err err = app_init(conf, path, &app);
    if (err == LL_OK) {
        err = app_run(app);
    }
    app_fini(app);
    return err;
}

int main(int argc, char **argv)
{
    struct command c = {.verb = RUN};
    const int status = parse(argc, argv, &c);
    if (status != PARSED) {
        return status;
    }
    struct conf *conf = load(c.config, c.verb == CHECK);
    if (conf == NULL) {
        return 1;
    }
    if (c.verb == RUN) {
        return run(conf, c.config) == LL_OK ? 0 : 1; /* which frees conf */
    }
    ll_err err = LL_OK;
    if (c.verb == CHECK) {
        printf("%s: good\n", c.config);
    } else {
        err = replay_run(conf, &c.replay);
    }
    free(conf);
    return err == LL_OK ? 0 : 1;
}
