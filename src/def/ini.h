/* ini.h - INI text, one item after another: sections, `key = value`, errors.
 *
 * The form is config.h's. Names are of letters, digits and _ . - and, of sections, : @ and
 * blanks inside; of keys / & + ! $ ^ too (brokers' symbols).
 * A broken line gives one INI_BAD and reading goes on with the next. Pure; survives
 * any bytes. Lines and columns count from 1, columns in characters. */
#pragma once

#include "base/buf.h"

enum { INI_LINE_BYTES = 4096 };

enum ini_kind { INI_END, INI_SECTION, INI_ENTRY, INI_BAD };

struct ini_item {
	enum ini_kind kind;
	struct str name;  /* section or key */
	struct str value; /* ENTRY: unquoted; valid until the next call */
	const char *why;  /* BAD */
	uint32_t line;
	uint32_t column;       /* of the name, or of what is wrong */
	uint32_t value_column; /* ENTRY */
};

struct ini {
	struct str rest; /* not read yet; ptr NULL: all read */
	struct str text; /* of the line being read */
	uint32_t line;
	char value[INI_LINE_BYTES]; /* a quoted value without its quotes */
};

void ini_init(struct ini *ini, struct str text);
struct ini_item ini_next(struct ini *ini);
