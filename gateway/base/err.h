/*
 * Error codes. One enum, one message table; 0 is success.
 *
 * For: every function that can fail for a reason outside the program.
 * Not for: our own bugs (assert), nor for text that names a file and a line (diag.h).
 * Threads: any. The strings are constants.
 */
#ifndef LL_BASE_ERR_H
#define LL_BASE_ERR_H

typedef enum ll_err {
    LL_OK = 0,
    LL_ENOMEM,
    LL_EIO,
    LL_ENOSPC,
    LL_EROFS,
    LL_ENOENT,
    LL_EEXIST,
    LL_EACCES,
    LL_EINVAL,
    LL_ERANGE,
    LL_ELIMIT,
    LL_EFORMAT,
    LL_ECORRUPT,
    LL_EVERSION,
    LL_EAGAIN,
    LL_EBUSY,
    LL_ETIMEOUT,
    LL_ENET,
    LL_EREFUSED,
    LL_ESTATE,
    LL_EDB,
    LL_EEND,
    LL_ERR_COUNT
} ll_err;

/* The sentence for an error code; never NULL. */
const char *ll_err_str(ll_err err);

/* The code for a system call's errno; LL_EIO where none fits better. */
ll_err ll_err_from_errno(int sys_errno);

#endif
