/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4). crc32c of "123456789"
 * is 0xE3069283. Chain by passing the last result; start with 0. Any thread.
 * Uses the SSE4.2 instruction where the machine has it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
