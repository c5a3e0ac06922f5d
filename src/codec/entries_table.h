/* entries_table.h - what a chunk of packed entries looks like: the head, and the columns.
 * The rest of the format: entries_plan.c, the order of the fields, and the words and shapes
 * that every chunk knows; entries_model.h and entries_row.h, how a word, a number and a row
 * are coded; entries_expect.h, what they are expected to be.
 *
 * Byte 0 is the codec, bytes 1 to 9 the head of a frame (pack_frame.h) of the bytes from 1 on:
 * magic `wR` (results) or `wG` (signals), version 16 × format + codec, format 1. Then count
 * of rows, version of the priors, bytes of the texts (varints); with codec 2 and 3 the bytes
 * that they take packed (varint); the texts: as they are, an LZ4 block, or a zstd frame
 * without its first four bytes, the magic number; to the end one stream of the range coder
 * (rangecoder.h) with the rows.
 *
 * A number is coded under a column as step 3 of packer.h has it for PLAIN and BIT columns.
 * A FLAG is a BIT column that, but for ODD, is not coded: what it says is known to both
 * sides, and put into its history, which other columns' contexts refer to. All sums are
 * modulo 2^64. The version of the priors names the slots' start: 0 is flat, 1 is
 * priors_results_1.c and priors_signals_1.c; with it the slots behind the table's. */
#pragma once

#include "codec/packer.h"

enum { ENTRIES_FORMAT = 1 };

enum entries_codec { ENTRIES_RAW = 1, ENTRIES_LZ4, ENTRIES_ZSTD };

/* Places of the fields in a row. */
enum {
#define RESULT(id, unit, meaning) ENTRIES_R_##id,
#include "def/results.def"
#undef RESULT
	ENTRIES_R_FIELDS
};
enum {
#define SIGNAL(key, type, meaning)      ENTRIES_S_##key,
#define SIGNAL_WIRE(key, type, meaning) ENTRIES_S_##key,
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
	ENTRIES_S_FIELDS
};

/* FLAG(id), and COLUMN(id, natural, len_bits, depth, lens, n_hit, n_sign, n_len, hits, sign,
 * len): references are those of packer.h, in use are the first n. */
#define ENTRIES_COLUMNS(FLAG, COLUMN)                                                              \
	FLAG(KNOWN_SID, 0, NONE)                                                                   \
	FLAG(SAW_SYM, 0, NONE)                                                                     \
	FLAG(SAW_INS, 0, NONE)                                                                     \
	FLAG(SAW_SERIES, 0, NONE)                                                                  \
	COLUMN(MASK, 1, 4, 2, 4, 2, 0, 0, OWN(MASK, 0), OWN(MASK, 1), NONE, NONE)                  \
	FLAG(ODD, 1, OWN(ODD, 0))                                                                  \
	COLUMN(FORM, 1, 2, 1, 2, 0, 0, 0, NONE, NONE, NONE, NONE)                                  \
	COLUMN(DIGITS, 1, 3, 2, 5, 0, 0, 0, NONE, NONE, NONE, NONE)                                \
	COLUMN(PRICE_DIGITS, 0, 3, 2, 5, 1, 0, 0, OWN(SAW_SYM, 0), NONE, NONE, NONE)               \
	COLUMN(INS, 1, 4, 3, 9, 2, 0, 0, OWN(KNOWN_SID, 0), OWN(INS, 0), NONE, NONE)               \
	COLUMN(ST, 1, 4, 2, 4, 1, 0, 0, OWN(MASK, 0), NONE, NONE, NONE)                            \
	COLUMN(SD, 1, 4, 2, 4, 2, 0, 0, OWN(KNOWN_SID, 0), OWN(SD, 0), NONE, NONE)                 \
	COLUMN(SYM, 1, 4, 3, 8, 2, 0, 0, OWN(KNOWN_SID, 0), OWN(SAW_INS, 0), NONE, NONE)           \
	COLUMN(ID, 1, 4, 2, 8, 2, 0, 0, OWN(KNOWN_SID, 0), OWN(ID, 0), NONE, NONE)                 \
	COLUMN(WHY, 1, 4, 2, 8, 1, 0, 0, OWN(WHY, 0), NONE, NONE, NONE)                            \
	COLUMN(EN, 1, 4, 2, 4, 1, 0, 0, OWN(EN, 0), NONE, NONE, NONE)                              \
	COLUMN(RS, 1, 4, 3, 6, 1, 0, 0, OWN(RS, 0), NONE, NONE, NONE)                              \
	COLUMN(CM, 1, 4, 2, 8, 1, 0, 0, OWN(CM, 0), NONE, NONE, NONE)                              \
	COLUMN(ACCT, 1, 4, 2, 8, 1, 0, 0, OWN(SAW_INS, 0), NONE, NONE, NONE)                       \
	COLUMN(TO, 1, 4, 2, 8, 1, 0, 0, OWN(TO, 0), NONE, NONE, NONE)                              \
	COLUMN(ACT, 1, 4, 2, 4, 1, 0, 0, OWN(ACT, 0), NONE, NONE, NONE)                            \
	COLUMN(TY, 1, 4, 2, 4, 1, 0, 0, OWN(TY, 0), NONE, NONE, NONE)                              \
	COLUMN(NAME_HEAD, 1, 4, 2, 4, 1, 0, 0, OWN(NAME_HEAD, 0), NONE, NONE, NONE)                \
	COLUMN(NAME_TAIL, 0, 6, 2, 16, 1, 1, 0, OWN(NAME_HEAD, 0), NONE, OWN(NAME_HEAD, 0), NONE)  \
	COLUMN(ID_HEAD, 1, 4, 2, 4, 1, 0, 0, OWN(ID_HEAD, 0), NONE, NONE, NONE)                    \
	COLUMN(ID_TAIL, 0, 6, 2, 24, 1, 1, 0, OWN(ID_TAIL, 0), NONE, OWN(ID_HEAD, 0), NONE)        \
	COLUMN(SHARED, 1, 4, 2, 7, 1, 0, 0, OWN(SHARED, 0), NONE, NONE, NONE)                      \
	COLUMN(TOLD_DIGITS, 1, 3, 2, 5, 1, 0, 0, OWN(TOLD_DIGITS, 0), NONE, NONE, NONE)            \
	COLUMN(TOLD_TAIL, 1, 6, 1, 8, 0, 0, 0, NONE, NONE, NONE, NONE)                             \
	COLUMN(SERIES, 1, 4, 2, 5, 1, 0, 0, OWN(SERIES, 0), NONE, NONE, NONE)                      \
	COLUMN(RID, 0, 2, 1, 2, 1, 0, 0, OWN(RID, 0), NONE, NONE, NONE)                            \
	COLUMN(SID_AGE, 1, 4, 2, 8, 1, 0, 0, OWN(SID_AGE, 0), NONE, NONE, NONE)                    \
	COLUMN(SID_MS, 0, 6, 2, 20, 1, 1, 0, OWN(SID_MS, 0), NONE, NONE, NONE)                     \
	COLUMN(SID_SEQ, 0, 5, 1, 8, 1, 1, 0, OWN(SID_SEQ, 0), NONE, OWN(SID_SEQ, 0), NONE)         \
	COLUMN(RC, 0, 4, 2, 8, 1, 0, 0, OWN(ST, 0), NONE, NONE, NONE)                              \
	COLUMN(ORD, 0, 6, 2, 24, 1, 1, 1, OWN(SAW_SERIES, 0), NONE, OWN(SAW_SERIES, 0),            \
	       OWN(SAW_SERIES, 0))                                                                 \
	COLUMN(DEAL, 0, 6, 2, 24, 1, 1, 1, OWN(SAW_SERIES, 0), NONE, OWN(SAW_SERIES, 0),           \
	       OWN(SAW_SERIES, 0))                                                                 \
	COLUMN(POS, 0, 6, 2, 24, 1, 1, 0, OWN(POS, 0), NONE, OWN(POS, 0), NONE)                    \
	COLUMN(VOL, 0, 5, 2, 12, 2, 0, 0, OWN(KNOWN_SID, 0), OWN(SAW_INS, 0), NONE, NONE)          \
	COLUMN(PX, 0, 5, 2, 16, 1, 0, 1, OWN(SAW_SYM, 0), NONE, NONE, OWN(SAW_SYM, 0))             \
	COLUMN(RQ, 0, 5, 2, 8, 1, 1, 0, OWN(RQ, 0), NONE, OWN(SD, 0), NONE)                        \
	COLUMN(SLP, 0, 5, 1, 8, 1, 0, 0, OWN(SLP, 0), NONE, NONE, NONE)                            \
	COLUMN(COM, 0, 5, 2, 12, 2, 0, 0, OWN(SAW_INS, 0), OWN(SAW_SYM, 0), NONE, NONE)            \
	COLUMN(SWP, 0, 5, 2, 12, 1, 1, 0, OWN(POS, 0), NONE, NONE, NONE)                           \
	COLUMN(FEE, 0, 5, 1, 8, 1, 0, 0, OWN(FEE, 0), NONE, NONE, NONE)                            \
	COLUMN(PNL, 0, 5, 2, 20, 2, 0, 0, OWN(POS, 0), OWN(PNL, 0), NONE, NONE)                    \
	COLUMN(EX, 0, 5, 3, 14, 1, 0, 0, OWN(EX, 0), NONE, NONE, NONE)                             \
	COLUMN(ZONE, 0, 4, 2, 8, 1, 0, 0, OWN(SAW_SERIES, 0), NONE, NONE, NONE)                    \
	COLUMN(SV, 0, 5, 3, 12, 0, 0, 1, NONE, NONE, NONE, OWN(SAW_INS, 0))                        \
	COLUMN(T, 0, 6, 3, 12, 1, 0, 0, OWN(T, 0), NONE, NONE, NONE)                               \
	COLUMN(TRY, 0, 3, 1, 3, 1, 0, 0, OWN(TRY, 0), NONE, NONE, NONE)                            \
	COLUMN(MG, 0, 6, 1, 12, 1, 0, 0, OWN(SAW_INS, 0), NONE, NONE, NONE)                        \
	COLUMN(DRAIN, 0, 2, 1, 1, 1, 0, 0, OWN(DRAIN, 0), NONE, NONE, NONE)                        \
	COLUMN(EXP, 0, 6, 2, 20, 1, 1, 0, OWN(EXP, 0), NONE, NONE, NONE)                           \
	COLUMN(SLIM, 0, 5, 2, 12, 1, 0, 0, OWN(SLIM, 0), NONE, NONE, NONE)                         \
	COLUMN(SL, 0, 5, 2, 12, 1, 1, 0, OWN(SL, 0), NONE, OWN(SD, 0), NONE)                       \
	COLUMN(TP, 0, 5, 2, 12, 1, 1, 0, OWN(TP, 0), NONE, OWN(SD, 0), NONE)                       \
	COLUMN(DEV, 0, 5, 1, 8, 1, 0, 0, OWN(DEV, 0), NONE, NONE, NONE)                            \
	COLUMN(BY, 0, 6, 2, 20, 1, 1, 0, OWN(BY, 0), NONE, NONE, NONE)

enum entries_column {
#define FLAG(id, n, ref) ENTRIES_C_##id,
#define COLUMN(id, ...)  ENTRIES_C_##id,
	ENTRIES_COLUMNS(FLAG, COLUMN)
#undef COLUMN
#undef FLAG
	    ENTRIES_COLUMN_COUNT
};

enum {
	ENTRIES_SLOTS_BEGIN = PACK_ROW_SLOTS - 1,
#define TREE(depth, lens) ((depth) ? ((lens) + 1) << (depth) : 0)
#define FLAG(id, n, ref)  ENTRIES_BASE_##id, ENTRIES_LAST_##id = ENTRIES_BASE_##id + (1 << (n)) - 1,
#define COLUMN(id, natural, len_bits, depth, lens, n_hit, n_sign, n_len, ...)                      \
	ENTRIES_BASE_##id,                                                                         \
	    ENTRIES_LAST_##id = ENTRIES_BASE_##id - 1 + (1 << (n_hit)) +                           \
				((natural) ? 0 : 1 << (n_sign)) + (1 << ((n_len) + (len_bits))) +  \
				TREE(depth, lens),
	ENTRIES_COLUMNS(FLAG, COLUMN)
#undef COLUMN
#undef FLAG
#undef TREE
	    ENTRIES_TABLE_SLOTS,
	/* Behind the table's: whether a field is there, by whether it was in the row before. */
	ENTRIES_SLOTS = ENTRIES_TABLE_SLOTS + 2 * 32,
};

static const struct pack_column entries_columns[ENTRIES_COLUMN_COUNT] = {
#define OWN(id, age)                                                                               \
	{                                                                                          \
		ENTRIES_C_##id, age                                                                \
	}
#define NONE                                                                                       \
	{                                                                                          \
		0, 0                                                                               \
	}
#define FLAG(id_, n, ref)                                                                          \
	[ENTRIES_C_##id_] = { .name = #id_,                                                        \
			      .transform = PACK_BIT,                                               \
			      .base = ENTRIES_BASE_##id_,                                          \
			      .n_hit = (n),                                                        \
			      .hit = { ref } },
#define COLUMN(id_, natural_, len_bits_, depth_, lens_, hits, signs, n_len_, hit0, hit1, sign0,    \
	       len0)                                                                               \
	[ENTRIES_C_##id_] = { .name = #id_,                                                        \
			      .transform = PACK_PLAIN,                                             \
			      .base = ENTRIES_BASE_##id_,                                          \
			      .natural = (natural_),                                               \
			      .len_bits = (len_bits_),                                             \
			      .depth = (depth_),                                                   \
			      .lens = (lens_),                                                     \
			      .n_hit = (hits),                                                     \
			      .n_sign = (signs),                                                   \
			      .n_len = (n_len_),                                                   \
			      .hit = { hit0, hit1 },                                               \
			      .sign = { sign0 },                                                   \
			      .len = { len0 } },
	ENTRIES_COLUMNS(FLAG, COLUMN)
#undef COLUMN
#undef FLAG
#undef NONE
#undef OWN
};

extern const struct pack_table entries_table;
