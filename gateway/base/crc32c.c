/* Uses the processor's instruction where there is one (SSE 4.2, ARMv8 CRC), chosen at run time, and
 * eight table look-ups for eight bytes elsewhere. */
#include "gateway/base/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL_REVERSED 0x82f63b78U

static uint32_t tables[8][256];

static void fill_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) {
            c = (c >> 1) ^ ((c & 1) != 0 ? POLYNOMIAL_REVERSED : 0);
        }
        tables[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int t = 1; t < 8; t++) {
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
        }
    }
}

static uint32_t by_table(uint32_t c, const unsigned char *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = tables[7][c & 0xff] ^ tables[6][(c >> 8) & 0xff] ^ tables[5][(c >> 16) & 0xff] ^
            tables[4][c >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^
            tables[0][p[7]];
    }
    for (; len > 0; p++, len--) {
        c = (c >> 8) ^ tables[0][(c ^ *p) & 0xff];
    }
    return c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t c, const unsigned char *p,
                                                                 size_t len)
{
    uint64_t wide = c;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    c = (uint32_t)wide;
    for (; len > 0; p++, len--) {
        c = _mm_crc32_u8(c, *p);
    }
    return c;
}
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
#include <arm_acle.h>
#include <sys/auxv.h>

static bool has_instruction(void)
{
    const unsigned long hwcap_crc32 = 1UL << 7;
    return (getauxval(AT_HWCAP) & hwcap_crc32) != 0;
}

__attribute__((target("+crc"))) static uint32_t by_instruction(uint32_t c, const unsigned char *p,
                                                               size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        c = __crc32cd(c, word);
    }
    for (; len > 0; p++, len--) {
        c = __crc32cb(c, *p);
    }
    return c;
}
#else
static bool has_instruction(void)
{
    return false;
}

static uint32_t by_instruction(uint32_t c, const unsigned char *p, size_t len)
{
    return by_table(c, p, len);
}
#endif

static bool use_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    fill_tables();
    use_instruction = has_instruction();
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&once, prepare);
    return ~(use_instruction ? by_instruction(~crc, data, len) : by_table(~crc, data, len));
}
