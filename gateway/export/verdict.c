#include "gateway/export/verdict.h"

#include <stddef.h>
#include <string.h>

enum body { ANY, EMPTY, OF_DATABASE, JSON };

static const struct {
    struct meaning meaning;
    enum body body; /* that the answer must have to mean it */
} rows[] = {
    {{0, KEEP, "no answer"}, ANY},
    /* Servers that speak InfluxDB's protocol. One with a page to show is no database. */
    {{200, DONE, "done"}, EMPTY},
    /* InfluxDB Cloud has answered so where it took some of the lines. */
    {{201, REFUSED, "lines refused"}, JSON},
    {{204, DONE, "done"}, ANY},
    {{400, REFUSED, "lines refused"}, OF_DATABASE},
    {{401, NO_ACCESS, "credentials refused"}, ANY},
    {{403, NO_ACCESS, "credentials may not write there"}, ANY},
    {{404, NO_ACCESS, "no such database, bucket or path"}, ANY},
    {{413, TOO_LARGE, "request too large"}, ANY},
    {{422, REFUSED, "lines refused"}, OF_DATABASE},
    {{429, KEEP, "the database asks to slow down"}, ANY},
};

struct meaning verdict_meaning(long status, const char *text, bool json_errors)
{
    const char first = text[strspn(text, " \t\r\n")];
    const bool has[] = {
        [ANY] = true,
        [EMPTY] = first == '\0',
        [OF_DATABASE] = !json_errors || first == '{',
        [JSON] = first == '{',
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].meaning.status == status) {
            return has[rows[i].body]
                       ? rows[i].meaning
                       : (struct meaning){status, KEEP, "not an answer of the database"};
        }
    }
    return (struct meaning){status, KEEP, "not taken"};
}
