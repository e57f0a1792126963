#include "gateway/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"

#define LINE_MAX_BYTES  1024
#define LIMIT_WINDOW_NS (10LL * 1000 * LL_NS_PER_MS)
#define LIMIT_BURST     5

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set again at reload, while other threads write lines. */
static _Atomic enum log_level threshold = LOG_INFO;
static atomic_bool any_debugged; /* so that a debug line that is not wanted takes no lock */
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;
static char debug_modules[256]; /* under the lock */

void log_setup(enum log_level level, const char *modules)
{
    threshold = level;
    pthread_mutex_lock(&modules_lock);
    snprintf(debug_modules, sizeof debug_modules, "%s", modules != NULL ? modules : "");
    any_debugged = debug_modules[0] != '\0';
    pthread_mutex_unlock(&modules_lock);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool module_is_debugged(const char *module)
{
    const size_t n = strlen(module);
    bool found = false;
    pthread_mutex_lock(&modules_lock);
    for (const char *p = debug_modules; !found && *p != '\0';) {
        const size_t len = strcspn(p, ",");
        found = len == n && memcmp(p, module, n) == 0;
        p += len + (p[len] == ',');
    }
    pthread_mutex_unlock(&modules_lock);
    return found;
}

void log_write(enum log_level level, const char *module, const char *event, const char *fmt, ...)
{
    if (level > threshold && !(level == LOG_DEBUG && any_debugged && module_is_debugged(module))) {
        return;
    }
    char line[LINE_MAX_BYTES];
    char when[LL_TIME_TEXT];
    int n = snprintf(line, sizeof line, "%s %s %s %s ", wall_format(clock_wall(), when),
                     level_names[level], module, event);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    const size_t start = len;

    va_list ap;
    va_start(ap, fmt);
    n = vsnprintf(line + len, sizeof line - len, fmt, ap);
    va_end(ap);
    if (n > 0) {
        len += (size_t)n < sizeof line - len ? (size_t)n : sizeof line - len - 1;
    }
    for (size_t i = start; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    if (len > 0 && line[len - 1] == ' ') {
        len--; /* no pairs followed */
    }
    line[len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}

bool log_limit_pass(struct log_limit *limit, uint64_t *left_out)
{
    const int64_t now = clock_mono().ns;
    int64_t start = atomic_load(&limit->window_start_ns);
    if (now - start >= LIMIT_WINDOW_NS &&
        atomic_compare_exchange_strong(&limit->window_start_ns, &start, now)) {
        const bool overrun = atomic_load(&limit->left_out) > 0;
        atomic_store(&limit->in_window, overrun ? LIMIT_BURST - 1 : 0);
    }
    if (atomic_fetch_add(&limit->in_window, 1) < LIMIT_BURST) {
        *left_out = atomic_exchange(&limit->left_out, 0);
        return true;
    }
    atomic_fetch_add(&limit->left_out, 1);
    return false;
}
