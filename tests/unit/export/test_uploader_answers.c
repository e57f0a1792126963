/* What the database's answers mean for the lines that were sent. */
#include "tests/unit/export/uploader_fixture.h"

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

static void expect_kept_and_lost(struct fixture *f, uint64_t quarantined, uint64_t rejected)
{
    expect_books(f, 1386, quarantined, 0);
    assert_int_equal(status(f).delivery.rejected, rejected);
    assert_int_equal(f->refused.count, 7);
}

static void what_quarantine_does_not_keep_is_counted_as_rejected(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    f->refused.room = 3;
    spool_many(f, 700, 97);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_kept_and_lost(f, 6, 8);
    stop(f);
    start(f);
    expect_kept_and_lost(f, 6, 8);
}

static void so_it_is_where_the_database_names_the_lines(void **state)
{
    struct fixture *f = *state;
    f->stub.bad = "bad";
    f->stub.names_bad = true;
    f->stub.names_most = 4;
    f->refused.room = 5;
    spool_many(f, 700, 97);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    expect_kept_and_lost(f, 10, 4);
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

static void a_limit_that_was_raised_is_found_out(void **state)
{
    struct fixture *f = *state;
    f->stub.max_body = 3000;
    spool_many(f, 500, 0);
    start(f);
    wait_until_sent(f);
    const unsigned before = stub_requests(&f->stub);
    pthread_mutex_lock(&f->stub.lock);
    f->stub.max_body = 0;
    pthread_mutex_unlock(&f->stub.lock);
    spool_many(f, 40000, 0);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_true(f->stub.largest > 3000);
    assert_true(stub_requests(&f->stub) - before < f->sent.len / 3000);
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

static void an_empty_answer_with_200_is_done_too(void **state)
{
    struct fixture *f = *state;
    f->stub.done_status = 200;
    spool_many(f, 10, 0);
    start(f);
    wait_until_sent(f);
    expect_taken(f, buf_str(&f->sent));
    assert_int_equal(stub_requests(&f->stub), 1);
}

static void a_page_is_no_success(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_text = "<html>please log in</html>";
    kept_and_sent_again(f, 200, 1, "200 not an answer of the database: <html>please log in</html>");
}

static void what_was_only_accepted_for_later_is_no_success(void **state)
{
    kept_and_sent_again(*state, 202, 1, "202 not taken: not now");
}

static void of_a_write_taken_in_part_the_rest_is_refused(void **state)
{
    struct fixture *f = *state;
    f->stub.fail_first = 1;
    f->stub.fail_status = 201;
    f->stub.fail_text = "{\"message\":\"partial write\",\"data\":"
                        "[{\"line_number\":2,\"error_message\":\"no such column\"}]}";
    spool(f, SPOOL_READINGS, 3, "m a=1 1\nm a=2 2\nm a=3 3\n");
    assert_int_equal(spool_flush(f->spool), LL_OK);
    start(f);
    wait_until_sent(f);
    expect_taken(f, "m a=1 1\nm a=3 3\n");
    assert_string_equal(f->refused.words, "no such column");
    expect_books(f, 2, 1, 0);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(only_the_bad_lines_are_refused),
    TEST(lines_that_the_database_names_are_refused_without_a_search),
    TEST(where_each_line_is_named_nothing_is_left_to_send),
    TEST(a_batch_that_is_dropped_whole_is_not_halved),
    TEST(what_quarantine_does_not_keep_is_counted_as_rejected),
    TEST(so_it_is_where_the_database_names_the_lines),
    TEST(of_a_record_with_many_lines_only_the_bad_one_is_refused),
    TEST(what_is_too_large_is_sent_in_smaller_pieces),
    TEST(a_limit_that_was_raised_is_found_out),
    TEST(a_line_too_large_by_itself_is_refused),
    TEST(a_server_error_is_tried_again),
    TEST(wrong_credentials_keep_everything),
    TEST(a_missing_database_is_waited_for),
    TEST(a_database_that_gives_no_access_is_told_apart_from_one_that_is_away),
    TEST(what_is_no_answer_of_a_database_refuses_nothing),
    TEST(an_empty_answer_with_200_is_done_too),
    TEST(a_page_is_no_success),
    TEST(what_was_only_accepted_for_later_is_no_success),
    TEST(of_a_write_taken_in_part_the_rest_is_refused),
    TEST(a_redirect_is_not_followed),
    TEST(the_wait_the_server_asks_for_is_kept),
    TEST(a_database_that_is_away_is_waited_for),
};

UNIT_MAIN(tests)
