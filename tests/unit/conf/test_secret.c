#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/conf/conf.h"

static const char *write_secret(const char *data, size_t len, mode_t mode)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/secret", unit_tmpdir());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void assert_secret(const char *file, const char *secret)
{
    char out[64] = "untouched";
    assert_int_equal(conf_secret(write_secret(file, strlen(file), 0600), out, sizeof out), LL_OK);
    assert_string_equal(out, secret);
}

static void assert_no_secret(const char *data, size_t len, size_t out_len, ll_err err)
{
    char out[64] = "untouched";
    assert_int_equal(conf_secret(write_secret(data, len, 0600), out, out_len), err);
    assert_string_equal(out, "untouched");
}

static void the_secret_is_the_first_line_without_its_end(void **state)
{
    (void)state;
    assert_secret("hunter2", "hunter2");
    assert_secret("hunter2\n", "hunter2");
    assert_secret("hunter2\r\nnot this\n", "hunter2");
    assert_secret(" with blanks \n", " with blanks ");
}

static void a_secret_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_no_secret("12345678", 8, 8, LL_ELIMIT);
    char out[64];
    assert_int_equal(conf_secret(write_secret("1234567", 7, 0600), out, 8), LL_OK);
    assert_string_equal(out, "1234567");
}

static void an_empty_line_or_a_zero_byte_is_no_secret(void **state)
{
    (void)state;
    assert_no_secret("", 0, 64, LL_EFORMAT);
    assert_no_secret("\nsecond", 7, 64, LL_EFORMAT);
    assert_no_secret("a\0b\n", 4, 64, LL_EFORMAT);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    char out[8] = "x";
    assert_int_equal(conf_secret("/nonexistent/secret", out, sizeof out), LL_ENOENT);
    assert_string_equal(out, "x");
}

/* How many bytes conf_secret logs. */
static long logged(const char *path)
{
    char log_path[300];
    char out[64];
    snprintf(log_path, sizeof log_path, "%s/log", unit_tmpdir());
    const int saved = dup(STDERR_FILENO);
    const int fd = open(log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    dup2(fd, STDERR_FILENO);
    const ll_err err = conf_secret(path, out, sizeof out);
    dup2(saved, STDERR_FILENO);
    const long len = (long)lseek(fd, 0, SEEK_END);
    close(fd);
    close(saved);
    assert_int_equal(err, LL_OK);
    return len;
}

static void a_secret_that_others_may_read_is_warned_of(void **state)
{
    (void)state;
    assert_int_equal(logged(write_secret("x", 1, 0640)), 0);
    assert_true(logged(write_secret("x", 1, 0644)) > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_secret_is_the_first_line_without_its_end),
    cmocka_unit_test(a_secret_that_does_not_fit_is_refused),
    cmocka_unit_test(an_empty_line_or_a_zero_byte_is_no_secret),
    cmocka_unit_test(a_missing_file_is_not_found),
    cmocka_unit_test(a_secret_that_others_may_read_is_warned_of),
};

UNIT_MAIN(tests)
