#include "gateway/base/err.h"

#include <errno.h>
#include <stddef.h>

static const char *const messages[LL_ERR_COUNT] = {
    [LL_OK] = "ok",
    [LL_ENOMEM] = "out of memory",
    [LL_EIO] = "input or output error",
    [LL_ENOSPC] = "no space left",
    [LL_EROFS] = "the file system is read-only",
    [LL_ENOENT] = "not found",
    [LL_EEXIST] = "exists already",
    [LL_EACCES] = "permission denied",
    [LL_EINVAL] = "invalid argument",
    [LL_ERANGE] = "out of range",
    [LL_ELIMIT] = "a limit was reached",
    [LL_EFORMAT] = "malformed input",
    [LL_ECORRUPT] = "damaged data",
    [LL_EVERSION] = "unsupported version",
    [LL_EAGAIN] = "try again",
    [LL_EBUSY] = "in use",
    [LL_ETIMEOUT] = "timed out",
    [LL_ENET] = "network error",
    [LL_EREFUSED] = "refused",
    [LL_ESTATE] = "not possible in the present state",
    [LL_EDB] = "database error",
    [LL_EEND] = "end of data",
};

const char *ll_err_str(ll_err err)
{
    if ((unsigned)err >= LL_ERR_COUNT || messages[err] == NULL) {
        return "unknown error";
    }
    return messages[err];
}

ll_err ll_err_from_errno(int sys_errno)
{
    static const struct {
        int sys;
        ll_err err;
    } table[] = {
        {ENOMEM, LL_ENOMEM}, {ENOSPC, LL_ENOSPC}, {EDQUOT, LL_ENOSPC},      {EROFS, LL_EROFS},
        {ENOENT, LL_ENOENT}, {EEXIST, LL_EEXIST}, {EACCES, LL_EACCES},      {EPERM, LL_EACCES},
        {EINVAL, LL_EINVAL}, {EAGAIN, LL_EAGAIN}, {EBUSY, LL_EBUSY},        {EADDRINUSE, LL_EBUSY},
        {ERANGE, LL_ERANGE}, {EFBIG, LL_ELIMIT},  {ETIMEDOUT, LL_ETIMEOUT},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].sys == sys_errno) {
            return table[i].err;
        }
    }
    return LL_EIO;
}
