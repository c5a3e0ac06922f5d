#include "audit/key.h"

#include "audit/bytes.h"
#include "base/buf.h"
#include "base/check.h"

static const char *const types[] = { "string", "list", "set", "zset", "hash", "stream", "module" };
static const char *const encodings[] = { "?",         "raw",      "embstr",  "int",
					 "quicklist", "listpack", "ziplist", "intset",
					 "hashtable", "skiplist", "stream" };

_Static_assert(ARRAY_LEN(types) == AUDIT_TYPES, "each type has a name");
_Static_assert(ARRAY_LEN(encodings) == AUDIT_ENCODINGS, "each encoding has a name");

const char *audit_type_text(enum audit_type type)
{
	CHECK((size_t)type < AUDIT_TYPES);
	return types[type];
}

enum audit_type audit_type_find(struct str name)
{
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		if (str_eq(name, str_of(types[i])))
			return (enum audit_type)i;
	return AUDIT_TYPES;
}

const char *audit_encoding_text(enum audit_encoding encoding)
{
	CHECK((size_t)encoding < AUDIT_ENCODINGS);
	return encodings[encoding];
}

enum audit_encoding audit_encoding_find(struct str name)
{
	for (size_t i = 1; i < AUDIT_ENCODINGS; i++)
		if (str_eq(name, str_of(encodings[i])))
			return (enum audit_encoding)i;
	return AUDIT_ENC_UNKNOWN;
}

/* A product of 128 bits, folded: each bit of either factor reaches about half of the result's. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to 16 bytes as two words; the length is in the seed, so a short text and the same text
 * with NULs behind it differ. */
static uint64_t tail(const char *at, size_t len, uint64_t state, uint64_t key)
{
	struct bytes16 words = bytes_16(at, len);
	return fold(words.low ^ key, words.high ^ state);
}

uint64_t audit_digest(struct str value)
{
	/* Odd constants with about as many ones as zeros: digits of the golden ratio, of the
	 * square roots of 2 and 3. */
	static const uint64_t k0 = 0x9e3779b97f4a7c15U, k1 = 0x6a09e667f3bcc909U,
			      k2 = 0xbb67ae8584caa73bU;
	const char *at = value.ptr;
	size_t left = value.len;
	uint64_t state = k0 ^ (value.len * k1);
	for (; left > 16; left -= 16, at += 16)
		state = fold(bytes_u64(at) ^ k1, bytes_u64(at + 8) ^ state);
	state = fold(tail(at, left, state, k2), k0 ^ value.len);
	return state ? state : k0;
}

void audit_name_print(struct buf *out, struct str name)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if (c >= 0x21 && c <= 0x7e && c != '\\')
			continue;
		char escaped[] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
		buf_put(out, name.ptr + plain, i - plain);
		buf_put(out, escaped, sizeof escaped);
		plain = i + 1;
	}
	buf_put(out, name.ptr + plain, name.len - plain);
}
