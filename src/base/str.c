#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (tolower((unsigned char)a.ptr[i]) != tolower((unsigned char)b.ptr[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int diff = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (diff)
		return diff;
	return a.len < b.len ? -1 : a.len > b.len;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s)
{
	while (s.len && is_blank(s.ptr[0]))
		s = str_skip(s, 1);
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

size_t str_find_char(struct str s, char c)
{
	const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return hit ? (size_t)(hit - s.ptr) : s.len;
}

bool str_split(struct str *rest, char sep, struct str *part)
{
	if (!rest->ptr)
		return false;
	size_t at = str_find_char(*rest, sep);
	*part = str_make(rest->ptr, at);
	*rest = at == rest->len ? (struct str){ 0 } : str_skip(*rest, at + 1);
	return true;
}

enum status str_to_u64(struct str s, uint64_t *out)
{
	if (s.len == 0)
		return STATUS_FORMAT;
	uint64_t value = 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.ptr[i] - '0');
		if (digit > 9)
			return STATUS_FORMAT;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return STATUS_RANGE;
	}
	*out = value;
	return STATUS_OK;
}

enum status str_to_i64(struct str s, int64_t *out)
{
	bool negative = s.len && s.ptr[0] == '-';
	uint64_t magnitude;
	enum status status = str_to_u64(negative ? str_skip(s, 1) : s, &magnitude);
	if (status)
		return status;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return STATUS_RANGE;
	*out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return STATUS_OK;
}

uint64_t str_hash(struct str s)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ (hash >> 32);
}

/* Unicode 15, table 3-7. */
size_t str_utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	size_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (s.len < len)
		return 0;
	unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	return len;
}

enum status str_copy(struct str s, char *dst, size_t dst_size)
{
	if (s.len >= dst_size)
		return STATUS_FULL;
	if (s.len)
		memcpy(dst, s.ptr, s.len);
	dst[s.len] = 0;
	return STATUS_OK;
}

char *str_dup(struct str s)
{
	char *copy = malloc(s.len + 1);
	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = 0;
	return copy;
}
