#include "simulator/verbs.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/crc32c.h"
#include "gateway/base/fs.h"
#include "gateway/base/rng.h"
#include "gateway/model/kind.h"
#include "simulator/city.h"
#include "simulator/recorder.h"
#include "simulator/roster.h"
#include "simulator/scenario.h"
#include "simulator/session.h"
#include "simulator/stop.h"

#define FIRST_DAY       "2026-01-01"
#define DAY_MS          ((int64_t)24 * 3600 * LL_MS_PER_S)
#define PROGRESS_MS     500
#define MAX_KNOWLEDGE   ((size_t)1 << 30)
#define TOWN_RADIUS_DEG 0.03 /* about 3 km: the spread of assets about the centre */

/* The rest of the master data: where it is and what hangs on it, drawn by id like the scenario's.
 */
static void describe(const struct scenario *s, const struct scenario_asset *a,
                     struct roster_asset *r)
{
    struct rng rng = rng_seeded(~(uint64_t)crc32c(0, a->id, strlen(a->id)));
    *r = (struct roster_asset){
        .latitude = s->latitude + TOWN_RADIUS_DEG * rng_normal(&rng) / 2,
        .longitude = s->longitude + TOWN_RADIUS_DEG * rng_normal(&rng) / 2,
        .length_m = a->ageing.length_m,
        .diameter_mm = a->ageing.diameter_mm,
        .criticality = 1 + (int64_t)(rng_next(&rng) % 4),
    };
    const char *number = strrchr(a->id, '-');
    snprintf(r->id, sizeof r->id, "%s", a->id);
    snprintf(r->kind, sizeof r->kind, "%s", a->model->kind);
    snprintf(r->name, sizeof r->name, "%s %s", asset_kind_find(a->model->kind)->name_zh,
             number + 1);
    snprintf(r->district, sizeof r->district, "%s", a->district);
    snprintf(r->material, sizeof r->material, "%s", a->ageing.material->material);
    snprintf(r->installed, sizeof r->installed, "%04d-%02u-01", a->ageing.installed_year,
             a->ageing.installed_month);
}

static ll_err write_roster(const struct scenario *s, const char *dir)
{
    struct roster *r;
    ll_err err = roster_open(dir, &r);
    if (err == LL_OK) {
        for (size_t i = 0; i < s->asset_count; i++) {
            struct roster_asset asset;
            describe(s, &s->assets[i], &asset);
            roster_add_asset(r, &asset);
            roster_add_device(r, s->assets[i].device, s->assets[i].id, s->assets[i].model->profile);
        }
        err = roster_close(r);
    }
    if (err != LL_OK) {
        fprintf(stderr, "%s: cannot be written: %s\n", dir, ll_err_str(err));
    }
    return err;
}

/* `err`: how the text was made. */
static ll_err write_text(const struct buf *text, ll_err err, const char *path)
{
    if (err == LL_OK) {
        err = buf_ok(text) ? fs_replace_file(path, buf_str(text), text->len) : LL_ELIMIT;
    }
    if (err != LL_OK) {
        fprintf(stderr, "%s: cannot be written: %s\n", path, ll_err_str(err));
    }
    return err;
}

static ll_err write_truth(const struct city *c, const char *path)
{
    struct buf text;
    buf_init(&text, MAX_KNOWLEDGE);
    ll_err err = city_truth(c, &text);
    err = write_text(&text, err, path);
    buf_free(&text);
    return err;
}

static ll_err write_condition(const struct city *c, const char *path)
{
    struct buf text;
    buf_init(&text, MAX_KNOWLEDGE);
    city_condition(c, &text);
    const ll_err err = write_text(&text, LL_OK, path);
    buf_free(&text);
    return err;
}

static ll_err load_scenario(const char *path, struct scenario **out)
{
    struct diag d = {0};
    const ll_err err = scenario_load(path, &d, out);
    session_print_diag(&d);
    return err;
}

/* Messages up to `end_ms`, each when its time has come at the given speed. */
static ll_err publish(struct city *c, struct publisher *p, int64_t start_ms, int64_t end_ms,
                      double speed)
{
    const struct mono_ns start = clock_mono();
    struct message *made = NULL;
    ll_err err = city_next(c, end_ms, &made);
    while (err == LL_OK && made != NULL) {
        struct message *m;
        if (speed > 0) {
            const double ahead_ms = (double)(made->sent_ms - start_ms) / speed;
            const struct mono_ns due = {start.ns + (int64_t)(ahead_ms * LL_NS_PER_MS)};
            publisher_wait_until(p, due);
        }
        err = publisher_message(p, made->index, &m);
        if (err == LL_OK) {
            message_copy(m, made);
            err = publisher_send(p, m);
        }
        if (err == LL_OK) {
            err = city_next(c, end_ms, &made);
        }
    }
    return err;
}

/* Simulated time must not run ahead of the clock: a gateway refuses readings from the future. So a
 * fast run begins in the past, and ends now. */
static int64_t start_of(const struct sim_options *o)
{
    const double lead = o->speed == 0 ? 1 : fmax(0, 1 - 1 / o->speed);
    return clock_wall().ms - (int64_t)(o->duration_s * LL_MS_PER_S * lead);
}

static int run_scenario(const struct sim_options *o, const struct scenario *s)
{
    struct session session;
    struct city *city;
    if (session_open(o, &session) != LL_OK) {
        return SIM_FAILED;
    }
    const int64_t start_ms = start_of(o);
    const int64_t end_ms =
        o->duration_s > 0 ? start_ms + llround(o->duration_s * LL_MS_PER_S) : INT64_MAX;
    ll_err err = city_new(s, (uint64_t)o->seed, start_ms, (uint64_t)o->first_seq, &city);
    if (err != LL_OK) {
        fprintf(stderr, "lifelinesim run: %s\n", ll_err_str(err));
        return session_close(&session, err);
    }
    err = publish(city, session.publisher, start_ms, end_ms, o->speed);
    int status = session_close(&session, err);
    if (o->truth != NULL && write_truth(city, o->truth) != LL_OK) {
        status = SIM_FAILED;
    }
    city_free(city);
    return status;
}

/* --- recordings ------------------------------------------------------------------------------ */

/* A line that grows over itself; nothing where nobody looks. */
static void show_progress(const struct record_totals *t, double done, struct mono_ns began,
                          struct mono_ns *next, bool last)
{
    const struct mono_ns now = clock_mono();
    if ((now.ns < next->ns && !last) || !isatty(STDERR_FILENO)) {
        return;
    }
    next->ns = now.ns + (int64_t)PROGRESS_MS * LL_NS_PER_MS;
    const double elapsed_s = (double)mono_elapsed_ms(began, now) / LL_MS_PER_S;
    fprintf(stderr, "\r%3.0f %%  %" PRIu64 " messages, %.0f/s, %.1f MiB  %s", 100 * done,
            t->messages, (double)t->messages / fmax(elapsed_s, 0.001),
            (double)t->bytes / (1024 * 1024), last ? "\n" : "");
}

static ll_err record(struct city *c, struct recorder *r, int64_t start_ms, int64_t end_ms)
{
    struct message *m = NULL;
    struct mono_ns next = {0};
    const struct mono_ns began = clock_mono();
    ll_err err = city_next(c, end_ms, &m);
    while (err == LL_OK && m != NULL && !stop_asked()) {
        const int64_t at_ms = m->sent_ms;
        err = message_end(m) ? recorder_add(r, m, at_ms) : LL_ELIMIT;
        if (err == LL_OK) {
            err = city_next(c, end_ms, &m);
        }
        if ((recorder_totals(r)->messages & 0xfff) == 0) {
            show_progress(recorder_totals(r),
                          (double)(at_ms - start_ms) / (double)(end_ms - start_ms), began, &next,
                          false);
        }
    }
    show_progress(recorder_totals(r), 1, began, &next, true);
    return err;
}

static bool in_folder(const char *dir, const char *name, char out[LL_MAX_PATH])
{
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s", dir, name);
    return n > 0 && n < LL_MAX_PATH;
}

/* What a score needs to know of the run. */
static ll_err write_run(const struct scenario *s, const struct sim_options *o, const char *path,
                        int64_t start_ms, int64_t end_ms, const struct record_totals *t)
{
    char text[512];
    const int n =
        snprintf(text, sizeof text,
                 "{\"scenario\":\"%s\",\"seed\":%" PRId64 ",\"assets\":%zu,\"start\":%" PRId64
                 ",\"end\":%" PRId64 ",\"messages\":%" PRIu64 ",\"readings\":%" PRIu64 "}\n",
                 s->name, o->seed, s->asset_count, start_ms, end_ms, t->messages, t->readings);
    const ll_err err = n < (int)sizeof text ? fs_replace_file(path, text, (size_t)n) : LL_ELIMIT;
    if (err != LL_OK) {
        fprintf(stderr, "%s: cannot be written: %s\n", path, ll_err_str(err));
    }
    return err;
}

/* DIR/intake, DIR/registry, DIR/truth.jsonl, DIR/condition.csv, DIR/run.json. */
static int record_scenario(const struct sim_options *o, const struct scenario *s)
{
    char intake[LL_MAX_PATH];
    char registry[LL_MAX_PATH];
    char truth[LL_MAX_PATH];
    char condition[LL_MAX_PATH];
    char about[LL_MAX_PATH];
    int64_t days;
    if (!clock_parse_date(o->start != NULL ? o->start : FIRST_DAY, &days)) {
        fprintf(stderr, "lifelinesim run: --start '%s': expected a date as in 2026-01-31\n",
                o->start);
        return SIM_USAGE;
    }
    if (!in_folder(o->journal, "intake", intake) || !in_folder(o->journal, "registry", registry) ||
        !in_folder(o->journal, "truth.jsonl", truth) ||
        !in_folder(o->journal, "condition.csv", condition) ||
        !in_folder(o->journal, "run.json", about)) {
        fprintf(stderr, "%s: the path is too long\n", o->journal);
        return SIM_FAILED;
    }
    const int64_t start_ms = days * DAY_MS;
    const int64_t end_ms = start_ms + llround(o->duration_s * LL_MS_PER_S);
    struct recorder *r = NULL;
    struct city *city = NULL;
    ll_err err = recorder_open(intake, (uint64_t)o->seed, start_ms, &r);
    if (err == LL_EEXIST) {
        fprintf(stderr, "%s: holds a recording; name a new folder\n", o->journal);
        return SIM_FAILED;
    }
    if (err == LL_OK) {
        err = city_new(s, (uint64_t)o->seed, start_ms, (uint64_t)o->first_seq, &city);
    }
    if (err == LL_OK) {
        err = record(city, r, start_ms, end_ms);
    }
    const struct record_totals totals = r != NULL ? *recorder_totals(r) : (struct record_totals){0};
    const ll_err closed = recorder_close(r, end_ms);
    err = err == LL_OK ? closed : err;
    if (err != LL_OK) {
        fprintf(stderr, "%s: %s\n", intake, ll_err_str(err));
    }
    const bool written = err == LL_OK && write_roster(s, registry) == LL_OK &&
                         write_truth(city, truth) == LL_OK &&
                         write_condition(city, condition) == LL_OK &&
                         write_run(s, o, about, start_ms, end_ms, &totals) == LL_OK;
    if (written) {
        printf("%" PRIu64 " messages, %" PRIu64 " readings: %s\n", totals.messages, totals.readings,
               o->journal);
    }
    city_free(city);
    return written ? SIM_DONE : SIM_FAILED;
}

/* --- the verbs ------------------------------------------------------------------------------- */

int verb_run(const struct sim_options *options)
{
    struct sim_options o = *options;
    struct scenario *s;
    if (o.journal == NULL && o.start != NULL) {
        fprintf(stderr, "lifelinesim run: --start goes with --journal\n");
        return SIM_USAGE;
    }
    if (o.journal != NULL && o.duration_s == 0) {
        fprintf(stderr, "lifelinesim run: --journal needs --duration S\n");
        return SIM_USAGE;
    }
    if (isnan(o.speed)) {
        o.speed = 1;
    }
    if (o.journal == NULL && (o.speed == 0 || o.speed > 1) && o.duration_s == 0) {
        fprintf(stderr,
                "lifelinesim run: --speed %g needs --duration S, so that the run can begin "
                "in the past and end now\n",
                o.speed);
        return SIM_USAGE;
    }
    if (load_scenario(o.scenario, &s) != LL_OK) {
        return SIM_FAILED;
    }
    int status = SIM_FAILED;
    if (o.registry_out == NULL || write_roster(s, o.registry_out) == LL_OK) {
        status = o.journal != NULL ? record_scenario(&o, s) : run_scenario(&o, s);
    }
    scenario_free(s);
    return status;
}

int verb_registry(const struct sim_options *o)
{
    struct scenario *s;
    if (load_scenario(o->scenario, &s) != LL_OK) {
        return SIM_FAILED;
    }
    const ll_err err = write_roster(s, o->out);
    if (err == LL_OK) {
        printf("%s: %zu assets and as many devices\n", o->out, s->asset_count);
    }
    scenario_free(s);
    return err == LL_OK ? SIM_DONE : SIM_FAILED;
}
