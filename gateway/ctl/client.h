/*
 * Requests to the gateway's API over its Unix socket, and safe access to what comes back.
 *
 * An answer is foreign: it is capped, parsed by json-c, and each member's type is checked where it
 * is read. Threads: one. A failure is told on c->err here, since only this file knows its words.
 */
#ifndef LL_CTL_CLIENT_H
#define LL_CTL_CLIENT_H

#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/ctl/ctl.h"

struct json_object;

struct client_answer {
    struct buf text;
    struct json_object *root; /* an object or an array; owned by the answer */
};

/* A path to build a request's with; the calls below free it. */
struct buf client_path(const char *start);
/* Appends `text` as part of a path or a query, percent-encoded. */
void client_escape(struct buf *path, const char *text);

/* `body` NULL: GET, else POST. On CTL_OK the answer is the caller's to free; else there is none. */
enum ctl_exit client_call(struct ctl *c, struct buf *path, const struct buf *body,
                          struct client_answer *out);
void client_free(struct client_answer *a);
void client_close(struct ctl *c);

/* With --json: calls and prints what came. *done says whether that was all there is to do; else the
 * answer is the caller's. */
enum ctl_exit client_get(struct ctl *c, struct buf *path, struct client_answer *out, bool *done);

/* Members of an object, which may be NULL: "" or 0 or NULL where absent or of another type. */
const char *member_text(struct json_object *object, const char *key);
int64_t member_int(struct json_object *object, const char *key);
bool member_true(struct json_object *object, const char *key);
struct json_object *member_object(struct json_object *object, const char *key);
/* An array with its length; NULL and 0. */
struct json_object *member_array(struct json_object *object, const char *key, size_t *count);

#endif
