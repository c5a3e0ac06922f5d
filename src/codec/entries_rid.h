/* entries_rid.h - the rid of a result in packed entries: made of the row's other fields where it
 * is as weir makes it, `SID-INSTANCE-DEAL` of a signal or `deal:SERVER:LOGIN:DEAL`, else told. */
#pragma once

#include "codec/entries_expect.h"

enum { ENTRIES_RID_OF_SIGNAL, ENTRIES_RID_OF_DEAL, ENTRIES_RID_TOLD };

static inline struct str entries_joined(struct entries_model *m, const struct str *parts, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	if (len > ENTRIES_RID_BYTES)
		return (struct str){ 0 };
	char *at = entries_room(m, len), *end = at;
	if (m->bad)
		return (struct str){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len)
			memcpy(end, parts[i].ptr, parts[i].len);
		end += parts[i].len;
	}
	return str_make(at, len);
}

static inline struct str entries_made_rid(struct entries_model *m, const struct entries_row *row)
{
	struct str st = row->value[ENTRIES_R_st], deal = row->value[ENTRIES_R_deal];
	struct str end = deal.ptr ? deal : str_eq(st, STR("part")) ? STR("p") : STR("0");
	const struct str parts[] = { row->value[ENTRIES_R_sid], STR("-"), row->value[ENTRIES_R_ins],
				     STR("-"), str_eq(st, STR("unk")) ? STR("u") : end };
	return entries_joined(m, parts, ARRAY_LEN(parts));
}

static inline struct str entries_made_deal_rid(struct entries_model *m,
					       const struct entries_row *row, struct str account)
{
	const struct str parts[] = { STR("deal:"), account, STR(":"), row->value[ENTRIES_R_deal] };
	return entries_joined(m, parts, ARRAY_LEN(parts));
}

/* SERVER:LOGIN, where the rid has it in front of the row's deal. */
static inline bool entries_rid_account(const struct entries_row *row, struct str *account)
{
	struct str rid = row->value[ENTRIES_R_rid], deal = row->value[ENTRIES_R_deal];
	const size_t around = 6; /* "deal:" and ":" */
	if (rid.len < around + deal.len || rid.len > ENTRIES_RID_BYTES ||
	    !str_starts(rid, STR("deal:")))
		return false;
	*account = str_make(rid.ptr + 5, rid.len - around - deal.len);
	return rid.ptr[rid.len - deal.len - 1] == ':' &&
	       str_eq(str_skip(rid, rid.len - deal.len), deal);
}

/* Which of them it is; nothing stays printed. */
static inline int64_t entries_rid_form(struct entries_model *m, const struct entries_row *row,
				       bool is_deal, struct str *account)
{
	size_t before = m->printed;
	struct str made = is_deal ? (struct str){ 0 } : entries_made_rid(m, row);
	m->printed = before;
	if (made.ptr && str_eq(made, row->value[ENTRIES_R_rid]))
		return ENTRIES_RID_OF_SIGNAL;
	return entries_rid_account(row, account) ? ENTRIES_RID_OF_DEAL : ENTRIES_RID_TOLD;
}

PACK_INLINE struct str entries_code_account(struct entries_model *m, struct entries_row *row,
					    struct str account, bool writing)
{
	uint32_t guess = row->instance->seen ? row->instance->acct : ENTRIES_NO_WORD;
	if (guess == ENTRIES_NO_WORD)
		guess = m->last[ENTRIES_SET_ACCT];
	return entries_code_text(m, ENTRIES_C_ACCT, account, guess, (struct str){ 0 },
				 &row->word[ENTRIES_SET_ACCT], writing);
}

PACK_INLINE void entries_code_rid(struct entries_model *m, struct entries_row *row, bool writing)
{
	bool is_deal = !row->value[ENTRIES_R_sid].ptr && row->value[ENTRIES_R_deal].ptr;
	int64_t expected = is_deal ? ENTRIES_RID_OF_DEAL : ENTRIES_RID_OF_SIGNAL, form = 0;
	struct str *rid = &row->value[ENTRIES_R_rid], account = { 0 }, made = { 0 };
	if (writing)
		form = entries_rid_form(m, row, is_deal, &account);
	form = entries_code_near(m, ENTRIES_C_RID, form, expected, writing);
	if (form == ENTRIES_RID_OF_SIGNAL)
		made = entries_made_rid(m, row);
	if (form == ENTRIES_RID_OF_DEAL)
		made =
		    entries_made_deal_rid(m, row, entries_code_account(m, row, account, writing));
	if (form == ENTRIES_RID_TOLD)
		made = entries_literal(m, *rid, writing);
	m->bad |= !made.ptr;
	*rid = made.ptr ? made : str_make(m->print, 0);
}
