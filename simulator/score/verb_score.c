/* lifelinesim score */
#include <json-c/json.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "simulator/score/score.h"
#include "simulator/session.h"
#include "simulator/verbs.h"

#define DAY_MS    86400000.0
#define MAX_SCORE (1024UL * 1024)

static int64_t number_in(struct json_object *o, const char *key)
{
    struct json_object *v;
    return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

/* Of run.json in the truth's folder, which a run without a recording has not. */
static void read_run(const char *truth, struct score_input *in)
{
    char path[LL_MAX_PATH];
    const char *slash = strrchr(truth, '/');
    const int dir = slash != NULL ? (int)(slash - truth) + 1 : 0;
    const int n = snprintf(path, sizeof path, "%.*srun.json", dir, truth);
    struct buf text;
    buf_init(&text, LL_MAX_TEXT_FILE);
    if (n > 0 && n < (int)sizeof path && fs_read_file(path, &text) == LL_OK) {
        struct json_object *o = json_tokener_parse(buf_str(&text));
        in->assets = (uint64_t)number_in(o, "assets");
        in->start_ms = number_in(o, "start");
        in->end_ms = number_in(o, "end");
        json_object_put(o);
    }
    buf_free(&text);
}

static void use_options(const struct sim_options *o, struct score_input *in)
{
    if (o->assets > 0) {
        in->assets = (uint64_t)o->assets;
    }
    if (o->days > 0) {
        if (in->end_ms == 0 && in->event_count > 0) { /* rows are in the order of time */
            in->start_ms = in->events[0].at_ms;
        }
        in->end_ms = in->start_ms + (int64_t)(o->days * DAY_MS);
    }
}

static ll_err print(const struct sim_options *o, const struct score *s)
{
    struct buf json;
    if (!o->json) {
        score_print(s, stdout);
        return LL_OK;
    }
    buf_init(&json, MAX_SCORE);
    score_json(s, &json);
    fputs(buf_str(&json), stdout);
    const ll_err err = buf_ok(&json) ? LL_OK : LL_ELIMIT;
    buf_free(&json);
    return err;
}

int verb_score(const struct sim_options *o)
{
    static struct score score;
    struct score_input in = {0};
    struct diag d = {0};
    read_run(o->truth, &in);
    ll_err err = score_read_truth(o->truth, &in, &d);
    if (err == LL_OK) {
        err = score_read_transitions(o->alarms, &in, &d);
    }
    session_print_diag(&d);
    if (err == LL_OK) {
        use_options(o, &in);
        if (in.assets == 0 || in.end_ms <= in.start_ms) {
            fprintf(stderr,
                    "lifelinesim score: no run.json beside %s: expected --assets N and "
                    "--days D\n",
                    o->truth);
            score_input_free(&in);
            return SIM_USAGE;
        }
        err = score_run(&in, &score);
        if (err == LL_OK) {
            err = print(o, &score);
        }
        if (err != LL_OK) {
            fprintf(stderr, "lifelinesim score: %s\n", ll_err_str(err));
        }
    }
    score_input_free(&in);
    return err == LL_OK ? SIM_DONE : SIM_FAILED;
}
