/* pattern.h - patterns of key names, and names made of what they matched.
 *
 * A pattern is written over the printed spelling of a name (audit_name_print: bytes outside
 * 0x21–0x7E, and the backslash, as \xHH). It is literal text with
 *   {part}   a variable part, one of the classes below, or with any other name one or more
 *            bytes that are none of the separators : _ - . / |
 *   *        any bytes, none too
 * Classes, as an audit names them (audit/names.h): {symbol} 2 or more letters and digits, not
 * digits alone, and BTC-PERP, BTC/USDT, BTC/USDT:USDT; {tf} 1m 4h 1d H4 M15; {id} digits; {n} one
 * or two; {hex} 8 or more hexadecimal digits, not decimal alone below 32; {uuid}; {date}; {time}
 * unix s, ms, us, ns, or a date with a time of day; {ip} {email} {token}; {word}; {bytes} {text}
 * {rest} any bytes. A digit behind a class tells several apart: {symbol2}. The first way in which
 * all fits counts, parts being as long as they can be, from the left. Names whose print is longer
 * than PATTERN_NAME_MAX match nothing.
 *
 * A target is literal text with {part} of the pattern's, {part:upper}, {part:lower}, or {name},
 * the whole name. Pure. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum { PATTERN_PARTS_MAX = 16, PATTERN_NAME_MAX = 4096, PATTERN_BYTES_MAX = 1024 };

/* One part as it matched: name without braces; text in the printed spelling, in the name. */
struct pattern_part {
	struct str name, text;
};

struct pattern_match {
	struct pattern_part parts[PATTERN_PARTS_MAX];
	size_t count; /* of parts; a `*` is none */
};

/* Is it a pattern at all? err says where not. FORMAT. */
MUST_CHECK enum status pattern_check(struct str pattern, struct err *err);
/* Does a target use only parts that the pattern has? FORMAT. */
MUST_CHECK enum status pattern_check_target(struct str pattern, struct str target, struct err *err);
bool pattern_matches(struct str pattern, struct str printed, struct pattern_match *match);
/* The part's text; false: the pattern has none of that name. */
bool pattern_part(const struct pattern_match *match, struct str name, struct str *text);
/* The name that the target makes, as bytes (\xHH undone). A target that was checked always can. */
void pattern_render(struct buf *out, struct str target, struct str printed,
		    const struct pattern_match *match);
/* How two patterns stand to each other, tried with sample names of both: the first covers all that
 * the second matches, the other way round, both, some names are both's, or none is. */
enum pattern_relation {
	PATTERN_APART,
	PATTERN_COVERS,
	PATTERN_COVERED,
	PATTERN_ALIKE,
	PATTERN_CROSS,
};
enum pattern_relation pattern_relate(struct str a, struct str b, struct buf *example);
/* A name that it matches, printed; variant 0..PATTERN_SAMPLES-1. */
enum { PATTERN_SAMPLES = 6 };
void pattern_sample(struct buf *out, struct str pattern, size_t variant);
/* \xHH undone. */
void pattern_unprint(struct buf *out, struct str printed);
