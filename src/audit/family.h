/* family.h - keys that are one thing: `{symbol}_{tf}_RSI14`, 4,000 of them, and what they cost.
 *
 * A pattern is the names' constant text with its variable parts in braces: {symbol} {tf} {id}
 * {hex} {uuid} {date} {time} {word} … (names.h says how they are found). Figures are sums over
 * the family's keys. Plain data, made by audit_run, alive as long as the audit. */
#pragma once

#include "audit/key.h"
#include "def/findings.h"

enum {
	AUDIT_FAMILIES_MAX = 8192, /* what does not fit is one family more: "{other}" */
	AUDIT_EXAMPLES = 3,
	AUDIT_TTL_BANDS = 8,  /* none, <= 1 min, 10 min, 1 h, 1 d, 7 d, 30 d, longer */
	AUDIT_IDLE_BANDS = 7, /* unknown, <= 1 min, 1 h, 1 d, 7 d, 30 d, longer */
	AUDIT_SIZE_BANDS = 7, /* bytes: <= 64, 256, 1 KB, 10 KB, 100 KB, 1 MB, more */
	AUDIT_EVIDENCE_BYTES = 160,
};

/* A family of an older audit that is no more. */
struct audit_gone {
	const char *pattern;
	int64_t keys, bytes;
};

struct audit_family {
	const char *pattern;
	enum audit_type type; /* of most of its keys */
	int64_t keys, bytes, values_bytes /* of strings: their lengths */, elements;
	int64_t no_ttl, bytes_no_ttl;
	int64_t by_type[AUDIT_TYPES], by_encoding[AUDIT_ENCODINGS];
	int64_t ttl[AUDIT_TTL_BANDS], idle[AUDIT_IDLE_BANDS], sizes[AUDIT_SIZE_BANDS];
	int64_t largest_bytes, longest_length;
	/* Of the values that were read. */
	int64_t json, json_flat, numbers, integers, texts; /* strings, by what they hold */
	const char *examples[AUDIT_EXAMPLES]; /* names, printed; NULL behind the last */
	enum audit_use use;
	char evidence[AUDIT_EVIDENCE_BYTES]; /* why it is that, for people */
	enum audit_belongs belongs;
	bool constant;       /* the pattern has no variable part */
	bool namespaced;     /* constant words up to a separator other than _ and - */
	char separator;      /* the one between its parts; 0: none, or several */
	int64_t twin;        /* index of a family that names the same thing another way; -1 */
	int64_t grown_keys;  /* since the other audit, all of them where it had no such family; */
	int64_t grown_bytes; /* INT64_MIN: there is none to compare with */
	int64_t grown_elements; /* of collections; INT64_MIN also where it did not count them */
};
