/*
 * CRC32C (Castagnoli; RFC 3720, appendix B.4), the checksum of every record on disk.
 * Threads: any.
 */
#ifndef LL_BASE_CRC32C_H
#define LL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc` (0 to begin). crc32c(0, "123456789", 9) = 0xe3069283. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
