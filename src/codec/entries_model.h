/* entries_model.h - a row of packed entries, coded: written and read by the same code, so that
 * the two cannot drift apart. `writing` is a constant wherever these are used.
 *
 * What is remembered while rows pass, for words and numbers to be expected by, is struct
 * entries_model; the functions below say in which order what is coded and how it is expected,
 * which is the format (with entries_table.h and entries_plan.c). Reading survives any bytes:
 * what cannot have been written sets `bad`, as does a lack of room while writing. */
#pragma once

#include "base/buf.h"
#include "base/decimal.h"
#include "codec/entries_number.h"
#include "codec/entries_plan.h"
#include "codec/pack_frame.h"
#include "codec/packer_row.h"

enum {
	ENTRIES_WORDS_MAX = 32 + ENTRIES_ROWS_MAX, /* of a set: those known, one new a row */
	ENTRIES_NO_WORD = ENTRIES_WORDS_MAX,
	ENTRIES_SHAPES_MAX = 8 + ENTRIES_ROWS_MAX,
	ENTRIES_SERIES_MAX = 16,
	ENTRIES_NO_SERIES = ENTRIES_SERIES_MAX,
	ENTRIES_SERIES_BITS = 23, /* of how far a ticket may be from its series */
	ENTRIES_HEADS = 16,
	ENTRIES_HEAD_BYTES = 64,
	ENTRIES_TAIL_DIGITS = 18,
	ENTRIES_RID_BYTES = 191,        /* a longer one is told as a text */
	ENTRIES_TEXTS_BYTES = 65535,    /* of a chunk */
	ENTRIES_PRINTED_BYTES = 131072, /* of what is not among the texts */
	ENTRIES_NO_SID = ENTRIES_ROWS_MAX,
	ENTRIES_SID_SHIFT = 21,
	ENTRIES_ZONE_MS = 900000,
};
#define ENTRIES_SID_EPOCH_MS INT64_C(1577836800000) /* 2020-01-01 */

/* A text's front whose digits at the end are counted on. */
struct entries_head {
	struct str text;
	uint64_t number; /* the newest */
	uint32_t width;  /* its digits where zeros stand in front; 0: there are none */
};

struct entries_words {
	struct str text[ENTRIES_WORDS_MAX];
	uint32_t key[ENTRIES_WORDS_MAX]; /* while writing */
	uint32_t count;
	struct entries_head heads[ENTRIES_HEADS];
	uint32_t head_count, head_last, head_next;
};

/* A broker's server: its tickets and its clock. */
struct entries_series {
	int64_t ord, deal, zone;
};

struct entries_instance {
	bool seen;
	int64_t ord, deal, pos, mg, com, com_vol, zone, lag;
	uint32_t sym, acct, series;
};

struct entries_symbol {
	bool seen, has_px;
	uint8_t digits;
	int64_t px, vol, com, com_vol;
	int64_t gap; /* from stop loss to take profit, of a buy */
};

struct entries_sid {
	int64_t sid, vol;
	uint32_t id, sym, sd;
};

struct entries_row {
	struct str value[ENTRIES_FIELDS_MAX]; /* absent: ptr NULL */
	int64_t number[ENTRIES_FIELDS_MAX];
	uint8_t digits[ENTRIES_FIELDS_MAX];
	uint32_t present, numeric; /* bits; numeric: not told as a text */
	bool odd, priced;
	uint8_t price_digits;
	uint32_t word[ENTRIES_SETS];
	uint32_t sid;
	struct entries_instance *instance;
	struct entries_symbol *symbol;
};

struct entries_model {
	const struct entries_plan *plan;
	struct range_encoder encoder; /* or */
	struct range_decoder decoder;
	struct buf texts_out; /* or */
	struct pack_reader texts_in;
	bool bad;
	uint32_t shape, shape_count, sid_count;
	uint32_t shapes[ENTRIES_SHAPES_MAX];
	uint32_t last[ENTRIES_SETS]; /* words of the rows before */
	int64_t last_number[ENTRIES_FIELDS_MAX];
	uint8_t digits[ENTRIES_FIELDS_MAX];
	uint8_t price_digits;
	int64_t sid_ms, sid_seq;
	struct entries_instance recent;
	uint32_t series_last, series_count;
	uint32_t error_own, error_series; /* of late, in bits × 16 */
	struct entries_series series[ENTRIES_SERIES_MAX + 1];
	struct pack_memory memory[ENTRIES_COLUMN_COUNT];
	uint32_t slots[ENTRIES_SLOTS];
	int64_t rc[ENTRIES_WORDS_MAX + 1]; /* by st */
	struct entries_sid sids[ENTRIES_ROWS_MAX + 1];
	struct entries_symbol symbols[ENTRIES_WORDS_MAX + 1];
	struct entries_instance instances[ENTRIES_WORDS_MAX + 1];
	struct entries_words words[ENTRIES_SETS];
	size_t printed;
	char print[ENTRIES_PRINTED_BYTES];
};

/* ---- the parts of a code ---- */

static inline int64_t entries_minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}
static inline int64_t entries_plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}
static inline int64_t entries_times(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* pack_put_column and pack_get_column for the two transforms that there are here. Once each:
 * inlined into all that use them they would not stay in the cache. */
static __attribute__((noinline)) int64_t entries_put(struct entries_model *m, uint32_t at,
						     int64_t value)
{
	const struct pack_column *column = &entries_columns[at];
	uint32_t *slot = m->slots + column->base, bit = value & 1;
	slot += pack_context(column->hit, column->n_hit, m->memory);
	if (column->transform == PACK_PLAIN)
		bit = value == 0;
	pack_put_bit(&m->encoder, slot, bit);
	if (column->transform == PACK_PLAIN && value)
		pack_put_number(&m->encoder, m->slots + column->base + pack_hit_slots(column),
				column, m->memory, (uint64_t)value);
	m->memory[at].hits = m->memory[at].hits << 1 | bit;
	return value;
}

static __attribute__((noinline)) int64_t entries_get(struct entries_model *m, uint32_t at)
{
	const struct pack_column *column = &entries_columns[at];
	uint32_t *slot = m->slots + column->base;
	slot += pack_context(column->hit, column->n_hit, m->memory);
	uint32_t bit = range_get(&m->decoder, slot);
	int64_t value = column->transform == PACK_BIT ? bit : 0;
	if (column->transform == PACK_PLAIN && !bit)
		value = (int64_t)pack_get_number(&m->decoder,
						 m->slots + column->base + pack_hit_slots(column),
						 column, m->memory);
	m->memory[at].hits = m->memory[at].hits << 1 | bit;
	return value;
}

PACK_INLINE int64_t entries_code(struct entries_model *m, uint32_t column, int64_t value,
				 bool writing)
{
	return writing ? entries_put(m, column, value) : entries_get(m, column);
}

/* A number by what is expected of it. */
PACK_INLINE int64_t entries_code_near(struct entries_model *m, uint32_t column, int64_t value,
				      int64_t expected, bool writing)
{
	return entries_plus(expected,
			    entries_code(m, column, entries_minus(value, expected), writing));
}

static inline void entries_flag(struct entries_model *m, uint32_t column, bool flag)
{
	m->memory[column].hits = m->memory[column].hits << 1 | flag;
}

/* Room for a text that is not among the texts; how it is counted is the format's bound. */
static inline char *entries_room(struct entries_model *m, size_t len)
{
	char *room = m->print + m->printed;
	if (len > ENTRIES_PRINTED_BYTES - m->printed) {
		m->bad = true;
		return m->print;
	}
	m->printed += len;
	return room;
}

PACK_INLINE struct str entries_literal(struct entries_model *m, struct str text, bool writing)
{
	if (writing) {
		uint8_t head[PACK_VARINT_MAX];
		buf_put(&m->texts_out, head, (size_t)(pack_put_varint(head, text.len) - head));
		buf_str_put(&m->texts_out, text);
		return text;
	}
	text = pack_read_bytes(&m->texts_in, pack_read_varint(&m->texts_in));
	m->bad |= m->texts_in.bad || text.len > ENTRIES_VALUE_BYTES;
	return text.ptr ? text : str_make(m->print, 0);
}

/* ---- words ---- */

static inline uint32_t entries_key(struct str text)
{
	uint64_t front = 0, back = 0;
	size_t n = text.len < 8 ? text.len : 8;
	if (n) {
		memcpy(&front, text.ptr, n);
		memcpy(&back, text.ptr + text.len - n, n);
	}
	uint64_t mixed = (front ^ text.len) * 0x9E3779B97F4A7C15u + back;
	return (uint32_t)(mixed * 0xD6E8FEB86659FD93u >> 32);
}

static inline struct str entries_word(const struct entries_model *m, uint32_t set, uint32_t word)
{
	return word == ENTRIES_NO_WORD ? (struct str){ 0 } : m->words[set].text[word];
}

static inline uint32_t entries_find(const struct entries_words *words, struct str text,
				    uint32_t key)
{
	for (uint32_t i = 0; i < words->count; i++)
		if (words->key[i] == key && str_eq(words->text[i], text))
			return i;
	return ENTRIES_NO_WORD;
}

/* An index behind it may carry what was remembered of another chunk's word. */
static inline uint32_t entries_add(struct entries_model *m, uint32_t set, struct str text,
				   uint32_t key)
{
	struct entries_words *words = &m->words[set];
	uint32_t at = words->count++;
	CHECK(at < ENTRIES_WORDS_MAX);
	words->text[at] = text;
	words->key[at] = key;
	if (set == ENTRIES_SET_INS)
		m->instances[at].seen = false;
	if (set == ENTRIES_SET_SYM)
		m->symbols[at] = (struct entries_symbol){ 0 };
	if (set == ENTRIES_SET_ST)
		m->rc[at] = 0;
	return at;
}

static inline uint32_t entries_tail_digits(struct str text)
{
	uint32_t n = 0;
	while (n < text.len && n < ENTRIES_TAIL_DIGITS &&
	       (unsigned char)(text.ptr[text.len - 1 - n] - '0') < 10)
		n++;
	return text.len - n <= ENTRIES_HEAD_BYTES ? n : 0;
}

static inline uint64_t entries_tail_number(struct str text, uint32_t digits)
{
	uint64_t number = 0;
	for (size_t i = text.len - digits; i < text.len; i++)
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	return number;
}

/* A text that was told as it is: what its number is counted on by. */
static inline void entries_note_head(struct entries_words *words, struct str text)
{
	uint32_t digits = entries_tail_digits(text);
	if (digits == 0)
		return;
	uint32_t at = words->head_next++ % ENTRIES_HEADS;
	words->head_count += words->head_count < ENTRIES_HEADS;
	words->head_last = at;
	words->heads[at] = (struct entries_head){
		.text = str_make(text.ptr, text.len - digits),
		.number = entries_tail_number(text, digits),
		.width = digits > 1 && text.ptr[text.len - digits] == '0' ? digits : 0,
	};
}

static inline bool entries_head_fits(const struct entries_head *head, struct str text,
				     uint32_t digits)
{
	bool zero = digits > 1 && text.ptr[text.len - digits] == '0';
	return (head->width ? head->width == digits : !zero) &&
	       str_eq(head->text, str_make(text.ptr, text.len - digits));
}

/* 0: none; 1: the one that was used last; else 2 + its place. */
static inline uint32_t entries_head_of(const struct entries_words *words, struct str text)
{
	uint32_t digits = entries_tail_digits(text);
	if (digits == 0 || words->head_count == 0)
		return 0;
	if (entries_head_fits(&words->heads[words->head_last], text, digits))
		return 1;
	for (uint32_t i = 0; i < words->head_count; i++)
		if (entries_head_fits(&words->heads[i], text, digits))
			return 2 + i;
	return 0;
}

static inline uint32_t entries_digits_of(uint64_t number, uint32_t width)
{
	uint32_t n = 1;
	for (; number > 9; number /= 10)
		n++;
	return n > width ? n : width;
}

static inline struct str entries_counted(struct entries_model *m, const struct entries_head *head)
{
	uint32_t digits = entries_digits_of(head->number, head->width);
	size_t len = head->text.len + digits;
	char *at = entries_room(m, len);
	if (m->bad)
		return str_make(m->print, 0);
	memcpy(at, head->text.ptr, head->text.len);
	uint64_t number = head->number;
	for (uint32_t i = digits; i-- > 0; number /= 10)
		at[head->text.len + i] = (char)('0' + number % 10);
	return str_make(at, len);
}

static inline bool entries_set_counts(uint32_t column)
{
	return column == ENTRIES_C_INS || column == ENTRIES_C_ID || column == ENTRIES_C_CM ||
	       column == ENTRIES_C_ACCT || column == ENTRIES_C_TO;
}

/* A text by what it shares with the one before it, and its digits as a number. */
PACK_INLINE struct str entries_code_told(struct entries_model *m, struct entries_words *words,
					 struct str text, bool writing)
{
	struct str before =
	    words->head_count ? words->heads[words->head_last].text : str_make(m->print, 0);
	uint32_t digits = writing ? entries_tail_digits(text) : 0;
	uint64_t shared = 0, tail = writing ? entries_tail_number(text, digits) : 0;
	size_t front = writing ? text.len - digits : 0;
	while (shared < front && shared < before.len && text.ptr[shared] == before.ptr[shared])
		shared++;
	shared = (uint64_t)entries_code(m, ENTRIES_C_SHARED, (int64_t)shared, writing);
	digits = (uint32_t)entries_code(m, ENTRIES_C_TOLD_DIGITS, digits, writing);
	if (shared > before.len || digits > ENTRIES_TAIL_DIGITS) {
		m->bad = true;
		return str_make(m->print, 0);
	}
	if (digits)
		tail = (uint64_t)entries_code(m, ENTRIES_C_TOLD_TAIL, (int64_t)tail, writing);
	struct str middle = { 0 };
	if (writing)
		middle = str_make(text.ptr + shared, front - shared);
	middle = entries_literal(m, middle, writing);
	if (shared == 0 && digits == 0)
		return middle;
	size_t len = shared + middle.len + digits;
	char *at = entries_room(m, len);
	if (writing)
		return text;
	if (m->bad || len > ENTRIES_VALUE_BYTES) {
		m->bad = true;
		return str_make(m->print, 0);
	}
	memcpy(at, before.ptr, shared);
	memcpy(at + shared, middle.ptr, middle.len);
	for (uint32_t i = digits; i-- > 0; tail /= 10)
		at[shared + middle.len + i] = (char)('0' + tail % 10);
	return str_make(at, len);
}

/* A new word: counted on from one before, or told. */
PACK_INLINE struct str entries_code_new(struct entries_model *m, uint32_t column, struct str text,
					bool writing)
{
	struct entries_words *words = &m->words[column - ENTRIES_C_INS];
	bool id = column == ENTRIES_C_ID;
	if (!entries_set_counts(column))
		return entries_literal(m, text, writing);
	uint32_t place = writing ? entries_head_of(words, text) : 0;
	place =
	    (uint32_t)entries_code(m, id ? ENTRIES_C_ID_HEAD : ENTRIES_C_NAME_HEAD, place, writing);
	if (place == 0) {
		text = entries_code_told(m, words, text, writing);
		entries_note_head(words, text);
		return text;
	}
	uint32_t at = place == 1 ? words->head_last : place - 2;
	if (at >= words->head_count) {
		m->bad = true;
		return str_make(m->print, 0);
	}
	struct entries_head *head = &words->heads[at];
	uint64_t number = writing ? entries_tail_number(text, entries_tail_digits(text)) : 0;
	words->head_last = at;
	head->number = (uint64_t)entries_code_near(m, id ? ENTRIES_C_ID_TAIL : ENTRIES_C_NAME_TAIL,
						   (int64_t)number, (int64_t)head->number, writing);
	if (!writing)
		return entries_counted(m, head);
	(void)entries_room(m, text.len);
	return text;
}

/* One text: 0 is what is expected, 1 a new word, from 2 on the set's words. */
PACK_INLINE struct str entries_code_text(struct entries_model *m, uint32_t column, struct str text,
					 uint32_t guess, struct str made, uint32_t *word,
					 bool writing)
{
	uint32_t set = column - ENTRIES_C_INS, key = 0;
	struct entries_words *words = &m->words[set];
	uint64_t value = 0;
	*word = guess;
	if (guess != ENTRIES_NO_WORD)
		made = words->text[guess];
	if (writing && !(made.ptr && str_eq(made, text))) {
		key = entries_key(text);
		uint32_t found = entries_find(words, text, key);
		value = found == ENTRIES_NO_WORD ? 1 : 2 + found;
	}
	value = (uint64_t)entries_code(m, column, (int64_t)value, writing);
	if (value == 0) {
		m->bad |= !made.ptr;
		return made.ptr ? made : str_make(m->print, 0);
	}
	if (value == 1) {
		text = entries_code_new(m, column, text, writing);
		*word = entries_add(m, set, text, key);
		return text;
	}
	if (value - 2 >= words->count) {
		m->bad = true;
		value = 2;
		if (words->count == 0)
			return str_make(m->print, 0);
	}
	*word = (uint32_t)value - 2;
	return words->text[*word];
}
