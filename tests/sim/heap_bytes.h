/* heap_bytes.h - counts the bytes of heap that are in use, for the promise that memory is
 * flat. Exact, unlike what the allocator says of itself: it counts as used what it keeps
 * for later. Include it in one file of a program. Where a sanitizer owns malloc nothing is
 * counted, and HEAP_UNCOUNTED is defined. */
#pragma once

#include <malloc.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_UNCOUNTED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_UNCOUNTED
#endif

static size_t heap_bytes;

#ifndef HEAP_UNCOUNTED
/* glibc's own, under the names it keeps for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

static void *heap_counted(void *made)
{
	heap_bytes += made ? malloc_usable_size(made) : 0;
	return made;
}

void *malloc(size_t size) { return heap_counted(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return heap_counted(__libc_calloc(count, size)); }

void *realloc(void *old, size_t size)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	void *made = __libc_realloc(old, size);
	if (made || size == 0)
		heap_bytes -= before;
	return heap_counted(made);
}

void free(void *old)
{
	heap_bytes -= old ? malloc_usable_size(old) : 0;
	__libc_free(old);
}
#endif
