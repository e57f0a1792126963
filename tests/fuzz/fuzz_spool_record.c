/* Spool records as a damaged disk may give them: refused, or taken apart into lines that are the
 * whole text in order and whose readings sum to the record's. */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/export/lines.h"
#include "gateway/export/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct journal_record r = {.seq = 1, .type = 0x80, .data = data, .len = size};
    struct spool_record s;
    if (spool_parse(&r, &s) != LL_OK) {
        return 0;
    }
    demand(s.source_seq > 0 && s.count <= s.total);
    demand(s.text + s.len == (const char *)data + size);
    struct lines lines = lines_over(s.text, s.len, s.count);
    struct line_part part;
    const char *at = s.text;
    uint64_t readings = 0;
    while (lines_next(&lines, &part)) {
        demand(part.text == at && part.len > 0 && part.text[part.len - 1] == '\n');
        at += part.len;
        readings += part.readings;
    }
    demand(at == s.text + s.len && readings == s.count);
    return 0;
}
