/* Ages, and the faults that come by chance and by age. */
#include "tests/unit/simulator/run_city.h"

#include "simulator/chance.h"
#include "tests/unit/simulator/near.h"

#define DAY_MS 86400000LL
/* 2026-01-01 */
#define NOW_MS (20454 * DAY_MS)

static const struct ageing_material iron = {"water_main", "iron", 1, 50, 2, {0}};

static struct ageing aged(int year, double length_m)
{
    return (struct ageing){&iron, year, 1, 50, length_m, NAN};
}

/* 0.5 e^(ln 11 · age/life): 0.5 new, 5.5 after the life, √(0.5 · 5.5) half way, 15 at most. */
static void health_is_cnaims(void **state)
{
    (void)state;
    struct ageing a = aged(2026, 1000);
    expect_near(ageing_health(&a, NOW_MS), 0.5, 1e-9);
    a.installed_year = 1976;
    expect_near(ageing_health(&a, NOW_MS), 5.5, 2e-3);
    a.installed_year = 2001;
    expect_near(ageing_health(&a, NOW_MS), sqrt(0.5 * 5.5), 1e-3);
    a.installed_year = 1900;
    expect_near(ageing_health(&a, NOW_MS), 15, 0);
    a.installed_year = 2040;
    expect_near(ageing_health(&a, NOW_MS), 0.5, 0);
}

/* With K = 0.0078 % the method gives 0.002223 up to a health of 4, and 0.068070 at 15. */
static void hazard_is_cnaims_times_material_and_length(void **state)
{
    (void)state;
    const struct ageing young = aged(2026, 1000);
    const struct ageing worn = aged(1900, 500);
    expect_near(ageing_hazard(&young, NOW_MS) * 0.000078 / 2, 0.002223, 5e-7);
    expect_near(ageing_hazard(&worn, NOW_MS) * 0.000078, 0.068070, 5e-6);
}

static void assets_are_drawn_within_their_years_and_by_their_shares(void **state)
{
    (void)state;
    size_t count;
    const struct ageing_material *rows = ageing_materials("water_main", &count);
    const double years[2] = {2000, 2009};
    double shares[16] = {0};
    shares[1] = 0.25;
    shares[3] = 0.75;
    struct rng rng = rng_seeded(1);
    int second = 0;
    int first_year = 0;
    for (int i = 0; i < 4000; i++) {
        struct ageing a;
        ageing_draw("water_main", shares, years, &rng, &a);
        assert_true(a.material == &rows[1] || a.material == &rows[3]);
        assert_in_range(a.installed_year, 2000, 2009);
        assert_in_range(a.installed_month, 1, 12);
        assert_true(a.length_m >= 100 && a.diameter_mm > 0);
        second += a.material == &rows[1];
        first_year += a.installed_year == 2000;
    }
    assert_in_range(second, 900, 1100);
    assert_in_range(first_year, 330, 470);
}

static void what_is_no_pipe_has_no_length(void **state)
{
    (void)state;
    const double years[2] = {2000, 2009};
    struct rng rng = rng_seeded(1);
    struct ageing a;
    ageing_draw("elevator", NULL, years, &rng, &a);
    assert_true(isnan(a.length_m) && isnan(a.diameter_mm));
    assert_string_equal(a.material->material, "");
}

#define MAINS                                                                             \
    "{\"scenario\": \"s\", \"districts\": [\"n\"], \"assets\": [{\"kind\": "              \
    "\"water_main\", \"count\": 400, \"period_s\": 86400, \"installed\": [1970, 2020]}]," \
    "\"random_faults\": [{\"kind\": \"water_leak\", \"per_asset_year\": 2, "

/* Faults within a year, and how many of them are of the half that has the greater hazard. */
static void count_faults(const char *rest, size_t *all, size_t *of_worse)
{
    char text[800];
    double median[400] = {0};
    snprintf(text, sizeof text, MAINS "%s}]}", rest);
    struct scenario *s = scenario_of(text);
    struct city *c = new_city(s, 3);
    struct buf truth;
    for (size_t i = 0; i < s->asset_count; i++) {
        const double hazard = ageing_hazard(&s->assets[i].ageing, START_MS);
        size_t k = i;
        for (; k > 0 && median[k - 1] > hazard; k--) {
            median[k] = median[k - 1];
        }
        median[k] = hazard;
    }
    while (next(c, START_MS + 365 * DAY_MS) != NULL) {
    }
    buf_init(&truth, 1 << 20);
    assert_int_equal(city_truth(c, &truth), LL_OK);
    *all = 0;
    *of_worse = 0;
    for (const char *line = buf_str(&truth); *line != '\0'; line = strchr(line, '\n') + 1) {
        struct json_object *row = json_tokener_parse(line);
        struct json_object *v = NULL;
        assert_true(json_object_object_get_ex(row, "asset", &v));
        const char *id = json_object_get_string(v);
        const struct scenario_asset *a = map_get(&s->by_id, id, strlen(id));
        *of_worse += ageing_hazard(&a->ageing, START_MS) > median[200];
        assert_true(json_object_object_get_ex(row, "magnitude", &v));
        const double magnitude = json_object_get_double(v);
        assert_true(magnitude >= 50 && magnitude <= 2000);
        json_object_put(row);
        ++*all;
    }
    buf_free(&truth);
    city_free(c);
    scenario_free(s);
}

/* 800 are expected; three deviations of a Poisson number are 85. By age they are as many, and most
 * are of the worse half; otherwise half are. */
static void random_faults_are_as_many_as_their_rate_and_follow_the_hazard(void **state)
{
    (void)state;
    size_t all;
    size_t worse;
    count_faults("\"magnitude\": [50, 2000], \"for_s\": [60, 600]", &all, &worse);
    assert_in_range(all, 715, 885);
    assert_in_range(worse, all * 4 / 10, all * 6 / 10);
    count_faults("\"by_age\": true, \"magnitude\": [50, 2000], \"for_s\": [60, 600]", &all, &worse);
    assert_in_range(all, 715, 930); /* they have aged by a year in the end */
    assert_true(worse > all * 8 / 10);
}

/* The condition file knows who will fail: its rates are those of the faults. */
static void the_condition_tells_health_and_the_faults_to_come(void **state)
{
    (void)state;
    struct scenario *s = scenario_of(MAINS "\"by_age\": true}]}");
    struct city *c = new_city(s, 3);
    struct buf text;
    buf_init(&text, 1 << 20);
    city_condition(c, &text);
    const char *line = strchr(buf_str(&text), '\n') + 1;
    double sum = 0;
    for (size_t i = 0; i < s->asset_count; i++) {
        char expected[100];
        const int n = snprintf(expected, sizeof expected, "%s,%.3f,", s->assets[i].id,
                               ageing_health(&s->assets[i].ageing, START_MS));
        assert_memory_equal(line, expected, (size_t)n);
        sum += strtod(line + n, NULL);
        line = strchr(line, '\n') + 1;
    }
    expect_near(sum, 800, 0.1);
    buf_free(&text);
    city_free(c);
    scenario_free(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(health_is_cnaims),
    cmocka_unit_test(hazard_is_cnaims_times_material_and_length),
    cmocka_unit_test(assets_are_drawn_within_their_years_and_by_their_shares),
    cmocka_unit_test(what_is_no_pipe_has_no_length),
    cmocka_unit_test(random_faults_are_as_many_as_their_rate_and_follow_the_hazard),
    cmocka_unit_test(the_condition_tells_health_and_the_faults_to_come),
};

UNIT_MAIN(tests)
