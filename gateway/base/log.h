/*
 * Logs to standard error: `time level module event key=value…`, one line an event.
 *
 * For: what an operator or a tester needs to see. Not for: counting (model/counters.h does that;
 * a drop has both a counter and a line here). Values must not hold secrets.
 * Threads: any; a line is written by one write call. Failure to write is ignored.
 */
#ifndef LL_BASE_LOG_H
#define LL_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* The least severe level that is written, and the comma-separated modules whose debug lines are
 * written whatever the level ("ingest,export"), or NULL. `modules` is copied (255 bytes). */
void log_setup(enum log_level level, const char *modules);

/* "error", "warn", "info", "debug"; false where the name is none of them. */
bool log_level_parse(const char *name, enum log_level *out);

/* `module` and `event` are one word each; `fmt` gives the key=value pairs ("%s", "" for none).
 * Control characters in the values are written as '?', so that a device cannot forge a line. */
void log_write(enum log_level level, const char *module, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(module, event, ...) log_write(LOG_ERROR, module, event, __VA_ARGS__)
#define log_warn(module, event, ...)  log_write(LOG_WARN, module, event, __VA_ARGS__)
#define log_info(module, event, ...)  log_write(LOG_INFO, module, event, __VA_ARGS__)
#define log_debug(module, event, ...) log_write(LOG_DEBUG, module, event, __VA_ARGS__)

/* Rate limit: a burst of lines, then one every ten seconds that says how many were left out.
 * Zero-initialised, usually static, one for each reason. */
struct log_limit {
    _Atomic int64_t window_start_ns;
    _Atomic uint32_t in_window;
    _Atomic uint64_t left_out;
};

/* Whether the line may be written now; *left_out gets the number suppressed since the last one
 * that was written. */
bool log_limit_pass(struct log_limit *limit, uint64_t *left_out);

#endif
