/* Records of the intake journal as a damaged disk may give them: refused, or a message that is
 * judged, and whose good values become lines of the right number. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/export/line.h"
#include "gateway/pipeline/judge.h"
#include "tests/fuzz/fuzz_registry.h"

#define RECEIVED_MS 1764000000000LL
#define MAX_LINES   (4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct judge *the_judge(void)
{
    static struct conf conf = {.max_message_bytes = LL_MAX_MESSAGE, .max_ahead_s = 300};
    static struct judge *j;
    if (j == NULL) {
        conf.topic_count = 2;
        snprintf(conf.topics[0].filter, CONF_TEXT, "lifeline/v1/up/+");
        snprintf(conf.topics[1].filter, CONF_TEXT, "$share/g/city/#");
        for (size_t i = 0; i < conf.topic_count; i++) {
            snprintf(conf.topics[i].format, sizeof conf.topics[i].format, "native");
        }
        demand(judge_new(&conf, &j) == LL_OK);
    }
    return j;
}

/* What was read is what was written. */
static void check_written_again(const struct intake_message *m, const uint8_t *data, size_t size)
{
    struct buf b;
    buf_init(&b, size);
    intake_write(m, &b);
    demand(buf_ok(&b) && b.len == size && memcmp(b.data, data, size) == 0);
    buf_free(&b);
}

static void check_lines(const struct reading *readings, size_t count)
{
    struct buf b;
    size_t lines = 0;
    buf_init(&b, MAX_LINES);
    line_readings(readings, count, &b);
    demand(buf_ok(&b) && (b.len > 0) == (count > 0));
    for (size_t i = 0; i < b.len; i++) {
        lines += b.data[i] == '\n';
    }
    demand(lines <= count && (count == 0 || b.data[b.len - 1] == '\n'));
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading readings[LL_MAX_READINGS_PER_MESSAGE];
    struct judge *j = the_judge();
    struct intake_message m;
    struct uplink u;
    const struct device *device = NULL;
    if (intake_read(data, size, &m) != LL_OK) {
        return 0;
    }
    check_written_again(&m, data, size);
    const enum reason refused =
        judge_message(j, fuzz_registry(), &m, judge_source(j, &m), &u, &device);
    if (refused != REASON_NONE) {
        demand(reason_info(refused)->scope == SCOPE_MESSAGE);
        return 0;
    }
    size_t count = 0;
    for (size_t i = 0; i < u.count; i++) {
        char words[LL_DIAG_TEXT];
        enum reason reason = REASON_NONE;
        const enum value_verdict v =
            judge_value(j, device, &u.values[i], RECEIVED_MS, &readings[count], &reason);
        demand((v == VALUE_REFUSED) == (reason != REASON_NONE));
        if (v == VALUE_GOOD) {
            count++;
        } else {
            judge_value_words(j, device, &u.values[i], reason, words);
            demand(words[0] != '\0');
        }
    }
    check_lines(readings, count);
    return 0;
}
