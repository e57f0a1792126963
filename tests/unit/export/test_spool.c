#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/export/spool.h"

#define TIME ((struct wall_ms){1764000000000})

static const struct journal_options options = {
    .segment_bytes = 1 << 16, .max_bytes = 1 << 26, .buffer_bytes = 4096};

/* A folder of its own for each test. */
static int new_dir(void **state)
{
    static char dir[LL_MAX_PATH];
    static unsigned count;
    snprintf(dir, sizeof dir, "%s/spool%u", unit_tmpdir(), count++);
    *state = dir;
    return 0;
}

static struct spool *open_spool(void **state)
{
    struct spool *s = NULL;
    assert_int_equal(spool_open(*state, &options, &s), LL_OK);
    return s;
}

static void add(struct spool *s, uint64_t source_seq, uint32_t count, const char *text)
{
    assert_int_equal(spool_add(s, SPOOL_READINGS, source_seq, TIME, count, text, strlen(text)),
                     LL_OK);
}

/* Records in the readings lane and the last of them; its text is not kept. */
static size_t records(struct spool *s, struct spool_record *last)
{
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal_reader *reader;
    assert_int_equal(journal_reader_open(spool_journal(s, SPOOL_READINGS), 0, &reader), LL_OK);
    struct journal_record r;
    size_t n = 0;
    while (journal_read(reader, &r) == LL_OK) {
        assert_int_equal(spool_parse(&r, last), LL_OK);
        n++;
    }
    assert_true(n > 0);
    last->text = NULL;
    journal_reader_close(reader);
    return n;
}

static void a_record_comes_back_as_it_was_added(void **state)
{
    struct spool *s = open_spool(state);
    add(s, 7, 2, "m a=1,b=2 1\n");
    add(s, 9, 1, "m a=3 2\n");
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal_reader *reader;
    assert_int_equal(journal_reader_open(spool_journal(s, SPOOL_READINGS), 0, &reader), LL_OK);
    struct journal_record r;
    struct spool_record got;
    assert_int_equal(journal_read(reader, &r), LL_OK);
    assert_int_equal(r.time.ms, TIME.ms);
    assert_int_equal(spool_parse(&r, &got), LL_OK);
    assert_int_equal(got.source_seq, 7);
    assert_int_equal(got.total, 2);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.len, 12);
    assert_memory_equal(got.text, "m a=1,b=2 1\n", 12);
    assert_int_equal(journal_read(reader, &r), LL_OK);
    assert_int_equal(spool_parse(&r, &got), LL_OK);
    assert_int_equal(got.source_seq, 9);
    assert_int_equal(got.total, 3);
    assert_int_equal(journal_read(reader, &r), LL_EAGAIN);
    journal_reader_close(reader);
    spool_close(s);
}

static void adding_the_same_source_again_does_nothing(void **state)
{
    struct spool *s = open_spool(state);
    assert_false(spool_has(s, SPOOL_READINGS, 1));
    add(s, 5, 2, "m a=1,b=2 1\n");
    assert_true(spool_has(s, SPOOL_READINGS, 4));
    assert_true(spool_has(s, SPOOL_READINGS, 5));
    assert_false(spool_has(s, SPOOL_READINGS, 6));
    assert_false(spool_has(s, SPOOL_ALARMS, 5));
    add(s, 5, 2, "m a=1,b=2 1\n");
    add(s, 3, 1, "m a=1 1\n");
    struct spool_record last = {0};
    assert_int_equal(records(s, &last), 1);
    assert_int_equal(spool_total(s, SPOOL_READINGS), 2);
    spool_close(s);
}

static void sources_and_totals_survive_a_reopen(void **state)
{
    struct spool *s = open_spool(state);
    for (uint64_t i = 1; i <= 100; i++) {
        add(s, i * 2, 3, "m a=1,b=2,c=3 1\n");
    }
    assert_int_equal(spool_add(s, SPOOL_ALARMS, 50, TIME, 1, "lifeline_alarm id=1i 1\n", 23),
                     LL_OK);
    spool_close(s);

    s = open_spool(state);
    assert_int_equal(spool_total(s, SPOOL_READINGS), 300);
    assert_int_equal(spool_total(s, SPOOL_ALARMS), 1);
    assert_true(spool_has(s, SPOOL_READINGS, 200));
    assert_false(spool_has(s, SPOOL_READINGS, 201));
    assert_true(spool_has(s, SPOOL_ALARMS, 50));
    assert_false(spool_has(s, SPOOL_ALARMS, 51));
    add(s, 201, 1, "m a=1 1\n");
    assert_int_equal(spool_total(s, SPOOL_READINGS), 301);
    spool_close(s);
}

#define LONG_LINE 8192

static void long_line(char *text)
{
    static const char tail[] = " a=1 10\n";
    memset(text, 'm', LONG_LINE);
    memcpy(text + LONG_LINE + 1 - sizeof tail, tail, sizeof tail);
}

static void totals_survive_a_trim_of_all_that_was_sent(void **state)
{
    struct spool *s = open_spool(state);
    static char text[LONG_LINE + 1];
    long_line(text);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(spool_add(s, SPOOL_READINGS, i, TIME, 1, text, LONG_LINE), LL_OK);
    }
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal *j = spool_journal(s, SPOOL_READINGS);
    const uint64_t bytes = journal_stats(j).bytes;
    /* As a destination that has sent everything asks for it. */
    assert_int_equal(journal_trim(j, 100), LL_OK);
    assert_true(journal_stats(j).bytes < bytes / 2);
    spool_close(s);

    s = open_spool(state);
    assert_int_equal(spool_total(s, SPOOL_READINGS), 100);
    assert_true(spool_has(s, SPOOL_READINGS, 100));
    assert_false(spool_has(s, SPOOL_READINGS, 101));
    spool_close(s);
}

static void a_record_that_is_none_of_ours_is_passed_over(void **state)
{
    struct spool *s = open_spool(state);
    add(s, 5, 2, "m a=1,b=2 1\n");
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal *j = spool_journal(s, SPOOL_READINGS);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(journal_append(j, 0x80, TIME, "strange", 7, NULL), LL_OK);
    }
    spool_close(s);

    s = open_spool(state);
    assert_int_equal(spool_total(s, SPOOL_READINGS), 2);
    assert_true(spool_has(s, SPOOL_READINGS, 5));
    assert_false(spool_has(s, SPOOL_READINGS, 6));
    spool_close(s);
}

#define LINES    12000
#define READINGS UINT64_C(24000)

/* 600 KB in lines of 50 bytes with two readings each. */
static char *large_text(size_t *len)
{
    char *text = malloc((size_t)LINES * 64);
    assert_non_null(text);
    *len = 0;
    for (int i = 0; i < LINES; i++) {
        *len += (size_t)snprintf(text + *len, 64, "pump_station,asset=P,device=d a=%d,b=2 %d\n", i,
                                 1000000 + i);
    }
    return text;
}

static void what_is_too_large_for_a_record_is_cut_between_lines(void **state)
{
    struct spool *s = open_spool(state);
    size_t len;
    char *text = large_text(&len);
    assert_int_equal(spool_add(s, SPOOL_READINGS, 5, TIME, (uint32_t)READINGS, text, len), LL_OK);
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal_reader *reader;
    assert_int_equal(journal_reader_open(spool_journal(s, SPOOL_READINGS), 0, &reader), LL_OK);
    struct journal_record r;
    struct spool_record part;
    size_t at = 0;
    uint64_t readings = 0;
    size_t parts = 0;
    while (journal_read(reader, &r) == LL_OK) {
        assert_int_equal(spool_parse(&r, &part), LL_OK);
        assert_int_equal(part.source_seq, 5);
        assert_memory_equal(part.text, text + at, part.len);
        at += part.len;
        readings += part.count;
        assert_int_equal(part.total, readings);
        parts++;
    }
    assert_int_equal(at, len);
    assert_int_equal(readings, READINGS);
    assert_int_equal(parts, 3);
    assert_true(spool_has(s, SPOOL_READINGS, 5));
    journal_reader_close(reader);
    free(text);
    spool_close(s);
}

/* What a crash between the parts leaves behind: the first one of three. */
static void cut_after_the_first_part(void **state, const char *text, size_t len)
{
    struct spool *s = open_spool(state);
    assert_int_equal(spool_add(s, SPOOL_READINGS, 5, TIME, (uint32_t)READINGS, text, len), LL_OK);
    assert_int_equal(spool_flush(s), LL_OK);
    struct journal_reader *reader;
    assert_int_equal(journal_reader_open(spool_journal(s, SPOOL_READINGS), 0, &reader), LL_OK);
    struct journal_record r;
    assert_int_equal(journal_read(reader, &r), LL_OK);
    assert_int_equal(new_dir(state), 0);
    struct spool *cut = open_spool(state);
    assert_int_equal(
        journal_append(spool_journal(cut, SPOOL_READINGS), r.type, r.time, r.data, r.len, NULL),
        LL_OK);
    spool_close(cut);
    journal_reader_close(reader);
    spool_close(s);
}

static void a_source_cut_short_is_completed_and_counted_once(void **state)
{
    size_t len;
    char *text = large_text(&len);
    char dir[LL_MAX_PATH];
    void *own = dir;
    snprintf(dir, sizeof dir, "%s", (char *)*state);
    cut_after_the_first_part(&own, text, len);

    struct spool *s = open_spool(&own);
    assert_true(spool_has(s, SPOOL_READINGS, 4));
    assert_false(spool_has(s, SPOOL_READINGS, 5));
    struct spool_record last = {0};
    assert_int_equal(records(s, &last), 1);
    assert_true(last.total < READINGS);
    assert_int_equal(spool_add(s, SPOOL_READINGS, 5, TIME, (uint32_t)READINGS, text, len), LL_OK);
    assert_true(spool_has(s, SPOOL_READINGS, 5));
    assert_int_equal(records(s, &last), 3);
    assert_int_equal(last.total, READINGS);
    assert_int_equal(spool_total(s, SPOOL_READINGS), READINGS);
    spool_close(s);
    free(text);
}

static void a_full_lane_says_so_and_goes_on_after_a_trim(void **state)
{
    struct journal_options small = options;
    small.max_bytes = 4 * options.segment_bytes;
    struct spool *s = NULL;
    assert_int_equal(spool_open(*state, &small, &s), LL_OK);
    static char text[LONG_LINE + 1];
    long_line(text);
    ll_err err = LL_OK;
    uint64_t seq = 0;
    while (err == LL_OK && seq < 100) {
        err = spool_add(s, SPOOL_READINGS, ++seq, TIME, 1, text, LONG_LINE);
    }
    assert_int_equal(err, LL_ELIMIT);
    assert_false(spool_has(s, SPOOL_READINGS, seq));
    assert_int_equal(spool_total(s, SPOOL_READINGS), seq - 1);
    assert_int_equal(spool_flush(s), LL_OK);
    assert_int_equal(journal_trim(spool_journal(s, SPOOL_READINGS), seq - 1), LL_OK);
    assert_int_equal(spool_add(s, SPOOL_READINGS, seq, TIME, 1, text, LONG_LINE), LL_OK);
    assert_int_equal(spool_total(s, SPOOL_READINGS), seq);
    spool_close(s);
}

/* A spool of four segments, and records of one reading in it until the first was given up. */
static struct spool *evicting_spool(void **state, uint64_t *seq)
{
    struct journal_options small = options;
    small.max_bytes = 4 * options.segment_bytes;
    struct spool *s = NULL;
    assert_int_equal(spool_open(*state, &small, &s), LL_OK);
    spool_set_evicting(s, true);
    static char text[LONG_LINE + 1];
    long_line(text);
    for (*seq = 0; spool_gone(s) == 0 && *seq < 100;) {
        assert_int_equal(spool_add(s, SPOOL_READINGS, ++*seq, TIME, 1, text, LONG_LINE), LL_OK);
    }
    return s;
}

static void a_full_lane_gives_up_its_oldest_readings_if_told_to(void **state)
{
    uint64_t seq;
    struct spool *s = evicting_spool(state, &seq);
    const uint64_t gone = spool_gone(s);
    assert_in_range(gone, 5, 8); /* of eight kilobytes, in a segment of 64 */
    assert_int_equal(spool_total(s, SPOOL_READINGS), seq);
    struct spool_record last = {0};
    assert_int_equal(records(s, &last), seq - gone);
    assert_int_equal(last.total, seq);
    assert_true(journal_stats(spool_journal(s, SPOOL_READINGS)).bytes <= 4 * options.segment_bytes);
    spool_close(s);

    s = open_spool(state);
    assert_int_equal(spool_gone(s), gone);
    assert_int_equal(spool_total(s, SPOOL_READINGS), seq);
    spool_close(s);
}

static void alarms_are_not_given_up(void **state)
{
    uint64_t seq;
    struct spool *s = evicting_spool(state, &seq);
    const uint64_t gone = spool_gone(s);
    static char text[LONG_LINE + 1];
    long_line(text);
    ll_err err = LL_OK;
    uint64_t alarms = 0;
    while (err == LL_OK && alarms < 100) {
        err = spool_add(s, SPOOL_ALARMS, seq + ++alarms, TIME, 1, text, LONG_LINE);
    }
    assert_int_equal(err, LL_ELIMIT); /* a lane has its own limit: readings would be no help */
    assert_int_equal(journal_stats(spool_journal(s, SPOOL_ALARMS)).first_seq, 1);
    assert_int_equal(spool_total(s, SPOOL_ALARMS), alarms - 1);
    assert_int_equal(spool_gone(s), gone);
    spool_close(s);
}

static bool disk_full;

static int reserve(int fd, off_t at, off_t len)
{
    if (disk_full) {
        disk_full = false;
        errno = ENOSPC;
        return -1;
    }
    return fs_system_calls.fallocate(fd, at, len);
}

static void on_a_full_disk_readings_make_room_for_alarms(void **state)
{
    uint64_t seq;
    struct spool *s = evicting_spool(state, &seq);
    const uint64_t gone = spool_gone(s);
    struct fs_calls calls = fs_system_calls;
    calls.fallocate = reserve;
    static char text[LONG_LINE + 1];
    long_line(text);
    fs_replace(&calls);
    disk_full = true; /* until something is deleted, as it were */
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(spool_add(s, SPOOL_ALARMS, seq + i, TIME, 1, text, LONG_LINE), LL_OK);
    }
    fs_replace(NULL);
    assert_false(disk_full);
    assert_true(spool_gone(s) > gone);
    assert_int_equal(spool_total(s, SPOOL_ALARMS), 10);
    spool_close(s);
}

static void the_newest_segment_is_never_given_up(void **state)
{
    uint64_t seq;
    struct spool *s = evicting_spool(state, &seq);
    assert_int_equal(spool_flush(s), LL_OK);
    unsigned segments = 1;
    while (spool_evict(s, "a test") == LL_OK) {
        segments++;
    }
    assert_in_range(segments, 3, 4);
    assert_int_equal(spool_evict(s, "a test"), LL_EAGAIN);
    struct spool_record last = {0};
    assert_int_equal(records(s, &last), seq - spool_gone(s));
    spool_close(s);
    s = open_spool(state);
    assert_int_equal(spool_total(s, SPOOL_READINGS), seq);
    spool_close(s);
}

static void records_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    /* source 1, total 2, count 1, "m\n" */
    uint8_t bytes[22] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'm', '\n'};
    struct journal_record r = {.data = bytes, .len = sizeof bytes};
    struct spool_record out;
    assert_int_equal(spool_parse(&r, &out), LL_OK);
    for (size_t len = 0; len < sizeof bytes; len++) {
        r.len = len;
        assert_int_equal(spool_parse(&r, &out), LL_ECORRUPT);
    }
    r.len = sizeof bytes;
    bytes[16] = 3; /* more readings than the lane has */
    assert_int_equal(spool_parse(&r, &out), LL_ECORRUPT);
    bytes[16] = 1;
    bytes[0] = 0; /* intake sequences begin with 1 */
    assert_int_equal(spool_parse(&r, &out), LL_ECORRUPT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(a_record_comes_back_as_it_was_added, new_dir),
    cmocka_unit_test_setup(adding_the_same_source_again_does_nothing, new_dir),
    cmocka_unit_test_setup(sources_and_totals_survive_a_reopen, new_dir),
    cmocka_unit_test_setup(totals_survive_a_trim_of_all_that_was_sent, new_dir),
    cmocka_unit_test_setup(a_record_that_is_none_of_ours_is_passed_over, new_dir),
    cmocka_unit_test_setup(what_is_too_large_for_a_record_is_cut_between_lines, new_dir),
    cmocka_unit_test_setup(a_source_cut_short_is_completed_and_counted_once, new_dir),
    cmocka_unit_test_setup(a_full_lane_says_so_and_goes_on_after_a_trim, new_dir),
    cmocka_unit_test_setup(a_full_lane_gives_up_its_oldest_readings_if_told_to, new_dir),
    cmocka_unit_test_setup(alarms_are_not_given_up, new_dir),
    cmocka_unit_test_setup(on_a_full_disk_readings_make_room_for_alarms, new_dir),
    cmocka_unit_test_setup(the_newest_segment_is_never_given_up, new_dir),
    cmocka_unit_test(records_that_do_not_add_up_are_refused),
};

UNIT_MAIN(tests)
