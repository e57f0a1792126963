#include "gateway/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/base/limits.h"

static int call_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static int call_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len);
}

const struct fs_calls fs_system_calls = {
    .open = call_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .ftruncate = ftruncate,
    .fallocate = call_fallocate,
    .rename = rename,
    .unlink = unlink,
    .mkdir = mkdir,
};

const struct fs_calls *fs = &fs_system_calls;

void fs_replace(const struct fs_calls *calls)
{
    fs = calls != NULL ? calls : &fs_system_calls;
}

ll_err fs_write_all(int fd, const void *data, size_t len, uint64_t at)
{
    const char *p = data;
    while (len > 0) {
        const ssize_t n = fs->pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? ll_err_from_errno(errno) : LL_EIO;
        }
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return LL_OK;
}

ll_err fs_read_some(int fd, void *data, size_t len, uint64_t at, size_t *got)
{
    char *p = data;
    size_t done = 0;
    while (done < len) {
        const ssize_t n = fs->pread(fd, p + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ll_err_from_errno(errno);
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *got = done;
    return LL_OK;
}

ll_err fs_make_dirs(const char *path)
{
    char part[LL_MAX_PATH];
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return LL_EINVAL;
    }
    for (size_t i = 1; i <= len; i++) {
        if (i < len && path[i] != '/') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (fs->mkdir(part, 0750) != 0 && errno != EEXIST) {
            return ll_err_from_errno(errno);
        }
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        return ll_err_from_errno(errno);
    }
    return S_ISDIR(st.st_mode) ? LL_OK : LL_EEXIST;
}

ll_err fs_sync_dir(const char *path)
{
    const int fd = fs->open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    const ll_err err = fs->fsync(fd) == 0 ? LL_OK : ll_err_from_errno(errno);
    fs->close(fd);
    return err;
}

static ll_err sync_parent(const char *path)
{
    char dir[LL_MAX_PATH];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return fs_sync_dir(".");
    }
    const size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof dir) {
        return LL_EINVAL;
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    return fs_sync_dir(dir);
}

ll_err fs_replace_file(const char *path, const void *data, size_t len)
{
    char temp[LL_MAX_PATH];
    const int n = snprintf(temp, sizeof temp, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temp) {
        return LL_EINVAL;
    }
    const int fd = fs->open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    ll_err err = fs_write_all(fd, data, len, 0);
    if (err == LL_OK && fs->fsync(fd) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (fs->close(fd) != 0 && err == LL_OK) {
        err = ll_err_from_errno(errno);
    }
    if (err == LL_OK && fs->rename(temp, path) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err != LL_OK) {
        fs->unlink(temp);
        return err;
    }
    return sync_parent(path);
}

ll_err fs_read_file(const char *path, struct buf *out)
{
    const int fd = fs->open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    char block[16384];
    uint64_t at = 0;
    size_t got = 0;
    ll_err err;
    do {
        err = fs_read_some(fd, block, sizeof block, at, &got);
        if (err != LL_OK) {
            break;
        }
        buf_add(out, block, got);
        at += got;
    } while (got == sizeof block && buf_ok(out));
    fs->close(fd);
    return err == LL_OK ? buf_err(out) : err;
}

ll_err fs_free_bytes(const char *path, uint64_t *out)
{
    struct statvfs st;
    if (statvfs(path, &st) != 0) {
        return ll_err_from_errno(errno);
    }
    *out = (uint64_t)st.f_bavail * st.f_frsize;
    return LL_OK;
}
