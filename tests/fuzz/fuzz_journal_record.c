/* A segment's file as a damaged disk may give it: the walk over it ends, gives only records that
 * lie within the file and whose sequences rise, and passes over every byte once. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/journal/journal_scan.h"
#include "gateway/journal/journal_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void walk(struct journal_scan *s, uint64_t size)
{
    uint64_t seq = s->seq;
    for (;;) {
        struct journal_record r;
        const ll_err err = scan_next(s, size, &r);
        if (err == LL_EEND) {
            return;
        }
        if (err == LL_OK) {
            demand(r.seq >= seq && r.len <= LL_MAX_JOURNAL_RECORD && s->at % RECORD_ALIGN == 0);
            seq = r.seq + 1;
            continue;
        }
        uint64_t found = 0;
        bool blank = false;
        demand(err == LL_ECORRUPT && scan_find(s, size, &found, &blank) == LL_OK);
        demand(found > s->at && found <= size);
        s->at = found;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_header h;
    if (segment_header_decode(data, size, &h) != LL_OK) {
        return 0;
    }
    const int fd = memfd_create("segment", MFD_CLOEXEC);
    demand(fd >= 0 && fs_write_all(fd, data, size, 0) == LL_OK);
    struct journal_scan s = {.fd = -1};
    scan_begin(&s, fd, segment_salt(h.stream), h.first_seq);
    walk(&s, size);
    scan_free(&s);
    fs->close(fd);
    return 0;
}
