#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "gateway/base/crc32c.h"
#include "gateway/base/fs.h"
#include "gateway/store/checkpoint.h"

#define UNKNOWN_TAG ((enum checkpoint_tag)77)

static const char *new_path(void)
{
    static unsigned count;
    static char path[400];
    snprintf(path, sizeof path, "%s/checkpoint%u", unit_tmpdir(), count++);
    return path;
}

static const char *damaged_path(const char *path)
{
    static char damaged[420];
    snprintf(damaged, sizeof damaged, "%s.damaged", path);
    return damaged;
}

/* Sequence 4711; a ledger section of 5 bytes, one with an unknown tag, an empty one of alarms. */
static void build(struct buf *out)
{
    buf_init(out, 4096);
    checkpoint_begin(out, 4711);
    size_t start = checkpoint_section_open(out, CHECKPOINT_LEDGER, 3);
    buf_add(out, "books", 5);
    checkpoint_section_close(out, start);
    start = checkpoint_section_open(out, UNKNOWN_TAG, 1);
    buf_u64(out, 1234567);
    checkpoint_section_close(out, start);
    start = checkpoint_section_open(out, CHECKPOINT_ALARMS, 9);
    checkpoint_section_close(out, start);
    assert_int_equal(checkpoint_end(out), LL_OK);
}

static void write_file(const char *path, const void *data, size_t len)
{
    assert_int_equal(fs_replace_file(path, data, len), LL_OK);
}

static void what_was_saved_is_loaded(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    build(&b);
    write_file(path, b.data, b.len);
    buf_free(&b);

    struct checkpoint *c = NULL;
    assert_int_equal(checkpoint_load(path, &c), LL_OK);
    assert_int_equal(checkpoint_seq(c), 4711);
    uint32_t version = 0;
    struct cursor in;
    assert_int_equal(checkpoint_section(c, CHECKPOINT_LEDGER, &version, &in), LL_OK);
    assert_int_equal(version, 3);
    assert_int_equal(cursor_left(&in), 5);
    assert_memory_equal(cursor_bytes(&in, 5), "books", 5);
    assert_int_equal(checkpoint_section(c, CHECKPOINT_ALARMS, &version, &in), LL_OK);
    assert_int_equal(version, 9);
    assert_int_equal(cursor_left(&in), 0);
    assert_false(in.bad);
    assert_int_equal(checkpoint_section(c, UNKNOWN_TAG, &version, &in), LL_OK);
    assert_int_equal(cursor_u64(&in), 1234567);
    version = 5;
    assert_int_equal(checkpoint_section(c, CHECKPOINT_DEVICES, &version, &in), LL_ENOENT);
    assert_int_equal(version, 5);
    checkpoint_free(c);
}

static void a_checkpoint_without_sections_is_whole(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    buf_init(&b, 4096);
    checkpoint_begin(&b, 0);
    assert_int_equal(checkpoint_end(&b), LL_OK);
    write_file(path, b.data, b.len);
    buf_free(&b);
    struct checkpoint *c = NULL;
    assert_int_equal(checkpoint_load(path, &c), LL_OK);
    assert_int_equal(checkpoint_seq(c), 0);
    checkpoint_free(c);
}

static void none_yet_is_not_found(void **state)
{
    (void)state;
    struct checkpoint *c = NULL;
    assert_int_equal(checkpoint_load(new_path(), &c), LL_ENOENT);
    assert_null(c);
    checkpoint_free(NULL);
}

static void expect_set_aside(const char *path, const void *data, size_t len)
{
    write_file(path, data, len);
    struct checkpoint *c = NULL;
    assert_int_equal(checkpoint_load(path, &c), LL_ECORRUPT);
    assert_null(c);
    assert_int_not_equal(access(path, F_OK), 0);
    struct buf kept;
    buf_init(&kept, 8192);
    assert_int_equal(fs_read_file(damaged_path(path), &kept), LL_OK);
    assert_int_equal(kept.len, len);
    if (len > 0) {
        assert_memory_equal(kept.data, data, len);
    }
    buf_free(&kept);
}

static void a_flipped_bit_at_any_byte_sets_the_file_aside(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    build(&b);
    for (size_t i = 0; i < b.len; i++) {
        const char mask = (char)(1U << (i % 8));
        b.data[i] = (char)(b.data[i] ^ mask);
        expect_set_aside(path, b.data, b.len);
        b.data[i] = (char)(b.data[i] ^ mask);
    }
    buf_free(&b);
}

static void a_cut_at_any_byte_sets_the_file_aside(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    build(&b);
    for (size_t len = 0; len < b.len; len++) {
        expect_set_aside(path, b.data, len);
    }
    buf_free(&b);
}

/* Puts the right checksum behind bytes that are wrong in themselves. */
static ssize_t no_pread(int fd, void *data, size_t len, off_t at)
{
    (void)fd;
    (void)data;
    (void)len;
    (void)at;
    errno = EIO;
    return -1;
}

static void a_file_that_cannot_be_read_is_set_aside_too(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    struct checkpoint *c = NULL;
    build(&b);
    write_file(path, b.data, b.len);
    struct fs_calls calls = fs_system_calls;
    calls.pread = no_pread;
    fs_replace(&calls);
    assert_int_equal(checkpoint_load(path, &c), LL_ECORRUPT);
    fs_replace(NULL);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(damaged_path(path), F_OK), 0);
    buf_free(&b);
}

static void sign(struct buf *b)
{
    b->len -= 4;
    buf_u32(b, crc32c(0, b->data, b->len));
}

static void a_later_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    const char *path = new_path();
    struct buf b;
    build(&b);
    b.data[8] = 2;
    sign(&b);
    write_file(path, b.data, b.len);
    buf_free(&b);
    struct checkpoint *c = NULL;
    assert_int_equal(checkpoint_load(path, &c), LL_EVERSION);
    assert_null(c);
    assert_int_equal(access(path, F_OK), 0);
}

static void lengths_and_counts_that_lie_are_found(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
    } lies[] = {
        {12, 2},            /* two sections where there are three */
        {12, 4},            /* four */
        {15, 0xff},         /* very many */
        {24 + 8, 6},        /* the first is a byte longer */
        {24 + 8 + 7, 0xff}, /* and longer than memory */
        {24 + 8 + 3, 0x7f}, /* longer than the file */
    };
    const char *path = new_path();
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct buf b;
        build(&b);
        b.data[lies[i].at] = (char)lies[i].value;
        sign(&b);
        expect_set_aside(path, b.data, b.len);
        buf_free(&b);
    }
}

static void a_buffer_that_is_too_small_is_an_error_and_no_crash(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 60; max++) {
        struct buf b;
        buf_init(&b, max);
        checkpoint_begin(&b, 1);
        const size_t start = checkpoint_section_open(&b, CHECKPOINT_DEVICES, 1);
        buf_add(&b, "0123456789012345", 16);
        checkpoint_section_close(&b, start);
        assert_int_equal(checkpoint_end(&b) == LL_OK, max == 60);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_loaded),
        cmocka_unit_test(a_checkpoint_without_sections_is_whole),
        cmocka_unit_test(none_yet_is_not_found),
        cmocka_unit_test(a_flipped_bit_at_any_byte_sets_the_file_aside),
        cmocka_unit_test(a_cut_at_any_byte_sets_the_file_aside),
        cmocka_unit_test(a_file_that_cannot_be_read_is_set_aside_too),
        cmocka_unit_test(a_later_version_is_refused_and_left_alone),
        cmocka_unit_test(lengths_and_counts_that_lie_are_found),
        cmocka_unit_test(a_buffer_that_is_too_small_is_an_error_and_no_crash),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
