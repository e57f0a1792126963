/* CSV: whatever the bytes, rows end, stay within their caps and are UTF-8 without zero bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/utf8.h"
#include "gateway/registry/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv;
    struct csv_row row;
    const char *why = NULL;
    size_t rows = 0;
    ll_err err;
    csv_init(&csv, data, size);
    while ((err = csv_next(&csv, &row, &why)) != LL_EEND) {
        size_t bytes = 0;
        for (size_t i = 0; i < row.count; i++) {
            const size_t len = strlen(row.field[i]);
            bytes += len + 1;
            if (!utf8_valid(row.field[i], len)) {
                abort();
            }
        }
        /* Each row takes at least a byte, so a reader that stands still is found. */
        if (++rows > size || bytes > LL_MAX_CSV_ROW || row.count > LL_MAX_CSV_COLUMNS ||
            (err == LL_OK) != (row.count > 0) || (err != LL_OK && why == NULL)) {
            abort();
        }
    }
    csv_free(&csv);
    return 0;
}
