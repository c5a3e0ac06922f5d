/* allocations.h - counts what the program under test allocates, for the promise that
 * nothing is allocated after create. Include it in one file of a program. Where a
 * sanitizer owns malloc nothing is counted and the count stays 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOCATIONS_UNCOUNTED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATIONS_UNCOUNTED
#endif

static uint64_t allocations_count;

#ifndef ALLOCATIONS_UNCOUNTED
/* glibc's own, under the names it keeps for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	allocations_count++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations_count++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations_count++;
	return __libc_realloc(old, size);
}
#endif
