#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/err.h"

static void every_code_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < LL_ERR_COUNT; a++) {
        assert_string_not_equal(ll_err_str((ll_err)a), "unknown error");
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(ll_err_str((ll_err)a), ll_err_str((ll_err)b));
        }
    }
}

static void a_code_that_is_none_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(ll_err_str(LL_ERR_COUNT), "unknown error");
}

static void errno_becomes_a_code(void **state)
{
    (void)state;
    assert_int_equal(ll_err_from_errno(ENOSPC), LL_ENOSPC);
    assert_int_equal(ll_err_from_errno(EDQUOT), LL_ENOSPC);
    assert_int_equal(ll_err_from_errno(EROFS), LL_EROFS);
    assert_int_equal(ll_err_from_errno(ENOENT), LL_ENOENT);
    assert_int_equal(ll_err_from_errno(EACCES), LL_EACCES);
    assert_int_equal(ll_err_from_errno(ENOMEM), LL_ENOMEM);
    assert_int_equal(ll_err_from_errno(EIO), LL_EIO);
    assert_int_equal(ll_err_from_errno(0), LL_EIO); /* a failure is never reported as success */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_code_has_a_sentence_of_its_own),
    cmocka_unit_test(a_code_that_is_none_is_unknown),
    cmocka_unit_test(errno_becomes_a_code),
};

UNIT_MAIN(tests)
