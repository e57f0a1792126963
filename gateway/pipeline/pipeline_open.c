/*
 * Opening: what the pipeline begins with. The registry's content, the checkpoint, or what the
 * archive and the spool know in its place; and the registry anew while it runs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/model/counters.h"
#include "gateway/pipeline/pipeline_state.h"

#define MAX_LINES_BYTES                                                       \
    (16 * 1024 * 1024) /* of one intake record: 4,096 readings, 20,000 alarms \
                        */
#define MAX_ANSWER_BYTES 4096

/* --- the registry ---------------------------------------------------------------------------- */

static void publish_registry(struct pipeline *p, struct registry *r)
{
    pthread_mutex_lock(&p->lock);
    struct registry *before = p->registry;
    p->registry = registry_ref(r);
    pthread_mutex_unlock(&p->lock);
    registry_unref(before);
}

/* Every watch looks at its own deadline when the wheel first reaches it. */
static ll_err new_wheel(const struct pipeline *p, const struct series_table *t, struct wheel **out)
{
    struct wheel *wheel = NULL;
    ll_err err = wheel_new(p->now.alive_ms / LL_MS_PER_S, &wheel);
    for (uint32_t w = 0; err == LL_OK && w < t->watch_count; w++) {
        err = wheel_arm(wheel, w, 0);
    }
    if (err != LL_OK) {
        wheel_free(wheel);
        return err;
    }
    *out = wheel;
    return LL_OK;
}

static void use_wheel(struct pipeline *p, struct wheel *wheel)
{
    wheel_free(p->wheel);
    p->wheel = wheel;
}

static void use_table(struct pipeline *p, struct series_table *table)
{
    if (p->table != NULL) {
        series_table_adopt(table, p->table);
        series_table_free(p->table);
    }
    p->table = table;
    alarms_attach(p->alarms, table, &p->cause);
    publish_registry(p, table->registry);
}

ll_err pipeline_reload(struct pipeline *p)
{
    struct registry *registry = NULL;
    struct series_table *table = NULL;
    struct wheel *wheel = NULL;
    ll_err err = registry_db_load(p->parts.registry_db, &registry);
    if (err == LL_OK) {
        err = series_table_new(registry, &table);
    }
    if (err == LL_OK) {
        err = new_wheel(p, table, &wheel);
    }
    registry_unref(registry);
    if (err != LL_OK) {
        series_table_free(table);
        return err;
    }
    use_table(p, table);
    use_wheel(p, wheel);
    counter_add(COUNTER_REGISTRY_RELOADS, 1);
    log_info("pipeline", "registry", "assets=%" PRIu32 " devices=%" PRIu32 " series=%" PRIu32,
             registry_asset_count(table->registry), registry_device_count(table->registry),
             registry_series_count(table->registry));
    return LL_OK;
}

/* --- life ------------------------------------------------------------------------------------ */

/* Messages that stand in the journal beyond `seq`. */
static ll_err count_unread(struct journal *intake, uint64_t seq, uint64_t *out)
{
    struct journal_reader *reader = NULL;
    ll_err err = journal_reader_open(intake, seq, &reader);
    if (err != LL_OK) {
        return err;
    }
    uint64_t count = 0;
    struct journal_record rec;
    while ((err = journal_read(reader, &rec)) == LL_OK) {
        count += rec.type == INTAKE_MESSAGE;
    }
    journal_reader_close(reader);
    if (err == LL_EAGAIN) {
        *out = count;
        return LL_OK;
    }
    return err;
}

static ll_err make_parts(struct pipeline *p)
{
    ll_err err = judge_new(p->parts.conf, &p->judge);
    if (err == LL_OK) {
        err = sources_new(p->parts.conf, &p->sources);
    }
    if (err == LL_OK) {
        err = recent_new(&p->recent);
    }
    if (err == LL_OK) {
        err = waiters_new(&p->waiters);
    }
    if (err == LL_OK) {
        err = alarms_new(pipeline_emit_alarm, pipeline_known_alarm, p, &p->alarms);
    }
    return err == LL_OK ? pipeline_reload(p) : err;
}

/* The checkpoint, or what the archive knows in its place. */
static ll_err resume(struct pipeline *p, uint64_t archived_id, uint64_t archived_seq)
{
    const ll_err err = pipeline_restore(p);
    if (err == LL_OK) {
        log_info("pipeline", "resumed", "seq=%" PRIu64, p->done_seq);
        p->opening = true;
        pipeline_mend_alarms(p);
        p->opening = false;
    } else if (err == LL_ENOENT || err == LL_ECORRUPT) {
        log_info("pipeline", "no_checkpoint",
                 "reason=\"%s\" hint=\"all that the intake journal holds is read\"",
                 ll_err_str(err));
        alarms_begin_after(p->alarms, archived_id);
        p->relearn_seq = archived_seq;
    } else {
        return err;
    }
    /* An alarm whose watch is gone clears here, at the checkpoint's own time and place, apart from
     * what that record caused itself. */
    p->now.event_ms = p->clock.time_ms;
    p->cause = (struct alarm_cause){.seq = p->done_seq,
                                    .nth = MAX_RECORD_ALARMS * 2,
                                    .now = p->now,
                                    .estimated = pipeline_holds(p)};
    alarms_attach(p->alarms, p->table, &p->cause);
    struct wheel *wheel = NULL;
    const ll_err armed = new_wheel(p, p->table, &wheel);
    if (armed == LL_OK) {
        use_wheel(p, wheel);
    }
    return armed;
}

/* No sequence may be given out again that the checkpoint, the spool or the archive refers to: its
 * message would be taken for one that is done. */
static ll_err pass_known_sequences(struct pipeline *p, uint64_t archived_seq)
{
    uint64_t known = p->done_seq > archived_seq ? p->done_seq : archived_seq;
    for (int lane = 0; p->parts.spool != NULL && lane < SPOOL_LANES; lane++) {
        const uint64_t own = spool_source(p->parts.spool, (enum spool_lane)lane);
        known = own > known ? own : known;
    }
    const uint64_t next = journal_stats(p->parts.intake).next_seq;
    if (next > known) {
        return LL_OK;
    }
    log_warn("pipeline", "intake_behind",
             "next_seq=%" PRIu64 " known_seq=%" PRIu64
             " hint=\"the intake journal is older than what refers to it\"",
             next, known);
    return journal_skip_to(p->parts.intake, known + 1);
}

/* Takes what the spool already has of the journal, so that the books say as much as the uploaders
 * have sent before anybody asks. It is at most what came since the last checkpoint. */
static ll_err catch_up(struct pipeline *p)
{
    p->opening = true;
    ll_err err = LL_OK;
    while (err == LL_OK && p->parts.spool != NULL && !p->gave_up &&
           pipeline_first_needed(p) <= spool_source(p->parts.spool, SPOOL_READINGS)) {
        err = pipeline_take_batch(
            p, pipeline_holds(p) ? UINT64_MAX : spool_source(p->parts.spool, SPOOL_READINGS));
    }
    p->opening = false;
    if (err == LL_EAGAIN) {
        err = LL_OK;
    }
    return err == LL_OK && p->gave_up ? p->waits_for : err;
}

/* What the checkpoint counts as spooled and the spool has lost is a gap for the uploaders, who
 * count it as evicted. */
static void claim_spooled(struct pipeline *p)
{
    if (p->parts.spool == NULL) {
        return;
    }
    const uint64_t has = spool_total(p->parts.spool, SPOOL_READINGS);
    const uint64_t had = sources_sum(p->sources).readings_spooled;
    if (has < had) {
        log_warn("pipeline", "spool_behind", "readings=%" PRIu64 " hint=\"lost from the spool\"",
                 had - has);
        spool_pass_total(p->parts.spool, SPOOL_READINGS, had);
    }
}

/* The gateway's reports on itself are no messages. */
static bool is_of_message(const struct spool_record *s)
{
    static const char report[] = "lifeline_gateway,";
    return s->len < sizeof report || memcmp(s->text, report, sizeof report - 1) != 0;
}

/* Moves on to `seq`; whether the journal has that record. */
static ll_err find_in_journal(struct journal_reader *r, uint64_t seq, uint64_t *at)
{
    struct journal_record rec;
    ll_err err = LL_OK;
    while (*at < seq && (err = journal_read(r, &rec)) == LL_OK) {
        *at = rec.seq;
    }
    if (err == LL_EAGAIN) {
        *at = UINT64_MAX;
        err = LL_OK;
    }
    return err;
}

/* Messages from intake record `from` on of which the spool has readings, and the journal nothing.
 */
static ll_err count_lost(struct pipeline *p, uint64_t from, uint64_t *out)
{
    struct journal_reader *spool = NULL;
    struct journal_reader *intake = NULL;
    struct journal_record rec;
    uint64_t at = 0;
    uint64_t last = 0;
    uint64_t count = 0;
    ll_err err = spool_read_from(p->parts.spool, SPOOL_READINGS, from, &spool);
    if (err == LL_OK) {
        err = journal_reader_open(p->parts.intake, from, &intake);
    }
    while (err == LL_OK && (err = journal_read(spool, &rec)) == LL_OK) {
        struct spool_record s;
        if (spool_parse(&rec, &s) != LL_OK || s.source_seq < from || s.source_seq == last) {
            continue;
        }
        last = s.source_seq;
        err = find_in_journal(intake, last, &at);
        count += at != last && is_of_message(&s);
    }
    journal_reader_close(spool);
    journal_reader_close(intake);
    if (err == LL_EAGAIN) {
        *out = count;
        return LL_OK;
    }
    return err;
}

/* What the spool has and no message in the journal or the checkpoint accounts for, because those
 * were damaged or a power cut took them, was received and decoded all the same. */
static ll_err claim_decoded(struct pipeline *p, uint64_t from)
{
    if (p->parts.spool == NULL || spool_is_cut(p->parts.spool, SPOOL_READINGS)) {
        return LL_OK;
    }
    const uint64_t has = spool_total(p->parts.spool, SPOOL_READINGS);
    const uint64_t known = sources_sum(p->sources).readings_spooled;
    if (known >= has) {
        return LL_OK;
    }
    uint64_t messages = 0;
    const ll_err err = count_lost(p, from, &messages);
    if (err != LL_OK) {
        return err;
    }
    log_warn("pipeline", "messages_lost",
             "messages=%" PRIu64 " readings=%" PRIu64
             " hint=\"they are gone from the intake journal; the spool has their readings\"",
             messages, has - known);
    struct ledger *books = sources_turn_to(p->sources, SOURCE_UNKNOWN);
    books->messages_taken += messages;
    books->messages_decoded += messages;
    books->readings_decoded += has - known;
    books->readings_spooled += has - known;
    p->received_at_start += messages;
    return LL_OK;
}

static ll_err prepare(struct pipeline *p)
{
    uint64_t archived_id = 0;
    uint64_t archived_seq = 0;
    uint64_t unread = 0;
    uint64_t from = 0;
    ll_err err = make_parts(p);
    if (err == LL_OK) {
        err = alarm_store_last(p->parts.alarms, &archived_id, &archived_seq);
    }
    if (err == LL_OK) {
        err = resume(p, archived_id, archived_seq);
    }
    if (err == LL_OK) {
        from = pipeline_first_needed(p);
        claim_spooled(p);
        err = pass_known_sequences(p, archived_seq);
    }
    if (err == LL_OK) {
        err = count_unread(p->parts.intake, from, &unread);
    }
    if (err == LL_OK) {
        p->received_at_start = sources_sum(p->sources).messages_taken + unread;
        err = journal_reader_open(p->parts.intake, p->done_seq + 1, &p->reader);
    }
    if (err == LL_OK) {
        err = catch_up(p);
    }
    return err == LL_OK ? claim_decoded(p, from) : err;
}

ll_err pipeline_new(const struct pipeline_parts *parts, struct pipeline **out)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return LL_ENOMEM;
    }
    p->parts = *parts;
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->state_lock, NULL);
    buf_init(&p->lines, MAX_LINES_BYTES);
    buf_init(&p->alarm_lines, MAX_LINES_BYTES);
    buf_init(&p->answer, MAX_ANSWER_BYTES);
    const ll_err err = prepare(p);
    if (err != LL_OK) {
        pipeline_free(p);
        return err;
    }
    sources_publish(p->sources);
    atomic_store(&p->time_known, !pipeline_holds(p));
    *out = p;
    return LL_OK;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    journal_reader_close(p->reader);
    journal_reader_close(p->held);
    judge_free(p->judge);
    sources_free(p->sources);
    alarms_free(p->alarms);
    series_table_free(p->table);
    wheel_free(p->wheel);
    recent_free(p->recent);
    waiters_free(p->waiters);
    registry_unref(p->registry);
    free(p->unarchived);
    buf_free(&p->lines);
    buf_free(&p->alarm_lines);
    buf_free(&p->answer);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->state_lock);
    free(p);
}
