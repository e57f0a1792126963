/* Files that people write: any bytes are read or refused with a message, and each value that was
 * read has a line within the text. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/jsonfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned lines_of(const char *text, size_t len)
{
    unsigned lines = 1;
    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

/* Asks for the line of every value, as the readers of such files do. */
static void visit(const struct jsonfile *f, struct json_object *value, const char *path,
                  unsigned last)
{
    const unsigned line = jsonfile_line(f, path);
    if (line < 1 || line > last) {
        abort();
    }
    char child[200];
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value) && i < 50; i++) {
            snprintf(child, sizeof child, "%.150s[%zu]", path, i);
            visit(f, json_object_array_get_idx(value, i), child, last);
        }
    } else if (json_object_is_type(value, json_type_object)) {
        struct json_object_iterator it = json_object_iter_begin(value);
        const struct json_object_iterator end = json_object_iter_end(value);
        for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
            snprintf(child, sizeof child, "%.150s%s%.40s", path, path[0] != '\0' ? "." : "",
                     json_object_iter_peek_name(&it));
            visit(f, json_object_iter_peek_value(&it), child, last);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct diag d;
    d.count = 0;
    struct jsonfile *f = NULL;
    if (jsonfile_parse("fuzz.json", (const char *)data, size, &d, &f) != LL_OK) {
        if (d.count == 0 || f != NULL) {
            abort();
        }
        return 0;
    }
    visit(f, jsonfile_root(f), "", lines_of((const char *)data, size));
    jsonfile_free(f);
    return 0;
}
