#include "codec/scan.h"

#include "base/check.h"

enum { DECIMAL_TEXT_MAX = 48 };

void scanner_init(struct scanner *scanner)
{
	scan_levels_fn *ways[3];
	memset(scanner, 0, sizeof *scanner);
	CHECK(scan_levels_ways(ways) > 0);
	scanner->levels = ways[0];
}

struct scan_prefix *scanner_slot(struct scanner *scanner, struct str frame)
{
	CHECK(frame.len >= 64);
	/* Behind `{"stream":"` and `{"topic":"`, or what tells raw frames apart: their
	 * first keys and the event's first letters. */
	uint64_t named = scan_load8(frame.ptr + 11) ^ scan_load8(frame.ptr + 19) * 31 ^
			 scan_load8(frame.ptr + 27) * 1009;
	uint64_t raw = scan_load8(frame.ptr) & 0xffffffffffu;
	bool is_named = frame.ptr[2] == 's' || frame.ptr[2] == 't';
	uint64_t hash = (is_named ? named : raw) * 0x9e3779b97f4a7c15u;
	return &scanner->prefixes[hash >> 56];
}

bool scan_decimal_slow(struct scan *scan, struct decimal *out)
{
	if (scan->p >= scan->end)
		return false;
	size_t left = (size_t)(scan->end - scan->p);
	struct str text = str_make(scan->p, left < DECIMAL_TEXT_MAX ? left : DECIMAL_TEXT_MAX);
	size_t n = str_find_char(text, '"');
	if (n == text.len || text.ptr[0] == '-' ||
	    decimal_parse(str_make(text.ptr, n), out) != STATUS_OK)
		return false;
	scan->p += n;
	return true;
}

static bool is_symbol_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool scan_symbol_slow(struct scan *scan, struct scan_prefix *prefix, struct str *out)
{
	size_t n = 0;
	while (scan->p + n < scan->end && is_symbol_char(scan->p[n]))
		n++;
	if (n == 0 || n > SYMBOL_BYTES_MAX)
		return false;
	prefix->symbol_len = n <= SCAN_SYMBOL_BYTES ? (uint8_t)n : 0;
	if (prefix->symbol_len) {
		memcpy(prefix->symbol, scan->p, n);
		/* With SCAN_SYMBOL_BYTES + 1 bytes the quote always has room. */
		prefix->symbol[n] = '"';
	}
	*out = str_make(scan->p, n);
	scan->p += n;
	return true;
}
