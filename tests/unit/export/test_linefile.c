#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/export/linefile.h"

#define LARGE (1 << 20)

static char path[LL_MAX_PATH];

static int new_path(void **state)
{
    (void)state;
    static unsigned count;
    snprintf(path, sizeof path, "%s/linefile%u/deep/out.lp", unit_tmpdir(), count++);
    return 0;
}

static struct linefile *open_it(uint64_t max_bytes, unsigned max_files)
{
    struct linefile *f = NULL;
    assert_int_equal(linefile_open(path, max_bytes, max_files, &f), LL_OK);
    return f;
}

static void append(struct linefile *f, const char *text)
{
    assert_int_equal(linefile_append(f, text, strlen(text)), LL_OK);
}

/* `nth` 0: the one being written. NULL: it is not there. */
static void expect_file(unsigned nth, const char *expected)
{
    char name[LL_MAX_PATH + 16];
    struct buf b;
    buf_init(&b, LARGE);
    snprintf(name, sizeof name, nth > 0 ? "%s.%u" : "%s", path, nth);
    const ll_err err = fs_read_file(name, &b);
    assert_int_equal(err, expected != NULL ? LL_OK : LL_ENOENT);
    assert_string_equal(buf_str(&b), expected != NULL ? expected : "");
    buf_free(&b);
}

static void lines_are_appended_across_a_restart(void **state)
{
    (void)state;
    struct linefile *f = open_it(LARGE, 2);
    append(f, "a 1\n");
    append(f, "b 2\n");
    linefile_close(f);
    f = open_it(LARGE, 2);
    append(f, "c 3\n");
    linefile_close(f);
    expect_file(0, "a 1\nb 2\nc 3\n");
    expect_file(1, NULL);
}

static void a_torn_line_is_cut_off_at_the_next_start(void **state)
{
    (void)state;
    linefile_close(open_it(LARGE, 2));
    static char torn[10000];
    memset(torn, 'x', sizeof torn);
    static const char whole[8] = {'a', ' ', '1', '\n', 'b', ' ', '2', '\n'};
    memcpy(torn, whole, sizeof whole);
    assert_int_equal(fs_replace_file(path, torn, sizeof torn), LL_OK);
    struct linefile *f = open_it(LARGE, 2);
    append(f, "c 3\n");
    linefile_close(f);
    expect_file(0, "a 1\nb 2\nc 3\n");

    assert_int_equal(fs_replace_file(path, "all torn", 8), LL_OK);
    f = open_it(LARGE, 2);
    append(f, "d 4\n");
    linefile_close(f);
    expect_file(0, "d 4\n");
}

static void a_full_file_is_followed_by_the_next_and_the_oldest_goes(void **state)
{
    (void)state;
    struct linefile *f = open_it(8, 3);
    for (const char *c = "abcdefghi"; *c != '\0'; c++) {
        const char line[] = {*c, ' ', '1', '\n', '\0'};
        append(f, line);
    }
    append(f, "longer than a whole file\n");
    linefile_close(f);
    expect_file(0, "longer than a whole file\n");
    expect_file(1, "i 1\n");
    expect_file(2, "g 1\nh 1\n");
    expect_file(3, NULL);
}

static unsigned syncs;
static unsigned fail_sync, fail_write;

static int counting_sync(int fd)
{
    syncs++;
    if (fail_sync > 0 && --fail_sync == 0) {
        errno = EIO;
        return -1;
    }
    return fs_system_calls.fdatasync(fd);
}

static ssize_t failing_write(int fd, const void *data, size_t len, off_t at)
{
    if (fail_write > 0 && --fail_write == 0) {
        errno = ENOSPC;
        return -1;
    }
    /* As a disk that is filling up: some of it, then the error. */
    return fs_system_calls.pwrite(fd, data, fail_write > 0 ? (len + 1) / 2 : len, at);
}

static void after_an_error_the_same_lines_can_be_appended_again(void **state)
{
    (void)state;
    struct fs_calls calls = fs_system_calls;
    calls.fdatasync = counting_sync;
    calls.pwrite = failing_write;
    syncs = 0;
    struct linefile *f = open_it(LARGE, 2);
    fs_replace(&calls);
    append(f, "a 1\n");
    assert_int_equal(syncs, 1);
    fail_sync = 1;
    assert_int_equal(linefile_append(f, "b 2\nc 3\n", 8), LL_EIO);
    fail_write = 2;
    assert_int_equal(linefile_append(f, "b 2\nc 3\n", 8), LL_ENOSPC);
    append(f, "b 2\nc 3\n");
    linefile_close(f);
    fs_replace(NULL);
    expect_file(0, "a 1\nb 2\nc 3\n");
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(fs_make_dirs(path), LL_OK);
    struct linefile *f = NULL;
    assert_true(linefile_open(path, LARGE, 2, &f) != LL_OK);
    assert_null(f);
}

#define TEST(name) cmocka_unit_test_setup(name, new_path)

static const struct CMUnitTest tests[] = {
    TEST(lines_are_appended_across_a_restart),
    TEST(a_torn_line_is_cut_off_at_the_next_start),
    TEST(a_full_file_is_followed_by_the_next_and_the_oldest_goes),
    TEST(after_an_error_the_same_lines_can_be_appended_again),
    TEST(what_is_no_file_is_refused),
};

UNIT_MAIN(tests)
