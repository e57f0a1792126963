#include "gateway/store/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/crc32c.h"
#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/base/log.h"

#define VERSION        1
#define COUNT_AT       12 /* offset of the section count */
#define FILE_HEADER    24
#define SECTION_LENGTH 8 /* offset of the length in a section's header */
#define SECTION_HEADER 16
#define CHECKSUM       4

static const char magic[8] = {'L', 'L', 'C', 'H', 'E', 'C', 'K', '1'};

struct checkpoint {
    struct buf file;
    uint64_t seq;
    uint32_t sections;
};

/* Overwrites what stands at `at`, unless `out` failed before it had that many bytes. */
static void patch(struct buf *out, size_t at, uint64_t value, size_t bytes)
{
    if (!buf_ok(out)) {
        return;
    }
    assert(at + bytes <= out->len);
    for (size_t i = 0; i < bytes; i++) {
        out->data[at + i] = (char)(value >> (8 * i));
    }
}

void checkpoint_begin(struct buf *out, uint64_t seq)
{
    buf_reset(out);
    buf_add(out, magic, sizeof magic);
    buf_u32(out, VERSION);
    buf_u32(out, 0);
    buf_u64(out, seq);
}

size_t checkpoint_section_open(struct buf *out, enum checkpoint_tag tag, uint32_t version)
{
    const size_t start = out->len;
    buf_u32(out, (uint32_t)tag);
    buf_u32(out, version);
    buf_u64(out, 0);
    return start;
}

void checkpoint_section_close(struct buf *out, size_t start)
{
    if (!buf_ok(out)) {
        return;
    }
    patch(out, start + SECTION_LENGTH, out->len - start - SECTION_HEADER, sizeof(uint64_t));
    struct cursor c = cursor_over(out->data + COUNT_AT, sizeof(uint32_t));
    patch(out, COUNT_AT, cursor_u32(&c) + 1, sizeof(uint32_t));
}

ll_err checkpoint_end(struct buf *out)
{
    const size_t len = out->len;
    buf_u32(out, buf_ok(out) ? crc32c(0, out->data, len) : 0);
    return buf_err(out);
}

/* Steps over one section; `c` is bad if it does not fit. */
static struct cursor next_section(struct cursor *c, uint32_t *tag, uint32_t *version)
{
    *tag = cursor_u32(c);
    *version = cursor_u32(c);
    const uint64_t len = cursor_u64(c);
    struct cursor section = *c;
    if (len > cursor_left(c)) {
        c->bad = true;
    } else if (cursor_bytes(c, (size_t)len) != NULL) {
        section.end = c->at;
    }
    return section;
}

static struct cursor sections_of(const struct checkpoint *c)
{
    return cursor_over(c->file.data + FILE_HEADER, c->file.len - FILE_HEADER - CHECKSUM);
}

/* Whether the bytes are a whole checkpoint; fills in the rest of *c. */
static ll_err check(struct checkpoint *c)
{
    const size_t len = c->file.len;
    if (len < FILE_HEADER + CHECKSUM || memcmp(c->file.data, magic, sizeof magic) != 0) {
        return LL_ECORRUPT;
    }
    struct cursor end = cursor_over(c->file.data + len - CHECKSUM, CHECKSUM);
    if (cursor_u32(&end) != crc32c(0, c->file.data, len - CHECKSUM)) {
        return LL_ECORRUPT;
    }
    struct cursor head = cursor_over(c->file.data + sizeof magic, FILE_HEADER - sizeof magic);
    const uint32_t version = cursor_u32(&head);
    c->sections = cursor_u32(&head);
    c->seq = cursor_u64(&head);
    if (version != VERSION) {
        return LL_EVERSION;
    }
    struct cursor at = sections_of(c);
    for (uint32_t i = 0; i < c->sections && !at.bad; i++) {
        uint32_t tag;
        uint32_t section_version;
        (void)next_section(&at, &tag, &section_version);
    }
    return at.bad || cursor_left(&at) > 0 ? LL_ECORRUPT : LL_OK;
}

static void set_aside(const char *path)
{
    char to[LL_MAX_PATH];
    const int n = snprintf(to, sizeof to, "%s.damaged", path);
    const bool renamed = n > 0 && (size_t)n < sizeof to && fs->rename(path, to) == 0;
    log_error("store", "checkpoint_damaged", "file=%s kept=%s", path, renamed ? to : path);
}

ll_err checkpoint_load(const char *path, struct checkpoint **out)
{
    struct checkpoint *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return LL_ENOMEM;
    }
    buf_init(&c->file, LL_MAX_CHECKPOINT);
    ll_err err = fs_read_file(path, &c->file);
    err = err == LL_OK ? check(c) : err;
    if (err == LL_ECORRUPT || err == LL_EIO) { /* to wait for such a disk would be for ever */
        set_aside(path);
        err = LL_ECORRUPT;
    }
    if (err != LL_OK) {
        checkpoint_free(c);
        return err;
    }
    *out = c;
    return LL_OK;
}

void checkpoint_free(struct checkpoint *c)
{
    if (c != NULL) {
        buf_free(&c->file);
        free(c);
    }
}

uint64_t checkpoint_seq(const struct checkpoint *c)
{
    return c->seq;
}

size_t checkpoint_size(const struct checkpoint *c)
{
    return c->file.len;
}

ll_err checkpoint_section(const struct checkpoint *c, enum checkpoint_tag tag, uint32_t *version,
                          struct cursor *out)
{
    struct cursor at = sections_of(c);
    for (uint32_t i = 0; i < c->sections; i++) {
        uint32_t found;
        uint32_t found_version;
        const struct cursor data = next_section(&at, &found, &found_version);
        if (found == (uint32_t)tag) {
            *version = found_version;
            *out = data;
            return LL_OK;
        }
    }
    return LL_ENOENT;
}
