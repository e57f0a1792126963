#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/limits.h"
#include "gateway/ingest/receiver.h"

#define SEGMENT   (64UL * 1024)
#define MAX_BYTES 8000
#define POLL_US   1000

static struct journal *journal;
static struct intake_log *intake;
static struct receiver *receiver;
static char payload[MAX_BYTES + 1];

static int begin(void **state)
{
    (void)state;
    static unsigned number;
    static const struct journal_options options = {.segment_bytes = SEGMENT,
                                                   .max_bytes = 2 * SEGMENT};
    char dir[400];
    snprintf(dir, sizeof dir, "%s/log%u", unit_tmpdir(), number++);
    memset(payload, 'x', sizeof payload);
    return journal_open(dir, &options, &journal) != LL_OK ||
           intake_log_new(journal, &intake) != LL_OK ||
           receiver_new(intake, MAX_BYTES, &receiver) != LL_OK;
}

static int end(void **state)
{
    (void)state;
    receiver_free(receiver);
    intake_log_free(intake);
    journal_close(journal);
    return 0;
}

static struct intake_message of_bytes(size_t len)
{
    return (struct intake_message){.topic = "a/b",
                                   .topic_len = 3,
                                   .payload = payload,
                                   .payload_len = len,
                                   .flags = INTAKE_RETAINED,
                                   .qos = 1};
}

static void assert_next(struct journal_reader *reader, size_t len, uint8_t flags)
{
    struct journal_record rec;
    struct intake_message m;
    do {
        assert_int_equal(journal_read(reader, &rec), LL_OK);
    } while (rec.type != INTAKE_MESSAGE);
    assert_int_equal(intake_read(rec.data, rec.len, &m), LL_OK);
    assert_int_equal(m.payload_len, len);
    assert_memory_equal(m.payload, payload, len);
    assert_memory_equal(m.topic, "a/b", 3);
    assert_int_equal(m.flags, flags);
    assert_int_equal(m.qos, 1);
}

static void of_an_oversized_message_the_beginning_is_kept(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, MAX_BYTES, MAX_BYTES + 1};
    struct journal_reader *reader = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct intake_message m = of_bytes(sizes[i]);
        receiver_take(receiver, &m);
    }
    assert_int_equal(receiver_count(receiver), 3);
    assert_int_equal(journal_reader_open(journal, 0, &reader), LL_OK);
    assert_next(reader, 0, INTAKE_RETAINED);
    assert_next(reader, MAX_BYTES, INTAKE_RETAINED);
    assert_next(reader, LL_MAX_MESSAGE_KEPT, INTAKE_RETAINED | INTAKE_OVERSIZED);
    journal_reader_close(reader);
}

static void *take_one(void *arg)
{
    const struct intake_message m = of_bytes(1000);
    receiver_take(receiver, &m);
    return arg;
}

/* In a thread, which is held. */
static pthread_t take_one_while_full(void)
{
    pthread_t thread;
    while (intake_log_append(intake, INTAKE_SELF, payload, 1000, NULL) == LL_OK) {
    }
    assert_int_equal(pthread_create(&thread, NULL, take_one, NULL), 0);
    while (!receiver_holds(receiver)) {
        usleep(POLL_US);
    }
    assert_int_equal(receiver_count(receiver), 0);
    return thread;
}

static void a_message_is_held_until_the_journal_takes_it(void **state)
{
    (void)state;
    const pthread_t thread = take_one_while_full();
    assert_int_equal(journal_trim(journal, journal_stats(journal).next_seq), LL_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(receiver_holds(receiver));
    assert_false(receiver_parked(receiver));
    assert_int_equal(receiver_count(receiver), 1);
}

static void one_that_is_held_at_the_end_is_never_acknowledged(void **state)
{
    (void)state;
    /* Its thread ends with this process: what it uses must stay. */
    const pthread_t thread = take_one_while_full();
    receiver_stop(receiver);
    while (!receiver_parked(receiver)) {
        usleep(POLL_US);
    }
    assert_int_equal(pthread_detach(thread), 0);
    assert_int_equal(receiver_count(receiver), 0);
    receiver = NULL;
}

#define RECEIVER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static const struct CMUnitTest tests[] = {
    RECEIVER_TEST(of_an_oversized_message_the_beginning_is_kept),
    RECEIVER_TEST(a_message_is_held_until_the_journal_takes_it),
    RECEIVER_TEST(one_that_is_held_at_the_end_is_never_acknowledged),
};
UNIT_MAIN(tests)
