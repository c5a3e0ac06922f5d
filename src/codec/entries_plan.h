/* entries_plan.h - the fields of packed entries in the order in which they are coded, and
 * the words and shapes that every chunk knows from the start. All of it is the format. */
#pragma once

#include "codec/entries.h"
#include "codec/entries_table.h"

enum entries_kind {
	ENTRIES_TEXT,   /* its column's set of words */
	ENTRIES_NUMBER, /* digits remembered by field */
	ENTRIES_PRICE,  /* digits remembered by symbol */
	ENTRIES_SID,
	ENTRIES_SV,
	ENTRIES_ORDER, /* by its broker's series of tickets */
	ENTRIES_RID,
};

struct entries_step {
	uint8_t field, kind, column, digits; /* digits: of a NUMBER, until told otherwise */
};

enum {
	ENTRIES_SETS = ENTRIES_C_TY - ENTRIES_C_INS + 1, /* of words, one a text column */
	ENTRIES_SET_INS = 0,
	ENTRIES_SET_ST = ENTRIES_C_ST - ENTRIES_C_INS,
	ENTRIES_SET_SD = ENTRIES_C_SD - ENTRIES_C_INS,
	ENTRIES_SET_SYM = ENTRIES_C_SYM - ENTRIES_C_INS,
	ENTRIES_SET_ID = ENTRIES_C_ID - ENTRIES_C_INS,
	ENTRIES_SET_RS = ENTRIES_C_RS - ENTRIES_C_INS,
	ENTRIES_SET_CM = ENTRIES_C_CM - ENTRIES_C_INS,
	ENTRIES_SET_ACCT = ENTRIES_C_ACCT - ENTRIES_C_INS,
	ENTRIES_WORD_SELL = 1, /* of SD */
};

struct entries_plan {
	const struct entries_step *steps;
	size_t step_count;
	const struct str *names;
	size_t fields;
	const uint32_t *shapes; /* a bit for each field that is there */
	size_t shape_count;
};

extern const struct entries_plan entries_plans[ENTRIES_TABLES];

struct entries_known {
	const struct str *words;
	size_t count;
};
extern const struct entries_known entries_known[ENTRIES_SETS];
