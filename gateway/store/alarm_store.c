#include "gateway/store/alarm_store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/db.h"
#include "gateway/store/schema.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PUT_TRANSITION,
    PUT_ALARM,
    PUT_AUDIT,
    COUNT_ALL,
    LIST_ALL,
    COUNT_OPEN,
    LIST_OPEN,
    COUNT_ASSET,
    LIST_ASSET,
    COUNT_ASSET_OPEN,
    LIST_ASSET_OPEN,
    SHOW_ALARM,
    SHOW_TRANSITIONS,
    SHOW_OPEN,
    NEXT_OPEN,
    SYNC,
    LAST,
    FIND,
    CORRECT_ALARMS,
    CORRECT_TRANSITIONS,
    EACH_TRANSITION,
    COUNT_AUDIT,
    LIST_AUDIT,
    TRIM_TRANSITIONS,
    TRIM_ALARMS,
    TRIM_AUDIT,
    STATEMENT_COUNT
};

#define ALARM_COLUMNS                                                                         \
    "SELECT id, state, priority, at_ms, raised_ms, acked_ms, cleared_ms, value, asset, kind," \
    " district, device, channel, condition, acked_by, note, text_en, text_zh FROM alarm"
#define ALARM_COUNT "SELECT count(*) FROM alarm"
/* The partial index alarm_open serves a query only where its own words stand in it. */
#define OPEN         "state <> 'normal'"
#define OF_ASSET     "asset = ?1"
#define NEWEST_FIRST " ORDER BY id DESC LIMIT ?2"
/* Never the newest, since the next one is numbered after it. */
#define OLDEST_CLOSED                                                                   \
    "(SELECT id FROM alarm WHERE state = 'normal' AND id < (SELECT max(id) FROM alarm)" \
    " ORDER BY id LIMIT ?1)"
#define TRIM_MOST 10000 /* so that the pipeline is not held up for long */

static const char *const statement_sql[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_TRANSITION] = "INSERT OR IGNORE INTO alarm_transition (source_seq, source_nth, alarm,"
                       " at_ms, from_state, to_state, acked_by, note, estimated)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [PUT_ALARM] = "INSERT OR REPLACE INTO alarm (id, state, priority, at_ms, raised_ms, acked_ms,"
                  " cleared_ms, value, asset, kind, district, device, channel, condition, acked_by,"
                  " note, text_en, text_zh) VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, 0),"
                  " nullif(?7, 0), ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [PUT_AUDIT] = "INSERT INTO audit (at_ms, who, what, object, before, after)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [COUNT_ALL] = ALARM_COUNT,
    [LIST_ALL] = ALARM_COLUMNS NEWEST_FIRST,
    [COUNT_OPEN] = ALARM_COUNT " WHERE " OPEN,
    [LIST_OPEN] = ALARM_COLUMNS " WHERE " OPEN NEWEST_FIRST,
    [COUNT_ASSET] = ALARM_COUNT " WHERE " OF_ASSET,
    [LIST_ASSET] = ALARM_COLUMNS " WHERE " OF_ASSET NEWEST_FIRST,
    [COUNT_ASSET_OPEN] = ALARM_COUNT " WHERE " OF_ASSET " AND " OPEN,
    [LIST_ASSET_OPEN] = ALARM_COLUMNS " WHERE " OF_ASSET " AND " OPEN NEWEST_FIRST,
    [SHOW_ALARM] = ALARM_COLUMNS " WHERE id = ?1",
    [SHOW_TRANSITIONS] = "SELECT at_ms, from_state AS \"from\", to_state AS \"to\","
                         " acked_by AS \"by\", note, source_seq, source_nth,"
                         " estimated AS \"time_estimated\" FROM alarm_transition"
                         " WHERE alarm = ?1 ORDER BY source_seq, source_nth LIMIT ?2",
    [SHOW_OPEN] = ALARM_COLUMNS " WHERE id = ?1 AND " OPEN,
    [NEXT_OPEN] = "SELECT id FROM alarm WHERE " OPEN " AND id > ?1 ORDER BY id LIMIT 1",
    [SYNC] = "PRAGMA wal_checkpoint(PASSIVE)",
    [LAST] = "SELECT (SELECT max(id) FROM alarm), (SELECT max(source_seq) FROM alarm_transition)",
    [FIND] = "SELECT alarm FROM alarm_transition WHERE source_seq = ?1 AND source_nth = ?2",
    /* ?1: from when on, ?2: by how much. */
    [CORRECT_ALARMS] = "UPDATE alarm SET at_ms = at_ms + iif(at_ms >= ?1, ?2, 0),"
                       " raised_ms = raised_ms + iif(raised_ms >= ?1, ?2, 0),"
                       " acked_ms = acked_ms + iif(acked_ms >= ?1, ?2, 0),"
                       " cleared_ms = cleared_ms + iif(cleared_ms >= ?1, ?2, 0)"
                       " WHERE id IN (SELECT alarm FROM alarm_transition WHERE estimated = 1)",
    [CORRECT_TRANSITIONS] = "UPDATE alarm_transition SET estimated = 0,"
                            " at_ms = at_ms + iif(at_ms >= ?1, ?2, 0) WHERE estimated = 1",
    [EACH_TRANSITION] = "SELECT t.source_seq, t.source_nth, t.alarm, t.at_ms, t.from_state,"
                        " t.to_state, a.priority, a.raised_ms, a.value, a.asset, a.kind,"
                        " a.district, a.device, a.channel, a.condition, a.text_en, a.text_zh"
                        " FROM alarm_transition t JOIN alarm a ON a.id = t.alarm"
                        " WHERE t.source_seq >= ?1 AND t.source_seq < ?2"
                        " ORDER BY t.source_seq, t.source_nth",
    [COUNT_AUDIT] = "SELECT count(*) FROM audit",
    [TRIM_TRANSITIONS] = "DELETE FROM alarm_transition WHERE alarm IN " OLDEST_CLOSED,
    [TRIM_ALARMS] = "DELETE FROM alarm WHERE id IN " OLDEST_CLOSED,
    [TRIM_AUDIT] = "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?1)",
    [LIST_AUDIT] = "SELECT id, at_ms, who, what, object, before, after FROM audit" NEWEST_FIRST,
};

/* The WAL is brought into the database, which waits for the disk, by alarm_store_sync. By itself
 * SQLite does so within the transition that makes the WAL as long as this, while the alarm waits: a
 * bound on the file (32 MiB), not the rule. */
#define WAL_PAGES "8192"

struct alarm_store {
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENT_COUNT];
};

ll_err alarm_store_open(const char *path, struct alarm_store **out)
{
    struct alarm_store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    ll_err err = db_open(path, store_schema_migrations, store_schema_count, &s->db);
    if (err == LL_OK) {
        err = db_exec(s->db, "PRAGMA wal_autocheckpoint = " WAL_PAGES);
    }
    for (int i = 0; err == LL_OK && i < STATEMENT_COUNT; i++) {
        err = db_prepare(s->db, statement_sql[i], &s->st[i]);
    }
    if (err != LL_OK) {
        alarm_store_close(s);
        return err;
    }
    *out = s;
    return LL_OK;
}

void alarm_store_close(struct alarm_store *s)
{
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(s->st[i]);
    }
    db_close(s->db);
    free(s);
}

/* Only these two come about by somebody's hand; the others must not carry the name. */
static bool is_acknowledgement(const struct alarm_record *a)
{
    return (a->from == ALARM_UNACK && a->state == ALARM_ACKED) ||
           (a->from == ALARM_RTN_UNACK && a->state == ALARM_NORMAL);
}

static ll_err put_transition(struct alarm_store *s, const struct alarm_record *a, bool *is_new)
{
    sqlite3_stmt *st = s->st[PUT_TRANSITION];
    const bool by_hand = is_acknowledgement(a);
    sqlite3_bind_int64(st, 1, (sqlite3_int64)a->source_seq);
    sqlite3_bind_int64(st, 2, a->source_nth);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)a->id);
    sqlite3_bind_int64(st, 4, a->at_ms);
    db_bind_text(st, 5, alarm_state_keys[a->from]);
    db_bind_text(st, 6, alarm_state_keys[a->state]);
    db_bind_text(st, 7, by_hand ? a->acked_by : NULL);
    db_bind_text(st, 8, by_hand ? a->note : NULL);
    sqlite3_bind_int(st, 9, a->at_estimated);
    const ll_err err = db_run(st);
    sqlite3_clear_bindings(st);
    *is_new = err == LL_OK && sqlite3_changes(s->db) > 0;
    return err;
}

static ll_err put_alarm(struct alarm_store *s, const struct alarm_record *a)
{
    sqlite3_stmt *st = s->st[PUT_ALARM];
    sqlite3_bind_int64(st, 1, (sqlite3_int64)a->id);
    db_bind_text(st, 2, alarm_state_keys[a->state]);
    db_bind_text(st, 3, alarm_priority_keys[a->priority]);
    sqlite3_bind_int64(st, 4, a->at_ms);
    sqlite3_bind_int64(st, 5, a->raised_ms);
    sqlite3_bind_int64(st, 6, a->acked_ms);
    sqlite3_bind_int64(st, 7, a->cleared_ms);
    sqlite3_bind_double(st, 8, a->value); /* SQLite keeps NaN as NULL */
    const char *const texts[] = {a->asset,     a->kind,     a->district, a->device,  a->channel,
                                 a->condition, a->acked_by, a->note,     a->text_en, a->text_zh};
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++) {
        db_bind_text(st, 9 + i, texts[i]);
    }
    const ll_err err = db_run(st);
    sqlite3_clear_bindings(st);
    return err;
}

/* Commits, or undoes all where `err` or the commit is none. */
static ll_err end_transaction(struct alarm_store *s, ll_err err)
{
    if (err == LL_OK) {
        err = db_run(s->st[COMMIT]);
    }
    if (err != LL_OK && !sqlite3_get_autocommit(s->db)) {
        db_run(s->st[ROLLBACK]);
    }
    return err;
}

ll_err alarm_store_put(struct alarm_store *s, const struct alarm_record *a)
{
    ll_err err = db_run(s->st[BEGIN]);
    if (err != LL_OK) {
        return err;
    }
    bool is_new = false;
    err = put_transition(s, a, &is_new);
    if (err == LL_OK && is_new) {
        err = put_alarm(s, a);
    }
    return end_transaction(s, err);
}

ll_err alarm_store_last(struct alarm_store *s, uint64_t *id, uint64_t *source_seq)
{
    sqlite3_stmt *st = s->st[LAST];
    ll_err err = LL_EDB;
    if (db_row(st, &err)) { /* NULL reads as 0 */
        *id = (uint64_t)sqlite3_column_int64(st, 0);
        *source_seq = (uint64_t)sqlite3_column_int64(st, 1);
        err = LL_OK;
    }
    sqlite3_reset(st);
    return err;
}

ll_err alarm_store_find(struct alarm_store *s, uint64_t source_seq, uint32_t source_nth,
                        uint64_t *id)
{
    sqlite3_stmt *st = s->st[FIND];
    ll_err err = LL_ENOENT;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)source_seq);
    sqlite3_bind_int64(st, 2, source_nth);
    if (db_row(st, &err)) {
        *id = (uint64_t)sqlite3_column_int64(st, 0);
        err = LL_OK;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return err;
}

ll_err alarm_store_correct(struct alarm_store *s, int64_t from_ms, int64_t by_ms)
{
    static const enum statement both[] = {CORRECT_ALARMS, CORRECT_TRANSITIONS};
    ll_err err = db_run(s->st[BEGIN]);
    if (err != LL_OK) {
        return err;
    }
    for (size_t i = 0; err == LL_OK && i < sizeof both / sizeof both[0]; i++) {
        sqlite3_bind_int64(s->st[both[i]], 1, from_ms);
        sqlite3_bind_int64(s->st[both[i]], 2, by_ms);
        err = db_run(s->st[both[i]]);
    }
    if (err == LL_OK) {
        err = db_run(s->st[COMMIT]);
    }
    if (err != LL_OK && !sqlite3_get_autocommit(s->db)) {
        db_run(s->st[ROLLBACK]);
    }
    return err;
}

static int index_of(const char *key, const char *const *keys, int count)
{
    for (int i = 0; key != NULL && i < count; i++) {
        if (strcmp(keys[i], key) == 0) {
            return i;
        }
    }
    return 0;
}

static void read_transition(sqlite3_stmt *st, struct alarm_record *a)
{
    *a = (struct alarm_record){
        .source_seq = (uint64_t)sqlite3_column_int64(st, 0),
        .source_nth = (uint32_t)sqlite3_column_int64(st, 1),
        .id = (uint64_t)sqlite3_column_int64(st, 2),
        .at_ms = sqlite3_column_int64(st, 3),
        .from = (enum alarm_state)index_of((const char *)sqlite3_column_text(st, 4),
                                           alarm_state_keys, ALARM_STATE_COUNT),
        .state = (enum alarm_state)index_of((const char *)sqlite3_column_text(st, 5),
                                            alarm_state_keys, ALARM_STATE_COUNT),
        .priority = (enum alarm_priority)index_of((const char *)sqlite3_column_text(st, 6),
                                                  alarm_priority_keys, PRIORITY_COUNT),
        .raised_ms = sqlite3_column_int64(st, 7),
        .value = sqlite3_column_type(st, 8) == SQLITE_NULL ? NAN : sqlite3_column_double(st, 8),
    };
    const struct {
        char *text;
        size_t size;
    } texts[] = {{a->asset, sizeof a->asset},       {a->kind, sizeof a->kind},
                 {a->district, sizeof a->district}, {a->device, sizeof a->device},
                 {a->channel, sizeof a->channel},   {a->condition, sizeof a->condition},
                 {a->text_en, sizeof a->text_en},   {a->text_zh, sizeof a->text_zh}};
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++) {
        const char *text = (const char *)sqlite3_column_text(st, 9 + i);
        snprintf(texts[i].text, texts[i].size, "%s", text != NULL ? text : "");
    }
}

ll_err alarm_store_each(struct alarm_store *s, uint64_t first, uint64_t end,
                        void (*each)(void *ctx, const struct alarm_record *a), void *ctx)
{
    sqlite3_stmt *st = s->st[EACH_TRANSITION];
    struct alarm_record a;
    ll_err err = LL_OK;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)end);
    while (db_row(st, &err)) {
        read_transition(st, &a);
        each(ctx, &a);
    }
    sqlite3_reset(st);
    return err;
}

ll_err alarm_store_sync(struct alarm_store *s)
{
    /* In WAL mode with synchronous=NORMAL only a checkpoint of the WAL syncs it, and it does so
     * first, also where it cannot come to its end; only one that is busy has done nothing. */
    sqlite3_stmt *st = s->st[SYNC];
    ll_err err = LL_EDB;
    if (db_row(st, &err)) {
        err = sqlite3_column_int(st, 0) == 0 ? LL_OK : LL_EBUSY;
    }
    sqlite3_reset(st);
    return err;
}

ll_err alarm_store_audit(struct alarm_store *s, int64_t at_ms, const char *who, const char *what,
                         const char *object, const char *before, const char *after)
{
    sqlite3_stmt *st = s->st[PUT_AUDIT];
    sqlite3_bind_int64(st, 1, at_ms);
    sqlite3_bind_text(st, 2, who, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, what, -1, SQLITE_STATIC);
    db_bind_text(st, 4, object);
    db_bind_text(st, 5, before);
    db_bind_text(st, 6, after);
    const ll_err err = db_run(st);
    sqlite3_clear_bindings(st);
    return err;
}

/* How many rows are to go, so that a tenth of the cap is free. */
static ll_err count_excess(sqlite3_stmt *count, uint64_t max, uint64_t *out)
{
    ll_err err = LL_EDB;
    if (db_row(count, &err)) {
        const uint64_t rows = (uint64_t)sqlite3_column_int64(count, 0);
        const uint64_t excess = rows > max ? rows - max + max / 10 : 0;
        *out = excess < TRIM_MOST ? excess : TRIM_MOST;
        err = LL_OK;
    }
    sqlite3_reset(count);
    return err;
}

static ll_err delete_rows(struct alarm_store *s, enum statement which, uint64_t limit,
                          uint64_t *deleted)
{
    sqlite3_bind_int64(s->st[which], 1, (sqlite3_int64)limit);
    const ll_err err = db_run(s->st[which]);
    *deleted = err == LL_OK ? (uint64_t)sqlite3_changes(s->db) : 0;
    return err;
}

static ll_err trim_alarms(struct alarm_store *s, uint64_t excess, uint64_t *deleted)
{
    uint64_t transitions;
    const ll_err err = delete_rows(s, TRIM_TRANSITIONS, excess, &transitions);
    return err == LL_OK ? delete_rows(s, TRIM_ALARMS, excess, deleted) : err;
}

static ll_err trim_audit(struct alarm_store *s, uint64_t excess, int64_t at_ms, uint64_t *deleted)
{
    char words[64];
    const ll_err err = delete_rows(s, TRIM_AUDIT, excess, deleted);
    if (err != LL_OK) {
        return err;
    }
    snprintf(words, sizeof words, "{\"deleted\":%" PRIu64 "}", *deleted);
    return alarm_store_audit(s, at_ms, "gateway", "audit_trim", "", "", words);
}

ll_err alarm_store_trim(struct alarm_store *s, uint64_t max_alarms, uint64_t max_audit,
                        int64_t at_ms, struct alarm_store_trim *out)
{
    uint64_t alarms = 0;
    uint64_t audit = 0;
    struct alarm_store_trim done = {0};
    ll_err err = count_excess(s->st[COUNT_ALL], max_alarms, &alarms);
    if (err == LL_OK) {
        err = count_excess(s->st[COUNT_AUDIT], max_audit, &audit);
    }
    if (err == LL_OK && alarms + audit > 0) {
        err = db_run(s->st[BEGIN]);
        if (err == LL_OK && alarms > 0) {
            err = trim_alarms(s, alarms, &done.alarms);
        }
        if (err == LL_OK && audit > 0) {
            err = trim_audit(s, audit, at_ms, &done.audit);
        }
        err = end_transaction(s, err);
    }
    if (err == LL_OK) {
        *out = done;
    }
    return err;
}

/* {"total":N,"items":[…]} from a pair of statements that take the same asset (NULL: none). */
static ll_err list(struct alarm_store *s, enum statement count, enum statement rows,
                   const char *asset, size_t limit, struct buf *out)
{
    ll_err err = LL_OK;
    db_bind_text(s->st[count], 1, asset);
    if (db_row(s->st[count], &err)) {
        buf_printf(out,
                   "{\"total\":%lld,\"items\":", (long long)sqlite3_column_int64(s->st[count], 0));
    }
    sqlite3_reset(s->st[count]);
    if (err == LL_OK) {
        db_bind_text(s->st[rows], 1, asset);
        sqlite3_bind_int64(s->st[rows], 2,
                           (sqlite3_int64)(limit < LL_MAX_ROWS ? limit : LL_MAX_ROWS));
        err = db_rows_json(s->st[rows], out);
        sqlite3_reset(s->st[rows]);
    }
    buf_char(out, '}');
    return err == LL_OK ? buf_err(out) : err;
}

ll_err alarm_store_list(struct alarm_store *s, bool open_only, const char *asset, size_t limit,
                        struct buf *out)
{
    static const enum statement pairs[2][2][2] = {
        {{COUNT_ALL, LIST_ALL}, {COUNT_OPEN, LIST_OPEN}},
        {{COUNT_ASSET, LIST_ASSET}, {COUNT_ASSET_OPEN, LIST_ASSET_OPEN}},
    };
    const bool of_asset = asset != NULL && asset[0] != '\0';
    const enum statement *pair = pairs[of_asset][open_only];
    return list(s, pair[0], pair[1], of_asset ? asset : NULL, limit, out);
}

ll_err alarm_store_show(struct alarm_store *s, uint64_t id, struct buf *out)
{
    ll_err err = LL_OK;
    sqlite3_stmt *alarm = s->st[SHOW_ALARM];
    sqlite3_bind_int64(alarm, 1, (sqlite3_int64)id);
    if (db_row(alarm, &err)) {
        buf_str_add(out, "{\"alarm\":");
        db_row_json(alarm, out);
    } else if (err == LL_OK) {
        err = LL_ENOENT;
    }
    sqlite3_reset(alarm);
    if (err != LL_OK) {
        return err;
    }
    sqlite3_stmt *transitions = s->st[SHOW_TRANSITIONS];
    sqlite3_bind_int64(transitions, 1, (sqlite3_int64)id);
    sqlite3_bind_int64(transitions, 2, LL_MAX_ROWS);
    buf_str_add(out, ",\"transitions\":");
    err = db_rows_json(transitions, out);
    sqlite3_reset(transitions);
    buf_char(out, '}');
    return err == LL_OK ? buf_err(out) : err;
}

ll_err alarm_store_open_alarm(struct alarm_store *s, uint64_t id, struct buf *out)
{
    ll_err err = LL_ENOENT;
    sqlite3_stmt *st = s->st[SHOW_OPEN];
    sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
    if (db_row(st, &err)) {
        db_row_json(st, out);
        err = buf_ok(out) ? LL_OK : LL_ELIMIT;
    }
    sqlite3_reset(st);
    return err;
}

ll_err alarm_store_next_open(struct alarm_store *s, uint64_t after, uint64_t *id)
{
    ll_err err = LL_ENOENT;
    sqlite3_stmt *st = s->st[NEXT_OPEN];
    sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
    if (db_row(st, &err)) {
        *id = (uint64_t)sqlite3_column_int64(st, 0);
        err = LL_OK;
    }
    sqlite3_reset(st);
    return err;
}

ll_err alarm_store_audit_list(struct alarm_store *s, size_t limit, struct buf *out)
{
    return list(s, COUNT_AUDIT, LIST_AUDIT, NULL, limit, out);
}
