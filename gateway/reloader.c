#include "gateway/reloader.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"

struct reloader {
    struct conf *conf;
    const char *conf_path;
    struct api *api;
    pthread_t thread;
    bool started; /* and not joined yet */
    bool again;   /* one was asked for while it ran */
    atomic_bool done;
    char profiles_dir[CONF_TEXT]; /* the thread's copy */
};

void reloader_apply_log(const struct conf *conf)
{
    enum log_level level = LOG_INFO;
    log_level_parse(conf->log_level, &level);
    log_setup(level, conf->log_debug);
}

void reloader_import_profiles(struct registry_db *db, const char *dir)
{
    if (dir[0] == '\0') {
        return;
    }
    struct diag *d = calloc(1, sizeof *d);
    size_t count = 0;
    if (d == NULL) {
        return;
    }
    const ll_err err = registry_import_profile_dir(db, dir, d, &count);
    for (size_t i = 0; i < diag_kept(d); i++) {
        log_error("registry", "bad_profile", "text=\"%s\"", d->text[i]);
    }
    if (err != LL_OK && d->count == 0) {
        log_error("registry", "profiles_dir", "dir=%s reason=\"%s\"", dir, ll_err_str(err));
    }
    log_info("registry", "profiles", "dir=%s taken=%zu faults=%zu", dir, count, d->count);
    free(d);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void *use_registry(void *arg)
{
    static const char command[] = "{\"do\":\"registry_reload\"}";
    struct reloader *r = arg;
    struct buf answer;
    buf_init(&answer, LL_MAX_TEXT_FILE);
    pthread_mutex_lock(&r->api->writing.lock);
    reloader_import_profiles(r->api->writing.registry, r->profiles_dir);
    pthread_mutex_unlock(&r->api->writing.lock);
    const ll_err err = pipeline_command(r->api->pipeline, command, sizeof command - 1, &answer);
    if (err == LL_OK) {
        log_info("app", "reloaded", "file=%s", r->conf_path);
    } else {
        log_error("app", "reload_failed", "what=registry reason=\"%s\"", ll_err_str(err));
    }
    buf_free(&answer);
    atomic_store(&r->done, true);
    return NULL;
}

static void join(struct reloader *r)
{
    if (r->started) {
        pthread_join(r->thread, NULL);
        r->started = false;
    }
}

static void begin(struct reloader *r)
{
    r->again = r->started && !atomic_load(&r->done);
    if (r->again) {
        return;
    }
    join(r);
    atomic_store(&r->done, false);
    memcpy(r->profiles_dir, r->conf->profiles_dir, sizeof r->profiles_dir);
    const int rc = pthread_create(&r->thread, NULL, use_registry, r);
    r->started = rc == 0;
    if (rc != 0) {
        log_error("app", "reload_failed", "what=thread reason=\"%s\"",
                  ll_err_str(ll_err_from_errno(rc)));
    }
}

/* --- the main thread's ----------------------------------------------------------------------- */

ll_err reloader_new(struct conf *conf, const char *conf_path, struct api *api,
                    struct reloader **out)
{
    struct reloader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return LL_ENOMEM;
    }
    *r = (struct reloader){.conf = conf, .conf_path = conf_path, .api = api};
    *out = r;
    return LL_OK;
}

void reloader_free(struct reloader *r)
{
    if (r != NULL) {
        join(r);
        free(r);
    }
}

void reloader_run(struct reloader *r)
{
    struct diag *d = calloc(1, sizeof *d);
    struct conf *next = calloc(1, sizeof *next);
    char fixed[LL_DIAG_TEXT];
    if (d == NULL || next == NULL) {
        log_error("app", "reload_refused", "reason=\"%s\"", ll_err_str(LL_ENOMEM));
        goto out;
    }
    if (conf_load(r->conf_path, d, next) != LL_OK) {
        for (size_t i = 0; i < diag_kept(d); i++) {
            log_error("app", "reload_refused", "text=\"%s\"", d->text[i]);
        }
        log_error("app", "reload_refused", "faults=%zu hint=\"the running configuration stays\"",
                  d->count);
        goto out;
    }
    conf_not_reloadable(r->conf, next, fixed, sizeof fixed);
    memcpy(r->conf->log_level, next->log_level, sizeof next->log_level);
    memcpy(r->conf->log_debug, next->log_debug, sizeof next->log_debug);
    memcpy(r->conf->profiles_dir, next->profiles_dir, sizeof next->profiles_dir);
    reloader_apply_log(r->conf);
    if (fixed[0] != '\0') {
        log_warn("app", "needs_restart", "settings=\"%s\"", fixed);
    }
    begin(r);
out:
    free(next);
    free(d);
}

void reloader_timer(struct reloader *r)
{
    if (r->again) {
        begin(r);
    }
}
