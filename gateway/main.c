/*
 * lifelined: the gateway daemon's command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/app.h"
#include "gateway/pipeline/judge.h"
#include "gateway/registry/registry.h"

static const char usage[] =
    "usage: lifelined -c FILE              run with the configuration FILE\n"
    "       lifelined --check-config FILE  say what is wrong with FILE and the profiles it names\n"
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

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", required_argument, NULL, 'k'},
                                            {"print-reference", no_argument, NULL, 'r'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const int option = getopt_long(argc, argv, "c:h", options, NULL);
    struct conf *conf;
    if (option != '?' && optind < argc) {
        fprintf(stderr, "lifelined: '%s' is one argument too many\n%s", argv[optind], usage);
        return 2;
    }
    switch (option) {
    case 'c':
        break;
    case 'k':
        conf = load(optarg, true);
        if (conf != NULL) {
            printf("%s: good\n", optarg);
        }
        free(conf);
        return conf != NULL ? 0 : 1;
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
    const char *path = optarg;
    conf = load(path, false);
    if (conf == NULL) {
        return 1;
    }
    struct app *app = NULL;
    ll_err err = app_init(conf, path, &app);
    if (err == LL_OK) {
        err = app_run(app);
    }
    app_fini(app);
    return err == LL_OK ? 0 : 1;
}
