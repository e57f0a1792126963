#include <string.h>
#include <sys/stat.h>

#include "gateway/base/buf.h"
#include "gateway/base/fs.h"
#include "gateway/base/log.h"
#include "gateway/conf/conf.h"

#define SECRET_FILE_MAX 65536

/* The first line into `out`; LL_EFORMAT where it is empty or the file holds a zero byte. */
static ll_err first_line(const struct buf *text, char *out, size_t out_len)
{
    const char *line = buf_str(text);
    const size_t len = strcspn(line, "\r\n");
    if (len == 0 || strlen(line) < text->len) {
        return LL_EFORMAT;
    }
    if (len >= out_len) {
        return LL_ELIMIT;
    }
    memcpy(out, line, len);
    out[len] = '\0';
    return LL_OK;
}

ll_err conf_secret(const char *path, char *out, size_t out_len)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0) {
        log_warn("conf", "secret_readable", "file=%s advice=\"chmod o-r\"", path);
    }
    struct buf text;
    buf_init(&text, SECRET_FILE_MAX);
    ll_err err = fs_read_file(path, &text);
    if (err == LL_OK) {
        err = first_line(&text, out, out_len);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.cap);
    }
    buf_free(&text);
    return err;
}
