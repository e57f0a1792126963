#include "gateway/export/linefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"

#define BLOCK      4096
#define NAME_EXTRA 12 /* a dot and a number */

struct linefile {
    char path[LL_MAX_PATH];
    char folder[LL_MAX_PATH];
    uint64_t max_bytes;
    unsigned max_files;
    int fd; /* -1: to be opened */
    uint64_t size;
};

/* Where the last whole line of the first `size` bytes ends. */
static ll_err find_end(int fd, uint64_t size, uint64_t *out)
{
    char block[BLOCK];
    while (size > 0) {
        const size_t want = size < BLOCK ? (size_t)size : BLOCK;
        size_t got;
        const ll_err err = fs_read_some(fd, block, want, size - want, &got);
        if (err != LL_OK) {
            return err;
        }
        for (size_t i = got; i > 0; i--) {
            if (block[i - 1] == '\n') {
                *out = size - want + i;
                return LL_OK;
            }
        }
        size -= want;
    }
    *out = 0;
    return LL_OK;
}

static ll_err open_file(struct linefile *f)
{
    const int fd = fs->open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    struct stat st;
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    uint64_t end = 0;
    ll_err err = fstat(fd, &st) == 0 ? LL_OK : ll_err_from_errno(errno);
    if (err == LL_OK && !S_ISREG(st.st_mode)) {
        err = LL_EINVAL;
    }
    if (err == LL_OK) {
        err = find_end(fd, (uint64_t)st.st_size, &end);
    }
    if (err == LL_OK && end < (uint64_t)st.st_size && fs->ftruncate(fd, (off_t)end) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err == LL_OK) {
        err = fs_sync_dir(f->folder);
    }
    if (err != LL_OK) {
        fs->close(fd);
        return err;
    }
    f->fd = fd;
    f->size = end;
    return LL_OK;
}

static void numbered(const struct linefile *f, unsigned n, char *out)
{
    const int width = snprintf(out, LL_MAX_PATH + NAME_EXTRA, "%s", f->path);
    if (n > 0) {
        snprintf(out + width, NAME_EXTRA, ".%u", n);
    }
}

/* The oldest goes, and each of the others takes the name of the one before it. */
static ll_err rotate(struct linefile *f)
{
    char from[LL_MAX_PATH + NAME_EXTRA];
    char to[LL_MAX_PATH + NAME_EXTRA];
    for (unsigned n = f->max_files - 1; n > 0; n--) {
        numbered(f, n - 1, from);
        numbered(f, n, to);
        if (fs->rename(from, to) != 0 && errno != ENOENT) {
            return ll_err_from_errno(errno);
        }
    }
    fs->close(f->fd);
    f->fd = -1;
    return open_file(f);
}

ll_err linefile_open(const char *path, uint64_t max_bytes, unsigned max_files,
                     struct linefile **out)
{
    struct linefile *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return LL_ENOMEM;
    }
    f->max_bytes = max_bytes;
    f->max_files = max_files;
    const int n = snprintf(f->path, sizeof f->path, "%s", path);
    const char *slash = strrchr(path, '/');
    const int folder_len = slash != NULL ? (int)(slash - path) : 1;
    ll_err err = n > 0 && (size_t)n < sizeof f->path ? LL_OK : LL_EINVAL;
    if (err == LL_OK) {
        snprintf(f->folder, sizeof f->folder, "%.*s/", folder_len, slash != NULL ? path : ".");
        err = fs_make_dirs(f->folder);
    }
    if (err == LL_OK) {
        err = open_file(f);
    }
    if (err != LL_OK) {
        free(f);
        return err;
    }
    *out = f;
    return LL_OK;
}

void linefile_close(struct linefile *f)
{
    if (f == NULL) {
        return;
    }
    if (f->fd >= 0) {
        fs->close(f->fd);
    }
    free(f);
}

ll_err linefile_append(struct linefile *f, const char *text, size_t len)
{
    ll_err err = f->fd >= 0 ? LL_OK : open_file(f);
    if (err == LL_OK && f->size > 0 && f->size + len > f->max_bytes) {
        err = rotate(f);
    }
    if (err != LL_OK) {
        return err;
    }
    err = fs_write_all(f->fd, text, len, f->size);
    if (err == LL_OK && fs->fdatasync(f->fd) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err != LL_OK) {
        /* Where it cannot be cut here, opening it anew cuts the torn line, and whole ones may stand
         * in it twice. */
        const int rc = fs->ftruncate(f->fd, (off_t)f->size);
        (void)rc;
        fs->close(f->fd);
        f->fd = -1;
        return err;
    }
    f->size += len;
    return LL_OK;
}
