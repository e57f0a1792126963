#include "simulator/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "gateway/base/fs.h"

static ll_err read_password(const char *path, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    ll_err err = fs_read_file(path, &text);
    if (err == LL_OK) {
        const size_t len = strcspn(buf_str(&text), "\r\n");
        memcpy(out, buf_str(&text), len);
        out[len] = '\0';
    }
    buf_free(&text);
    return err;
}

ll_err session_open(const struct sim_options *o, struct session *out)
{
    struct session s = {.options = o};
    ll_err err = LL_OK;
    if (o->password_file != NULL) {
        err = read_password(o->password_file, s.password, sizeof s.password);
        if (err != LL_OK) {
            fprintf(stderr, "%s: cannot be read: %s\n", o->password_file, ll_err_str(err));
            return err;
        }
    }
    if (o->books != NULL) {
        s.books = fopen(o->books, "we");
        if (s.books == NULL) {
            err = ll_err_from_errno(errno);
            fprintf(stderr, "%s: cannot be written: %s\n", o->books, ll_err_str(err));
            return err;
        }
        fputs("device,seq,channel,ts_ms,value\n", s.books);
    }
    *out = s;
    const struct publisher_config conf = {
        .uri = o->uri,
        .username = o->username,
        .password = o->password_file != NULL ? out->password : NULL,
        .connections = (size_t)o->connections,
        .books = s.books,
    };
    err = publisher_new(&conf, &out->publisher);
    if (err != LL_OK) {
        fprintf(stderr, "lifelinesim: no connection to %s: %s\n", o->uri,
                err == LL_ESTATE ? "stopped by a signal" : ll_err_str(err));
        if (s.books != NULL) {
            fclose(s.books);
        }
    }
    return err;
}

static void print_summary(const struct sim_options *o, const struct publisher_totals *t)
{
    const double rate = t->seconds > 0 ? (double)t->messages / t->seconds : 0;
    printf(o->json ? "{\"messages\":%" PRIu64 ",\"readings\":%" PRIu64
                     ",\"unacknowledged\":%" PRIu64 ",\"refused\":%" PRIu64
                     ",\"lost_connections\":%" PRIu64 ",\"seconds\":%.3f,\"messages_per_s\":%.1f}\n"
                   : "messages=%" PRIu64 " readings=%" PRIu64 " unacknowledged=%" PRIu64
                     " refused=%" PRIu64 " lost_connections=%" PRIu64
                     " seconds=%.3f messages_per_s=%.1f\n",
           t->messages, t->readings, t->unacknowledged, t->refused, t->lost_connections, t->seconds,
           rate);
}

int session_close(struct session *s, ll_err err)
{
    const ll_err finish = publisher_finish(s->publisher);
    const struct publisher_totals totals = publisher_totals(s->publisher);
    publisher_free(s->publisher);
    ll_err books = finish == LL_EIO ? LL_EIO : LL_OK;
    if (s->books != NULL && fclose(s->books) != 0) {
        books = LL_EIO;
    }
    if (books != LL_OK) {
        fprintf(stderr, "%s: could not be written\n", s->options->books);
    }
    print_summary(s->options, &totals);
    return (err == LL_OK || err == LL_ESTATE) && finish == LL_OK && books == LL_OK ? SIM_DONE
                                                                                   : SIM_FAILED;
}

void session_print_diag(const struct diag *d)
{
    for (size_t i = 0; i < diag_kept(d); i++) {
        fprintf(stderr, "%s\n", d->text[i]);
    }
    if (d->count > diag_kept(d)) {
        fprintf(stderr, "and %zu more\n", d->count - diag_kept(d));
    }
}
