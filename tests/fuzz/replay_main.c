/*
 * Runs a fuzz harness over files without libFuzzer: fuzz_x [--mutate N] FILE|FOLDER...
 *
 * Each file is run as it is, then N times with a few bytes changed. The changes depend on the
 * file's content and their number alone, so that a failure repeats. On a failure the last line says
 * which input it was. Exit status 2: no file was found.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/buf.h"
#include "gateway/base/crc32c.h"
#include "gateway/base/fs.h"
#include "gateway/base/limits.h"
#include "gateway/base/rng.h"

#define MAX_EDITS   8
#define MAX_RUN     32 /* bytes copied or removed at once */
#define OPEN_DIRS   8
#define MAX_MUTATED 100000 /* larger files are run as they are only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizers' own call on the way out; absent without them. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static unsigned long mutations;
static unsigned long files;
static char current[1024];

static void say_current(void)
{
    ssize_t ignored = write(STDERR_FILENO, current, strlen(current));
    (void)ignored;
}

static void on_signal(int sig)
{
    say_current();
    signal(sig, SIG_DFL);
    raise(sig);
}

/* In memory of its own size, so that a read past the end is seen. */
static void run(const char *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        perror("malloc");
        exit(2);
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static size_t below(struct rng *r, size_t limit)
{
    return limit > 0 ? (size_t)(rng_next(r) % limit) : 0;
}

/* One change to `text`, which has room for MAX_RUN more bytes. Returns the new length. */
static size_t edit(struct rng *r, char *text, size_t len)
{
    static const char telling[] = "{}[]\",:/*\\'-+.eE0123456789\n\r\t #$\x00\x7f\x80\xc0\xed\xff";
    const size_t at = below(r, len);
    const size_t left = len - at;
    const size_t run_len = 1 + below(r, left < MAX_RUN ? left : MAX_RUN);
    switch (rng_next(r) % 5) {
    case 0: /* one bit */
        if (len > 0) {
            text[at] = (char)((unsigned char)text[at] ^ 1U << below(r, 8));
        }
        return len;
    case 1: /* one byte that a parser may care for */
        if (len > 0) {
            text[at] = telling[below(r, sizeof telling - 1)];
        }
        return len;
    case 2: /* bytes put in twice */
        if (run_len <= left) {
            memmove(text + at + run_len, text + at, left);
            return len + run_len;
        }
        return len;
    case 3: /* bytes left out */
        if (run_len <= left) {
            memmove(text + at, text + at + run_len, left - run_len);
            return len - run_len;
        }
        return len;
    default: /* the end cut off */
        return below(r, 4) == 0 ? at : len;
    }
}

static void mutate(const struct buf *seed)
{
    char *text = malloc(seed->len + (size_t)MAX_EDITS * MAX_RUN + 1);
    if (text == NULL) {
        perror("malloc");
        exit(2);
    }
    const size_t name_len = strlen(current);
    for (unsigned long i = 1; i <= mutations; i++) {
        struct rng r = rng_seeded((uint64_t)crc32c(0, buf_str(seed), seed->len) << 32 | i);
        size_t len = seed->len;
        memcpy(text, buf_str(seed), len);
        snprintf(current + name_len - 1, sizeof current - name_len, ", mutation %lu\n", i);
        for (size_t edits = 1 + below(&r, MAX_EDITS); edits > 0; edits--) {
            len = edit(&r, text, len);
        }
        run(text, len);
    }
    free(text);
}

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (flag != FTW_F) {
        return 0;
    }
    struct buf seed;
    buf_init(&seed, LL_MAX_TEXT_FILE);
    const ll_err err = fs_read_file(path, &seed);
    if (err != LL_OK) {
        fprintf(stderr, "%s: %s\n", path, ll_err_str(err));
        buf_free(&seed);
        return 1;
    }
    files++;
    snprintf(current, sizeof current, "input: %.900s\n", path);
    run(buf_str(&seed), seed.len);
    if (seed.len <= MAX_MUTATED) {
        mutate(&seed);
    }
    buf_free(&seed);
    return 0;
}

int main(int argc, char **argv)
{
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        signal(deadly[i], on_signal);
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(say_current);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc) {
            mutations = strtoul(argv[++i], NULL, 10);
        } else if (nftw(argv[i], visit, OPEN_DIRS, FTW_PHYS) != 0) {
            if (errno != 0) {
                fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            }
            return 2;
        }
    }
    printf("%lu files, %lu mutations of each\n", files, mutations);
    return files > 0 ? 0 : 2;
}
