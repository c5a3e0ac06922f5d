/* entries_row.h - a row of packed entries: its shape, then each field that is there, in the
 * order of entries_plan.c, by what is expected of it (entries_expect.h). */
#pragma once

#include "codec/entries_rid.h"

/* ---- numbers ---- */

PACK_INLINE int64_t entries_code_sid(struct entries_model *m, struct entries_row *row,
				     int64_t value, bool writing)
{
	uint64_t age = 1;
	int64_t t = row->number[ENTRIES_R_t], ex = row->number[ENTRIES_R_ex];
	for (uint32_t back = 0; writing && back < m->sid_count && age == 1; back++)
		if (m->sids[m->sid_count - 1 - back].sid == value)
			age = back ? back + 1 : 0;
	age = (uint64_t)entries_code(m, ENTRIES_C_SID_AGE, (int64_t)age, writing);
	if (age != 1) {
		uint64_t back = age ? age - 1 : 0;
		if (back >= m->sid_count) {
			m->bad = true;
			return 0;
		}
		row->sid = m->sid_count - 1 - (uint32_t)back;
		return m->sids[row->sid].sid;
	}
	int64_t seq_mask = (INT64_C(1) << ENTRIES_SID_SHIFT) - 1;
	int64_t ms = entries_minus(entries_minus(t, ENTRIES_SID_EPOCH_MS), ex);
	ms = entries_code_near(m, ENTRIES_C_SID_MS, value >> ENTRIES_SID_SHIFT, ms, writing);
	int64_t seq = ms == m->sid_ms ? entries_plus(m->sid_seq, 1) : 0;
	seq = entries_code_near(m, ENTRIES_C_SID_SEQ, value & seq_mask, seq, writing) & seq_mask;
	m->sid_ms = ms;
	m->sid_seq = seq;
	return entries_plus(entries_times(ms, seq_mask + 1), seq);
}

/* The server's clock is weir's, some quarters of an hour, and a lag that hardly changes. */
PACK_INLINE int64_t entries_code_sv(struct entries_model *m, struct entries_row *row, int64_t value,
				    bool writing)
{
	struct entries_instance *instance = row->instance;
	int64_t t = row->number[ENTRIES_R_t];
	int64_t ahead = entries_minus(value, t);
	int64_t zone = ahead / ENTRIES_ZONE_MS, rest = ahead % ENTRIES_ZONE_MS;
	int64_t half = ENTRIES_ZONE_MS / 2;
	zone += rest > half ? 1 : rest < -half ? -1 : 0;
	zone = entries_code_near(m, ENTRIES_C_ZONE, zone, instance->zone, writing);
	rest = entries_minus(ahead, entries_times(zone, ENTRIES_ZONE_MS));
	rest = entries_code_near(m, ENTRIES_C_SV, rest, instance->lag, writing);
	instance->zone = zone;
	instance->lag = entries_plus(instance->lag, entries_minus(rest, instance->lag) / 8);
	return entries_plus(t, entries_plus(entries_times(zone, ENTRIES_ZONE_MS), rest));
}

static inline uint32_t entries_bits(int64_t a, int64_t b)
{
	uint64_t far = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
	return far ? 64 - (uint32_t)__builtin_clzll(far) : 0;
}

/* 0: the one that was used last; 1: none known; else 2 + its place. */
static inline uint64_t entries_series_of(const struct entries_model *m, int64_t ord)
{
	uint32_t best = ENTRIES_NO_SERIES, bits = ENTRIES_SERIES_BITS;
	for (uint32_t i = 0; i < m->series_count; i++) {
		uint32_t far = entries_bits(m->series[i].ord, ord);
		if (far >= bits)
			continue;
		best = i;
		bits = far;
	}
	if (best != ENTRIES_NO_SERIES)
		return best == m->series_last ? 0 : 2 + best;
	return m->series_count < ENTRIES_SERIES_MAX ? 1 : 0;
}

/* What series of tickets an instance belongs to that is not known to belong to one. */
PACK_INLINE void entries_code_series(struct entries_model *m, struct entries_instance *instance,
				     int64_t ord, bool writing)
{
	uint64_t value = writing ? entries_series_of(m, ord) : 0;
	value = (uint64_t)entries_code(m, ENTRIES_C_SERIES, (int64_t)value, writing);
	uint64_t at = value == 0 ? m->series_last : value == 1 ? m->series_count : value - 2;
	if (at > m->series_count || at >= ENTRIES_SERIES_MAX) {
		m->bad = true;
		at = 0;
	}
	if (at == m->series_count) {
		m->series[at] =
		    (struct entries_series){ m->recent.ord, m->recent.deal, m->recent.zone };
		m->series_count++;
	}
	instance->series = (uint32_t)at;
	instance->zone = m->series[at].zone;
	entries_flag(m, ENTRIES_C_SAW_SERIES, value != 1);
}

PACK_INLINE int64_t entries_code_order(struct entries_model *m, struct entries_row *row,
				       int64_t value, bool writing)
{
	struct entries_instance *instance = row->instance;
	if (instance->series == ENTRIES_NO_SERIES)
		entries_code_series(m, instance, value, writing);
	else
		entries_flag(m, ENTRIES_C_SAW_SERIES, true);
	const struct entries_series *series = &m->series[instance->series];
	int64_t expected = entries_by_own(m, row) ? instance->ord : series->ord;
	value = entries_code_near(m, ENTRIES_C_ORD, value, expected, writing);
	m->series_last = instance->series;
	return value;
}

static inline struct str entries_print(struct entries_model *m, int64_t number, uint8_t digits)
{
	char text[ENTRIES_NUMBER_BYTES];
	size_t len = entries_number_print(text, number, digits);
	char *at = entries_room(m, len);
	if (m->bad)
		return str_make(m->print, 0);
	memcpy(at, text, len);
	return str_make(at, len);
}

enum { ENTRIES_USUAL, ENTRIES_DIGITS, ENTRIES_SPELLED, ENTRIES_FORMS };

/* The digits that all prices of the row have, but for odd ones. */
PACK_INLINE uint8_t entries_code_price_digits(struct entries_model *m, struct entries_row *row,
					      bool writing)
{
	int64_t expected = row->symbol->digits;
	if (!row->symbol->seen)
		expected = m->price_digits;
	if (writing && row->price_digits > ENTRIES_DIGITS_MAX)
		row->price_digits = (uint8_t)expected;
	if (!row->priced)
		expected = entries_code_near(m, ENTRIES_C_PRICE_DIGITS, row->price_digits, expected,
					     writing);
	else
		expected = row->price_digits;
	if (expected < 0 || expected > ENTRIES_DIGITS_MAX) {
		m->bad = true;
		expected = 0;
	}
	row->priced = true;
	row->price_digits = (uint8_t)expected;
	return row->price_digits;
}

PACK_INLINE uint32_t entries_code_form(struct entries_model *m, const struct entries_row *row,
				       uint32_t field, uint8_t usual, bool writing)
{
	uint32_t form = ENTRIES_USUAL;
	if (!row->odd)
		return form;
	if (writing && !entries_is(row, field))
		form = ENTRIES_SPELLED;
	else if (writing && row->digits[field] != usual)
		form = ENTRIES_DIGITS;
	uint64_t told = (uint64_t)entries_code(m, ENTRIES_C_FORM, form, writing);
	m->bad |= told >= ENTRIES_FORMS;
	return told < ENTRIES_FORMS ? (uint32_t)told : ENTRIES_USUAL;
}

PACK_INLINE uint8_t entries_code_digits(struct entries_model *m, uint8_t digits, bool writing)
{
	uint64_t told = (uint64_t)entries_code(m, ENTRIES_C_DIGITS, digits, writing);
	m->bad |= told > ENTRIES_DIGITS_MAX;
	return told > ENTRIES_DIGITS_MAX ? 0 : (uint8_t)told;
}

PACK_INLINE void entries_code_number(struct entries_model *m, struct entries_row *row,
				     const struct entries_step *step, bool writing)
{
	uint32_t field = step->field;
	int64_t number = row->number[field];
	uint8_t digits = m->digits[field];
	if (step->kind == ENTRIES_PRICE)
		digits = entries_code_price_digits(m, row, writing);
	uint32_t form = entries_code_form(m, row, field, digits, writing);
	if (form == ENTRIES_SPELLED) {
		row->value[field] = entries_literal(m, row->value[field], writing);
		row->numeric &= ~(UINT32_C(1) << field);
		row->number[field] = m->last_number[field];
		return;
	}
	if (form == ENTRIES_DIGITS)
		digits = entries_code_digits(m, row->digits[field], writing);
	if (step->kind != ENTRIES_PRICE)
		m->digits[field] = digits;
	if (step->kind == ENTRIES_SID)
		number = entries_code_sid(m, row, number, writing);
	else if (step->kind == ENTRIES_SV)
		number = entries_code_sv(m, row, number, writing);
	else if (step->kind == ENTRIES_ORDER)
		number = entries_code_order(m, row, number, writing);
	else
		number = entries_code_near(m, step->column, number, entries_expect(m, row, step),
					   writing);
	row->numeric |= UINT32_C(1) << field;
	row->number[field] = number;
	if (writing)
		(void)entries_room(m, row->value[field].len);
	else
		row->value[field] = entries_print(m, number, digits);
}

/* ---- a row ---- */

PACK_INLINE uint32_t entries_code_fields(struct entries_model *m, uint32_t present, bool writing)
{
	uint32_t before = m->shapes[m->shape];
	for (uint32_t field = 0; field < m->plan->fields; field++) {
		uint32_t *slot = &m->slots[ENTRIES_TABLE_SLOTS + 2 * field + (before >> field & 1)];
		uint32_t bit = present >> field & 1;
		if (writing)
			pack_put_bit(&m->encoder, slot, bit);
		else
			present = (present & ~(UINT32_C(1) << field)) | range_get(&m->decoder, slot)
									    << field;
	}
	return present;
}

/* Which fields are there: 0 those of the row before, 1 none known, from 2 on the shapes. */
PACK_INLINE uint32_t entries_code_shape(struct entries_model *m, uint32_t present, bool writing)
{
	uint64_t value = 1;
	if (writing && m->shapes[m->shape] == present)
		value = 0;
	for (uint32_t i = 0; writing && value == 1 && i < m->shape_count; i++)
		if (m->shapes[i] == present)
			value = 2 + i;
	value = (uint64_t)entries_code(m, ENTRIES_C_MASK, (int64_t)value, writing);
	if (value == 1) {
		present = entries_code_fields(m, present, writing);
		m->shape = m->shape_count++;
		CHECK(m->shape < ENTRIES_SHAPES_MAX);
		m->shapes[m->shape] = present;
	} else if (value > 1 && value - 2 < m->shape_count) {
		m->shape = (uint32_t)value - 2;
	} else {
		m->bad |= value != 0;
	}
	return m->shapes[m->shape];
}

/* An instance that is new is like the one before it. */
static inline void entries_meet_instance(struct entries_model *m, struct entries_row *row)
{
	struct entries_instance *instance = &m->instances[row->word[ENTRIES_SET_INS]];
	entries_flag(m, ENTRIES_C_SAW_INS, instance->seen);
	if (!instance->seen) {
		*instance = m->recent;
		instance->seen = false;
		instance->sym = instance->acct = ENTRIES_NO_WORD;
		instance->series = ENTRIES_NO_SERIES;
	}
	row->instance = instance;
}

static inline void entries_meet_symbol(struct entries_model *m, struct entries_row *row)
{
	row->symbol = &m->symbols[row->word[ENTRIES_SET_SYM]];
	entries_flag(m, ENTRIES_C_SAW_SYM, row->symbol->has_px);
}

PACK_INLINE void entries_code_step(struct entries_model *m, struct entries_row *row,
				   const struct entries_step *step, bool writing)
{
	struct str *value = &row->value[step->field], made = { 0 };
	uint32_t set = step->column - ENTRIES_C_INS;
	if (step->kind == ENTRIES_RID) {
		entries_code_rid(m, row, writing);
	} else if (step->kind == ENTRIES_TEXT) {
		uint32_t guess = entries_guess(m, row, step->column, &made);
		*value = entries_code_text(m, step->column, *value, guess, made, &row->word[set],
					   writing);
	} else {
		entries_code_number(m, row, step, writing);
	}
}

static inline void entries_remember_symbol(struct entries_model *m, const struct entries_row *row,
					   bool results)
{
	struct entries_symbol *symbol = row->symbol;
	uint32_t px = results ? ENTRIES_R_px : ENTRIES_S_px;
	uint32_t vol = results ? ENTRIES_R_vol : ENTRIES_S_vol;
	if (row->priced)
		symbol->digits = m->price_digits = row->price_digits;
	if (!results && !entries_is(row, px) && entries_is(row, ENTRIES_S_sl))
		px = ENTRIES_S_sl;
	if (entries_is(row, px) && row->number[px]) {
		symbol->px = row->number[px];
		symbol->has_px = true;
	}
	if (!results && entries_is(row, ENTRIES_S_sl) && entries_is(row, ENTRIES_S_tp)) {
		int64_t gap = entries_minus(row->number[ENTRIES_S_tp], row->number[ENTRIES_S_sl]);
		bool sell = row->word[ENTRIES_SET_SD] == ENTRIES_WORD_SELL;
		symbol->gap = sell ? entries_minus(0, gap) : gap;
	}
	if (!entries_is(row, vol))
		return;
	symbol->vol = row->number[vol];
	if (results && entries_is(row, ENTRIES_R_com)) {
		symbol->com = row->number[ENTRIES_R_com];
		symbol->com_vol = symbol->vol;
	}
	symbol->seen |= row->priced;
}

/* What both would have been off, over the last eight or so. */
static inline void entries_remember_series(struct entries_model *m, const struct entries_row *row)
{
	const struct entries_instance *instance = row->instance;
	struct entries_series *series = &m->series[instance->series];
	int64_t ord = row->number[ENTRIES_R_ord];
	series->zone = instance->zone;
	if (entries_is(row, ENTRIES_R_ord)) {
		if (instance->seen) {
			m->error_own += 2 * entries_bits(ord, instance->ord) - m->error_own / 8;
			m->error_series += 2 * entries_bits(ord, series->ord) - m->error_series / 8;
		}
		series->ord = ord;
	}
	if (entries_is(row, ENTRIES_R_deal))
		series->deal = row->number[ENTRIES_R_deal];
}

static inline void entries_remember_instance(struct entries_model *m, const struct entries_row *row,
					     bool results)
{
	struct entries_instance *instance = row->instance;
	uint32_t ord = results ? ENTRIES_R_ord : ENTRIES_S_ord;
	uint32_t pos = results ? ENTRIES_R_pos : ENTRIES_S_pos;
	if (instance->series != ENTRIES_NO_SERIES)
		entries_remember_series(m, row);
	instance->seen = true;
	if (entries_is(row, ord))
		instance->ord = row->number[ord];
	if (entries_is(row, pos))
		instance->pos = row->number[pos];
	if (row->word[ENTRIES_SET_SYM] != ENTRIES_NO_WORD)
		instance->sym = row->word[ENTRIES_SET_SYM];
	if (row->word[ENTRIES_SET_ACCT] != ENTRIES_NO_WORD)
		instance->acct = row->word[ENTRIES_SET_ACCT];
	if (results && entries_is(row, ENTRIES_R_deal))
		instance->deal = row->number[ENTRIES_R_deal];
	if (results && entries_is(row, ENTRIES_R_mg))
		instance->mg = row->number[ENTRIES_R_mg];
	if (results && entries_is(row, ENTRIES_R_com) && entries_is(row, ENTRIES_R_vol)) {
		instance->com = row->number[ENTRIES_R_com];
		instance->com_vol = row->number[ENTRIES_R_vol];
	}
	m->recent = *instance;
}

static inline void entries_remember_sid(struct entries_model *m, const struct entries_row *row)
{
	if (!entries_is(row, ENTRIES_R_sid))
		return;
	uint32_t at = row->sid == ENTRIES_NO_SID ? m->sid_count++ : row->sid;
	m->sids[at] = (struct entries_sid){ .sid = row->number[ENTRIES_R_sid],
					    .vol = row->number[ENTRIES_R_vol],
					    .id = row->word[ENTRIES_SET_ID],
					    .sym = row->word[ENTRIES_SET_SYM],
					    .sd = row->word[ENTRIES_SET_SD] };
}

static inline void entries_remember(struct entries_model *m, const struct entries_row *row)
{
	bool results = m->plan == &entries_plans[ENTRIES_RESULTS];
	entries_remember_symbol(m, row, results);
	entries_remember_instance(m, row, results);
	if (results)
		entries_remember_sid(m, row);
	if (results && entries_is(row, ENTRIES_R_rc))
		m->rc[row->word[ENTRIES_SET_ST]] = row->number[ENTRIES_R_rc];
	for (uint32_t set = 0; set < ENTRIES_SETS; set++)
		if (row->word[set] != ENTRIES_NO_WORD)
			m->last[set] = row->word[set];
	memcpy(m->last_number, row->number, sizeof m->last_number);
}

/* value, and while writing present, number, digits, numeric, odd and price_digits, are set;
 * what is absent has the number of the row before. */
PACK_INLINE void entries_code_row(struct entries_model *m, struct entries_row *row, bool writing)
{
	row->present = entries_code_shape(m, row->present, writing);
	row->odd = entries_code(m, ENTRIES_C_ODD, row->odd, writing);
	row->priced = false;
	row->sid = ENTRIES_NO_SID;
	for (uint32_t set = 0; set < ENTRIES_SETS; set++)
		row->word[set] = ENTRIES_NO_WORD;
	row->instance = &m->instances[ENTRIES_NO_WORD];
	row->symbol = &m->symbols[ENTRIES_NO_WORD];
	for (size_t i = 0; i < m->plan->step_count; i++) {
		const struct entries_step *step = &m->plan->steps[i];
		bool there = row->present >> step->field & 1;
		if (there && !m->bad)
			entries_code_step(m, row, step, writing);
		if (step->kind == ENTRIES_SID)
			entries_flag(m, ENTRIES_C_KNOWN_SID, row->sid != ENTRIES_NO_SID);
		else if (step->column == ENTRIES_C_INS || step->column == ENTRIES_C_ACT)
			entries_meet_instance(m, row);
		else if (step->column == ENTRIES_C_SYM)
			entries_meet_symbol(m, row);
	}
	entries_remember(m, row);
}
