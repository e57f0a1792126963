#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gateway/export/line.h"
#include "gateway/export/lines.h"

static struct channel_spec channels[] = {
    {.name = "pressure", .field = "pressure_mpa", .type = FIELD_FLOAT},
    {.name = "flow", .field = "flow_m3_h", .type = FIELD_FLOAT},
    {.name = "starts", .field = "starts", .type = FIELD_INT},
    {.name = "door", .field = "door", .type = FIELD_BOOL},
    {.name = "odd", .field = "a b,c=d", .type = FIELD_FLOAT},
    {.name = "again", .field = "pressure_mpa", .type = FIELD_FLOAT},
};
static struct profile profile = {.channel_count = 6, .channels = channels};
static const struct asset_kind kind = {"gas_pipe", "", "", "km"};
static const struct asset_kind odd_kind = {"odd, kind", "", "", "km"};
static struct asset pipe_asset = {.id = "GP-1", .district = "North", .kind = &kind};
static struct asset other_asset = {.id = "GP-2", .district = "", .kind = &kind};
static struct device device = {.id = "dev:1", .asset = &pipe_asset, .profile = &profile};
static struct device other_device = {.id = "dev:2", .asset = &pipe_asset, .profile = &profile};

static struct reading reading(size_t channel, double value, int64_t ts_ms)
{
    return (struct reading){
        .device = &device, .channel = channel, .value = value, .ts_ms = ts_ms, .flags = 0};
}

static void expect_lines(const struct reading *r, size_t count, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    line_readings(r, count, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(buf_str(&out), expected);
    buf_free(&out);
}

static void neighbours_of_one_asset_and_time_share_a_line(void **state)
{
    (void)state;
    const struct reading r[] = {reading(0, 0.352, 1764000000123), reading(1, 12.25, 1764000000123),
                                reading(2, 4711, 1764000000123), reading(3, 1, 1764000000123)};
    expect_lines(r, 4,
                 "gas_pipe,asset=GP-1,device=dev:1,district=North "
                 "pressure_mpa=0.352,flow_m3_h=12.25,starts=4711i,door=t 1764000000123\n");
}

static void another_time_begins_another_line(void **state)
{
    (void)state;
    const struct reading r[] = {reading(0, 1, 1000), reading(1, 2, 1001), reading(0, 3, 1000)};
    expect_lines(r, 3,
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=1 1000\n"
                 "gas_pipe,asset=GP-1,device=dev:1,district=North flow_m3_h=2 1001\n"
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=3 1000\n");
}

static void the_same_field_never_stands_twice_in_a_line(void **state)
{
    (void)state;
    const struct reading r[] = {reading(0, 1, 1000), reading(0, 2, 1000), reading(1, 3, 1000),
                                reading(5, 4, 1000)};
    expect_lines(r, 4,
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=1 1000\n"
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=2,flow_m3_h=3 1000\n"
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=4 1000\n");
}

static void a_channel_of_another_asset_has_a_line_of_its_own(void **state)
{
    (void)state;
    static const struct asset *const assets[] = {NULL, &other_asset, NULL, NULL, NULL, NULL};
    device.channel_assets = assets;
    const struct reading r[] = {reading(0, 1, 1000), reading(1, 2, 1000)};
    expect_lines(r, 2,
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=1 1000\n"
                 "gas_pipe,asset=GP-2,device=dev:1 flow_m3_h=2 1000\n");
    device.channel_assets = NULL;
}

static void another_device_of_the_asset_has_a_line_of_its_own(void **state)
{
    (void)state;
    struct reading r[] = {reading(0, 1, 1000), reading(1, 2, 1000)};
    r[1].device = &other_device;
    expect_lines(r, 2,
                 "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=1 1000\n"
                 "gas_pipe,asset=GP-1,device=dev:2,district=North flow_m3_h=2 1000\n");
}

static void names_are_escaped(void **state)
{
    (void)state;
    struct asset odd = {.id = "A", .district = "a b,c=d\ne\rf\\", .kind = &odd_kind};
    device.asset = &odd;
    const struct reading r = reading(4, 1, 1000);
    expect_lines(&r, 1,
                 "odd\\,\\ kind,asset=A,device=dev:1,district=a\\ b\\,c\\=d\\ e\\ f/ "
                 "a\\ b\\,c\\=d=1 1000\n");
    device.asset = &pipe_asset;
}

static void numbers_are_exact_at_their_edges(void **state)
{
    (void)state;
    const struct reading r[] = {
        reading(0, 0.1 + 0.2, -1),
        reading(0, 1e300, 0),
        reading(0, -5e-324, INT64_MAX),
        reading(2, -9007199254740993.0, INT64_MIN),
        reading(2, 9223372036854775808.0, 1),
        reading(2, -1e19, 1),
        reading(2, -0.0, 1),
        reading(3, 0, 1),
    };
    expect_lines(
        r, 8,
        "gas_pipe,asset=GP-1,device=dev:1,district=North "
        "pressure_mpa=0.30000000000000004 -1\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North pressure_mpa=1.0000000000000001e+300 0\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North "
        "pressure_mpa=-4.9406564584124654e-324 9223372036854775807\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North "
        "starts=-9007199254740992i -9223372036854775808\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North starts=9223372036854775807i 1\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North starts=-9223372036854775808i 1\n"
        "gas_pipe,asset=GP-1,device=dev:1,district=North starts=0i,door=f 1\n");
}

static struct alarm_record gas_alarm(void)
{
    return (struct alarm_record){.id = 12,
                                 .from = ALARM_NORMAL,
                                 .state = ALARM_UNACK,
                                 .priority = PRIORITY_CRITICAL,
                                 .at_ms = 1764000000123,
                                 .raised_ms = 1764000000100,
                                 .value = 21.5,
                                 .asset = "MH-7",
                                 .kind = "manhole",
                                 .district = "Old Town",
                                 .device = "dev-7",
                                 .channel = "methane",
                                 .condition = "high_high",
                                 .text_en = "methane 21.5 %LEL"};
}

static void expect_alarm(const struct alarm_record *a, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    line_alarm(a, &out);
    assert_string_equal(buf_str(&out), expected);
    buf_free(&out);
}

static void an_alarm_is_one_line(void **state)
{
    (void)state;
    const struct alarm_record a = gas_alarm();
    expect_alarm(&a, "lifeline_alarm,asset=MH-7,device=dev-7,channel=methane,condition=high_high,"
                     "priority=critical,kind=manhole,district=Old\\ Town "
                     "id=12i,state=\"unacknowledged\",from=\"normal\",value=21.5,"
                     "text=\"methane 21.5 %LEL\",raised_ms=1764000000100i 1764000000123\n");
}

static void an_alarm_without_value_and_district_leaves_them_out(void **state)
{
    (void)state;
    struct alarm_record a = gas_alarm();
    a.value = NAN;
    a.district[0] = '\0';
    expect_alarm(&a, "lifeline_alarm,asset=MH-7,device=dev-7,channel=methane,condition=high_high,"
                     "priority=critical,kind=manhole "
                     "id=12i,state=\"unacknowledged\",from=\"normal\","
                     "text=\"methane 21.5 %LEL\",raised_ms=1764000000100i 1764000000123\n");
}

static void text_is_escaped_and_stays_on_its_line(void **state)
{
    (void)state;
    struct alarm_record a = gas_alarm();
    snprintf(a.text_en, sizeof a.text_en, "say \"hi\", C:\\\nnext\rlast = 1");
    expect_alarm(&a, "lifeline_alarm,asset=MH-7,device=dev-7,channel=methane,condition=high_high,"
                     "priority=critical,kind=manhole,district=Old\\ Town "
                     "id=12i,state=\"unacknowledged\",from=\"normal\",value=21.5,"
                     "text=\"say \\\"hi\\\", C:\\\\ next last = 1\","
                     "raised_ms=1764000000100i 1764000000123\n");
}

static void expect_shares(const char *text, uint32_t readings, const uint32_t *shares, size_t count)
{
    struct lines l = lines_over(text, strlen(text), readings);
    struct line_part part = {0};
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        assert_true(lines_next(&l, &part));
        assert_ptr_equal(part.text, at);
        at += part.len;
        assert_int_equal(part.readings, shares[i]);
    }
    assert_false(lines_next(&l, &part));
    assert_ptr_equal(at, text + strlen(text));
}

static void readings_are_shared_out_by_fields(void **state)
{
    (void)state;
    static const char text[] = "m,a=x\\ y\\,z b=1,c=\"p,q \\\" r\",d\\,e=3 10\n"
                               "m b=1 11\n"
                               "m,a=1,b=2 c=1,d=2i 12\n";
    expect_shares(text, 6, (const uint32_t[]){3, 1, 2}, 3);
}

static void readings_are_shared_out_by_lines_where_fields_do_not_fit(void **state)
{
    (void)state;
    static const char text[] = "m a=1,b=2 1\nm a=1,b=2 2\nm a=1,b=2 3\n";
    expect_shares(text, 3, (const uint32_t[]){1, 1, 1}, 3);
    expect_shares(text, 1, (const uint32_t[]){1, 0, 0}, 3);
    expect_shares(text, 9, (const uint32_t[]){1, 1, 7}, 3);
    expect_shares("m a=1,b=2 1", 9, (const uint32_t[]){9}, 1);
    expect_shares("\\", 1, (const uint32_t[]){1}, 1);
    expect_shares("\n\"\n\\", 3, (const uint32_t[]){1, 1, 1}, 3);
    expect_shares("", 0, (const uint32_t[]){0}, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(neighbours_of_one_asset_and_time_share_a_line),
    cmocka_unit_test(another_time_begins_another_line),
    cmocka_unit_test(the_same_field_never_stands_twice_in_a_line),
    cmocka_unit_test(a_channel_of_another_asset_has_a_line_of_its_own),
    cmocka_unit_test(another_device_of_the_asset_has_a_line_of_its_own),
    cmocka_unit_test(names_are_escaped),
    cmocka_unit_test(numbers_are_exact_at_their_edges),
    cmocka_unit_test(an_alarm_is_one_line),
    cmocka_unit_test(an_alarm_without_value_and_district_leaves_them_out),
    cmocka_unit_test(text_is_escaped_and_stays_on_its_line),
    cmocka_unit_test(readings_are_shared_out_by_fields),
    cmocka_unit_test(readings_are_shared_out_by_lines_where_fields_do_not_fit),
};

UNIT_MAIN(tests)
