#include "gateway/base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID_DIGITS 8 /* of the UUID's first group: enough to tell two starts apart */

struct wall_ms clock_wall(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct wall_ms){(int64_t)ts.tv_sec * LL_MS_PER_S + ts.tv_nsec / LL_NS_PER_MS};
}

struct mono_ns clock_mono(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct mono_ns){(int64_t)ts.tv_sec * LL_MS_PER_S * LL_NS_PER_MS + ts.tv_nsec};
}

int64_t clock_up_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * LL_MS_PER_S + ts.tv_nsec / LL_NS_PER_MS;
}

uint64_t clock_boot_id(void)
{
    char text[BOOT_ID_DIGITS + 1] = {0};
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t n = read(fd, text, BOOT_ID_DIGITS);
    close(fd);
    return n == BOOT_ID_DIGITS ? strtoull(text, NULL, 16) : 0;
}

bool clock_synchronised(void)
{
    struct timex t = {.modes = 0};
    return adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
}

int64_t mono_elapsed_ms(struct mono_ns from, struct mono_ns to)
{
    return (to.ns - from.ns) / LL_NS_PER_MS;
}

struct mono_ns mono_after(struct mono_ns t, int64_t ms)
{
    return (struct mono_ns){t.ns + ms * LL_NS_PER_MS};
}

void clock_cond_init(pthread_cond_t *out)
{
    pthread_condattr_t attr; /* on Linux none of these calls can fail */
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(out, &attr);
    pthread_condattr_destroy(&attr);
}

char *wall_format(struct wall_ms t, char *out)
{
    time_t s = (time_t)(t.ms / LL_MS_PER_S);
    int ms = (int)(t.ms % LL_MS_PER_S);
    if (ms < 0) {
        ms += LL_MS_PER_S;
        s--;
    }
    struct tm tm;
    if (gmtime_r(&s, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        snprintf(out, LL_TIME_TEXT, "%" PRId64 "ms", t.ms);
        return out;
    }
    /* strftime writes the year 7 without zeros in front. */
    snprintf(out, LL_TIME_TEXT, "%04u", (unsigned)(tm.tm_year + 1900) % 10000U);
    const size_t n = 4 + strftime(out + 4, LL_TIME_TEXT - 4, "-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, LL_TIME_TEXT - n, ".%03uZ", (unsigned)ms % 1000U);
    return out;
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years of 365.2425 days that
 * begin in March, so that the leap day comes last. */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t yoe = year - era * 400;
    const int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

bool clock_parse_date(const char *text, int64_t *days_out)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    for (int i = 0; i < 10; i++) {
        if (i != 4 && i != 7 && (text[i] < '0' || text[i] > '9')) {
            return false;
        }
    }
    unsigned y = 0;
    for (int i = 0; i < 4; i++) {
        y = y * 10 + (unsigned)(text[i] - '0');
    }
    unsigned m = (unsigned)(text[5] - '0') * 10 + (unsigned)(text[6] - '0');
    unsigned d = (unsigned)(text[8] - '0') * 10 + (unsigned)(text[9] - '0');
    if (m < 1 || m > 12 || d < 1) {
        return false;
    }
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > lengths[m - 1] + (m == 2 && leap ? 1U : 0U)) {
        return false;
    }
    *days_out = clock_days_from_civil((int64_t)y, m, d);
    return true;
}
