/* What is sent, where to, in which order, and how it ends. */
#include "tests/unit/export/uploader_fixture.h"

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
    TEST(alarms_go_before_a_backlog_of_readings),
    TEST(readings_keep_to_their_rate_and_alarms_do_not),
    TEST(alarms_are_sent_while_readings_back_off),
    TEST(a_stop_ends_a_request_that_hangs),
    TEST(a_stop_ends_a_wait),
};

UNIT_MAIN(tests)
