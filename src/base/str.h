/* str.h - a slice of bytes by value. Owns nothing; not NUL-terminated.
 * Any thread. Length 0 with ptr NULL is the empty string. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct str {
	const char *ptr;
	size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_ARG(s)   (int)(s).len, (s).ptr /* for "%.*s" */

static inline struct str str_of(const char *text)
{
	return (struct str){ text, text ? strlen(text) : 0 };
}

static inline struct str str_make(const char *ptr, size_t len) { return (struct str){ ptr, len }; }

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

static inline struct str str_skip(struct str s, size_t n)
{
	return n >= s.len ? (struct str){ s.ptr + s.len, 0 } : (struct str){ s.ptr + n, s.len - n };
}

bool str_eq_nocase(struct str a, struct str b);
int str_cmp(struct str a, struct str b); /* bytewise, shorter first */
struct str str_trim(struct str s);       /* blanks, tabs, CR, LF at both ends */
/* Position of c, or s.len. */
size_t str_find_char(struct str s, char c);
/* Takes the part before the next `sep` off the front of *rest. False once *rest
 * has been used up; "a,,b" gives "a", "", "b". Start with rest->ptr not NULL. */
bool str_split(struct str *rest, char sep, struct str *part);
/* Whole decimal text, sign allowed; RANGE on overflow, FORMAT otherwise. */
MUST_CHECK enum status str_to_i64(struct str s, int64_t *out);
MUST_CHECK enum status str_to_u64(struct str s, uint64_t *out);
/* 64-bit hash (FNV-1a with a final mix); stable across runs and machines. */
uint64_t str_hash(struct str s);
/* Bytes of the well-formed UTF-8 character at the front; 0 when there is none. */
size_t str_utf8_len(struct str s);
/* Copies into a NUL-terminated array; FULL and *dst untouched when too long. */
MUST_CHECK enum status str_copy(struct str s, char *dst, size_t dst_size);
/* A NUL-terminated copy, to be freed; NULL: no memory. */
char *str_dup(struct str s);

#ifdef __cplusplus
}
#endif
