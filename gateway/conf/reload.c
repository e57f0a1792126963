/*
 * What changed between two configurations and cannot change in a running gateway.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/conf/schema.h"

static bool differs(const struct setting *row, const void *a, const void *b);

static bool list_differs(const struct setting *list, const char *a, const char *b)
{
    size_t count;
    if (memcmp(a + list->count_at, b + list->count_at, sizeof count) != 0) {
        return true;
    }
    memcpy(&count, a + list->count_at, sizeof count);
    for (size_t i = 0; i < count; i++) {
        const size_t at = list->offset + i * list->size;
        for (size_t r = 0; r < list->rows.count; r++) {
            if (differs(&list->rows.rows[r], a + at, b + at)) {
                return true;
            }
        }
    }
    return false;
}

static bool differs(const struct setting *row, const void *a, const void *b)
{
    const char *x = (const char *)a + row->offset;
    const char *y = (const char *)b + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_ID:
    case SETTING_PATH:
        return strcmp(x, y) != 0;
    case SETTING_CHOICE:
    case SETTING_BOOL:
    case SETTING_INT:
        return memcmp(x, y, row->size) != 0;
    case SETTING_LIST:
        return list_differs(row, a, b);
    case SETTING_SECTION:
        break; /* its rows are compared one by one */
    }
    return false;
}

static void add_name(char *out, size_t out_len, const char *section, const char *key)
{
    const size_t n = strlen(out);
    snprintf(out + n, out_len - n, "%s%s%s%s", n > 0 ? ", " : "", section,
             section[0] != '\0' ? "." : "", key);
}

void conf_not_reloadable(const struct conf *running, const struct conf *next, char *out,
                         size_t out_len)
{
    out[0] = '\0';
    for (size_t i = 0; i < conf_schema.count; i++) {
        const struct setting *top = &conf_schema.rows[i];
        const bool section = top->type == SETTING_SECTION;
        const struct setting *rows = section ? top->rows.rows : top;
        const size_t count = section ? top->rows.count : 1;
        for (size_t r = 0; r < count; r++) {
            if (!rows[r].reloadable && differs(&rows[r], running, next)) {
                add_name(out, out_len, section ? top->key : "", rows[r].key);
            }
        }
    }
}
