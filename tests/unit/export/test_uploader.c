#include "tests/unit/unit.h"

#include <limits.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/export/uploader.h"
#include "tests/unit/export/stub_database.h"

#define TIME    ((struct wall_ms){1764000000000})
#define GIVE_UP 4000 /* polls of five milliseconds, before a wait counts as failed */

static const struct journal_options options = {
    .segment_bytes = 1 << 16, .max_bytes = 1 << 26, .buffer_bytes = 4096};

struct refused {
    unsigned count;
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

static void refuse(void *ctx, const char *destination, const char *words, const char *text,
                   size_t len)
{
    struct refused *r = ctx;
    assert_string_equal(destination, "influx");
    r->count++;
    buf_add(&r->lines, text, len);
    snprintf(r->words, sizeof r->words, "%s", words);
}

static void set_url(struct fixture *f)
{
    snprintf(f->conf.url, sizeof f->conf.url, "http://127.0.0.1:%u", f->stub.port);
}

static int setup(void **state)
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
    buf_init(&f->refused.lines, STUB_MAX_BODY);
    buf_init(&f->sent, STUB_MAX_BODY);
    *state = f;
    return 0;
}

static void start(struct fixture *f)
{
    (void)stub_requests(&f->stub); /* through its lock: what was set before is seen behind it */
    assert_int_equal(uploader_start(&f->conf, f->dir, f->spool, refuse, &f->refused, &f->uploader),
                     LL_OK);
}

static void stop(struct fixture *f)
{
    uploader_stop(f->uploader);
    f->uploader = NULL;
}

static int teardown(void **state)
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

static void spool(struct fixture *f, enum spool_lane lane, uint32_t readings, const char *text)
{
    assert_int_equal(spool_add(f->spool, lane, ++f->source_seq, TIME, readings, text, strlen(text)),
                     LL_OK);
}

/* `count` records of one reading each; every `bad_every`th is one the database will not have. */
static void spool_many(struct fixture *f, unsigned count, unsigned bad_every)
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

static struct uploader_status status(struct fixture *f)
{
    struct uploader_status s;
    uploader_status(f->uploader, &s);
    return s;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void wait_until_sent(struct fixture *f)
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

static void wait_for_failure(struct fixture *f)
{
    for (int i = 0; i < GIVE_UP && status(f).reachable; i++) {
        nap();
    }
    assert_false(status(f).reachable);
}

static void expect_taken(struct fixture *f, const char *expected)
{
    pthread_mutex_lock(&f->stub.lock);
    assert_string_equal(buf_str(&f->stub.taken), expected);
    pthread_mutex_unlock(&f->stub.lock);
}

static void expect_books(struct fixture *f, uint64_t forwarded, uint64_t quarantined,
                         uint64_t evicted)
{
    const struct uploader_status s = status(f);
    assert_int_equal(s.delivery.forwarded, forwarded);
    assert_int_equal(s.delivery.quarantined, quarantined);
    assert_int_equal(s.delivery.evicted, evicted);
}

static void write_file(struct fixture *f, const char *name, const char *text, char *path,
                       size_t path_len)
{
    snprintf(path, path_len, "%.200s/%s", f->dir, name);
    assert_int_equal(fs_replace_file(path, text, strlen(text)), LL_OK);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void all_that_is_spooled_arrives_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 2500, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 5000, 0, 0);
    assert_int_equal(stub_requests(&f->stub), 5); /* 1000 readings are 500 records */
    const struct uploader_status s = status(f);
    assert_true(s.reachable);
    assert_string_equal(s.last_error, "");
    assert_true(s.last_success.ms > 0);
    assert_int_equal(s.delivered_total, 5000);
    spool_many(f, 10, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
}

static void influxdb_1_gets_database_policy_and_password(void **state)
{
    struct fixture *f = *state;
    snprintf(f->conf.database, sizeof f->conf.database, "my db");
    snprintf(f->conf.retention_policy, sizeof f->conf.retention_policy, "a&b");
    snprintf(f->conf.username, sizeof f->conf.username, "writer");
    write_file(f, "password", "secret:1\n", f->conf.password_file, sizeof f->conf.password_file);
    snprintf(f->conf.url, sizeof f->conf.url, "http://127.0.0.1:%u/", f->stub.port);
    spool_many(f, 1, 0);
    start(f);
    wait_until_sent(f);
    assert_string_equal(f->stub.url, "POST /write?db=my db&rp=a&b&precision=ms");
    assert_string_equal(f->stub.authorization, "Basic d3JpdGVyOnNlY3JldDox");
    assert_string_equal(f->stub.encoding, "");
}

static void influxdb_2_gets_organisation_bucket_and_token(void **state)
{
    struct fixture *f = *state;
    f->conf.type = DESTINATION_INFLUXDB2;
    snprintf(f->conf.org, sizeof f->conf.org, "city");
    snprintf(f->conf.bucket, sizeof f->conf.bucket, "lifeline/raw");
    write_file(f, "token", "abc==\n", f->conf.token_file, sizeof f->conf.token_file);
    spool_many(f, 1, 0);
    start(f);
    wait_until_sent(f);
    assert_string_equal(f->stub.url,
                        "POST /api/v2/write?org=city&bucket=lifeline/raw&precision=ms");
    assert_string_equal(f->stub.authorization, "Token abc==");
}

static void victoriametrics_gets_neither_organisation_nor_bucket(void **state)
{
    struct fixture *f = *state;
    f->conf.type = DESTINATION_VICTORIAMETRICS;
    snprintf(f->conf.username, sizeof f->conf.username, "writer");
    spool_many(f, 1, 0);
    start(f);
    wait_until_sent(f);
    assert_string_equal(f->stub.url, "POST /api/v2/write?precision=ms");
    assert_string_equal(f->stub.authorization, "Basic d3JpdGVyOg==");
}

static void a_file_gets_the_same_lines(void **state)
{
    struct fixture *f = *state;
    f->conf.type = DESTINATION_FILE;
    f->conf.max_mib = 1;
    f->conf.max_files = 2;
    snprintf(f->conf.path, sizeof f->conf.path, "%.200s/out/readings.lp", f->dir);
    spool_many(f, 1500, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    struct buf b;
    buf_init(&b, STUB_MAX_BODY);
    assert_int_equal(fs_read_file(f->conf.path, &b), LL_OK);
    assert_string_equal(buf_str(&b), buf_str(&f->sent));
    buf_free(&b);
    start(f);
    expect_books(f, 3000, 0, 0);
    assert_int_equal(stub_requests(&f->stub), 0);
}

static void a_client_certificate_that_is_not_there_is_an_error_of_each_request(void **state)
{
    struct fixture *f = *state;
    snprintf(f->conf.url, sizeof f->conf.url, "https://127.0.0.1:%u", f->stub.port);
    snprintf(f->conf.cert_file, sizeof f->conf.cert_file, "%.200s/nowhere.crt", f->dir);
    snprintf(f->conf.key_file, sizeof f->conf.key_file, "%.200s/nowhere.key", f->dir);
    spool_many(f, 1, 0);
    start(f);
    wait_for_failure(f);
    assert_int_equal(status(f).in_flight, 2);
}

static void a_missing_secret_is_an_error_at_start(void **state)
{
    struct fixture *f = *state;
    f->conf.type = DESTINATION_INFLUXDB2;
    snprintf(f->conf.token_file, sizeof f->conf.token_file, "%.200s/nowhere", f->dir);
    assert_int_equal(uploader_start(&f->conf, f->dir, f->spool, refuse, &f->refused, &f->uploader),
                     LL_ENOENT);
}

static void a_compressed_body_decodes_to_the_same(void **state)
{
    struct fixture *f = *state;
    f->conf.gzip = true;
    spool_many(f, 2000, 0);
    start(f);
    wait_until_sent(f);
    assert_string_equal(f->stub.encoding, "gzip");
    expect_taken(f, buf_str(&f->sent));
}

/* --- what a status means --------------------------------------------------------------------- */

static void only_the_bad_lines_are_refused(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    spool_many(f, 700, 97);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_int_equal(f->refused.count, 7);
    assert_string_equal(f->refused.words, "{\"error\":\"field type conflict\"}");
    assert_non_null(strstr(buf_str(&f->refused.lines), "level_m=97,n=bad"));
    assert_non_null(strstr(buf_str(&f->refused.lines), "level_m=679,n=bad"));
    assert_null(strstr(buf_str(&f->refused.lines), "n=1i"));
    expect_books(f, 1386, 14, 0);
}

static void lines_that_the_database_names_are_refused_without_a_search(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    f->stub.names_bad = true;
    f->stub.names_most = 4;
    f->conf.batch_lines = 2000;
    spool_many(f, 700, 97);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    /* Four are named, and of the rest the other three; then it is taken. */
    assert_int_equal(stub_requests(&f->stub), 3);
    assert_int_equal(f->refused.count, 7);
    /* Number 679 was the 675th of those that were sent the second time. */
    assert_string_equal(f->refused.words, "bad no. 675");
    assert_non_null(strstr(buf_str(&f->refused.lines), "level_m=97,n=bad"));
    assert_non_null(strstr(buf_str(&f->refused.lines), "level_m=679,n=bad"));
    assert_null(strstr(buf_str(&f->refused.lines), "n=1i"));
    expect_books(f, 1386, 14, 0);
}

static void where_each_line_is_named_nothing_is_left_to_send(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    f->stub.names_bad = true;
    f->stub.names_most = 50;
    spool_many(f, 30, 1);
    start(f);
    wait_until_sent(f);
    assert_int_equal(stub_requests(&f->stub), 1);
    assert_int_equal(f->refused.count, 30);
    expect_books(f, 0, 60, 0);
}

static void a_batch_that_is_dropped_whole_is_not_halved(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = 1;
    f->stub.fail_status = 422;
    f->stub.fail_text = "{\"message\":\"partial write: beyond retention policy dropped=50\"}";
    spool_many(f, 50, 0);
    start(f);
    wait_until_sent(f);
    assert_int_equal(stub_requests(&f->stub), 1);
    assert_string_equal(buf_str(&f->refused.lines), buf_str(&f->sent));
    expect_books(f, 0, 100, 0);
}

static void of_a_record_with_many_lines_only_the_bad_one_is_refused(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    spool(f, SPOOL_READINGS, 6, "m a=1 1\nm a=bad,b=2 2\nm a=1,b=2,c=3 3\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_until_sent(f);
    expect_taken(f, "m a=1 1\nm a=1,b=2,c=3 3\n");
    assert_string_equal(buf_str(&f->refused.lines), "m a=bad,b=2 2\n");
    expect_books(f, 4, 2, 0);
}

static void what_is_too_large_is_sent_in_smaller_pieces(void **state)
{
    struct fixture *f = *state;
    f->stub.max_body = 3000;
    spool_many(f, 500, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 1000, 0, 0);
    const unsigned refused = f->stub.refused;
    assert_true(refused > 0);
    spool_many(f, 500, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_int_equal(f->stub.refused, refused); /* the size was learnt */
}

static void a_line_too_large_by_itself_is_refused(void **state)
{
    struct fixture *f = *state;
    f->stub.max_body = 10;
    spool(f, SPOOL_READINGS, 1, "m a=1 1\n");
    spool(f, SPOOL_READINGS, 1, "measurement a=1 1\n");
    spool(f, SPOOL_READINGS, 1, "m a=1 2\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_until_sent(f);
    expect_taken(f, "m a=1 1\nm a=1 2\n");
    assert_string_equal(buf_str(&f->refused.lines), "measurement a=1 1\n");
    assert_string_equal(f->refused.words, "too much");
}

static void kept_and_sent_again(struct fixture *f, unsigned http_status, unsigned times,
                                const char *last_error)
{
    f->stub.fail_first = times;
    f->stub.fail_status = http_status;
    spool_many(f, 10, 0);
    start(f);
    wait_for_failure(f);
    assert_string_equal(status(f).last_error, last_error);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 20, 0, 0);
    assert_int_equal(f->refused.count, 0);
    assert_int_equal(stub_requests(&f->stub), times + 1);
    assert_true(status(f).reachable);
    assert_string_equal(status(f).last_error, "");
}

static void a_server_error_is_tried_again(void **state)
{
    kept_and_sent_again(*state, 500, 1, "500 not taken: not now");
}

static void wrong_credentials_keep_everything(void **state)
{
    kept_and_sent_again(*state, 401, 1, "401 credentials refused: not now");
}

static void a_missing_database_is_waited_for(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_text = "{\"error\":\"database not found: \\\"lifeline\\\"\"}";
    kept_and_sent_again(f, 404, 1,
                        "404 no such database, bucket or path: "
                        "{\"error\":\"database not found: \\\"lifeline\\\"\"}");
}

static void a_database_that_gives_no_access_is_told_apart_from_one_that_is_away(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = UINT_MAX;
    f->stub.fail_status = 403;
    spool_many(f, 1, 0);
    start(f);
    assert_false(status(f).refused);
    wait_for_failure(f);
    assert_true(status(f).refused);
    pthread_mutex_lock(&f->stub.lock);
    f->stub.fail_status = 503;
    pthread_mutex_unlock(&f->stub.lock);
    for (int i = 0; i < GIVE_UP && status(f).refused; i++) {
        nap();
    }
    assert_false(status(f).refused);
    assert_false(status(f).reachable);
}

static void what_is_no_answer_of_a_database_refuses_nothing(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_text = "Client sent an HTTP request to an HTTPS server.";
    kept_and_sent_again(f, 400, 1,
                        "400 not an answer of the database: "
                        "Client sent an HTTP request to an HTTPS server.");
}

static void a_redirect_is_not_followed(void **state)
{
    kept_and_sent_again(*state, 307, 1, "307 not taken: not now");
}

static void the_wait_the_server_asks_for_is_kept(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = 1;
    f->stub.fail_status = 429;
    f->stub.retry_after = "1000000";
    spool_many(f, 1, 0);
    start(f);
    wait_for_failure(f);
    const uint64_t wait_ms = status(f).retry_in_ms;
    assert_in_range(wait_ms, 3000000, 3600000); /* an hour at most */
    assert_int_equal(stub_requests(&f->stub), 1);
    stop(f);
    start(f);
    wait_until_sent(f);
}

static void a_database_that_is_away_is_waited_for(void **state)
{
    struct fixture *f = *state;
    stub_hush(&f->stub);
    spool_many(f, 10, 0);
    start(f);
    wait_for_failure(f);
    assert_memory_equal(status(f).last_error, "no answer: ", 11);
    assert_int_equal(status(f).in_flight, 20);
    stub_listen(&f->stub, f->stub.port);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
}

/* --- restarts -------------------------------------------------------------------------------- */

static void nothing_is_sent_twice_after_a_clean_stop(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=1i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_until_sent(f);
    stop(f);
    const unsigned requests = stub_requests(&f->stub);

    start(f);
    assert_int_equal(status(f).in_flight, 0);
    assert_int_equal(status(f).alarms_in_flight, 0);
    expect_books(f, 200, 0, 0);
    assert_int_equal(status(f).alarms_delivered, 1);
    buf_reset(&f->stub.taken);
    buf_reset(&f->sent);
    spool_many(f, 3, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_int_equal(stub_requests(&f->stub), requests + 1);
    expect_books(f, 206, 0, 0);
}

static void copy_cursor(struct fixture *f, const char *from, const char *to)
{
    char path[LL_MAX_PATH];
    struct buf b;
    buf_init(&b, 4096);
    snprintf(path, sizeof path, "%.200s/%s", f->dir, from);
    assert_int_equal(fs_read_file(path, &b), LL_OK);
    snprintf(path, sizeof path, "%.200s/%s", f->dir, to);
    assert_int_equal(fs_replace_file(path, b.data, b.len), LL_OK);
    buf_free(&b);
}

static void nothing_is_missing_after_a_kill_and_each_reading_is_counted_once(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    copy_cursor(f, "influx.cursor", "older");
    buf_reset(&f->sent);
    spool_many(f, 50, 0);
    start(f);
    wait_until_sent(f);
    stop(f);

    /* A kill between the delivery and the saving of the cursor leaves the older file. */
    copy_cursor(f, "older", "influx.cursor");
    spool_many(f, 20, 0);
    buf_reset(&f->stub.taken);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 340, 0, 0);
}

static void a_cursor_file_that_is_damaged_means_all_is_sent_again(void **state)
{
    struct fixture *f = *state;
    char path[LL_MAX_PATH];
    write_file(f, "influx.cursor", "LLCURSOR and no more", path, sizeof path);
    spool_many(f, 5, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
}

static void a_spool_that_was_wiped_is_sent_from_its_beginning(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 100, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    spool_close(f->spool);
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/spool2", f->dir);
    assert_int_equal(spool_open(path, &options, &f->spool), LL_OK);
    spool_pass_total(f->spool, SPOOL_READINGS, 200);
    buf_reset(&f->stub.taken);
    buf_reset(&f->sent);
    spool_many(f, 3, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_books(f, 206, 0, 0);
}

static void what_was_trimmed_unsent_is_counted_as_evicted(void **state)
{
    struct fixture *f = *state;
    spool_many(f, 10, 0);
    start(f);
    wait_until_sent(f);
    stop(f);
    spool_many(f, 5000, 0);
    struct journal *j = spool_journal(f->spool, SPOOL_READINGS);
    assert_int_equal(journal_trim(j, 4000), LL_OK);
    const uint64_t first = journal_stats(j).first_seq;
    assert_in_range(first, 12, 4000);
    start(f);
    wait_until_sent(f);
    const uint64_t evicted = 2 * (first - 11);
    expect_books(f, 10020 - evicted, 0, evicted);
}

/* More than the lane takes, while the database is away; what was read before it left is not lost.
 */
static void fill_an_evicting_spool(struct fixture *f)
{
    spool_close(f->spool);
    struct journal_options small = options;
    small.max_bytes = 4 * options.segment_bytes;
    char path[LL_MAX_PATH + 8];
    snprintf(path, sizeof path, "%s/small", f->dir);
    assert_int_equal(spool_open(path, &small, &f->spool), LL_OK);
    spool_set_evicting(f->spool, true);
    f->stub.fail_first = UINT_MAX;
    f->stub.fail_status = 503;
    spool_many(f, 10, 0);
    start(f);
    wait_for_failure(f);
    spool_many(f, 5000, 0);
}

static void expect_lost_and_taken(struct fixture *f)
{
    pthread_mutex_lock(&f->stub.lock);
    f->stub.fail_first = 0;
    pthread_mutex_unlock(&f->stub.lock);
    wait_until_sent(f);
    const struct uploader_status s = status(f);
    assert_int_equal(s.delivery.forwarded + s.delivery.evicted, 10020);
    assert_true(s.delivery.evicted > 0);
    assert_int_equal(s.delivered_total, 10020);
}

static void what_is_given_up_is_counted_before_the_database_is_back(void **state)
{
    struct fixture *f = *state;
    fill_an_evicting_spool(f);
    const struct uploader_status away = status(f);
    assert_true(away.delivery.evicted > 0);
    assert_int_equal(away.delivery.forwarded, 0);
    assert_int_equal(away.in_flight + away.delivery.evicted, 10020);
    assert_int_equal(away.delivered_total, away.delivery.evicted);
    expect_lost_and_taken(f);
    assert_true(status(f).delivery.evicted <= away.delivery.evicted);
}

static void what_is_given_up_is_counted_by_one_that_never_had_an_answer(void **state)
{
    struct fixture *f = *state;
    fill_an_evicting_spool(f);
    stop(f);
    start(f);
    const struct uploader_status away = status(f);
    assert_int_equal(away.in_flight + away.delivery.evicted, 10020);
    expect_lost_and_taken(f);
}

static void the_record_before_the_cursor_is_never_given_up(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_READINGS), 1);
    spool_many(f, 10, 0);
    wait_until_sent(f);
    /* Once the cursor file is written, within a second or so. */
    for (int i = 0; i < GIVE_UP && uploader_needs(f->uploader, SPOOL_READINGS) < 10; i++) {
        nap();
    }
    assert_int_equal(uploader_needs(f->uploader, SPOOL_READINGS), 10);
    assert_int_equal(uploader_needs(f->uploader, SPOOL_ALARMS), 1);
}

/* --- order and haste ------------------------------------------------------------------------- */

static void alarms_go_before_a_backlog_of_readings(void **state)
{
    struct fixture *f = *state;
    f->conf.batch_lines = 100;
    spool_many(f, 5000, 0);
    stub_set_hang(&f->stub, true);
    start(f);
    for (int i = 0; i < GIVE_UP && !stub_is_hanging(&f->stub); i++) {
        nap();
    }
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=7i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    stub_set_hang(&f->stub, false);
    wait_until_sent(f);
    /* Behind the one batch that was under way, and before all others. */
    const char *taken = buf_str(&f->stub.taken);
    const char *alarm = strstr(taken, "lifeline_alarm id=7i 1\n");
    assert_non_null(alarm);
    const char *next = strstr(taken, "level_m=51,");
    assert_non_null(next);
    assert_true(alarm < next);
    assert_true(alarm > strstr(taken, "level_m=50,"));
}

static void readings_keep_to_their_rate_and_alarms_do_not(void **state)
{
    struct fixture *f = *state;
    f->conf.rate_lines_s = 20;
    spool_many(f, 100, 0);
    start(f);
    for (int i = 0; i < GIVE_UP && stub_requests(&f->stub) == 0; i++) {
        nap();
    }
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=7i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    for (int i = 0; i < GIVE_UP && status(f).alarms_delivered == 0; i++) {
        nap();
    }
    const char *taken = buf_str(&f->stub.taken);
    assert_non_null(strstr(taken, "level_m=20,"));
    assert_null(strstr(taken, "level_m=21,"));
    assert_non_null(strstr(taken, "lifeline_alarm"));
}

static void alarms_are_sent_while_readings_back_off(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = 1;
    f->stub.fail_status = 429;
    f->stub.retry_after = "3600";
    spool_many(f, 1, 0);
    start(f);
    wait_for_failure(f);
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=7i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    for (int i = 0; i < GIVE_UP && status(f).alarms_delivered == 0; i++) {
        nap();
    }
    expect_taken(f, "lifeline_alarm id=7i 1\n");
    assert_int_equal(status(f).in_flight, 2);
}

static void a_stop_ends_a_request_that_hangs(void **state)
{
    struct fixture *f = *state;
    f->conf.timeout_s = 3600;
    stub_set_hang(&f->stub, true);
    spool_many(f, 1, 0);
    start(f);
    for (int i = 0; i < GIVE_UP && !stub_is_hanging(&f->stub); i++) {
        nap();
    }
    stop(f); /* or this test never ends */
    stub_set_hang(&f->stub, false);
    start(f);
    wait_until_sent(f);
    expect_books(f, 2, 0, 0);
}

static void a_stop_ends_a_wait(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = 1;
    f->stub.fail_status = 503;
    f->stub.retry_after = "3600";
    spool(f, SPOOL_ALARMS, 1, "lifeline_alarm id=7i 1\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_for_failure(f);
    stop(f); /* or this test takes an hour */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(all_that_is_spooled_arrives_once_and_in_order),
    TEST(influxdb_1_gets_database_policy_and_password),
    TEST(influxdb_2_gets_organisation_bucket_and_token),
    TEST(victoriametrics_gets_neither_organisation_nor_bucket),
    TEST(a_file_gets_the_same_lines),
    TEST(a_client_certificate_that_is_not_there_is_an_error_of_each_request),
    TEST(a_missing_secret_is_an_error_at_start),
    TEST(a_compressed_body_decodes_to_the_same),
    TEST(only_the_bad_lines_are_refused),
    TEST(lines_that_the_database_names_are_refused_without_a_search),
    TEST(where_each_line_is_named_nothing_is_left_to_send),
    TEST(a_batch_that_is_dropped_whole_is_not_halved),
    TEST(of_a_record_with_many_lines_only_the_bad_one_is_refused),
    TEST(what_is_too_large_is_sent_in_smaller_pieces),
    TEST(a_line_too_large_by_itself_is_refused),
    TEST(a_server_error_is_tried_again),
    TEST(wrong_credentials_keep_everything),
    TEST(a_missing_database_is_waited_for),
    TEST(a_database_that_gives_no_access_is_told_apart_from_one_that_is_away),
    TEST(what_is_no_answer_of_a_database_refuses_nothing),
    TEST(a_redirect_is_not_followed),
    TEST(the_wait_the_server_asks_for_is_kept),
    TEST(a_database_that_is_away_is_waited_for),
    TEST(nothing_is_sent_twice_after_a_clean_stop),
    TEST(nothing_is_missing_after_a_kill_and_each_reading_is_counted_once),
    TEST(a_cursor_file_that_is_damaged_means_all_is_sent_again),
    TEST(a_spool_that_was_wiped_is_sent_from_its_beginning),
    TEST(what_was_trimmed_unsent_is_counted_as_evicted),
    TEST(what_is_given_up_is_counted_before_the_database_is_back),
    TEST(what_is_given_up_is_counted_by_one_that_never_had_an_answer),
    TEST(the_record_before_the_cursor_is_never_given_up),
    TEST(alarms_go_before_a_backlog_of_readings),
    TEST(readings_keep_to_their_rate_and_alarms_do_not),
    TEST(alarms_are_sent_while_readings_back_off),
    TEST(a_stop_ends_a_request_that_hangs),
    TEST(a_stop_ends_a_wait),
};

UNIT_MAIN(tests)
