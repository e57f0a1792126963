/*
 * An uploader between a spool and a stub of a database, and what the tests of it do with them.
 */
#ifndef LL_TESTS_UPLOADER_FIXTURE_H
#define LL_TESTS_UPLOADER_FIXTURE_H

#include <limits.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/export/uploader.h"
#include "tests/unit/export/stub_database.h"
#include "tests/unit/unit.h"

#define TIME    ((struct wall_ms){1764000000000})
#define GIVE_UP 4000 /* polls of five milliseconds, before a wait counts as failed */

static const struct journal_options options = {
    .segment_bytes = 1 << 16, .max_bytes = 1 << 26, .buffer_bytes = 4096};

struct refused {
    unsigned count;
    unsigned room; /* so many of them are kept */
    struct buf lines;
    char words[256];
};

struct fixture {
    char dir[LL_MAX_PATH];
    struct stub stub;
    struct spool *spool;
    struct conf_destination conf;
    struct uploader *uploader;
    struct refused refused;
    struct buf sent; /* what was spooled, as the database should have it */
    uint64_t source_seq;
};

static inline bool refuse(void *ctx, const char *destination, const char *words, const char *text,
                          size_t len)
{
    struct refused *r = ctx;
    assert_string_equal(destination, "influx");
    r->count++;
    buf_add(&r->lines, text, len);
    snprintf(r->words, sizeof r->words, "%s", words);
    return r->count <= r->room;
}

static inline void set_url(struct fixture *f)
{
    snprintf(f->conf.url, sizeof f->conf.url, "http://127.0.0.1:%u", f->stub.port);
}

static inline int setup(void **state)
{
    static unsigned count;
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "%s/uploader%u", unit_tmpdir(), count++);
    assert_int_equal(fs_make_dirs(f->dir), LL_OK);
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/spool", f->dir);
    assert_int_equal(spool_open(path, &options, &f->spool), LL_OK);
    stub_init(&f->stub);
    stub_listen(&f->stub, 0);
    f->conf = (struct conf_destination){.name = "influx",
                                        .type = DESTINATION_INFLUXDB1,
                                        .database = "lifeline",
                                        .batch_lines = 1000,
                                        .batch_bytes = 1 << 20,
                                        .batch_wait_ms = 1,
                                        .timeout_s = 10};
    set_url(f);
    f->refused.room = UINT_MAX;
    buf_init(&f->refused.lines, STUB_MAX_BODY);
    buf_init(&f->sent, STUB_MAX_BODY);
    *state = f;
    return 0;
}

static inline void start(struct fixture *f)
{
    (void)stub_requests(&f->stub); /* through its lock: what was set before is seen behind it */
    assert_int_equal(uploader_start(&f->conf, f->dir, f->spool, refuse, &f->refused, &f->uploader),
                     LL_OK);
}

static inline void stop(struct fixture *f)
{
    uploader_stop(f->uploader);
    f->uploader = NULL;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    stub_set_hang(&f->stub, false);
    stop(f);
    stub_free(&f->stub);
    spool_close(f->spool);
    buf_free(&f->refused.lines);
    buf_free(&f->sent);
    free(f);
    return 0;
}

static inline void spool(struct fixture *f, enum spool_lane lane, uint32_t readings,
                         const char *text)
{
    assert_int_equal(spool_add(f->spool, lane, ++f->source_seq, TIME, readings, text, strlen(text)),
                     LL_OK);
}

/* `count` records of one reading each; every `bad_every`th is one the database will not have. */
static inline void spool_many(struct fixture *f, unsigned count, unsigned bad_every)
{
    for (unsigned i = 1; i <= count; i++) {
        char line[96];
        const bool bad = bad_every > 0 && i % bad_every == 0;
        snprintf(line, sizeof line, "manhole,asset=M level_m=%u,n=%s 17640000000%05u\n", i,
                 bad ? "bad" : "1i", i);
        spool(f, SPOOL_READINGS, 2, line);
        if (!bad) {
            buf_str_add(&f->sent, line);
        }
    }
    assert_int_equal(spool_flush(f->spool), LL_OK);
}

static inline struct uploader_status status(struct fixture *f)
{
    struct uploader_status s;
    uploader_status(f->uploader, &s);
    return s;
}

static inline void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static inline void wait_until_sent(struct fixture *f)
{
    struct uploader_status s = status(f);
    for (int i = 0; i < GIVE_UP && (s.in_flight > 0 || s.alarms_in_flight > 0); i++) {
        nap();
        s = status(f);
    }
    assert_int_equal(s.in_flight, 0);
    assert_int_equal(s.alarms_in_flight, 0);
    (void)stub_requests(&f->stub); /* likewise for what it saw */
}

static inline void wait_for_failure(struct fixture *f)
{
    for (int i = 0; i < GIVE_UP && status(f).reachable; i++) {
        nap();
    }
    assert_false(status(f).reachable);
}

static inline void expect_taken(struct fixture *f, const char *expected)
{
    pthread_mutex_lock(&f->stub.lock);
    char *taken = strdup(buf_str(&f->stub.taken));
    pthread_mutex_unlock(&f->stub.lock);
    /* Without the lock: a failure ends the test right here. */
    assert_string_equal(taken, expected);
    free(taken);
}

static inline void expect_books(struct fixture *f, uint64_t forwarded, uint64_t quarantined,
                                uint64_t evicted)
{
    const struct uploader_status s = status(f);
    assert_int_equal(s.delivery.forwarded, forwarded);
    assert_int_equal(s.delivery.quarantined, quarantined);
    assert_int_equal(s.delivery.evicted, evicted);
}

static inline void write_file(struct fixture *f, const char *name, const char *text, char *path,
                              size_t path_len)
{
    snprintf(path, path_len, "%.200s/%s", f->dir, name);
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
}

#endif
