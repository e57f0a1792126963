/*
 * What every unit test program shares: its main function, a leak check on file descriptors, and a
 * temporary folder.
 *
 * cmocka wants its four headers in front of its own; they are here so that no test repeats them.
 */
#ifndef LL_TESTS_UNIT_H
#define LL_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char unit_dir[256];

static inline int unit_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* One folder for the whole program, made at the first call and removed by unit_main. */
static inline char *unit_tmpdir(void)
{
    if (unit_dir[0] == '\0') {
        const char *base = getenv("TMPDIR");
        snprintf(unit_dir, sizeof unit_dir, "%s/lifeline-unit-XXXXXX", base ? base : "/tmp");
        if (mkdtemp(unit_dir) == NULL) {
            perror(unit_dir);
            exit(2);
        }
    }
    return unit_dir;
}

static inline int unit_open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return -1;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static inline int unit_main(const char *name, const struct CMUnitTest *tests, size_t count)
{
    const int before = unit_open_files();
    int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    const int after = unit_open_files();
    if (after != before) {
        fprintf(stderr, "file descriptors: %d before the tests, %d after\n", before, after);
        failed++;
    }
    if (unit_dir[0] != '\0') {
        nftw(unit_dir, unit_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
    return failed == 0 ? 0 : 1;
}

#define UNIT_MAIN(tests)                                                       \
    int main(void)                                                             \
    {                                                                          \
        return unit_main(__FILE__, tests, sizeof(tests) / sizeof((tests)[0])); \
    }

#endif
