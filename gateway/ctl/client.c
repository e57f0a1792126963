#include "gateway/ctl/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "gateway/base/limits.h"

/* Above the gateway's own limit on commands, and enough for the import of a large city. */
#define TIMEOUT_S         300L
#define CONNECT_TIMEOUT_S 5L
/* A path with its query: names from the command line, each byte percent-encoded. */
#define PATH_BYTES ((size_t)4 * LL_MAX_PATH)

struct buf client_path(const char *start)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    buf_str_add(&path, start);
    return path;
}

void client_escape(struct buf *path, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char b = (unsigned char)*text;
        /* RFC 3986, section 2.3 */
        if ((b < 0x80 && isalnum(b)) || strchr("-._~", b) != NULL) {
            buf_char(path, *text);
        } else {
            buf_printf(path, "%%%02X", b);
        }
    }
}

static size_t keep(char *data, size_t size, size_t count, void *out)
{
    struct buf *text = out;
    buf_add(text, data, size * count);
    return buf_ok(text) ? size * count : 0;
}

static enum ctl_exit tell_unreachable(const struct ctl *c, CURLcode rc)
{
    long sys_errno = 0;
    curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &sys_errno);
    if (rc == CURLE_OPERATION_TIMEDOUT) {
        return ctl_fail(c, CTL_UNREACHABLE, "the gateway at %s does not answer", c->socket_path);
    }
    if (rc != CURLE_COULDNT_CONNECT) {
        return ctl_fail(c, CTL_UNREACHABLE, "no answer from the gateway at %s: %s", c->socket_path,
                        curl_easy_strerror(rc));
    }
    const char *reason = strerrordesc_np((int)sys_errno);
    char words[LL_MAX_NAME];
    snprintf(words, sizeof words, "%s",
             sys_errno != 0 && reason != NULL ? reason : "no connection");
    words[0] = (char)tolower((unsigned char)words[0]);
    return ctl_fail(c, CTL_UNREACHABLE,
                    "cannot reach the gateway at %s: %s. %s Another socket: "
                    "--socket PATH",
                    c->socket_path, words,
                    sys_errno == EACCES ? "Are you in the socket's group?"
                                        : "Is lifelined running?");
}

/* A refusal in the gateway's words, with each fault of an import on a line of its own. */
static enum ctl_exit tell_refusal(const struct ctl *c, struct json_object *root, long status)
{
    size_t count;
    struct json_object *faults = member_array(root, "faults", &count);
    for (size_t i = 0; i < count; i++) {
        const char *fault = json_object_get_string(json_object_array_get_idx(faults, i));
        ctl_fail(c, CTL_REFUSED, "%s", fault != NULL ? fault : "");
    }
    const int64_t total = member_int(root, "total");
    if (total > (int64_t)count && count > 0) {
        ctl_fail(c, CTL_REFUSED, "and %lld more", (long long)(total - (int64_t)count));
    }
    const char *words = member_text(root, "error");
    if (words[0] == '\0') {
        return ctl_fail(c, CTL_REFUSED, "the gateway answered with status %ld", status);
    }
    return ctl_fail(c, CTL_REFUSED, "%s", words);
}

static struct json_object *parse(const struct buf *text)
{
    struct json_tokener *tokener = json_tokener_new_ex(LL_MAX_JSON_DEPTH);
    if (tokener == NULL) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, buf_str(text), (int)text->len);
    json_tokener_free(tokener);
    if (!json_object_is_type(root, json_type_object) &&
        !json_object_is_type(root, json_type_array)) {
        json_object_put(root);
        return NULL;
    }
    return root;
}

static CURLcode perform(struct ctl *c, const char *path, const struct buf *body, struct buf *text,
                        long *status)
{
    struct buf url;
    buf_init(&url, PATH_BYTES + LL_MAX_NAME);
    buf_printf(&url, "http://lifelined%s", path);
    if (c->curl == NULL) {
        c->curl = curl_easy_init();
    }
    CURL *curl = c->curl;
    if (curl == NULL || !buf_ok(&url)) {
        buf_free(&url);
        return CURLE_OUT_OF_MEMORY;
    }
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, buf_str(&url));
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket_path);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_str(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    }
    const CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    buf_free(&url);
    return rc;
}

enum ctl_exit client_call(struct ctl *c, struct buf *path, const struct buf *body,
                          struct client_answer *out)
{
    struct client_answer a = {0};
    long status = 0;
    buf_init(&a.text, LL_MAX_HTTP_ANSWER);
    enum ctl_exit result = CTL_OK;
    if (!buf_ok(path)) {
        result = ctl_fail(c, CTL_USAGE, "a name on the command line is too long");
        goto fail;
    }
    const CURLcode rc = perform(c, buf_str(path), body, &a.text, &status);
    if (rc != CURLE_OK) {
        result = tell_unreachable(c, rc);
        goto fail;
    }
    a.root = parse(&a.text);
    if (status >= 400) {
        result = tell_refusal(c, a.root, status);
        goto fail;
    }
    if (a.root == NULL) {
        result = ctl_fail(c, CTL_UNREACHABLE,
                          "what answers at %s is no gateway: it does not speak "
                          "JSON",
                          c->socket_path);
        goto fail;
    }
    buf_free(path);
    *out = a;
    return CTL_OK;

fail:
    buf_free(path);
    client_free(&a);
    return result;
}

enum ctl_exit client_get(struct ctl *c, struct buf *path, struct client_answer *out, bool *done)
{
    const enum ctl_exit status = client_call(c, path, NULL, out);
    *done = status != CTL_OK || c->json;
    if (status == CTL_OK && c->json) {
        fprintf(c->out, "%s\n", buf_str(&out->text));
        client_free(out);
    }
    return status;
}

void client_free(struct client_answer *a)
{
    json_object_put(a->root);
    buf_free(&a->text);
}

void client_close(struct ctl *c)
{
    if (c->curl != NULL) {
        curl_easy_cleanup(c->curl);
        c->curl = NULL;
    }
}

static struct json_object *member(struct json_object *object, const char *key, json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type)) {
        return NULL;
    }
    return value;
}

const char *member_text(struct json_object *object, const char *key)
{
    struct json_object *value = member(object, key, json_type_string);
    return value != NULL ? json_object_get_string(value) : "";
}

int64_t member_int(struct json_object *object, const char *key)
{
    return json_object_get_int64(member(object, key, json_type_int));
}

bool member_true(struct json_object *object, const char *key)
{
    return json_object_get_boolean(member(object, key, json_type_boolean));
}

struct json_object *member_object(struct json_object *object, const char *key)
{
    return member(object, key, json_type_object);
}

struct json_object *member_array(struct json_object *object, const char *key, size_t *count)
{
    struct json_object *value = member(object, key, json_type_array);
    *count = value != NULL ? json_object_array_length(value) : 0;
    return value;
}
