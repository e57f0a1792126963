#include "tests/unit/unit.h"

#include "gateway/console/console.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define TIMEOUT_S 30L

/* --- the server under test ------------------------------------------------------------------- */

static struct console *console;
static char socket_path[300];
static sem_t handler_entered;
static sem_t handler_may_end;
static bool handler_ended;

static void echo(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    size_t len;
    const char *body = console_body(req, &len);
    const char *q = console_query(req, "q");
    ans->content_type = "text/plain";
    buf_printf(&ans->body, "%s param=%s q=%s user=%s body=%zu:", (const char *)ctx,
               console_param(req), q != NULL ? q : "none", console_user(req), len);
    buf_add(&ans->body, body, len < 100 ? len : 100);
}

static void nothing(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    (void)req;
    ans->status = 204;
}

static void fails(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    buf_str_add(&ans->body, "half an answer");
    console_error(ans, 409, "alarm %s is \"normal\"", console_param(req));
}

static void too_much(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    (void)req;
    static const char block[65536];
    for (size_t i = 0; i <= LL_MAX_HTTP_ANSWER / sizeof block; i++) {
        buf_add(&ans->body, block, sizeof block);
    }
}

static void slow(void *ctx, const struct console_request *req, struct console_answer *ans)
{
    (void)ctx;
    (void)req;
    (void)ans;
    sem_post(&handler_entered);
    sem_wait(&handler_may_end);
    handler_ended = true;
}

static const struct console_route routes[] = {
    {"GET", "/open", echo, true, "for everybody"},
    {"GET", "/items", echo, false, "list"},
    {"POST", "/items", echo, false, "import"},
    {"GET", "/items/{id}", echo, false, "one"},
    {"POST", "/items/{id}/ack", fails, false, "always fails"},
    {"GET", "/nothing", nothing, false, "no body"},
    {"GET", "/too-much", too_much, false, "more than an answer holds"},
    {"GET", "/slow", slow, false, "waits"},
};
#define ROUTES (sizeof routes / sizeof routes[0])

static char context[] = "ctx";

static ll_err start(const char *listen, const char *group, struct console **out)
{
    return console_start(listen, socket_path, group, routes, ROUTES, context, out);
}

static int begin(void **state)
{
    (void)state;
    snprintf(socket_path, sizeof socket_path, "%s/console.sock", unit_tmpdir());
    return start("127.0.0.1:0", "", &console) == LL_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    console_stop(console);
    console = NULL;
    return 0;
}

/* --- the client ------------------------------------------------------------------------------ */

struct call {
    bool tcp;
    const char *method;
    const char *path;
    const char *body;
    uint64_t generated; /* instead: a body of so many bytes */
    bool chunked;       /* whose length is not announced */
    /* what came */
    CURLcode rc;
    long status;
    struct buf answer;
    struct buf headers;
};

static size_t keep(char *data, size_t size, size_t count, void *out)
{
    buf_add(out, data, size * count);
    return size * count;
}

static size_t generate(char *data, size_t size, size_t count, void *in)
{
    struct call *c = in;
    const size_t n = c->generated < size * count ? (size_t)c->generated : size * count;
    memset(data, 'x', n);
    c->generated -= n;
    return n;
}

static void perform(struct call *c)
{
    char url[70000];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", c->tcp ? console_port(console) : 1, c->path);
    buf_init(&c->answer, 1 << 20);
    buf_init(&c->headers, 1 << 20);
    CURL *curl = curl_easy_init();
    struct curl_slist *extra = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &c->answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &c->headers);
    if (!c->tcp) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    }
    if (c->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, c->body);
    } else if (c->generated > 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, generate);
        curl_easy_setopt(curl, CURLOPT_READDATA, c);
        if (c->chunked) {
            extra = curl_slist_append(extra, "Transfer-Encoding: chunked");
        } else {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->generated);
        }
    }
    if (strcmp(c->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, extra);
    c->rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(extra);
}

static void done(struct call *c)
{
    buf_free(&c->answer);
    buf_free(&c->headers);
}

/* One request, its status and a part of its answer. */
static void expect(struct call c, long status, const char *part)
{
    perform(&c);
    if (c.rc != CURLE_OK || c.status != status || strstr(buf_str(&c.answer), part) == NULL) {
        fail_msg("%s %.80s: expected %ld with '%s', got curl %d, %ld with '%s'", c.method, c.path,
                 status, part, (int)c.rc, c.status, buf_str(&c.answer));
    }
    done(&c);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_request_reaches_its_handler_with_all_it_carries(void **state)
{
    (void)state;
    const struct passwd *self = getpwuid(getuid());
    char want[200];
    snprintf(want, sizeof want,
             "ctx param=a/b q=1 + 2 user=%s body=0:", self != NULL ? self->pw_name : "?");
    expect((struct call){.method = "GET", .path = "/items/a%2Fb?q=1+%2B%202"}, 200, want);
    expect((struct call){.method = "POST", .path = "/items", .body = "id,kind\n"}, 200,
           "q=none user=");
    expect((struct call){.method = "POST", .path = "/items", .body = "id,kind\n"}, 200,
           "body=8:id,kind\n");
}

static void over_tcp_only_public_routes_answer_and_everybody_is_anonymous(void **state)
{
    (void)state;
    expect((struct call){.tcp = true, .method = "GET", .path = "/open"}, 200, "user=anonymous");
    expect((struct call){.tcp = true, .method = "GET", .path = "/items"}, 403, "Unix socket only");
    expect((struct call){.tcp = true, .method = "POST", .path = "/items", .body = "x"}, 403,
           "\"error\"");
    expect((struct call){.method = "GET", .path = "/open"}, 200, "ctx");
}

static void an_unknown_path_is_404_with_a_hint(void **state)
{
    (void)state;
    expect((struct call){.method = "GET", .path = "/item"}, 404,
           "{\"error\":\"no such path\",\"hint\":\"did you mean /items?\"}");
    expect((struct call){.tcp = true, .method = "GET", .path = "/item"}, 404,
           "\"hint\":\"there are: /open\"");
    expect((struct call){.method = "POST", .path = "/unknown", .body = "a body"}, 404, "hint");
}

static void a_wrong_method_is_405_with_the_allowed_ones(void **state)
{
    (void)state;
    struct call c = {.method = "DELETE", .path = "/items"};
    perform(&c);
    assert_int_equal(c.status, 405);
    assert_non_null(strstr(buf_str(&c.headers), "Allow: GET, POST\r\n"));
    assert_non_null(strstr(buf_str(&c.answer), "takes GET, POST, not DELETE"));
    done(&c);
}

static void head_is_answered_like_get_without_a_body(void **state)
{
    (void)state;
    struct call c = {.method = "HEAD", .path = "/open", .tcp = true};
    perform(&c);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.answer.len, 0);
    assert_non_null(strstr(buf_str(&c.headers), "Content-Type: text/plain\r\n"));
    done(&c);
}

static void an_error_replaces_what_the_handler_began(void **state)
{
    (void)state;
    struct call c = {.method = "POST", .path = "/items/7/ack", .body = "{}"};
    perform(&c);
    assert_int_equal(c.status, 409);
    assert_string_equal(buf_str(&c.answer), "{\"error\":\"alarm 7 is \\\"normal\\\"\"}");
    assert_non_null(strstr(buf_str(&c.headers), "Content-Type: application/json\r\n"));
    done(&c);
}

static void an_empty_answer_is_an_answer(void **state)
{
    (void)state;
    expect((struct call){.method = "GET", .path = "/nothing"}, 204, "");
}

static void an_announced_body_over_the_cap_is_413_before_it_is_sent(void **state)
{
    (void)state;
    struct call c = {.method = "POST", .path = "/items", .generated = 1ULL << 40};
    perform(&c);
    assert_int_equal(c.status, 413);
    assert_true(c.generated > (1ULL << 39));
    done(&c);
    expect((struct call){.method = "GET", .path = "/items", .body = "a GET with a body"}, 413,
           "larger than 0 bytes");
}

static void a_body_over_the_cap_is_413_where_its_length_was_not_announced(void **state)
{
    (void)state;
    expect(
        (struct call){
            .method = "POST", .path = "/items", .generated = LL_MAX_HTTP_BODY + 1, .chunked = true},
        413, "larger than");
}

static void a_body_of_the_largest_size_is_taken(void **state)
{
    (void)state;
    expect((struct call){.method = "POST", .path = "/items", .generated = LL_MAX_HTTP_BODY}, 200,
           "body=67108864:xxx");
}

static void an_endless_body_is_cut_off(void **state)
{
    (void)state;
    struct call c = {.method = "POST", .path = "/items", .generated = 1ULL << 40, .chunked = true};
    perform(&c);
    assert_int_not_equal(c.rc, CURLE_OK);
    assert_int_not_equal(c.rc, CURLE_OPERATION_TIMEDOUT);
    done(&c);
    expect((struct call){.method = "GET", .path = "/items"}, 200, "ctx");
}

static void an_answer_over_the_cap_is_500_and_not_half_an_answer(void **state)
{
    (void)state;
    expect((struct call){.method = "GET", .path = "/too-much"}, 500,
           "{\"error\":\"the answer is larger than");
}

static void a_request_line_over_the_cap_is_refused(void **state)
{
    (void)state;
    static char path[65000];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    struct call c = {.method = "GET", .path = path};
    perform(&c);
    assert_int_equal(c.status, 414);
    done(&c);
    expect((struct call){.method = "GET", .path = "/items"}, 200, "ctx");
}

static void the_socket_is_for_its_owner_and_group(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(socket_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    end(NULL);
    assert_int_not_equal(stat(socket_path, &st), 0);

    const struct group *own = getgrgid(getgid());
    assert_non_null(own);
    assert_int_equal(start("", own->gr_name, &console), LL_OK);
    assert_int_equal(stat(socket_path, &st), 0);
    assert_int_equal(st.st_gid, getgid());
    assert_int_equal(console_port(console), 0);
    end(NULL);
    assert_int_equal(start("", "no-such-group", &console), LL_ENOENT);
    assert_int_not_equal(stat(socket_path, &st), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
    (void)state;
    end(NULL);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int n = snprintf(addr.sun_path, sizeof addr.sun_path, "%s", socket_path);
    assert_in_range(n, 1, sizeof addr.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    close(fd);
    assert_int_equal(access(socket_path, F_OK), 0);
    assert_int_equal(start("127.0.0.1:0", "", &console), LL_OK);
    expect((struct call){.method = "GET", .path = "/items"}, 200, "ctx");
}

static void a_socket_in_use_is_left_alone(void **state)
{
    (void)state;
    struct console *second = NULL;
    assert_int_equal(start("", "", &second), LL_EBUSY);
    assert_null(second);
    expect((struct call){.method = "GET", .path = "/items"}, 200, "ctx");
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    end(NULL);
    const int fd = open(socket_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(start("", "", &console), LL_EEXIST);
    assert_int_equal(unlink(socket_path), 0);
}

static void a_bad_or_taken_address_fails_and_leaves_no_socket(void **state)
{
    (void)state;
    char taken[64];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", console_port(console));
    struct console *const first = console;
    char first_path[sizeof socket_path];
    snprintf(first_path, sizeof first_path, "%s", socket_path);
    snprintf(socket_path, sizeof socket_path, "%s/second.sock", unit_tmpdir());
    static const char *const bad[] = {"127.0.0.1", "localhost:80", ":80", "127.0.0.1:http",
                                      "[]:80"};
    struct console *second = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(start(bad[i], "", &second), LL_EINVAL);
    }
    assert_int_equal(start(taken, "", &second), LL_EBUSY);
    assert_null(second);
    assert_int_not_equal(access(socket_path, F_OK), 0);
    snprintf(socket_path, sizeof socket_path, "%s", first_path);
    console = first;
}

static void *ask_slow(void *arg)
{
    perform(arg);
    return NULL;
}

static void *let_go(void *arg)
{
    (void)arg;
    usleep(50000);
    sem_post(&handler_may_end);
    return NULL;
}

static void a_handler_that_waits_holds_up_nobody_else(void **state)
{
    (void)state;
    struct call slow_one = {.method = "GET", .path = "/slow"};
    struct call other = {.method = "GET", .path = "/items"};
    pthread_t client;
    sem_init(&handler_entered, 0, 0);
    sem_init(&handler_may_end, 0, 0);
    assert_int_equal(pthread_create(&client, NULL, ask_slow, &slow_one), 0);
    sem_wait(&handler_entered);
    perform(&other);
    sem_post(&handler_may_end);
    pthread_join(client, NULL);
    assert_int_equal(other.rc, CURLE_OK);
    assert_int_equal(other.status, 200);
    assert_int_equal(slow_one.status, 200);
    done(&other);
    done(&slow_one);
}

static void stopping_waits_for_a_handler_that_runs(void **state)
{
    (void)state;
    struct call c = {.method = "GET", .path = "/slow"};
    pthread_t client;
    pthread_t helper;
    sem_init(&handler_entered, 0, 0);
    sem_init(&handler_may_end, 0, 0);
    handler_ended = false;
    assert_int_equal(pthread_create(&client, NULL, ask_slow, &c), 0);
    sem_wait(&handler_entered);
    assert_int_equal(pthread_create(&helper, NULL, let_go, NULL), 0);
    end(NULL);
    assert_true(handler_ended);
    pthread_join(helper, NULL);
    pthread_join(client, NULL);
    done(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    TEST(a_request_reaches_its_handler_with_all_it_carries),
    TEST(over_tcp_only_public_routes_answer_and_everybody_is_anonymous),
    TEST(an_unknown_path_is_404_with_a_hint),
    TEST(a_wrong_method_is_405_with_the_allowed_ones),
    TEST(head_is_answered_like_get_without_a_body),
    TEST(an_error_replaces_what_the_handler_began),
    TEST(an_empty_answer_is_an_answer),
    TEST(an_announced_body_over_the_cap_is_413_before_it_is_sent),
    TEST(a_body_over_the_cap_is_413_where_its_length_was_not_announced),
    TEST(a_body_of_the_largest_size_is_taken),
    TEST(an_endless_body_is_cut_off),
    TEST(an_answer_over_the_cap_is_500_and_not_half_an_answer),
    TEST(a_request_line_over_the_cap_is_refused),
    TEST(the_socket_is_for_its_owner_and_group),
    TEST(a_stale_socket_is_replaced),
    TEST(a_socket_in_use_is_left_alone),
    TEST(a_file_that_is_no_socket_is_left_alone),
    TEST(a_bad_or_taken_address_fails_and_leaves_no_socket),
    TEST(a_handler_that_waits_holds_up_nobody_else),
    TEST(stopping_waits_for_a_handler_that_runs),
};

UNIT_MAIN(tests)
