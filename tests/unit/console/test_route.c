#include "tests/unit/unit.h"

#include "gateway/console/route.h"

#include <string.h>

static const struct console_route routes[] = {
    {"GET", "/health", NULL, true, "alive"},
    {"GET", "/api/v1/assets", NULL, false, "list"},
    {"POST", "/api/v1/assets", NULL, false, "import"},
    {"GET", "/api/v1/assets/{id}", NULL, false, "one"},
    {"POST", "/api/v1/alarms/{id}/ack", NULL, false, "acknowledge"},
};
#define COUNT (sizeof routes / sizeof routes[0])

static enum route_result find(const char *method, const char *path, struct route_match *m)
{
    *m = (struct route_match){0};
    return route_find(routes, COUNT, method, path, false, m);
}

static void a_path_and_a_method_pick_the_route(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(find("GET", "/api/v1/assets", &m), ROUTE_FOUND);
    assert_ptr_equal(m.route, &routes[1]);
    assert_string_equal(m.param, "");
    assert_int_equal(find("POST", "/api/v1/assets", &m), ROUTE_FOUND);
    assert_ptr_equal(m.route, &routes[2]);
    assert_int_equal(find("HEAD", "/health", &m), ROUTE_FOUND);
    assert_ptr_equal(m.route, &routes[0]);
}

static void a_parameter_may_stand_in_any_segment(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(find("GET", "/api/v1/assets/gp-1", &m), ROUTE_FOUND);
    assert_string_equal(m.param, "gp-1");
    assert_int_equal(find("POST", "/api/v1/alarms/12/ack", &m), ROUTE_FOUND);
    assert_ptr_equal(m.route, &routes[4]);
    assert_string_equal(m.param, "12");
}

static void a_parameter_is_decoded_after_the_path_is_split(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(find("GET", "/api/v1/assets/a%2Fb%20%e6%b0%94", &m), ROUTE_FOUND);
    assert_string_equal(m.param, "a/b \xe6\xb0\x94");
    assert_int_equal(find("GET", "/api/v1/assets/a/b", &m), ROUTE_NO_PATH);
}

static void a_malformed_parameter_fits_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "/api/v1/assets/%",
        "/api/v1/assets/%4",
        "/api/v1/assets/%zz",
        "/api/v1/assets/a%00b",
        "/api/v1/assets/",
        "/api/v1/assets/%2 0",
        "/api/v1/assets/a/",
        "/api/v1//assets",
        "/api/v1/assets/%4x",
        "api/v1/assets",
        "",
        "/",
    };
    struct route_match m;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (find("GET", bad[i], &m) != ROUTE_NO_PATH) {
            fail_msg("%s found a route", bad[i]);
        }
    }
}

static void a_parameter_longer_than_its_cap_fits_nothing(void **state)
{
    (void)state;
    char path[2 * LL_MAX_PATH] = "/api/v1/assets/";
    const size_t head = strlen(path);
    struct route_match m;
    memset(path + head, 'a', LL_MAX_PATH - 1);
    assert_int_equal(find("GET", path, &m), ROUTE_FOUND);
    assert_int_equal(strlen(m.param), LL_MAX_PATH - 1);
    path[head + LL_MAX_PATH - 1] = 'a';
    assert_int_equal(find("GET", path, &m), ROUTE_NO_PATH);
}

static void another_method_is_told_from_another_path(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(find("DELETE", "/api/v1/assets", &m), ROUTE_NO_METHOD);
    assert_int_equal(find("GET", "/api/v1/asset", &m), ROUTE_NO_PATH);
    struct buf allowed;
    buf_init(&allowed, 100);
    route_allowed(routes, COUNT, "/api/v1/assets", &allowed);
    assert_string_equal(buf_str(&allowed), "GET, POST");
    buf_free(&allowed);
}

static void only_public_routes_are_found_in_public(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(route_find(routes, COUNT, "GET", "/health", true, &m), ROUTE_FOUND);
    assert_int_equal(route_find(routes, COUNT, "GET", "/api/v1/assets", true, &m),
                     ROUTE_NOT_PUBLIC);
    assert_int_equal(route_find(routes, COUNT, "PUT", "/api/v1/assets", true, &m),
                     ROUTE_NOT_PUBLIC);
}

static void a_hint_names_the_nearest_path_or_lists_them(void **state)
{
    (void)state;
    struct buf hint;
    buf_init(&hint, 1000);
    route_hint(routes, COUNT, "/api/v1/asset", false, &hint);
    assert_string_equal(buf_str(&hint), "did you mean /api/v1/assets?");
    buf_reset(&hint);
    route_hint(routes, COUNT, "/wp-login.php", true, &hint);
    assert_string_equal(buf_str(&hint), "there are: /health");
    buf_free(&hint);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_path_and_a_method_pick_the_route),
    cmocka_unit_test(a_parameter_may_stand_in_any_segment),
    cmocka_unit_test(a_parameter_is_decoded_after_the_path_is_split),
    cmocka_unit_test(a_malformed_parameter_fits_nothing),
    cmocka_unit_test(a_parameter_longer_than_its_cap_fits_nothing),
    cmocka_unit_test(another_method_is_told_from_another_path),
    cmocka_unit_test(only_public_routes_are_found_in_public),
    cmocka_unit_test(a_hint_names_the_nearest_path_or_lists_them),
};

UNIT_MAIN(tests)
