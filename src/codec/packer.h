/* packer.h - one packer for all tables of numbers: trades, minutes, samples,
 * results. A table is a constant array of columns; rows are packed as they come,
 * one value after the other, into one adaptive range coder (rangecoder.h) whose
 * slots start from trained, versioned probabilities.
 *
 * The format of a row, exactly, so that another client can be written. "put(s, b)"
 * is one decision b under slot s; slots are numbered through the table, slot 0..3
 * belong to the row, a column's begin at its `base`.
 *
 * 1. put(plain rows among the last two (bit 0 the last one, bit 1 the one
 *    before), P). P is 1 when every column with `rare` has the value expected of
 *    it and every column with `ticks` is a multiple of its unit.
 * 2. If P is 0: for each column with `ticks`, in order: g = 1 when it is a
 *    multiple; put(base of the column, g), and if g is 0, the power of ten of its
 *    new, smaller unit as 5 raw bits. The column's remembered values (below) are
 *    multiplied by old unit / new unit.
 * 3. Each column in order (those with `rare` only if P is 0), with value v =
 *    the row's / unit, all differences modulo 2^64:
 *    BIT: put(h, v).
 *    Others: e = the value expected by the transform; put(h, v == e). If unequal,
 *    the number r = v - e (REPEAT: r = v) follows:
 *      a. unless `natural`: put(s, r < 0), and m = |r|; with `natural` m = r, unsigned
 *      b. n = the bits of m without leading zeros, 0..64. E = 2^len_bits - 1,
 *         c = min(n, E) is put from its highest bit down, len_bits decisions, under
 *         slots l + node; node begins at 1 and becomes 2 × node + bit. If n ≥ E,
 *         n - E follows as 6 raw bits
 *      c. the bits of m below the highest: the first `depth` of them are put under
 *         slots t + node likewise, the others raw, 16 at a time from the top.
 *    The slots: first 1 for the unit if `ticks`; then h: base + the hit context;
 *    s: then 2^(number of sign references) + sign context (absent if natural);
 *    l: then context of len × 2^len_bits; t: then min(n, lens) × 2^depth.
 *    A context is a number made of the references of its list, the first in bit 0.
 * 4. What is remembered of a column: `last` (its v), `step` (its v minus the one
 *    before), `hits`: one bit a row, the newest in bit 0: 1 for v == e; for BIT, v;
 *    1 for a rare column that was skipped. A reference {column, age} is bit `age`
 *    of the column's hits as they are at that moment: age 0 of a column further
 *    left is this row's, of itself or one further right the previous row's.
 * Before the first row all is 0 but what the chunk's header sets, the two rows
 * before it count as plain, and the slots are those of the chunk's priors version
 * (version 0: P 1/2, count 0). Heads of chunks: pack_frame.h, tape.c, bars.c.
 *
 * The row code is inline (packer_row.h), so that a table known at compile time
 * gets its own straight code, as the tape does; struct packer below does the same
 * at run time for any table. Both give the same bytes (tests/unit/test_packer.c).
 * No allocation. One thread per packer. */
#pragma once

#include "base/str.h"
#include "codec/rangecoder.h"

enum {
	PACK_COLUMNS_MAX = 64,
	PACK_REFS_MAX = 6,
	PACK_ROW_SLOTS = 4,
	PACK_UNIT_MAX = 18, /* units are 10^0 .. 10^18 */
};

struct pack_memory { /* of one column; zero it, then set what the header gives */
	int64_t last, step;
	int64_t unit; /* 10^n; 0 counts as 1 */
	uint32_t hits;
};

enum pack_transform {
	PACK_BIT,     /* the value is 0 or 1 */
	PACK_PLAIN,   /* expected: 0 */
	PACK_REPEAT,  /* expected: the previous value; otherwise the value itself follows */
	PACK_DELTA,   /* expected: the previous value + add */
	PACK_DELTA2,  /* expected: the previous value + the previous step */
	PACK_FORMULA, /* expected: formula(row, memory) + add */
};

struct pack_ref {
	uint8_t column, age;
};

struct pack_column {
	const char *name;
	enum pack_transform transform;
	uint32_t base; /* first slot; pack_table_check says what it must be */
	bool ticks;    /* divided by a power of ten that can only become smaller */
	/* As expected in most rows; no BIT. Its formula, if any, may use the row's values
	 * further left, and the memory of itself and of columns further right only. */
	bool rare;
	bool natural;                  /* the number is taken as unsigned: no sign is put */
	uint8_t len_bits, depth, lens; /* 1..6; 0..8; longest length with a tree of its own */
	uint8_t n_hit, n_sign, n_len;  /* references in use */
	struct pack_ref hit[PACK_REFS_MAX], sign[PACK_REFS_MAX], len[PACK_REFS_MAX];
	int64_t add;
	/* row: this row's values of the columns further left; memory: all columns'. */
	int64_t (*formula)(const int64_t *row, const struct pack_memory *memory);
};

/* A trained start: one 16-bit word a slot, P × 2^12 in the upper 12 bits, in the
 * lower 4 the index of pack_prior_counts that is the slot's count. */
struct pack_priors {
	uint32_t version; /* > 0; 0 is the flat start that every table has */
	const uint16_t *slots;
};

struct pack_table {
	const char *name;
	const struct pack_column *columns;
	uint32_t n_columns, n_slots;
	const struct pack_priors *priors; /* every version that ever shipped, newest last */
	uint32_t n_priors;
};

extern const uint8_t pack_prior_counts[16];

/* Slots that a column takes, and the most bits that a row can take. */
uint32_t pack_column_slots(const struct pack_column *column);
size_t pack_row_bits_max(const struct pack_table *table);
/* CHECKs that the table is well formed: bases, counts, references. */
void pack_table_check(const struct pack_table *table);

/* VERSION when this build does not know it. Version 0 gives NULL: flat. */
MUST_CHECK enum status pack_priors_find(const struct pack_table *table, uint32_t version,
					const struct pack_priors **out);
const struct pack_priors *pack_priors_newest(const struct pack_table *table); /* NULL: none */
/* Sets n_slots slots to the start; priors NULL: flat. */
void pack_slots_start(const struct pack_table *table, const struct pack_priors *priors,
		      uint32_t *slots);
/* The largest n with value divisible by 10^n, at most PACK_UNIT_MAX; 0 for 0. */
uint32_t pack_unit_of(int64_t value);

/* Packs or unpacks rows of any table. The caller owns all storage; slots has
 * room for table->n_slots. */
struct packer {
	const struct pack_table *table;
	uint32_t *slots;
	uint32_t plain; /* history of plain rows */
	struct pack_memory memory[PACK_COLUMNS_MAX];
	struct range_encoder encoder; /* or */
	struct range_decoder decoder;
};

/* Then set packer->memory as the header says. storage: RANGE_SLACK + room. */
void packer_init_write(struct packer *packer, const struct pack_table *table,
		       const struct pack_priors *priors, uint32_t *slots, uint8_t *storage);
void packer_init_read(struct packer *packer, const struct pack_table *table,
		      const struct pack_priors *priors, uint32_t *slots, struct str payload);
/* row: one value a column; it is divided by its units in place while packing. */
void packer_put(struct packer *packer, int64_t *row);
void packer_get(struct packer *packer, int64_t *row);
