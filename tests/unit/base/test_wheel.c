#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/base/rng.h"
#include "gateway/base/wheel.h"

#define MAX_FIRED 4096
#define TURN      INT64_C(4096) /* seconds */

static struct {
    size_t count;
    uint32_t ids[MAX_FIRED];
} fired;

static void note(void *ctx, uint32_t id)
{
    (void)ctx;
    assert_true(fired.count < MAX_FIRED);
    fired.ids[fired.count++] = id;
}

static void assert_fired(struct wheel *w, int64_t now_s, size_t count, const uint32_t *ids)
{
    fired.count = 0;
    wheel_advance(w, now_s, note, NULL);
    assert_int_equal(fired.count, count);
    assert_memory_equal(fired.ids, ids, count * sizeof ids[0]);
}

#define assert_fires(w, now_s, ...)                                              \
    assert_fired(w, now_s, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
                 (uint32_t[]){__VA_ARGS__})
#define assert_fires_nothing(w, now_s) assert_fired(w, now_s, 0, (uint32_t[]){0})

static struct wheel *wheel_at(int64_t start_s)
{
    struct wheel *w = NULL;
    assert_int_equal(wheel_new(start_s, &w), LL_OK);
    return w;
}

static void timers_fire_once_when_they_are_due_in_order(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(1000);
    wheel_arm(w, 5, 1003);
    wheel_arm(w, 2, 1003);
    wheel_arm(w, 9, 1002);
    wheel_arm(w, 300, 1003);
    assert_fires_nothing(w, 1001);
    assert_fires(w, 1005, 9, 2, 5, 300);
    assert_fires_nothing(w, 1000 + 3 * TURN);
    wheel_free(w);
    wheel_free(NULL);
}

static void arming_again_moves_the_deadline_either_way(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(0);
    wheel_arm(w, 1, 10);
    wheel_arm(w, 1, 20);
    assert_fires_nothing(w, 19);
    assert_fires(w, 20, 1);
    wheel_arm(w, 1, 50);
    wheel_arm(w, 1, 30);
    assert_fires(w, 30, 1);
    assert_fires_nothing(w, 60);
    wheel_arm(w, 1, 100);
    wheel_arm(w, 1, 200);
    wheel_arm(w, 1, 150); /* between the first slot and the last deadline */
    assert_fires_nothing(w, 149);
    assert_fires(w, 150, 1);
    wheel_free(w);
}

static void a_disarmed_timer_does_not_fire(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(0);
    for (uint32_t id = 0; id < 3; id++) {
        wheel_arm(w, id, 10);
    }
    wheel_disarm(w, 1);
    wheel_disarm(w, 1);
    wheel_disarm(w, 77); /* never armed */
    assert_fires(w, 10, 0, 2);
    wheel_free(w);
}

static void a_deadline_in_the_past_fires_at_the_next_advance(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(1000);
    wheel_arm(w, 1, 1000);
    wheel_arm(w, 2, -5);
    assert_fires(w, 1001, 1, 2);
    wheel_free(w);
}

static void deadlines_further_than_a_turn_are_kept(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(0);
    const int64_t week_s = 604800;
    wheel_arm(w, 1, week_s);
    wheel_arm(w, 2, TURN);
    wheel_arm(w, 3, TURN - 1);
    assert_fires(w, TURN - 1, 3);
    assert_fires(w, TURN, 2);
    for (int64_t now = TURN; now < week_s; now += 999) {
        assert_fires_nothing(w, now);
    }
    assert_fires(w, week_s, 1);
    wheel_free(w);
}

static void after_a_long_gap_all_that_is_due_fires_once(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(0);
    for (uint32_t id = 0; id < 100; id++) {
        wheel_arm(w, id, 1 + (int64_t)id * 200);
    }
    fired.count = 0;
    wheel_advance(w, 100000, note, NULL);
    assert_int_equal(fired.count, 100);
    assert_fires_nothing(w, 200000);
    wheel_free(w);
}

static void going_back_is_ignored(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(1000);
    wheel_arm(w, 1, 1010);
    assert_fires_nothing(w, 1005);
    assert_fires_nothing(w, 500);
    assert_fires(w, 1010, 1);
    wheel_free(w);
}

static void times_before_1970_work_too(void **state)
{
    (void)state;
    struct wheel *w = wheel_at(-10);
    wheel_arm(w, 1, -3);
    wheel_arm(w, 2, 3);
    assert_fires(w, 0, 1);
    assert_fires(w, 3, 2);
    wheel_free(w);
}

static struct wheel *rearmed;

static void arm_again(void *ctx, uint32_t id)
{
    note(ctx, id);
    if (id == 1 && fired.count == 2) {
        wheel_arm(rearmed, 1, 20);
        wheel_arm(rearmed, 2, 15);    /* due in the same second, not yet fired */
        wheel_arm(rearmed, 5000, 25); /* makes the table of timers move */
    }
}

static void fire_may_arm_timers_and_what_it_armed_fires_at_its_new_time(void **state)
{
    (void)state;
    rearmed = wheel_at(0);
    for (uint32_t id = 0; id < 4; id++) {
        wheel_arm(rearmed, id, 10);
    }
    fired.count = 0;
    wheel_advance(rearmed, 30, arm_again, NULL);
    static const uint32_t expected[] = {0, 1, 3, 2, 1, 5000};
    assert_int_equal(fired.count, 6);
    assert_memory_equal(fired.ids, expected, sizeof expected);
    wheel_free(rearmed);
}

/* --- against a table that is scanned --------------------------------------------------------- */

#define IDS 64

static struct {
    bool armed;
    int64_t due_s;
} plain[IDS];
static int64_t plain_now_s;

static void fire_both(void *ctx, uint32_t id)
{
    (void)ctx;
    assert_true(id < IDS);
    assert_true(plain[id].armed);
    assert_true(plain[id].due_s <= plain_now_s);
    plain[id].armed = false;
}

static void random_operations_give_what_a_scan_of_all_timers_gives(void **state)
{
    (void)state;
    struct rng r = rng_seeded(7);
    struct wheel *w = wheel_at(0);
    static const int64_t spans[] = {3, 100, TURN, 3 * TURN};
    memset(plain, 0, sizeof plain);
    plain_now_s = 0;
    for (int step = 0; step < 200000; step++) {
        const uint32_t id = (uint32_t)(rng_next(&r) % IDS);
        const int64_t span = spans[rng_next(&r) % 4];
        const int64_t drawn = (int64_t)(rng_next(&r) % (uint64_t)span);
        switch (rng_next(&r) % 8) {
        case 0:
            wheel_disarm(w, id);
            plain[id].armed = false;
            break;
        case 1:
            plain_now_s += drawn / 4;
            wheel_advance(w, plain_now_s, fire_both, NULL);
            for (uint32_t i = 0; i < IDS; i++) {
                /* What was armed in the past waits for time to move on. */
                if (plain[i].armed && plain[i].due_s <= plain_now_s && drawn / 4 > 0) {
                    fail_msg("timer %u was due at %lld, now is %lld", i, (long long)plain[i].due_s,
                             (long long)plain_now_s);
                }
            }
            break;
        default:
            plain[id].armed = true;
            plain[id].due_s = plain_now_s + drawn - 2;
            assert_int_equal(wheel_arm(w, id, plain[id].due_s), LL_OK);
            break;
        }
    }
    wheel_free(w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(timers_fire_once_when_they_are_due_in_order),
    cmocka_unit_test(arming_again_moves_the_deadline_either_way),
    cmocka_unit_test(a_disarmed_timer_does_not_fire),
    cmocka_unit_test(a_deadline_in_the_past_fires_at_the_next_advance),
    cmocka_unit_test(deadlines_further_than_a_turn_are_kept),
    cmocka_unit_test(after_a_long_gap_all_that_is_due_fires_once),
    cmocka_unit_test(going_back_is_ignored),
    cmocka_unit_test(times_before_1970_work_too),
    cmocka_unit_test(fire_may_arm_timers_and_what_it_armed_fires_at_its_new_time),
    cmocka_unit_test(random_operations_give_what_a_scan_of_all_timers_gives),
};

UNIT_MAIN(tests)
