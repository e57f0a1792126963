#include "gateway/export/sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/buf.h"
#include "gateway/base/limits.h"
#include "gateway/export/gzip.h"
#include "gateway/export/linefile.h"

#define STATUS_DONE 204
#define MIB         (1024 * 1024)

struct sink {
    struct linefile *file; /* or, where this is NULL: */
    struct http *http;
    struct gzip *gzip; /* NULL: not compressed */
    struct buf packed;
};

ll_err sink_new(const struct conf_destination *conf, const atomic_bool *stop, struct sink **out)
{
    struct sink *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LL_ENOMEM;
    }
    /* A batch overshoots by a record at most, and gzip adds a few bytes to what does not shrink. */
    buf_init(&s->packed, (size_t)conf->batch_bytes + 2 * (size_t)LL_MAX_MESSAGE);
    ll_err err;
    if (conf->type == DESTINATION_FILE) {
        err = linefile_open(conf->path, (uint64_t)conf->max_mib * MIB, (unsigned)conf->max_files,
                            &s->file);
    } else {
        err = conf->gzip ? gzip_new(&s->gzip) : LL_OK;
        if (err == LL_OK) {
            err = http_new(conf, stop, &s->http);
        }
    }
    if (err != LL_OK) {
        sink_free(s);
        return err;
    }
    *out = s;
    return LL_OK;
}

void sink_free(struct sink *s)
{
    if (s == NULL) {
        return;
    }
    linefile_close(s->file);
    http_free(s->http);
    gzip_free(s->gzip);
    buf_free(&s->packed);
    free(s);
}

static void write_file(struct sink *s, const char *text, size_t len, struct http_answer *out)
{
    const ll_err err = linefile_append(s->file, text, len);
    out->status = err == LL_OK ? STATUS_DONE : 0;
    out->stopped = false;
    out->retry_after_ms = 0;
    snprintf(out->text, sizeof out->text, "%s", err == LL_OK ? "" : ll_err_str(err));
}

void sink_send(struct sink *s, const char *text, size_t len, struct http_answer *out)
{
    if (s->file != NULL) {
        write_file(s, text, len, out);
        return;
    }
    /* Where there is no memory to compress, the text goes as it is. */
    const bool packed = s->gzip != NULL && gzip_pack(s->gzip, text, len, &s->packed) == LL_OK;
    http_post(s->http, packed ? s->packed.data : text, packed ? s->packed.len : len, packed, out);
}
