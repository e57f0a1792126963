/*
 * A file's name is "<time ms, 13 digits or more>-<sequence>-<8 hex digits>.json". The digits are a
 * checksum of what makes two originals of one message different, so that the same one put in again
 * (after a restart from an older checkpoint) finds its file there.
 */
#include "gateway/store/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/crc32c.h"
#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/base/log.h"
#include "gateway/base/utf8.h"
#include "gateway/model/counters.h"

#define NAME_TEXT      64
#define PATH_TEXT      (LL_MAX_PATH + NAME_TEXT)
#define TEMPORARY      "new.tmp"
#define KEPT_BYTES     ((size_t)LL_MAX_MESSAGE_KEPT)
#define FILE_BYTES     (64UL * 1024) /* the payload that is kept, escaped, and the rest */
#define COUNT_AGAIN_MS 60000 /* a full folder is counted again: files may be deleted by hand */

struct name {
    int64_t time_ms;
    uint64_t seq;
    uint32_t digits;
};

struct quarantine {
    char dir[LL_MAX_PATH]; /* constant, as are the caps */
    uint64_t max_files;
    uint64_t max_bytes;

    pthread_mutex_t lock; /* the rest, and the temporary file */
    uint64_t files;
    uint64_t bytes;
    uint64_t skipped;
    struct mono_ns counted;
    struct buf text;
    struct log_limit full_limit;
    struct log_limit failed_limit;
};

static void format_name(const struct name *n, char out[NAME_TEXT])
{
    snprintf(out, NAME_TEXT, "%013" PRId64 "-%" PRIu64 "-%08" PRIx32 ".json", n->time_ms, n->seq,
             n->digits);
}

static bool parse_name(const char *text, struct name *out)
{
    char *end;
    struct name n;
    n.time_ms = strtoll(text, &end, 10);
    n.seq = *end == '-' ? strtoull(end + 1, &end, 10) : 0;
    n.digits = *end == '-' ? (uint32_t)strtoul(end + 1, &end, 16) : 0;
    char again[NAME_TEXT];
    format_name(&n, again);
    if (strcmp(text, again) != 0) { /* strto… take more than the format gives */
        return false;
    }
    *out = n;
    return true;
}

static bool is_newer(const struct name *a, const struct name *b)
{
    if (a->time_ms != b->time_ms) {
        return a->time_ms > b->time_ms;
    }
    return a->seq != b->seq ? a->seq > b->seq : a->digits > b->digits;
}

/* Puts `n` where it belongs among the newest `limit`. */
static void keep_newest(struct name *newest, size_t *count, size_t limit, const struct name *n)
{
    size_t at = *count;
    while (at > 0 && is_newer(n, &newest[at - 1])) {
        at--;
    }
    if (at == limit) {
        return;
    }
    if (*count < limit) {
        ++*count;
    }
    memmove(&newest[at + 1], &newest[at], (*count - at - 1) * sizeof *newest);
    newest[at] = *n;
}

/* Counts the files and their bytes, and finds the newest `limit` (which may be 0). Lock held. */
static ll_err count_files(struct quarantine *q, struct name *newest, size_t *found, size_t limit)
{
    *found = 0;
    DIR *d = opendir(q->dir);
    if (d == NULL) {
        return ll_err_from_errno(errno);
    }
    q->files = 0;
    q->bytes = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct name n;
        struct stat st;
        if (parse_name(e->d_name, &n) &&
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            q->files++;
            q->bytes += (uint64_t)st.st_size;
            keep_newest(newest, found, limit, &n);
        }
    }
    closedir(d);
    q->counted = clock_mono();
    return LL_OK;
}

ll_err quarantine_open(const char *dir, uint64_t max_files, uint64_t max_bytes,
                       struct quarantine **out)
{
    if (strlen(dir) >= LL_MAX_PATH) {
        return LL_EINVAL;
    }
    struct quarantine *q = calloc(1, sizeof *q);
    if (q == NULL) {
        return LL_ENOMEM;
    }
    memcpy(q->dir, dir, strlen(dir) + 1);
    q->max_files = max_files;
    q->max_bytes = max_bytes;
    pthread_mutex_init(&q->lock, NULL);
    buf_init(&q->text, FILE_BYTES);
    size_t found;
    ll_err err = fs_make_dirs(dir);
    if (err == LL_OK) {
        err = count_files(q, NULL, &found, 0);
    }
    if (err != LL_OK) {
        quarantine_close(q);
        return err;
    }
    *out = q;
    return LL_OK;
}

void quarantine_close(struct quarantine *q)
{
    if (q != NULL) {
        buf_free(&q->text);
        pthread_mutex_destroy(&q->lock);
        free(q);
    }
}

/* RFC 4648, section 4. */
static void write_base64(const char *data, size_t len, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < len; i += 3) {
        const uint32_t bits = (uint32_t)p[i] << 16 | (i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0) |
                              (i + 2 < len ? (uint32_t)p[i + 2] : 0);
        buf_char(out, digits[bits >> 18]);
        buf_char(out, digits[bits >> 12 & 63]);
        buf_char(out, i + 1 < len ? digits[bits >> 6 & 63] : '=');
        buf_char(out, i + 2 < len ? digits[bits & 63] : '=');
    }
}

/* How much of the payload is kept; a cut does not part the bytes of one character. */
static size_t kept_of(const struct quarantine_item *item)
{
    if (item->payload_len <= KEPT_BYTES) {
        return item->payload_len;
    }
    for (size_t shorter = 0; shorter < 4; shorter++) {
        if (utf8_valid(item->payload, KEPT_BYTES - shorter)) {
            return KEPT_BYTES - shorter;
        }
    }
    return KEPT_BYTES;
}

static void write_string(struct buf *out, const char *key, const char *text, size_t len)
{
    buf_printf(out, ",\"%s\":", key);
    buf_json_str(out, text, len);
}

static void write_item(const struct quarantine_item *item, struct buf *out)
{
    char when[LL_TIME_TEXT];
    const size_t kept = kept_of(item);
    const size_t topic_len = item->topic_len < LL_MAX_TOPIC ? item->topic_len : LL_MAX_TOPIC;
    buf_reset(out);
    buf_printf(out, "{\"time\":\"%s\",\"seq\":%" PRIu64, wall_format(item->time, when), item->seq);
    write_string(out, "source", item->source, strlen(item->source));
    write_string(out, "topic", item->topic, topic_len);
    write_string(out, "reason", item->reason, strlen(item->reason));
    write_string(out, "detail", item->detail, strlen(item->detail));
    buf_printf(out, ",\"payload_bytes\":%zu", item->payload_len);
    if (utf8_valid(item->payload, kept)) {
        write_string(out, "payload", item->payload, kept);
    } else {
        buf_str_add(out, ",\"payload_base64\":\"");
        write_base64(item->payload, kept, out);
        buf_char(out, '"');
    }
    buf_str_add(out, "}\n");
}

/* Intake records are told apart by sequence, reason and source. What has no sequence is told apart
 * by its payload too. */
static struct name name_of(const struct quarantine_item *item)
{
    uint32_t digits = crc32c(0, item->source, strlen(item->source) + 1);
    digits = crc32c(digits, item->reason, strlen(item->reason) + 1);
    if (item->seq == 0) {
        digits = crc32c(digits, item->payload, item->payload_len);
    }
    return (struct name){
        .time_ms = item->time.ms > 0 ? item->time.ms : 0, .seq = item->seq, .digits = digits};
}

/* Whole or not at all for a killed process; not synced, since a flood of refused messages must not
 * wait for the disk and a power cut may take some of them. */
static ll_err write_file(const struct quarantine *q, const char *path)
{
    char temporary[PATH_TEXT];
    snprintf(temporary, sizeof temporary, "%s/%s", q->dir, TEMPORARY);
    const int fd = fs->open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return ll_err_from_errno(errno);
    }
    ll_err err = fs_write_all(fd, q->text.data, q->text.len, 0);
    if (fs->close(fd) != 0 && err == LL_OK) {
        err = ll_err_from_errno(errno);
    }
    if (err == LL_OK && fs->rename(temporary, path) != 0) {
        err = ll_err_from_errno(errno);
    }
    if (err != LL_OK) {
        fs->unlink(temporary);
    }
    return err;
}

static bool has_room(struct quarantine *q)
{
    if (q->files < q->max_files && q->bytes + q->text.len <= q->max_bytes) {
        return true;
    }
    if (mono_elapsed_ms(q->counted, clock_mono()) < COUNT_AGAIN_MS) {
        return false;
    }
    size_t found;
    return count_files(q, NULL, &found, 0) == LL_OK && q->files < q->max_files &&
           q->bytes + q->text.len <= q->max_bytes;
}

/* Writes the item; LL_EEXIST where it is there already, LL_ELIMIT where a cap is reached. */
static ll_err keep(struct quarantine *q, const struct quarantine_item *item)
{
    const struct name name = name_of(item);
    char file[NAME_TEXT];
    char path[PATH_TEXT];
    format_name(&name, file);
    snprintf(path, sizeof path, "%s/%s", q->dir, file);
    if (access(path, F_OK) == 0) {
        return LL_EEXIST;
    }
    write_item(item, &q->text);
    if (!buf_ok(&q->text)) {
        return LL_ENOMEM;
    }
    if (!has_room(q)) {
        return LL_ELIMIT;
    }
    const ll_err err = write_file(q, path);
    if (err == LL_OK) {
        q->files++;
        q->bytes += q->text.len;
    }
    return err;
}

bool quarantine_add(struct quarantine *q, const struct quarantine_item *item)
{
    pthread_mutex_lock(&q->lock);
    const ll_err err = keep(q, item);
    if (err != LL_OK && err != LL_EEXIST) {
        q->skipped++;
    }
    pthread_mutex_unlock(&q->lock);
    if (err == LL_EEXIST) {
        return true;
    }
    if (err == LL_OK) {
        counter_add(COUNTER_QUARANTINE_FILES, 1);
        return true;
    }
    counter_add(COUNTER_QUARANTINE_SKIPPED, 1);
    uint64_t left_out;
    if (log_limit_pass(err == LL_ELIMIT ? &q->full_limit : &q->failed_limit, &left_out)) {
        log_warn("store", "not_quarantined",
                 "folder=%s source=%s reason=%s seq=%" PRIu64 " error=\"%s\" left_out=%" PRIu64,
                 q->dir, item->source, item->reason, item->seq, ll_err_str(err), left_out);
    }
    return false;
}

/* The object that one file holds, with the file's name added. */
static void write_listed(const char *file, const struct buf *text, struct buf *out)
{
    struct json_object *object = json_tokener_parse(buf_str(text));
    if (!json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        object = json_object_new_object();
        json_object_object_add(object, "reason", json_object_new_string("unreadable"));
    }
    json_object_object_add(object, "file", json_object_new_string(file));
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    buf_str_add(out, json_object_to_json_string_ext(object, flags));
    json_object_put(object);
}

ll_err quarantine_list(struct quarantine *q, size_t limit, struct buf *out)
{
    limit = limit < LL_MAX_ROWS ? limit : LL_MAX_ROWS;
    struct name *newest = calloc(limit + 1, sizeof *newest);
    if (newest == NULL) {
        return LL_ENOMEM;
    }
    size_t found;
    pthread_mutex_lock(&q->lock);
    const ll_err err = count_files(q, newest, &found, limit);
    const uint64_t files = q->files;
    const uint64_t bytes = q->bytes;
    const uint64_t skipped = q->skipped;
    pthread_mutex_unlock(&q->lock);
    if (err != LL_OK) {
        free(newest);
        return err;
    }
    buf_printf(out,
               "{\"total\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"items\":[",
               files, bytes, skipped);
    struct buf text;
    buf_init(&text, FILE_BYTES);
    for (size_t i = 0; i < found; i++) {
        char file[NAME_TEXT];
        char path[PATH_TEXT];
        format_name(&newest[i], file);
        snprintf(path, sizeof path, "%s/%s", q->dir, file);
        buf_reset(&text);
        (void)fs_read_file(path, &text); /* what cannot be read is listed as unreadable */
        buf_str_add(out, i > 0 ? "," : "");
        write_listed(file, &text, out);
    }
    buf_str_add(out, "]}");
    buf_free(&text);
    free(newest);
    return buf_err(out);
}
