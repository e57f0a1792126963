/*
 * What of the pipeline goes into the checkpoint, and back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"
#include "gateway/store/checkpoint.h"

/* --- sections -------------------------------------------------------------------------------- */

/* u64 alive ms, u64 last tick ms, then the books (sources.c). */
static void save_ledger(const struct pipeline *p, struct buf *out)
{
    buf_u64(out, (uint64_t)p->now.alive_ms);
    buf_u64(out, (uint64_t)p->clock.time_ms);
    sources_save(p->sources, out);
}

static ll_err load_ledger(struct pipeline *p, uint32_t version, struct cursor *in)
{
    p->now.alive_ms = (int64_t)cursor_u64(in);
    p->clock.time_ms = (int64_t)cursor_u64(in);
    return sources_load(p->sources, version, in);
}

static void save_devices(const struct pipeline *p, struct buf *out)
{
    series_table_save(p->table, out);
}

static ll_err load_devices(struct pipeline *p, uint32_t version, struct cursor *in)
{
    return series_table_load(p->table, version, in);
}

static void save_alarms(const struct pipeline *p, struct buf *out)
{
    alarms_save(p->alarms, out);
}

static ll_err load_alarms(struct pipeline *p, uint32_t version, struct cursor *in)
{
    (void)version;
    return alarms_load(p->alarms, in);
}

static ll_err load_time(struct pipeline *p, uint32_t version, struct cursor *in)
{
    (void)version;
    return pipeline_hold_load(p, in);
}

static void save_retained(const struct pipeline *p, struct buf *out)
{
    series_retained_save(p->table, out);
}

static ll_err load_retained(struct pipeline *p, uint32_t version, struct cursor *in)
{
    (void)version;
    return series_retained_load(p->table, in);
}

static const struct section {
    enum checkpoint_tag tag;
    uint32_t version;
    uint32_t oldest; /* that can still be loaded */
    void (*save)(const struct pipeline *p, struct buf *out);
    ll_err (*load)(struct pipeline *p, uint32_t version, struct cursor *in);
} sections[] = {
    {CHECKPOINT_LEDGER, SOURCES_VERSION, 1, save_ledger, load_ledger},
    {CHECKPOINT_DEVICES, SERIES_TABLE_VERSION, 1, save_devices, load_devices},
    {CHECKPOINT_ALARMS, 1, 1, save_alarms, load_alarms},
    {CHECKPOINT_TIME, 1, 1, pipeline_hold_save, load_time},
    {CHECKPOINT_RETAINED, 1, 1, save_retained, load_retained},
};
#define SECTIONS (sizeof sections / sizeof sections[0])

/* --- the whole ------------------------------------------------------------------------------- */

/* After a checkpoint that leaves no transition to be told again. */
static void trim_archive(struct pipeline *p)
{
    if (pipeline_first_needed(p) <= p->done_seq) {
        return;
    }
    const struct conf *c = p->parts.conf;
    struct alarm_store_trim done = {0};
    const ll_err err = alarm_store_trim(p->parts.alarms, (uint64_t)c->archive_max_alarms,
                                        (uint64_t)c->archive_max_audit, p->now.event_ms, &done);
    counter_add(COUNTER_ALARMS_TRIMMED, done.alarms);
    counter_add(COUNTER_AUDIT_TRIMMED, done.audit);
    uint64_t left_out;
    if ((err != LL_OK || done.alarms + done.audit > 0) &&
        log_limit_pass(&p->archive_limit, &left_out)) {
        log_warn("pipeline", "archive_trimmed",
                 "alarms=%" PRIu64 " audit=%" PRIu64 " result=\"%s\" suppressed=%" PRIu64,
                 done.alarms, done.audit, ll_err_str(err), left_out);
    }
}

ll_err pipeline_save(struct pipeline *p)
{
    if (p->parts.checkpoint_path == NULL) {
        return LL_OK;
    }
    /* What the checkpoint calls done must be on disk before the checkpoint is. */
    ll_err err = pipeline_catch_up_archive(p);
    if (err == LL_OK) {
        err = journal_sync(p->parts.intake);
    }
    if (err == LL_OK && p->parts.spool != NULL) {
        err = spool_flush(p->parts.spool);
    }
    if (err == LL_OK && p->parts.spool != NULL) {
        err = spool_sync(p->parts.spool);
    }
    if (err == LL_OK) {
        err = alarm_store_sync(p->parts.alarms);
    }
    struct buf out;
    buf_init(&out, LL_MAX_CHECKPOINT);
    checkpoint_begin(&out, p->done_seq);
    for (size_t i = 0; i < SECTIONS; i++) {
        const size_t start = checkpoint_section_open(&out, sections[i].tag, sections[i].version);
        sections[i].save(p, &out);
        checkpoint_section_close(&out, start);
    }
    if (err == LL_OK) {
        err = checkpoint_end(&out);
    }
    if (err == LL_OK) {
        err = fs_replace_file(p->parts.checkpoint_path, out.data, out.len);
    }
    const size_t size = out.len;
    buf_free(&out);
    if (err != LL_OK) {
        uint64_t left_out;
        counter_add(COUNTER_CHECKPOINTS_FAILED, 1);
        if (log_limit_pass(&p->checkpoint_limit, &left_out)) {
            log_error("pipeline", "checkpoint_failed", "file=%s reason=\"%s\" suppressed=%" PRIu64,
                      p->parts.checkpoint_path, ll_err_str(err), left_out);
        }
        return err;
    }
    counter_add(COUNTER_CHECKPOINTS, 1);
    p->checkpoint_bytes = size;
    atomic_store(&p->checkpointed, pipeline_first_needed(p) - 1);
    trim_archive(p);
    return LL_OK;
}

/* A section that is missing is nothing to load. */
static ll_err load_section(struct pipeline *p, const struct checkpoint *c, const struct section *s)
{
    uint32_t version = 0;
    struct cursor in;
    ll_err err = checkpoint_section(c, s->tag, &version, &in);
    if (err == LL_ENOENT) {
        return LL_OK;
    }
    if (err == LL_OK) {
        const bool known = version >= s->oldest && version <= s->version;
        err = known ? s->load(p, version, &in) : LL_EVERSION;
    }
    if (err != LL_OK) {
        log_error("pipeline", "checkpoint_section", "tag=%d version=%u reason=\"%s\"", (int)s->tag,
                  version, ll_err_str(err));
    }
    return err;
}

/* As if no section had been loaded: what part of them was must not meet the journal that is read
 * again for it. */
static ll_err start_over(struct pipeline *p)
{
    struct sources *sources = NULL;
    struct series_table *table = NULL;
    struct alarms *alarms = NULL;
    ll_err err = sources_new(p->parts.conf, &sources);
    if (err == LL_OK) {
        err = series_table_new(p->table->registry, &table);
    }
    if (err == LL_OK) {
        err = alarms_new(pipeline_emit_alarm, pipeline_known_alarm, p, &alarms);
    }
    if (err != LL_OK) {
        series_table_free(table);
        sources_free(sources);
        return err;
    }
    sources_free(p->sources);
    p->sources = sources;
    series_table_free(p->table);
    p->table = table;
    alarms_free(p->alarms);
    p->alarms = alarms;
    p->now = (struct detect_now){0};
    p->clock = (struct receive_clock){0};
    p->hold = (struct hold){0};
    return LL_OK;
}

ll_err pipeline_restore(struct pipeline *p)
{
    struct checkpoint *c = NULL;
    ll_err err = p->parts.checkpoint_path != NULL ? checkpoint_load(p->parts.checkpoint_path, &c)
                                                  : LL_ENOENT;
    if (err != LL_OK) {
        return err;
    }
    for (size_t i = 0; err == LL_OK && i < SECTIONS; i++) {
        err = load_section(p, c, &sections[i]);
    }
    if (err == LL_OK) {
        p->done_seq = checkpoint_seq(c);
        p->checkpoint_bytes = checkpoint_size(c);
        p->last_checkpoint_ms = p->clock.time_ms;
        atomic_store(&p->checkpointed, pipeline_first_needed(p) - 1);
    }
    checkpoint_free(c);
    if (err == LL_ECORRUPT) {
        const ll_err fresh = start_over(p);
        err = fresh == LL_OK ? err : fresh;
    }
    return err;
}
