/* Damage that is met: counted, logged, and kept for whoever wants to look into it. */
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

#define COPY_BYTES    16384
#define STRETCH       ".bin"
#define SEGMENT_ASIDE ".log.damaged"

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* Whether another file of `len` bytes may go into the folder; those of others do not count. */
static bool has_room(const struct journal *j, uint64_t len)
{
    DIR *d = opendir(j->damaged_dir);
    if (d == NULL) {
        return false;
    }
    uint64_t files = 0;
    uint64_t bytes = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        if ((ends_with(e->d_name, STRETCH) || ends_with(e->d_name, SEGMENT_ASIDE)) &&
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            files++;
            bytes += (uint64_t)st.st_size;
        }
    }
    closedir(d);
    return files < LL_MAX_DAMAGED_FILES && bytes + len <= j->options.damaged_bytes;
}

/* "<damaged_dir>/<folder>-<segment><rest>" into `out`, where `len` more bytes have room. */
static ll_err make_place(const struct journal *j, uint64_t first_seq, const char *rest,
                         uint64_t len, char out[LL_MAX_PATH])
{
    const char *slash = strrchr(j->dir, '/');
    const int n = snprintf(out, LL_MAX_PATH, "%s/%s-%016" PRIx64 "%s", j->damaged_dir,
                           slash != NULL ? slash + 1 : j->dir, first_seq, rest);
    if (n < 0 || n >= LL_MAX_PATH) {
        return LL_EINVAL;
    }
    const ll_err err = fs_make_dirs(j->damaged_dir);
    if (err != LL_OK) {
        return err;
    }
    return has_room(j, len) ? LL_OK : LL_ELIMIT;
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

/* One that was copied in an earlier run is there already. */
static ll_err copy_stretch(const struct journal *j, uint64_t first_seq, int fd, uint64_t at,
                           uint64_t len)
{
    char rest[32 + sizeof STRETCH];
    char path[LL_MAX_PATH];
    snprintf(rest, sizeof rest, "-%" PRIu64 STRETCH, at);
    ll_err err = make_place(j, first_seq, rest, len, path);
    if (err != LL_OK) {
        return err;
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

static ll_err move_segment(const struct journal *j, const char *path, uint64_t first_seq,
                           uint64_t size)
{
    char to[LL_MAX_PATH];
    ll_err err = LL_OK;
    if (j->damaged_dir[0] != '\0') {
        err = make_place(j, first_seq, SEGMENT_ASIDE, size, to);
    } else if (snprintf(to, sizeof to, "%s.damaged", path) >= LL_MAX_PATH) {
        err = LL_EINVAL;
    }
    if (err == LL_ELIMIT && fs->unlink(path) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err == LL_OK && fs->rename(path, to) != 0) {
        err = ll_err_from_errno(errno);
    }
    return err;
}

void journal_set_segment_aside(struct journal *j, const char *path, uint64_t first_seq,
                               uint64_t size)
{
    const ll_err err = move_segment(j, path, first_seq, size);
    j->damaged++;
    counter_add(COUNTER_JOURNAL_DAMAGED, 1);
    counter_add(COUNTER_JOURNAL_NOT_KEPT, err != LL_OK);
    log_error("journal", "segment_damaged", "file=%s bytes=%" PRIu64 " kept=\"%s\"", path, size,
              err == LL_OK ? "moved" : ll_err_str(err));
}

void journal_report_damage(struct journal *j, const struct segment *seg, int fd, uint64_t at,
                           uint64_t len, uint64_t lost)
{
    pthread_mutex_lock(&j->lock);
    const size_t noted = sizeof j->reported / sizeof j->reported[0];
    bool known = false;
    for (size_t i = 0; i < noted && i < j->damaged; i++) {
        known = known || (j->reported[i].first_seq == seg->first_seq && j->reported[i].at == at);
    }
    if (!known) {
        j->reported[j->damaged % noted].first_seq = seg->first_seq;
        j->reported[j->damaged % noted].at = at;
        j->damaged++;
    }
    pthread_mutex_unlock(&j->lock);
    if (known) {
        return;
    }
    counter_add(COUNTER_JOURNAL_DAMAGED, 1);
    const char *kept_as = "nothing";
    if (j->damaged_dir[0] != '\0' && fd >= 0 && len > 0) {
        const ll_err err = copy_stretch(j, seg->first_seq, fd, at, len);
        const bool kept = err == LL_OK || err == LL_EEXIST;
        kept_as = kept ? "copy" : ll_err_str(err);
        counter_add(COUNTER_JOURNAL_NOT_KEPT, !kept);
    }
    log_error("journal", "damaged",
              "log=%s segment=%016" PRIx64 " offset=%" PRIu64 " bytes=%" PRIu64
              " records_lost=%" PRIu64 " kept=\"%s\"",
              j->dir, seg->first_seq, at, len, lost, kept_as);
}
