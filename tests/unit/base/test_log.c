#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

static int saved_stderr;
static int captured;

static void begin_capture(void)
{
    char path[300];
    snprintf(path, sizeof path, "%s/log", unit_tmpdir());
    captured = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(captured >= 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(captured, STDERR_FILENO);
}

/* What was logged since, each line without its time. */
static const char *end_capture(void)
{
    static char raw[8192];
    static char text[8192];
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    const ssize_t n = pread(captured, raw, sizeof raw - 1, 0);
    close(captured);
    assert_true(n >= 0);
    raw[n] = '\0';
    text[0] = '\0';
    size_t len = 0;
    for (const char *p = raw; *p != '\0';) {
        const size_t line = strcspn(p, "\n") + 1;
        assert_true(line > LL_TIME_TEXT);
        memcpy(text + len, p + LL_TIME_TEXT, line - LL_TIME_TEXT);
        len += line - LL_TIME_TEXT;
        p += line;
    }
    text[len] = '\0';
    return text;
}

static void a_line_has_level_module_event_and_pairs(void **state)
{
    (void)state;
    log_setup(LOG_INFO, NULL);
    begin_capture();
    log_warn("ingest", "lost", "uri=%s tries=%d", "mqtt://h", 3);
    log_info("app", "ready", "%s", "");
    assert_string_equal(end_capture(), "warn ingest lost uri=mqtt://h tries=3\ninfo app ready\n");
}

static void less_severe_lines_are_left_out_unless_their_module_is_debugged(void **state)
{
    (void)state;
    log_setup(LOG_WARN, "ingest,export");
    begin_capture();
    log_error("a", "e", "x=1");
    log_info("ingest", "e", "x=2");
    log_debug("ingest", "e", "x=3");
    log_debug("export", "e", "x=4");
    log_debug("ingestion", "e", "x=5");
    log_debug("port", "e", "x=6");
    assert_string_equal(end_capture(), "error a e x=1\ndebug ingest e x=3\ndebug export e x=4\n");
    log_setup(LOG_INFO, NULL);
}

static void a_value_cannot_forge_a_line(void **state)
{
    (void)state;
    log_setup(LOG_INFO, NULL);
    begin_capture();
    log_info("a", "e", "id=%s", "x\n2026 error a forged\x1b[31m\x7f");
    assert_string_equal(end_capture(), "info a e id=x?2026 error a forged?[31m?\n");
}

static void a_long_line_is_cut_and_ends(void **state)
{
    (void)state;
    static char value[3000];
    memset(value, 'v', sizeof value - 1);
    begin_capture();
    log_info("a", "e", "v=%s", value);
    const char *text = end_capture();
    const size_t len = strlen(text);
    assert_in_range(len, 900, 1024);
    assert_int_equal(text[len - 1], '\n');
    assert_int_equal(text[len - 2], 'v');
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level = LOG_ERROR;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse("DEBUG", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_DEBUG);
}

/* As if the window had begun eleven seconds ago. */
static void age(struct log_limit *limit)
{
    atomic_fetch_sub(&limit->window_start_ns, 11 * INT64_C(1000000000));
}

static unsigned passed_of(struct log_limit *limit, unsigned tries, uint64_t *left_out)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < tries; i++) {
        uint64_t n = 0;
        if (log_limit_pass(limit, &n)) {
            passed++;
            *left_out += n;
        }
    }
    return passed;
}

static void after_a_burst_one_line_says_how_many_were_left_out(void **state)
{
    (void)state;
    struct log_limit limit = {.window_start_ns = clock_mono().ns};
    uint64_t left_out = 0;
    assert_int_equal(passed_of(&limit, 100, &left_out), 5);
    assert_int_equal(left_out, 0);
    age(&limit);
    assert_int_equal(passed_of(&limit, 50, &left_out), 1);
    assert_int_equal(left_out, 95);
    age(&limit);
    left_out = 0;
    assert_int_equal(passed_of(&limit, 1, &left_out), 1);
    assert_int_equal(left_out, 49);
}

static void after_a_quiet_time_a_burst_may_pass_again(void **state)
{
    (void)state;
    struct log_limit limit = {.window_start_ns = clock_mono().ns};
    uint64_t left_out = 0;
    assert_int_equal(passed_of(&limit, 3, &left_out), 3);
    age(&limit);
    assert_int_equal(passed_of(&limit, 9, &left_out), 5);
    assert_int_equal(left_out, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_line_has_level_module_event_and_pairs),
    cmocka_unit_test(less_severe_lines_are_left_out_unless_their_module_is_debugged),
    cmocka_unit_test(a_value_cannot_forge_a_line),
    cmocka_unit_test(a_long_line_is_cut_and_ends),
    cmocka_unit_test(levels_have_names),
    cmocka_unit_test(after_a_burst_one_line_says_how_many_were_left_out),
    cmocka_unit_test(after_a_quiet_time_a_burst_may_pass_again),
};

UNIT_MAIN(tests)
