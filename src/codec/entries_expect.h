/* entries_expect.h - what each number and word of a row of packed entries is expected to be,
 * by what is remembered (entries_model.h) and the fields coded before it. It is the format. */
#pragma once

#include "codec/entries_model.h"

static inline bool entries_is(const struct entries_row *row, uint32_t field)
{
	return row->numeric >> field & 1;
}

/* last × now / before, rounded half away from zero. */
static inline int64_t entries_ratio(int64_t last, int64_t now, int64_t before)
{
	if (before == 0)
		return 0;
	i128 product = (i128)last * now, whole = product / before, rest = product % before;
	i128 size = rest < 0 ? -rest : rest, of = before < 0 ? -(i128)before : before;
	bool negative = (product < 0) != (before < 0);
	return (int64_t)(u128)(whole + (size >= of - size ? (negative ? -1 : 1) : 0));
}

static inline int64_t entries_expect_com(const struct entries_model *m,
					 const struct entries_row *row)
{
	const struct entries_instance *instance = row->instance;
	int64_t vol = row->number[ENTRIES_R_vol];
	if (instance->seen && instance->sym == row->word[ENTRIES_SET_SYM])
		return entries_ratio(instance->com, vol, instance->com_vol);
	if (row->symbol->seen)
		return entries_ratio(row->symbol->com, vol, row->symbol->com_vol);
	return entries_ratio(m->recent.com, vol, m->recent.com_vol);
}

/* What was got beyond what was asked for, in parts of a point. */
static inline int64_t entries_expect_slp(const struct entries_model *m,
					 const struct entries_row *row)
{
	if (!entries_is(row, ENTRIES_R_px) || !entries_is(row, ENTRIES_R_rq))
		return 0;
	int64_t worse = entries_minus(row->number[ENTRIES_R_px], row->number[ENTRIES_R_rq]);
	worse = entries_times(worse, decimal_pow10(m->digits[ENTRIES_R_slp]));
	return row->word[ENTRIES_SET_SD] == ENTRIES_WORD_SELL ? entries_minus(0, worse) : worse;
}

/* Whether the instance's own tickets have told more of the next one than its broker's. */
static inline bool entries_by_own(const struct entries_model *m, const struct entries_row *row)
{
	return row->instance->seen && m->error_own < m->error_series;
}

static inline int64_t entries_expect_deal(const struct entries_model *m,
					  const struct entries_row *row)
{
	const struct entries_instance *instance = row->instance;
	const struct entries_series *series = &m->series[instance->series];
	if (!entries_is(row, ENTRIES_R_ord))
		return instance->series == ENTRIES_NO_SERIES ? instance->deal : series->deal;
	bool own = entries_by_own(m, row);
	return entries_plus(
	    own ? instance->deal : series->deal,
	    entries_minus(row->number[ENTRIES_R_ord], own ? instance->ord : series->ord));
}

static inline int64_t entries_expect_vol(const struct entries_model *m,
					 const struct entries_row *row, uint32_t field)
{
	if (row->sid != ENTRIES_NO_SID)
		return m->sids[row->sid].vol;
	return row->symbol->seen ? row->symbol->vol : m->last_number[field];
}

/* The row's own price where it has one. */
static inline int64_t entries_expect_price(const struct entries_row *row, uint32_t px)
{
	bool own = entries_is(row, px) && row->number[px];
	return own ? row->number[px] : row->symbol->px;
}

/* As far from the stop loss as the symbol's last. */
static inline int64_t entries_expect_tp(const struct entries_row *row)
{
	bool sell = row->word[ENTRIES_SET_SD] == ENTRIES_WORD_SELL;
	int64_t gap = row->symbol->gap;
	if (!entries_is(row, ENTRIES_S_sl))
		return entries_expect_price(row, ENTRIES_S_px);
	return entries_plus(row->number[ENTRIES_S_sl], sell ? entries_minus(0, gap) : gap);
}

static inline int64_t entries_expect(const struct entries_model *m, const struct entries_row *row,
				     const struct entries_step *step)
{
	const struct entries_instance *instance = row->instance;
	bool results = m->plan == &entries_plans[ENTRIES_RESULTS];
	uint32_t ord = results ? ENTRIES_R_ord : ENTRIES_S_ord;
	switch (step->column) {
	case ENTRIES_C_RC: return m->rc[row->word[ENTRIES_SET_ST]];
	case ENTRIES_C_ORD: return instance->ord;
	case ENTRIES_C_DEAL: return entries_expect_deal(m, row);
	case ENTRIES_C_POS: return entries_is(row, ord) ? row->number[ord] : instance->pos;
	case ENTRIES_C_VOL: return entries_expect_vol(m, row, step->field);
	case ENTRIES_C_PX: return row->symbol->px;
	case ENTRIES_C_RQ: return entries_expect_price(row, ENTRIES_R_px);
	case ENTRIES_C_SLIM:
	case ENTRIES_C_SL: return entries_expect_price(row, ENTRIES_S_px);
	case ENTRIES_C_TP: return entries_expect_tp(row);
	case ENTRIES_C_SLP: return entries_expect_slp(m, row);
	case ENTRIES_C_COM: return entries_expect_com(m, row);
	case ENTRIES_C_MG:
		return entries_is(row, ENTRIES_R_sid) ? row->number[ENTRIES_R_sid] : instance->mg;
	case ENTRIES_C_T:
	case ENTRIES_C_TRY:
	case ENTRIES_C_DRAIN:
	case ENTRIES_C_EXP:
	case ENTRIES_C_DEV:
	case ENTRIES_C_BY: return m->last_number[step->field];
	default: return 0; /* EX, SWP, FEE, PNL */
	}
}

/* "[sl 1.08500]", as brokers say which level was hit. */
static inline struct str entries_made_comment(struct entries_model *m,
					      const struct entries_row *row)
{
	struct str rs = row->value[ENTRIES_R_rs], rq = row->value[ENTRIES_R_rq];
	if (!rs.ptr || !rq.ptr || rs.len + rq.len > ENTRIES_HEAD_BYTES)
		return (struct str){ 0 };
	size_t len = rs.len + rq.len + 3;
	char *at = entries_room(m, len);
	if (m->bad)
		return (struct str){ 0 };
	at[0] = '[';
	memcpy(at + 1, rs.ptr, rs.len);
	at[1 + rs.len] = ' ';
	memcpy(at + 2 + rs.len, rq.ptr, rq.len);
	at[len - 1] = ']';
	return str_make(at, len);
}

/* Its place in its set, or a text that is made. */
static inline uint32_t entries_guess(struct entries_model *m, const struct entries_row *row,
				     uint32_t column, struct str *made)
{
	uint32_t last = m->last[column - ENTRIES_C_INS];
	const struct entries_sid *sid = row->sid == ENTRIES_NO_SID ? NULL : &m->sids[row->sid];
	bool results = m->plan == &entries_plans[ENTRIES_RESULTS];
	switch (column) {
	case ENTRIES_C_SYM:
		if (sid && sid->sym != ENTRIES_NO_WORD)
			return sid->sym;
		return row->instance->seen && row->instance->sym != ENTRIES_NO_WORD
			   ? row->instance->sym
			   : last;
	case ENTRIES_C_SD: return sid && sid->sd != ENTRIES_NO_WORD ? sid->sd : last;
	case ENTRIES_C_ID:
		if (results && row->sid != ENTRIES_NO_SID && sid->id != ENTRIES_NO_WORD)
			return sid->id;
		if (results)
			*made = row->value[ENTRIES_R_sid];
		return ENTRIES_NO_WORD;
	case ENTRIES_C_CM:
		if (results)
			*made = entries_made_comment(m, row);
		return made->ptr ? ENTRIES_NO_WORD : last;
	default: return last;
	}
}
