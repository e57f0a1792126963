/*
 * What of the pipeline goes into the checkpoint, and back.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"
#include "gateway/store/checkpoint.h"

#define SECTION_VERSION 1

/* The ledger section: u64 alive ms, u64 last tick ms, u64 intake messages and readings as the table
 * lists them, u32 count of reasons and for each u8 key length, key, u64 count: by key, so that a
 * program with other reasons reads it. */
static uint64_t *ledger_field(struct ledger *l, size_t i)
{
    uint64_t *const fields[] = {
        &l->messages_taken,     &l->messages_decoded, &l->messages_duplicate, &l->readings_decoded,
        &l->readings_duplicate, &l->readings_late,    &l->readings_kept,      &l->readings_spooled,
    };
    return i < sizeof fields / sizeof fields[0] ? fields[i] : NULL;
}

static void save_ledger(struct pipeline *p, struct buf *out)
{
    buf_u64(out, (uint64_t)p->now.alive_ms);
    buf_u64(out, (uint64_t)p->last_tick_ms);
    for (size_t i = 0; ledger_field(&p->ledger, i) != NULL; i++) {
        buf_u64(out, *ledger_field(&p->ledger, i));
    }
    buf_u32(out, REASON_COUNT - 1);
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        const char *key = reason_info((enum reason)r)->key;
        const size_t len = strlen(key);
        buf_char(out, (char)len);
        buf_add(out, key, len);
        buf_u64(out, p->ledger.rejected[r]);
    }
}

static enum reason reason_by_key(const uint8_t *key, size_t len)
{
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        const char *known = reason_info((enum reason)r)->key;
        if (strlen(known) == len && memcmp(known, key, len) == 0) {
            return (enum reason)r;
        }
    }
    return REASON_NONE;
}

static ll_err load_ledger(struct pipeline *p, struct cursor *in)
{
    p->now.alive_ms = (int64_t)cursor_u64(in);
    p->last_tick_ms = (int64_t)cursor_u64(in);
    for (size_t i = 0; ledger_field(&p->ledger, i) != NULL; i++) {
        *ledger_field(&p->ledger, i) = cursor_u64(in);
    }
    const uint32_t count = cursor_u32(in);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        const uint8_t len = cursor_u8(in);
        const uint8_t *key = cursor_bytes(in, len);
        const uint64_t value = cursor_u64(in);
        const enum reason r = key != NULL ? reason_by_key(key, len) : REASON_NONE;
        if (r != REASON_NONE) {
            p->ledger.rejected[r] = value;
        }
    }
    return in->bad ? LL_ECORRUPT : LL_OK;
}

ll_err pipeline_save(struct pipeline *p)
{
    if (p->archive_behind) {
        return LL_ESTATE;
    }
    /* What the checkpoint calls done must be on disk before the checkpoint is. */
    ll_err err = journal_sync(p->parts.intake);
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
    size_t start = checkpoint_section_open(&out, CHECKPOINT_LEDGER, SECTION_VERSION);
    save_ledger(p, &out);
    checkpoint_section_close(&out, start);
    start = checkpoint_section_open(&out, CHECKPOINT_DEVICES, SECTION_VERSION);
    series_table_save(p->table, &out);
    checkpoint_section_close(&out, start);
    start = checkpoint_section_open(&out, CHECKPOINT_ALARMS, SECTION_VERSION);
    alarms_save(p->alarms, &out);
    checkpoint_section_close(&out, start);
    if (err == LL_OK) {
        err = checkpoint_end(&out);
    }
    if (err == LL_OK) {
        err = fs_replace_file(p->parts.checkpoint_path, out.data, out.len);
    }
    buf_free(&out);
    if (err != LL_OK) {
        counter_add(COUNTER_CHECKPOINTS_FAILED, 1);
        log_error("pipeline", "checkpoint_failed", "file=%s reason=\"%s\"",
                  p->parts.checkpoint_path, ll_err_str(err));
        return err;
    }
    counter_add(COUNTER_CHECKPOINTS, 1);
    atomic_store(&p->checkpointed, p->done_seq);
    return LL_OK;
}

/* One section through its loader; a section that is missing is nothing to load. */
static ll_err load_section(const struct checkpoint *c, enum checkpoint_tag tag, struct pipeline *p,
                           ll_err (*load)(struct pipeline *p, struct cursor *in))
{
    uint32_t version = 0;
    struct cursor in;
    ll_err err = checkpoint_section(c, tag, &version, &in);
    if (err == LL_ENOENT) {
        return LL_OK;
    }
    if (err == LL_OK) {
        err = version == SECTION_VERSION ? load(p, &in) : LL_EVERSION;
    }
    if (err != LL_OK) {
        log_error("pipeline", "checkpoint_section", "tag=%d version=%u reason=\"%s\"", (int)tag,
                  version, ll_err_str(err));
    }
    return err;
}

static ll_err load_devices(struct pipeline *p, struct cursor *in)
{
    return series_table_load(p->table, in);
}

static ll_err load_alarms(struct pipeline *p, struct cursor *in)
{
    return alarms_load(p->alarms, in);
}

ll_err pipeline_restore(struct pipeline *p)
{
    struct checkpoint *c = NULL;
    ll_err err = checkpoint_load(p->parts.checkpoint_path, &c);
    if (err != LL_OK) {
        return err;
    }
    err = load_section(c, CHECKPOINT_LEDGER, p, load_ledger);
    if (err == LL_OK) {
        err = load_section(c, CHECKPOINT_DEVICES, p, load_devices);
    }
    if (err == LL_OK) {
        err = load_section(c, CHECKPOINT_ALARMS, p, load_alarms);
    }
    if (err == LL_OK) {
        p->done_seq = checkpoint_seq(c);
        atomic_store(&p->checkpointed, p->done_seq);
    }
    checkpoint_free(c);
    return err;
}
