/* Damage that readers meet: counted, logged, and copied for whoever wants to look into it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/journal/journal_internal.h"
#include "gateway/model/counters.h"

#define COPY_BYTES 16384

/* Whether another copy of `len` bytes may go into the folder. */
static bool has_room(const char *dir, uint64_t len)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        return false;
    }
    uint64_t files = 0;
    uint64_t bytes = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            files++;
            bytes += (uint64_t)st.st_size;
        }
    }
    closedir(d);
    return files < LL_MAX_DAMAGED_FILES && bytes + len <= LL_MAX_DAMAGED_BYTES;
}

static ll_err copy_range(int from, uint64_t at, uint64_t len, int to)
{
    char part[COPY_BYTES];
    for (uint64_t done = 0; done < len;) {
        const size_t want = len - done < sizeof part ? (size_t)(len - done) : sizeof part;
        size_t got;
        ll_err err = fs_read_some(from, part, want, at + done, &got);
        if (err == LL_OK) {
            err = fs_write_all(to, part, got, done);
        }
        if (err != LL_OK || got < want) {
            return err;
        }
        done += got;
    }
    return LL_OK;
}

/* Copies the stretch to `<damaged_dir>/<folder>-<segment>-<offset>.bin`. One that was copied in an
 * earlier run is there already. */
static ll_err set_aside(const struct journal *j, uint64_t first_seq, int fd, uint64_t at,
                        uint64_t len)
{
    const char *slash = strrchr(j->dir, '/');
    char path[LL_MAX_PATH];
    const int n = snprintf(path, sizeof path, "%s/%s-%016" PRIx64 "-%" PRIu64 ".bin",
                           j->damaged_dir, slash != NULL ? slash + 1 : j->dir, first_seq, at);
    if (n < 0 || (size_t)n >= sizeof path) {
        return LL_EINVAL;
    }
    ll_err err = fs_make_dirs(j->damaged_dir);
    if (err != LL_OK) {
        return err;
    }
    if (!has_room(j->damaged_dir, len)) {
        return LL_ELIMIT;
    }
    const int to = fs->open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (to < 0) {
        return ll_err_from_errno(errno);
    }
    err = copy_range(fd, at, len, to);
    if (fs->close(to) != 0 && err == LL_OK) {
        err = LL_EIO;
    }
    return err;
}

void journal_report_damage(struct journal *j, const struct segment *seg, int fd, uint64_t at,
                           uint64_t len, uint64_t lost)
{
    pthread_mutex_lock(&j->lock);
    const size_t kept = sizeof j->reported / sizeof j->reported[0];
    bool known = false;
    for (size_t i = 0; i < kept && i < j->damaged; i++) {
        known = known || (j->reported[i].first_seq == seg->first_seq && j->reported[i].at == at);
    }
    if (!known) {
        j->reported[j->damaged % kept].first_seq = seg->first_seq;
        j->reported[j->damaged % kept].at = at;
        j->damaged++;
    }
    pthread_mutex_unlock(&j->lock);
    if (known) {
        return;
    }
    counter_add(COUNTER_JOURNAL_DAMAGED, 1);
    const char *kept_as = "nothing";
    if (j->damaged_dir[0] != '\0' && fd >= 0 && len > 0) {
        const ll_err err = set_aside(j, seg->first_seq, fd, at, len);
        kept_as = err == LL_OK || err == LL_EEXIST ? "copy" : ll_err_str(err);
    }
    log_error("journal", "damaged",
              "log=%s segment=%016" PRIx64 " offset=%" PRIu64 " bytes=%" PRIu64
              " records_lost=%" PRIu64 " kept=\"%s\"",
              j->dir, seg->first_seq, at, len, lost, kept_as);
}
