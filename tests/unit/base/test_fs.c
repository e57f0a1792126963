#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"

static const char *path_of(const char *name)
{
    static char paths[2][300];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", unit_tmpdir(), name);
    return path;
}

static void assert_content(const char *path, const char *expected)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(fs_read_file(path, &text), LL_OK);
    assert_string_equal(buf_str(&text), expected);
    buf_free(&text);
}

/* --- calls that fail ------------------------------------------------------------------------- */

static struct {
    unsigned calls;
    unsigned fail_at; /* the call of this number fails with `error`; 0: none */
    int error;
    size_t most; /* bytes that one write takes */
} fault;

static bool fails(void)
{
    if (++fault.calls == fault.fail_at) {
        errno = fault.error;
        return true;
    }
    return false;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    return fails() ? -1 : fs_system_calls.open(path, flags, mode);
}

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t at)
{
    return fails() ? -1 : fs_system_calls.pwrite(fd, data, len < fault.most ? len : fault.most, at);
}

static int faulty_fsync(int fd)
{
    return fails() ? -1 : fs_system_calls.fsync(fd);
}

static int faulty_close(int fd)
{
    const int rc = fs_system_calls.close(fd);
    return fails() ? -1 : rc;
}

static int faulty_rename(const char *from, const char *to)
{
    return fails() ? -1 : fs_system_calls.rename(from, to);
}

static void use_faulty_calls(unsigned fail_at, int error, size_t most)
{
    static struct fs_calls calls;
    calls = fs_system_calls;
    calls.open = faulty_open;
    calls.pwrite = faulty_pwrite;
    calls.fsync = faulty_fsync;
    calls.close = faulty_close;
    calls.rename = faulty_rename;
    fault.calls = 0;
    fault.fail_at = fail_at;
    fault.error = error;
    fault.most = most;
    fs_replace(&calls);
}

/* --------------------------------------------------------------------------------------------- */

static void short_and_interrupted_writes_are_continued(void **state)
{
    (void)state;
    const char *path = path_of("short");
    use_faulty_calls(3, EINTR, 2); /* open, write, write… */
    assert_int_equal(fs_replace_file(path, "abcdefg", 7), LL_OK);
    fs_replace(NULL);
    assert_true(fault.calls >= 8);
    assert_content(path, "abcdefg");
}

static void a_replaced_file_is_the_old_or_the_new_one_whatever_fails(void **state)
{
    (void)state;
    const char *path = path_of("kept");
    const char *temp = path_of("kept.tmp");
    assert_int_equal(fs_replace_file(path, "old", 3), LL_OK);
    unsigned n = 0;
    ll_err err;
    do {
        use_faulty_calls(++n, ENOSPC, 4096);
        err = fs_replace_file(path, "new", 3);
        fs_replace(NULL);
        struct buf text;
        buf_init(&text, 100);
        assert_int_equal(fs_read_file(path, &text), LL_OK);
        if (err == LL_OK) {
            assert_string_equal(buf_str(&text), "new");
        } else {
            assert_int_equal(err, LL_ENOSPC);
            assert_true(strcmp(buf_str(&text), "old") == 0 || strcmp(buf_str(&text), "new") == 0);
        }
        buf_free(&text);
        assert_int_equal(access(temp, F_OK), -1);
    } while (fault.calls >= n && n < 100);
    /* open, write, fsync, close, rename; open, fsync and close of the folder */
    assert_int_equal(n, 9);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(fs_make_dirs(path_of("a/b//c/")), LL_OK);
    assert_int_equal(stat(path_of("a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0027, 0);
    assert_int_equal(fs_make_dirs(path_of("a/b/c")), LL_OK);
    assert_int_equal(fs_make_dirs(""), LL_EINVAL);
}

static void a_file_in_the_way_of_a_folder_is_told(void **state)
{
    (void)state;
    assert_int_equal(fs_replace_file(path_of("file"), "x", 1), LL_OK);
    assert_int_equal(fs_make_dirs(path_of("file")), LL_EEXIST);
    assert_int_equal(fs_make_dirs(path_of("file/below")), LL_EIO);
}

static void a_path_too_long_is_refused(void **state)
{
    (void)state;
    char path[LL_MAX_PATH + 10];
    memset(path, 'x', sizeof path);
    path[LL_MAX_PATH] = '\0';
    assert_int_equal(fs_make_dirs(path), LL_EINVAL);
    assert_int_equal(fs_replace_file(path, "x", 1), LL_EINVAL);
    path[LL_MAX_PATH - 4] = '\0'; /* one byte too long with ".tmp" */
    assert_int_equal(fs_replace_file(path, "x", 1), LL_EINVAL);
}

static void a_file_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    const char *path = path_of("large");
    enum { LEN = 40000 };
    char *data = malloc(LEN);
    assert_non_null(data);
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (char)('a' + i % 26);
    }
    assert_int_equal(fs_replace_file(path, data, LEN), LL_OK);
    struct buf text;
    buf_init(&text, LEN);
    assert_int_equal(fs_read_file(path, &text), LL_OK);
    assert_int_equal(text.len, LEN);
    assert_memory_equal(text.data, data, LEN);
    buf_free(&text);

    buf_init(&text, LEN - 1);
    assert_int_equal(fs_read_file(path, &text), LL_ELIMIT);
    buf_free(&text);
    free(data);
    assert_int_equal(fs_read_file(path_of("missing"), &text), LL_ENOENT);
}

static void reading_ends_at_the_end_of_the_file(void **state)
{
    (void)state;
    const char *path = path_of("five");
    char data[10];
    size_t got = 0;
    assert_int_equal(fs_replace_file(path, "01234", 5), LL_OK);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fs_read_some(fd, data, sizeof data, 2, &got), LL_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(data, "234", 3);
    assert_int_equal(fs_read_some(fd, data, sizeof data, 9, &got), LL_OK);
    assert_int_equal(got, 0);
    assert_int_equal(fs_write_all(fd, "x", 1, 0), LL_EIO); /* opened for reading */
    close(fd);
}

static void free_space_is_told(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    assert_int_equal(fs_free_bytes(unit_tmpdir(), &bytes), LL_OK);
    assert_true(bytes > 0);
    assert_int_equal(fs_free_bytes("/nonexistent", &bytes), LL_ENOENT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(short_and_interrupted_writes_are_continued),
    cmocka_unit_test(a_replaced_file_is_the_old_or_the_new_one_whatever_fails),
    cmocka_unit_test(folders_are_made_with_their_parents),
    cmocka_unit_test(a_file_in_the_way_of_a_folder_is_told),
    cmocka_unit_test(a_path_too_long_is_refused),
    cmocka_unit_test(a_file_is_read_whole_or_not_at_all),
    cmocka_unit_test(reading_ends_at_the_end_of_the_file),
    cmocka_unit_test(free_space_is_told),
};

UNIT_MAIN(tests)
