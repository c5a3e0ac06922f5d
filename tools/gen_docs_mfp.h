/* gen_docs_mfp.h - mfp.md, the protocol's verbs and fields out of def/mfp.def. */
#pragma once

#include "codec/mfp.h"
#include "gen_docs_page.h"

static const struct {
	const char *name, *meaning;
} mfp_types[] = {
	[MFP_COUNT] = { "count", "a whole number from 0 to 2^63-1" },
	[MFP_INT] = { "int", "a whole number with a sign, 64 bits" },
	[MFP_NUMBER] = { "number", "a decimal number as it is printed, `-12.40`: its digits are "
				   "kept; at most 18 behind the point" },
	[MFP_WORD] = { "word", "one of those listed" },
	[MFP_TEXT] = { "text", "anything, may be empty; at most 255 bytes unescaped" },
	[MFP_NAME] = { "name", "1 to 64 of A-Z a-z 0-9 . _ -" },
	[MFP_HASH] = { "hash", "16 hexadecimal digits, lower case" },
	[MFP_HEX] = { "hex", "32 hexadecimal digits, lower case" },
};

static inline const char *mfp_from_text(enum mfp_side from)
{
	static const char *const texts[] = {
		[MFP_WEIR] = "weir", [MFP_PEER] = "terminal, agent", [MFP_ANY] = "either"
	};
	return texts[from];
}

static inline void mfp_types_table(struct buf *out)
{
	static const char *const columns[] = { "type", "value" };
	buf_printf(out, "\n## Types\n\n");
	header(out, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < ARRAY_LEN(mfp_types); i++) {
		buf_char(out, '|');
		cell(out, mfp_types[i].name);
		cell(out, mfp_types[i].meaning);
		buf_char(out, '\n');
	}
}

static inline void mfp_verbs_table(struct buf *out)
{
	static const char *const columns[] = { "verb", "name", "from", "number", "meaning" };
	static const char *const numbers[] = {
		[MFP_RELIABLE_NO] = "0", [MFP_RELIABLE_UP] = "up", [MFP_RELIABLE_DOWN] = "down"
	};
	buf_printf(out, "\n## Verbs\n\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++) {
		const struct mfp_verb_row *row = mfp_verb_row(verb);
		buf_printf(out, "| `%c` |", row->letter);
		cell(out, row->name);
		cell(out, mfp_from_text(row->from));
		cell(out, numbers[row->reliable]);
		cell(out, row->meaning);
		buf_char(out, '\n');
	}
}

static inline void mfp_fields_table(struct buf *out, enum mfp_verb verb)
{
	static const char *const columns[] = { "key", "type", "must", "meaning" };
	const struct mfp_verb_row *row = mfp_verb_row(verb);
	buf_printf(out, "\n## %c, %s\n\n", row->letter, row->name);
	header(out, columns, ARRAY_LEN(columns));
	for (enum mfp_field field = row->first; field < row->end; field++) {
		const struct mfp_field_row *of = mfp_field_row(field);
		buf_char(out, '|');
		code_cell(out, of->key);
		cell(out, of->type == MFP_WORD ? of->choices : mfp_types[of->type].name);
		cell(out, of->must ? "yes" : "");
		cell(out, of->meaning);
		buf_char(out, '\n');
	}
}

static inline void mfp_page(struct buf *out)
{
	title(
	    out, "MFP/1", "mfp.def",
	    "The protocol between weir and terminals, or their hosts' agents: lines over TCP.\n\n"
	    "```\nVERB SP seq SP key=value SP key=value ... LF\n```\n\n"
	    "UTF-8, at most 4,096 bytes with the LF; a CR before the LF is ignored; blanks are "
	    "single. In values the\nbytes 0x00-0x20, `%`, `=` and 0x7F stand as `%XX`, and any "
	    "other "
	    "byte may. A key is 1 to 8 of `a-z 0-9 _`\nand comes at most once; the order is free, "
	    "and quickest to read when it is that of the tables below.\nUnknown keys are ignored. "
	    "A "
	    "well-formed frame of an unknown verb is answered `E 0 code=verb` and\nignored; any "
	    "other "
	    "fault is answered `E 0 code=frame`, and the connection ends.\n\n"
	    "Numbers: verbs marked *up* carry 1, 2, 3 ... from the start of an epoch on; those "
	    "marked "
	    "*down* a\nnumber that grows for ever, with gaps; all others carry 0.\n\n"
	    "The position hash `ph` is the XOR over all positions of FNV-1a-64 of "
	    "`ticket|volume|sl|tp`, each as\nits `o` frame has it; all zeros for none. "
	    "`237511830|0.48|0.00000|0.46672` alone gives\n`2020682586963ede`.");
	mfp_types_table(out);
	mfp_verbs_table(out);
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++)
		mfp_fields_table(out, verb);
}
