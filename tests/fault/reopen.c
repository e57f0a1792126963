/*
 * Damages one file of a gateway's data folder, opens what is left as the gateway does, and checks
 * that it goes on; over and over in one process, since a gateway of its own for each of many
 * thousand cases would take hours.
 *
 *   reopen BASE WORK ALL BEFORE cut NAME FIRST STEP loses|keeps
 *   reopen BASE WORK ALL BEFORE blank NAME FIRST STEP loses|keeps
 *   reopen BASE WORK ALL BEFORE flip NAME COUNT SEED loses|keeps
 *
 * BASE: a data folder whose gateway has ended, in order or not. WORK: a folder for the copies, best
 * in memory; what it holds is deleted. ALL: a file of the lines that an undamaged gateway delivers
 * in the end; BEFORE: of those that it had delivered by then. NAME: the file to damage, below BASE.
 * cut: off its end FIRST bytes, FIRST + STEP, and so on up to 4 KiB; blank: zeros in their place;
 * flip: COUNT times one bit, in turn of the last 4 KiB and of the whole file. What counts is where
 * its data ends, not the space that was reserved behind. keeps: no reading may be lost by it, since
 * another file has it too or the database had it before.
 *
 * What must hold in each case: everything opens; two messages that come later, with a start in
 * between, are delivered; nothing is delivered that is not in --all; the books balance, and what is
 * missing at the database is counted as evicted, or died unread with the intake journal; each
 * transition of an alarm stands in the archive once; what was lost, or could not be read, is
 * logged.
 *
 * Each case is written to standard output before it begins, what the gateway says to WORK.log, and
 * at the end how much was lost in all. Exit status 1 and the reason after the first that fails.
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/cursor.h"
#include "gateway/base/db.h"
#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/base/num.h"
#include "gateway/base/rng.h"
#include "gateway/export/uploader.h"
#include "gateway/model/intake.h"
#include "gateway/pipeline/pipeline.h"

#define LAST_BYTES    4096
#define MAX_FILES     64
#define MAX_FILE      (64 << 20)
#define CASE_S        60
#define POLL_US       100
#define LIVES         2
#define MIB           (1024 * 1024)
#define FIRST_OWN_SEQ 2000000
#define CURSOR        "spool/stub.cursor"
#define OWN_FIELD     " flow_m3h=" /* alone in its line, unlike those of the load */
#define ALL_OWN       (1U << 1 | 1U << 2)
#define OWN_DEVICE    "load-000001"
#define RECORD_HEADER 32 /* as in gateway/journal/journal_segment.c */
#define RECORD_MARKER "\x1c\x6a\x4e\xda"

/* A file of the base. */
struct kept {
    char name[LL_MAX_PATH]; /* below the base */
    struct buf data;        /* up to the last byte that is not zero */
    off_t size;
};

struct line {
    const char *text; /* not zero-terminated */
    size_t len;
    bool before; /* was at the database already */
    bool seen;
};

/* When the gateway must say that something is wrong. */
enum telling {
    TELLS_NOT,     /* nothing is */
    TELLS_MAYBE,   /* it cannot know */
    TELLS_OF_LOSS, /* where something was lost */
    TELLS,
};

static struct {
    const char *base;
    const char *work;
    struct kept files[MAX_FILES];
    size_t file_count;
    struct buf all_text;
    struct buf before_text;
    struct line *all; /* sorted */
    size_t all_count;
    struct buf archive;         /* transitions after an undamaged start, as text */
    const struct kept *damaged; /* NULL: none */
    bool may_lose;
    uint64_t own; /* messages of ours in this case */
    int log_fd;
    pthread_t main_thread;
    atomic_bool hold_uploader;
    uint64_t cases;
    uint64_t lost;   /* readings, over all cases: counted as evicted, */
    uint64_t unread; /* and such as died with their messages */
} rig;

/* The gateway's parts. */
struct parts {
    struct conf conf;
    char checkpoint[LL_MAX_PATH];
    struct journal *intake;
    struct spool *spool;
    struct quarantine *quarantine;
    struct registry_db *registry_db;
    struct alarm_store *alarms;
    struct pipeline *pipeline;
    struct uploader *uploader;
};

static _Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("failed: ");
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(1);
}

static void need(ll_err err, const char *what)
{
    if (err != LL_OK) {
        fail("%s: %s", what, ll_err_str(err));
    }
}

/* --- files ----------------------------------------------------------------------------------- */

/* What a power cut may take is not what is tested here. */
static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

/* The uploader's thread waits until our message is in the spool. It would else look once, and rest
 * for a tenth of a second. */
static ssize_t held_pread(int fd, void *data, size_t len, off_t at)
{
    while (atomic_load(&rig.hold_uploader) && !pthread_equal(pthread_self(), rig.main_thread)) {
        usleep(POLL_US);
    }
    return pread(fd, data, len, at);
}

static void below(const char *dir, const char *name, char out[LL_MAX_PATH])
{
    if (snprintf(out, LL_MAX_PATH, "%s/%s", dir, name) >= LL_MAX_PATH) {
        fail("%s/%s: too long", dir, name);
    }
}

static void read_file(const char *path, struct buf *out)
{
    buf_init(out, MAX_FILE);
    need(fs_read_file(path, out), path);
}

static size_t without_zeros(const struct buf *b)
{
    size_t len = b->len;
    while (len > 0 && b->data[len - 1] == '\0') {
        len--;
    }
    return len;
}

static int keep_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)ftw;
    if (flag != FTW_F) {
        return 0;
    }
    if (rig.file_count == MAX_FILES) {
        fail("%s: more files than %d", path, MAX_FILES);
    }
    struct kept *k = &rig.files[rig.file_count++];
    snprintf(k->name, sizeof k->name, "%s", path + strlen(rig.base) + 1);
    k->size = st->st_size;
    read_file(path, &k->data);
    k->data.len = without_zeros(&k->data);
    return 0;
}

static int delete_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    return ftw->level > 0 ? remove(path) : 0;
}

static void write_copy(const char *name, const char *data, size_t len, off_t size)
{
    char path[LL_MAX_PATH];
    char folder[LL_MAX_PATH];
    below(rig.work, name, path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    need(fs_make_dirs(folder), folder);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0 || fs_write_all(fd, data, len, 0) != LL_OK || ftruncate(fd, size) != 0) {
        fail("%s: not written", path);
    }
    close(fd);
}

/* The base anew, but for the file that is damaged. */
static void copy_base(void)
{
    nftw(rig.work, delete_file, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < rig.file_count; i++) {
        const struct kept *k = &rig.files[i];
        if (k != rig.damaged) {
            write_copy(k->name, buf_str(&k->data), k->data.len, k->size);
        }
    }
    if (ftruncate(rig.log_fd, 0) != 0) {
        fail("the log cannot be emptied");
    }
}

static const struct kept *file_named(const char *name)
{
    for (size_t i = 0; i < rig.file_count; i++) {
        if (strcmp(rig.files[i].name, name) == 0) {
            return &rig.files[i];
        }
    }
    fail("%s: no such file in the base", name);
}

/* --- what is expected ------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    const int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The next line of the text; false at its end. */
static bool next_line(const char **at, const char *end, struct line *out)
{
    const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (newline == NULL) {
        return false;
    }
    *out = (struct line){.text = *at, .len = (size_t)(newline - *at)};
    *at = newline + 1;
    return true;
}

static struct line *find_line(const struct line *wanted)
{
    return bsearch(wanted, rig.all, rig.all_count, sizeof *rig.all, by_text);
}

static void load_lines(const char *all, const char *before)
{
    struct line line;
    read_file(all, &rig.all_text);
    read_file(before, &rig.before_text);
    const char *end = rig.all_text.data + rig.all_text.len;
    for (const char *at = rig.all_text.data; next_line(&at, end, &line);) {
        rig.all_count++;
    }
    rig.all = calloc(rig.all_count, sizeof *rig.all);
    if (rig.all == NULL) {
        fail("no memory");
    }
    const char *at = rig.all_text.data;
    for (size_t i = 0; i < rig.all_count; i++) {
        next_line(&at, end, &rig.all[i]);
    }
    qsort(rig.all, rig.all_count, sizeof *rig.all, by_text);
    end = rig.before_text.data + rig.before_text.len;
    for (at = rig.before_text.data; next_line(&at, end, &line);) {
        struct line *known = find_line(&line);
        if (known == NULL) {
            fail("delivered before, and not among all: %.*s", (int)line.len, line.text);
        }
        known->before = true;
    }
}

static bool is_alarm(const struct line *l)
{
    return strncmp(l->text, "lifeline_", sizeof "lifeline_" - 1) == 0;
}

static uint64_t readings_of(const struct line *l)
{
    const char *end = l->text + l->len;
    const char *fields = memchr(l->text, ' ', l->len);
    uint64_t count = 1;
    for (const char *at = fields; at != NULL && at < end; at++) {
        count += *at == ',';
    }
    return count;
}

/* All transitions of the archive, in order. */
static void read_archive(struct buf *out)
{
    char path[LL_MAX_PATH];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    below(rig.work, "lifeline.db", path);
    buf_init(out, MAX_FILE);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        fail("%s: %s", path, sqlite3_errmsg(db));
    }
    need(db_prepare(db, "SELECT * FROM alarm_transition ORDER BY source_seq, source_nth", &st),
         path);
    need(db_rows_json(st, out), path);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* --- one life of a gateway ------------------------------------------------------------------- */

static void configure(struct conf *c)
{
    c->topic_count = 1;
    snprintf(c->topics[0].filter, sizeof c->topics[0].filter, "lifeline/v1/up/+");
    snprintf(c->topics[0].format, sizeof c->topics[0].format, "native");
    c->max_message_bytes = 65536;
    c->max_ahead_s = 300;
    c->segment_mib = 1;
    c->archive_max_alarms = 1000;
    c->archive_max_audit = 1000;
    c->checkpoint_interval_s = 3600;
    struct conf_destination *d = &c->destinations[0];
    snprintf(d->name, sizeof d->name, "stub");
    snprintf(d->path, sizeof d->path, "%s/delivered.lp", rig.work);
    d->type = DESTINATION_FILE;
    d->max_mib = 64;
    d->max_files = 2;
    d->batch_lines = 5000;
    d->batch_bytes = MIB;
}

static void open_logs(struct parts *p)
{
    char path[LL_MAX_PATH];
    char quarantine[LL_MAX_PATH];
    below(rig.work, "quarantine", quarantine);
    struct journal_options options = {.segment_bytes = MIB,
                                      .max_bytes = 64 * MIB,
                                      .damaged_dir = quarantine,
                                      .damaged_bytes = MIB};
    need(quarantine_open(quarantine, 1000, 16 * MIB, &p->quarantine), "quarantine");
    below(rig.work, "intake", path);
    need(journal_open(path, &options, &p->intake), "intake");
    options.buffer_bytes = (size_t)256 * 1024;
    below(rig.work, "spool", path);
    need(spool_open(path, &options, &p->spool), "spool");
    spool_set_evicting(p->spool, true);
}

static void open_parts(struct parts *p)
{
    char path[LL_MAX_PATH];
    *p = (struct parts){0};
    configure(&p->conf);
    open_logs(p);
    below(rig.work, "lifeline.db", path);
    need(registry_db_open(path, &p->registry_db), "registry");
    need(alarm_store_open(path, &p->alarms), "alarms");
    below(rig.work, "checkpoint", p->checkpoint);
    const struct pipeline_parts pipeline = {
        .conf = &p->conf,
        .intake = p->intake,
        .spool = p->spool,
        .quarantine = p->quarantine,
        .alarms = p->alarms,
        .registry_db = p->registry_db,
        .checkpoint_path = p->checkpoint,
    };
    need(pipeline_new(&pipeline, &p->pipeline), "pipeline");
}

static bool refused(void *ctx, const char *destination, const char *words, const char *text,
                    size_t len)
{
    (void)ctx;
    fail("%s refused %.*s: %s", destination, (int)len, text, words);
}

static void start_uploader(struct parts *p)
{
    char path[LL_MAX_PATH];
    below(rig.work, "spool", path);
    need(uploader_start(&p->conf.destinations[0], path, p->spool, refused, NULL, &p->uploader),
         "uploader");
}

/* As after a kill: no checkpoint is written. The cursor is put back by the caller. */
static void close_parts(struct parts *p)
{
    for (int lane = 0; lane < SPOOL_LANES; lane++) {
        journal_wake(spool_journal(p->spool, (enum spool_lane)lane)); /* it need not wait */
    }
    uploader_stop(p->uploader);
    pipeline_free(p->pipeline);
    alarm_store_close(p->alarms);
    registry_db_close(p->registry_db);
    spool_close(p->spool);
    journal_close(p->intake);
    quarantine_close(p->quarantine);
}

/* A message of our own, which neither raises nor clears an alarm. */
static void send_own(struct parts *p)
{
    static const char topic[] = "lifeline/v1/up/" OWN_DEVICE;
    char payload[128];
    struct buf b;
    const struct wall_ms now = clock_wall();
    rig.own++;
    const int len =
        snprintf(payload, sizeof payload,
                 "{\"seq\":%" PRIu64 ",\"ts\":%" PRId64 ",\"r\":{\"flow\":%" PRIu64 "}}",
                 FIRST_OWN_SEQ + rig.own, now.ms, rig.own);
    const struct intake_message m = {.topic = topic,
                                     .topic_len = sizeof topic - 1,
                                     .payload = payload,
                                     .payload_len = (size_t)len,
                                     .qos = 1};
    buf_init(&b, LL_MAX_JOURNAL_RECORD);
    intake_write(&m, &b);
    need(journal_append(p->intake, INTAKE_MESSAGE, now, b.data, b.len, NULL), "append");
    buf_free(&b);
    need(pipeline_drain(p->pipeline), "drain");
}

static void wait_delivered(struct parts *p, struct uploader_status *out)
{
    do {
        usleep(POLL_US);
        uploader_status(p->uploader, out);
    } while (out->in_flight > 0 || out->alarms_in_flight > 0 ||
             out->delivered_total < spool_total(p->spool, SPOOL_READINGS));
}

/* The books as the console shows them; every message of this life is ours. */
static void read_books(struct parts *p, uint64_t sent, struct ledger_view *out)
{
    struct uploader_status s;
    wait_delivered(p, &s);
    *out = (struct ledger_view){.delivery = s.delivery};
    pipeline_ledger(p->pipeline, &out->ledger, NULL);
    out->messages_received = pipeline_backlog_at_start(p->pipeline) + sent;
    if (out->ledger.readings_spooled != s.delivered_total ||
        out->messages_received != out->ledger.messages_taken) {
        fail("in flight: readings %" PRIu64 " of %" PRIu64 ", messages %" PRIu64 " of %" PRIu64,
             s.delivered_total, out->ledger.readings_spooled, out->ledger.messages_taken,
             out->messages_received);
    }
    if (!ledger_messages_balance(out) || !ledger_readings_balance(out)) {
        fail("the books do not balance: received %" PRIu64 " decoded %" PRIu64 "; readings decoded "
             "%" PRIu64 " forwarded %" PRIu64 " evicted %" PRIu64,
             out->messages_received, out->ledger.messages_decoded, out->ledger.readings_decoded,
             out->delivery.forwarded, out->delivery.evicted);
    }
}

/* --- what came of it ------------------------------------------------------------------------- */

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool damaged_is_intake(void)
{
    return rig.damaged != NULL && starts(rig.damaged->name, "intake/");
}

/* What the spool has lost comes from the archive, which has the alarm's last value and text: all
 * but these must be the same. */
static bool note_alarm(const struct line *delivered)
{
    const char *value = strstr(delivered->text, ",value=");
    const char *end = delivered->text + delivered->len;
    const char *ts = memrchr(delivered->text, ' ', delivered->len);
    for (size_t i = 0; i < rig.all_count && value != NULL && value < end; i++) {
        struct line *l = &rig.all[i];
        const size_t head = (size_t)(value - delivered->text);
        const size_t tail = (size_t)(end - ts);
        if (l->len > head + tail && memcmp(l->text, delivered->text, head) == 0 &&
            memcmp(l->text + l->len - tail, ts, tail) == 0) {
            l->seen = true;
            return true;
        }
    }
    return false;
}

/* Notes what was delivered; only what was sent may be. Of alarms that is certain only while no
 * message is lost. Returns which messages of ours are there, a bit for each. */
static unsigned note_delivered(void)
{
    char path[LL_MAX_PATH];
    struct buf b;
    struct line line;
    unsigned own = 0;
    below(rig.work, "delivered.lp", path);
    read_file(path, &b);
    const char *at = b.data;
    while (next_line(&at, b.data + b.len, &line)) {
        const char *fields = memchr(line.text, ' ', line.len);
        struct line *known = find_line(&line);
        if (known != NULL) {
            known->seen = true;
        } else if (fields != NULL && starts(fields, OWN_FIELD)) {
            own |= 1U << (fields[sizeof OWN_FIELD - 1] - '0');
        } else if (!is_alarm(&line) || (!note_alarm(&line) && !damaged_is_intake())) {
            fail("delivered, and never sent: %.*s", (int)line.len, line.text);
        }
    }
    buf_free(&b);
    return own;
}

/* What is at no database, now or before. */
static void count_lost(uint64_t *readings, uint64_t *transitions)
{
    *readings = 0;
    *transitions = 0;
    for (size_t i = 0; i < rig.all_count; i++) {
        const struct line *l = &rig.all[i];
        if (!l->before && !l->seen) {
            *readings += is_alarm(l) ? 0 : readings_of(l);
            *transitions += is_alarm(l) ? 1 : 0;
        }
    }
}

/* All that was ever sent, a line for each message. */
static void count_sent(uint64_t *readings, uint64_t *messages)
{
    *readings = rig.own;
    *messages = rig.own;
    for (size_t i = 0; i < rig.all_count; i++) {
        *readings += !is_alarm(&rig.all[i]) ? readings_of(&rig.all[i]) : 0;
        *messages += !is_alarm(&rig.all[i]) ? 1 : 0;
    }
}

static void check_archive(void)
{
    struct buf now;
    read_archive(&now);
    if (rig.damaged == NULL) {
        rig.archive = now;
        return;
    }
    if (!damaged_is_intake() && strcmp(buf_str(&now), buf_str(&rig.archive)) != 0) {
        fail("the archive of alarms is not that of an undisturbed run");
    }
    buf_free(&now);
}

static void check_case(const struct ledger_view *v, enum telling telling)
{
    struct stat st;
    if (note_delivered() != ALL_OWN) {
        fail("a message that came after the damage was not delivered");
    }
    uint64_t sent;
    uint64_t messages;
    count_sent(&sent, &messages);
    uint64_t lost;
    uint64_t transitions;
    count_lost(&lost, &transitions);
    const uint64_t evicted = v->delivery.evicted;
    const uint64_t unread = sent - v->ledger.readings_decoded;
    if (lost != evicted + unread || (unread > 0 && !damaged_is_intake()) ||
        (lost > 0 && !rig.may_lose)) {
        fail("lost %" PRIu64 " readings; counted as evicted %" PRIu64 ", not decoded %" PRIu64,
             lost, evicted, unread);
    }
    if (unread == 0 && v->ledger.messages_decoded != messages) {
        fail("messages decoded %" PRIu64 " of %" PRIu64, v->ledger.messages_decoded, messages);
    }
    check_archive();
    const bool told = fstat(rig.log_fd, &st) == 0 && st.st_size > 0;
    if (!told && (telling == TELLS || (telling == TELLS_OF_LOSS && lost + transitions > 0))) {
        fail("no word on the damage; lost %" PRIu64 " and %" PRIu64, lost, transitions);
    }
    if (transitions > 0 && !damaged_is_intake() && telling != TELLS_OF_LOSS) {
        fail("%" PRIu64 " transitions lost, and the archive has them", transitions);
    }
    if (told && telling == TELLS_NOT) {
        fail("words on damage where there is none");
    }
    rig.lost += evicted;
    rig.unread += unread;
}

/* The copy stands: two lives over it. */
static void try_case(enum telling telling)
{
    struct ledger_view books;
    rig.own = 0;
    for (size_t i = 0; i < rig.all_count; i++) {
        rig.all[i].seen = false;
    }
    alarm(CASE_S);
    for (int life = 0; life < LIVES; life++) {
        struct parts p;
        char cursor[LL_MAX_PATH];
        struct buf opened;
        open_parts(&p);
        atomic_store(&rig.hold_uploader, true);
        start_uploader(&p);
        below(rig.work, CURSOR, cursor);
        read_file(cursor, &opened);
        send_own(&p);
        atomic_store(&rig.hold_uploader, false);
        read_books(&p, 1, &books);
        close_parts(&p);
        need(fs_replace_file(cursor, opened.data, opened.len), cursor);
        buf_free(&opened);
    }
    alarm(0);
    check_case(&books, telling);
    rig.cases++;
}

/* --- damage ---------------------------------------------------------------------------------- */

static bool is_log(const struct kept *k)
{
    const char *dot = strrchr(k->name, '.');
    return dot != NULL && strcmp(dot, ".log") == 0;
}

/* The lock holds a note that nobody misses. */
static bool is_lock(const struct kept *k)
{
    const char *slash = strrchr(k->name, '/');
    return slash != NULL && strcmp(slash, "/lock") == 0;
}

/* Whether the last record of a log is all there: then nothing tells that there was more. */
static bool ends_whole(const char *data, size_t len)
{
    for (size_t at = len / 8 * 8; at > 0; at -= 8) {
        if (len - at >= RECORD_HEADER && memcmp(data + at, RECORD_MARKER, 4) == 0) {
            struct cursor c = cursor_over(data + at + 8, 4);
            return at + RECORD_HEADER + cursor_u32(&c) <= len;
        }
    }
    return false;
}

static void cut(uint64_t first, uint64_t step, bool blank)
{
    const struct kept *k = rig.damaged;
    for (uint64_t less = first; less <= LAST_BYTES && less <= k->data.len; less += step) {
        const size_t left = k->data.len - (size_t)less;
        const bool unseen = is_lock(k) || (is_log(k) && ends_whole(k->data.data, left));
        printf("%s %s: %" PRIu64 "\n", blank ? "blank" : "cut", k->name, less);
        copy_base();
        write_copy(k->name, k->data.data, left, blank ? k->size : (off_t)left);
        try_case(unseen ? TELLS_MAYBE : TELLS);
    }
}

static void flip(uint64_t count, uint64_t seed)
{
    const struct kept *k = rig.damaged;
    struct rng rng = rng_seeded(seed);
    for (uint64_t n = 0; n < count; n++) {
        const size_t last = k->data.len < LAST_BYTES ? k->data.len : LAST_BYTES;
        const size_t range = n % 2 == 0 ? last : k->data.len;
        const uint64_t bit = rng_next(&rng) % (8 * range) + 8 * (k->data.len - range);
        char *byte = &k->data.data[bit / 8];
        printf("flip %s: bit %" PRIu64 "\n", k->name, bit);
        *byte = (char)(*byte ^ 1 << bit % 8);
        copy_base();
        write_copy(k->name, k->data.data, k->data.len, k->size);
        *byte = (char)(*byte ^ 1 << bit % 8);
        try_case(is_lock(k) || is_log(k) ? TELLS_OF_LOSS : TELLS);
    }
}

static void open_log(void)
{
    char path[LL_MAX_PATH];
    snprintf(path, sizeof path, "%s.log", rig.work);
    rig.log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (rig.log_fd < 0 || dup2(rig.log_fd, STDERR_FILENO) < 0) {
        fail("%s: not opened", path);
    }
    log_setup(LOG_WARN, NULL);
}

static uint64_t number(const char *text)
{
    uint64_t n;
    if (!num_parse_u64(text, &n)) {
        fail("%s: not a number", text);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 10) {
        fail("usage: see the top of tests/fault/reopen.c");
    }
    static struct fs_calls calls;
    calls = fs_system_calls;
    calls.fsync = no_sync;
    calls.fdatasync = no_sync;
    calls.pread = held_pread;
    rig.main_thread = pthread_self();
    fs_replace(&calls);
    setvbuf(stdout, NULL, _IOLBF, 0);
    rig.base = argv[1];
    rig.work = argv[2];
    load_lines(argv[3], argv[4]);
    if (nftw(rig.base, keep_file, 16, FTW_PHYS) != 0) {
        fail("%s: not read", rig.base);
    }
    open_log();
    copy_base();
    try_case(TELLS_NOT);
    if (argc == 10) {
        rig.may_lose = strcmp(argv[9], "loses") == 0;
        rig.damaged = file_named(argv[6]);
        if (strcmp(argv[5], "flip") == 0) {
            flip(number(argv[7]), number(argv[8]));
        } else {
            cut(number(argv[7]), number(argv[8]), strcmp(argv[5], "blank") == 0);
        }
    }
    printf("cases %" PRIu64 " evicted %" PRIu64 " unread %" PRIu64 "\n", rig.cases, rig.lost,
           rig.unread);
    return 0;
}
