/* What the pipeline makes of parts that fail or were damaged. */
#include "tests/unit/pipeline/rig.h"

#include "gateway/store/checkpoint.h"

/* --- the checkpoint -------------------------------------------------------------------------- */

/* Puts the checkpoint's sections together anew, the last `cut` bytes of the given one left out. */
static void cut_section(struct rig *r, enum checkpoint_tag damaged, size_t cut)
{
    struct checkpoint *c = NULL;
    struct buf out;
    assert_int_equal(checkpoint_load(r->checkpoint, &c), LL_OK);
    buf_init(&out, 1 << 20);
    checkpoint_begin(&out, checkpoint_seq(c));
    for (int tag = CHECKPOINT_LEDGER; tag <= CHECKPOINT_ALARMS; tag++) {
        uint32_t version;
        struct cursor in;
        assert_int_equal(checkpoint_section(c, (enum checkpoint_tag)tag, &version, &in), LL_OK);
        const size_t len = cursor_left(&in) - (tag == (int)damaged ? cut : 0);
        const size_t start = checkpoint_section_open(&out, (enum checkpoint_tag)tag, version);
        buf_add(&out, cursor_bytes(&in, len), len);
        checkpoint_section_close(&out, start);
    }
    assert_int_equal(checkpoint_end(&out), LL_OK);
    assert_int_equal(fs_replace_file(r->checkpoint, out.data, out.len), LL_OK);
    buf_free(&out);
    checkpoint_free(c);
}

static void of_a_checkpoint_that_is_damaged_in_part_nothing_is_used(void **state)
{
    (void)state;
    for (int tag = CHECKPOINT_LEDGER; tag <= CHECKPOINT_ALARMS; tag++) {
        char name[32];
        snprintf(name, sizeof name, "section%d", tag);
        struct rig *r = rig_new(name);
        tick(r, 0, 5, 1);
        put_methane(r, 5, 1, 25);
        put_methane(r, 6, 2, 30);
        assert_int_equal(pipeline_start(r->pipeline), LL_OK);
        pipeline_stop(r->pipeline);
        cut_section(r, (enum checkpoint_tag)tag, 3);
        rig_restart(r); /* the spool has all of it: it is caught up with at once */
        struct ledger l;
        pipeline_ledger(r->pipeline, &l, NULL);
        assert_int_equal(l.messages_taken, 2);
        assert_int_equal(l.messages_decoded, 2);
        assert_int_equal(l.messages_duplicate, 0);
        assert_int_equal(l.readings_decoded, 2);
        assert_int_equal(l.readings_spooled, 2);
        assert_int_equal(pipeline_open_alarms(r->pipeline), 1);
        struct buf b;
        list_alarms(r, &b);
        assert_int_equal(count_text(buf_str(&b), "\"condition\":\"high\""), 1);
        buf_free(&b);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_checkpoint_that_is_damaged_in_part_nothing_is_used),
    };
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
