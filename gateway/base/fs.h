/*
 * Files: the table of system calls that storage goes through, and a few whole-file helpers.
 *
 * For: everything that is kept on disk, so that a test can make the Nth call fail (fs_replace).
 * Not for: sockets, nor SQLite's own files.
 * Threads: any. The helpers return codes and log nothing.
 */
#ifndef LL_BASE_FS_H
#define LL_BASE_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

/* Each entry behaves as the system call of its name. */
struct fs_calls {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *data, size_t len, off_t at);
    ssize_t (*pwrite)(int fd, const void *data, size_t len, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t len);
    int (*fallocate)(int fd, off_t at, off_t len);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
};

extern const struct fs_calls fs_system_calls;
/* The table in use. */
extern const struct fs_calls *fs;

/* For tests, before any thread starts; NULL restores the system's. `calls` is borrowed. */
void fs_replace(const struct fs_calls *calls);

/* Writes all of it, across short writes and EINTR. */
ll_err fs_write_all(int fd, const void *data, size_t len, uint64_t at);
/* Reads until `len` bytes or the end of the file; *got says how many. */
ll_err fs_read_some(int fd, void *data, size_t len, uint64_t at, size_t *got);

/* The folder and its missing parents, mode 0750. */
ll_err fs_make_dirs(const char *path);
/* fsync of a folder, so that names in it survive a power cut. */
ll_err fs_sync_dir(const char *path);
/* Temporary file, fsync, rename, fsync of the folder: the old or the new content, never a mix.
 * Mode 0640. */
ll_err fs_replace_file(const char *path, const void *data, size_t len);
/* The whole file appended to `out`; LL_ELIMIT where it does not fit. */
ll_err fs_read_file(const char *path, struct buf *out);
/* Bytes free for this user on the file system that holds `path`. */
ll_err fs_free_bytes(const char *path, uint64_t *out);

#endif
