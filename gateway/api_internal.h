/*
 * What the files of the API share: answers, arguments, the audit log, and the handlers that the
 * route table names. Threads: the console's.
 */
#ifndef LL_API_INTERNAL_H
#define LL_API_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/api.h"

struct json_object;

/* The books, and the sources' and the destinations' parts of them, as of one moment. */
struct api_books {
    struct ledger_view view;
    struct source_list sources;
    size_t destination_count;
    struct uploader_status destinations[LL_MAX_DESTINATIONS];
};
void api_books(struct api *api, struct api_books *out);
/* "destinations":[…] */
void api_write_destinations(const struct api_books *books, struct buf *out);

/* When the gateway started, by today's wall clock, which may have been set since. */
struct wall_ms api_started(const struct api *api);

/* Answers with the status that stands for `err`. */
void api_fail(struct console_answer *ans, ll_err err);
/* The same, unless the answer holds words on it already, as pipeline_command gives them. */
void api_fail_with_words(struct console_answer *ans, ll_err err);
/* api_fail, unless it is LL_OK. */
void api_finish(struct console_answer *ans, ll_err err);

/* A query argument as a number of at most `most`; `fallback` where it is absent. False: it was no
 * such number, and 400 is answered. */
bool api_query_number(const struct console_request *req, struct console_answer *ans,
                      const char *key, uint64_t fallback, uint64_t most, uint64_t *out);
/* A query argument, or "". */
const char *api_query_text(const struct console_request *req, const char *key);
/* The body as a JSON object, which the caller puts; NULL: it was none, and 400 is answered. */
struct json_object *api_body(const struct console_request *req, struct console_answer *ans);

/* Appends "key":"text". */
void api_write_text(struct buf *out, const char *key, const char *text);

/* Writes to the audit log. A failure is logged: what was done is done. */
void api_audit(struct api *api, const struct console_request *req, const char *what,
               const char *object, const char *before, const char *after);

typedef void api_handler(void *ctx, const struct console_request *req, struct console_answer *ans);

api_handler api_get_ledger;
api_handler api_get_metrics;

api_handler api_get_alarms;
api_handler api_get_alarm;
api_handler api_ack_alarm;
api_handler api_get_audit;

api_handler api_get_assets;
api_handler api_get_asset;
api_handler api_import_assets;
api_handler api_get_devices;
api_handler api_get_device;
api_handler api_import_devices;
api_handler api_get_profiles;
api_handler api_get_profile;
api_handler api_import_profiles;
api_handler api_get_fields;
api_handler api_release_fields;

#endif
