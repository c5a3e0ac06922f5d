/* crc64.h - CRC-64 as dumps of Redis have it (Jones' polynomial 0xad93d23594c935a9, reflected,
 * no final xor). crc64 of "123456789" is 0xe9c6d914c4b8d9ca. Chain by passing the last result;
 * start with 0. Any thread. Eight bytes a step; with carry-less multiplication where the
 * machine has it, 64. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t crc64(uint64_t crc, const void *bytes, size_t len);
/* The same by the tables alone, for machines without it. */
uint64_t crc64_portable(uint64_t crc, const void *bytes, size_t len);
