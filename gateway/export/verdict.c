#include "gateway/export/verdict.h"

#include <stddef.h>
#include <string.h>

static const struct meaning meanings[] = {
    {0, KEEP, "no answer"},
    {400, REFUSED, "lines refused"},
    {401, NO_ACCESS, "credentials refused"},
    {403, NO_ACCESS, "credentials may not write there"},
    {404, NO_ACCESS, "no such database, bucket or path"},
    {413, TOO_LARGE, "request too large"},
    {422, REFUSED, "lines refused"},
    {429, KEEP, "the database asks to slow down"},
};

struct meaning verdict_meaning(long status, const char *text, bool json_errors)
{
    if (status >= 200 && status < 300) {
        return (struct meaning){status, DONE, "done"};
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].status == status) {
            if (meanings[i].verdict == REFUSED && json_errors &&
                text[strspn(text, " \t\r\n")] != '{') {
                return (struct meaning){status, KEEP, "not an answer of the database"};
            }
            return meanings[i];
        }
    }
    return (struct meaning){status, KEEP, "not taken"};
}
