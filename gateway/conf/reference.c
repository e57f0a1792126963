/*
 * The settings as Markdown, for people. config/README.md is this text; a test compares them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/conf/schema.h"

#define REFERENCE_MAX 65536

static const char head[] =
    "# Settings of lifelined.json\n"
    "\n"
    "One JSON file, with comments. `lifelined --check-config FILE` names each fault in it with its "
    "line. A key that is left out has its default; a key that is not listed here is an error. "
    "Relative paths start at the folder of the configuration file. Secrets stand in files of their "
    "own, which `password_file` and `token_file` name. After `SIGHUP` a running gateway takes over "
    "the settings marked \"reload\", and says which other ones changed and wait for a restart.\n"
    "\n"
    "This text is made from the table that reads the file (`gateway/conf/schema.c`).\n";

static void add_values(struct buf *out, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        buf_str_add(out, "text");
        break;
    case SETTING_ID:
        buf_str_add(out, "letters, digits, `.` `_` `-` `:`");
        break;
    case SETTING_PATH:
        buf_str_add(out, "path");
        break;
    case SETTING_CHOICE:
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            buf_printf(out, "%s`\"%s\"`", i > 0 ? " or " : "", row->choices[i]);
        }
        break;
    case SETTING_BOOL:
        buf_str_add(out, "`true` or `false`");
        break;
    case SETTING_INT:
        buf_printf(out, "%" PRId64 " to %" PRId64 " %s", row->min, row->max, row->unit);
        break;
    case SETTING_LIST:
        buf_printf(out, "array of %" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case SETTING_SECTION:
        break;
    }
}

static void add_default(struct buf *out, const struct setting *row)
{
    const bool bare =
        row->type == SETTING_INT || row->type == SETTING_BOOL || row->type == SETTING_LIST;
    if (row->fallback == NULL) {
        buf_str_add(out, "must be given");
    } else {
        buf_printf(out, bare ? "`%s`" : "`\"%s\"`", row->fallback);
    }
}

/* Which values of its table's choice have the setting, where not all do. */
static void add_only(struct buf *out, const struct setting *choice, const struct setting *row)
{
    const char *before = "(";
    for (size_t i = 0; row->only != 0 && choice != NULL && choice->choices[i] != NULL; i++) {
        if ((row->only & 1U << i) != 0) {
            buf_printf(out, "%s%s", before, choice->choices[i]);
            before = ", ";
        }
    }
    buf_str_add(out, row->only != 0 ? ") " : "");
}

static void add_table(struct buf *out, const struct schema *s)
{
    buf_str_add(out, "\n| key | value | default | meaning |\n|---|---|---|---|\n");
    const struct setting *choice = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *row = &s->rows[i];
        choice = row->type == SETTING_CHOICE ? row : choice;
        buf_printf(out, "| `%s` | ", row->key);
        add_values(out, row);
        buf_str_add(out, " | ");
        add_default(out, row);
        buf_str_add(out, " | ");
        add_only(out, choice, row);
        buf_printf(out, "%s%s |\n", row->help, row->reloadable ? " *(reload)*" : "");
    }
}

/* A list of objects has a table of its own. */
static void add_list(struct buf *out, const char *section, const struct setting *list)
{
    const bool plain = list->rows.rows[0].key == NULL;
    if (!plain) {
        buf_printf(out, "\n## `%s%s%s[]`\n", section, section[0] != '\0' ? "." : "", list->key);
        if (section[0] == '\0') {
            buf_printf(out, "\n%s At most %" PRId64 ".\n", list->help, list->max);
        }
        add_table(out, &list->rows);
    }
}

void conf_reference(struct buf *out)
{
    buf_str_add(out, head);
    for (size_t i = 0; i < conf_schema.count; i++) {
        const struct setting *top = &conf_schema.rows[i];
        if (top->type == SETTING_LIST) {
            add_list(out, "", top);
            continue;
        }
        buf_printf(out, "\n## `%s`\n\n%s\n", top->key, top->help);
        add_table(out, &top->rows);
        for (size_t r = 0; r < top->rows.count; r++) {
            if (top->rows.rows[r].type == SETTING_LIST) {
                add_list(out, top->key, &top->rows.rows[r]);
            }
        }
    }
}

void conf_print_reference(void)
{
    struct buf out;
    buf_init(&out, REFERENCE_MAX);
    conf_reference(&out);
    fputs(buf_str(&out), stdout);
    buf_free(&out);
}
