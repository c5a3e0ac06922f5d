#include "trade/result.h"

#include "base/check.h"

static const char *const names[RESULT_FIELDS] = {
#define RESULT(id, unit, meaning) #id,
#include "def/results.def"
#undef RESULT
};

const char *result_field_name(enum result_field field)
{
	CHECK((unsigned)field < RESULT_FIELDS);
	return names[field];
}

/* Which field of a frame becomes which of a result, as it was sent. */
struct taken {
	enum result_field to;
	enum mfp_field from;
};

static const struct taken of_result[] = {
	{ RESULT_sid, MFP_result_sid },   { RESULT_st, MFP_result_st },
	{ RESULT_rc, MFP_result_rc },     { RESULT_ord, MFP_result_ord },
	{ RESULT_deal, MFP_result_deal }, { RESULT_pos, MFP_result_pos },
	{ RESULT_sym, MFP_result_sym },   { RESULT_sd, MFP_result_sd },
	{ RESULT_vol, MFP_result_vol },   { RESULT_rq, MFP_result_rq },
	{ RESULT_px, MFP_result_px },     { RESULT_slp, MFP_result_slp },
	{ RESULT_com, MFP_result_com },   { RESULT_swp, MFP_result_swp },
	{ RESULT_fee, MFP_result_fee },   { RESULT_pnl, MFP_result_pl },
	{ RESULT_ex, MFP_result_ex },     { RESULT_sv, MFP_result_sv },
	{ RESULT_try, MFP_result_try },   { RESULT_why, MFP_result_msg },
};

/* The level that was hit is what a stop asked for: its slippage counts from there. */
static const struct taken of_deal[] = {
	{ RESULT_deal, MFP_deal_deal }, { RESULT_ord, MFP_deal_ord }, { RESULT_pos, MFP_deal_pos },
	{ RESULT_sym, MFP_deal_sym },   { RESULT_sd, MFP_deal_sd },   { RESULT_vol, MFP_deal_vol },
	{ RESULT_rq, MFP_deal_lvl },    { RESULT_px, MFP_deal_px },   { RESULT_slp, MFP_deal_slp },
	{ RESULT_com, MFP_deal_com },   { RESULT_swp, MFP_deal_swp }, { RESULT_fee, MFP_deal_fee },
	{ RESULT_pnl, MFP_deal_pl },    { RESULT_sv, MFP_deal_sv },   { RESULT_en, MFP_deal_en },
	{ RESULT_rs, MFP_deal_rs },     { RESULT_mg, MFP_deal_mg },   { RESULT_cm, MFP_deal_cm },
};

static void begin(struct result *result)
{
	memset(result->fields, 0, sizeof result->fields);
	result->rid_hash = 0;
	result->final = false;
	result->deal = 0;
	result->server_ms = 0;
	result->text = buf_over(result->storage, sizeof result->storage);
}

/* What was put at the end of the storage since `from`. */
static struct str since(const struct result *result, size_t from)
{
	return str_make(result->text.ptr + from, result->text.len - from);
}

static void take(struct result *result, const struct mfp_frame *frame, const struct taken *row)
{
	struct str raw = mfp_raw(frame, row->from);
	if (raw.len && memchr(raw.ptr, '%', raw.len)) {
		char text[MFP_TEXT_MAX + 3];
		size_t from = result->text.len;
		buf_str_put(&result->text, mfp_text(frame, row->from, text));
		raw = since(result, from);
	}
	result->fields[row->to] = raw;
}

static enum status end(struct result *result, size_t rid_from, int64_t now_ms)
{
	struct buf *text = &result->text;
	result->fields[RESULT_rid] = since(result, rid_from);
	size_t from = text->len;
	buf_i64(text, now_ms);
	result->fields[RESULT_t] = since(result, from);
	if (text->overflow || result->fields[RESULT_rid].len > RESULT_RID_MAX)
		return STATUS_FORMAT;
	result->rid_hash = str_hash(result->fields[RESULT_rid]);
	return STATUS_OK;
}

/* SID-INSTANCE- */
static void put_rid(struct buf *text, uint64_t sid, struct str instance)
{
	buf_u64(text, sid);
	buf_char(text, '-');
	buf_str_put(text, instance);
	buf_char(text, '-');
}

static bool says(struct str st, const char *word) { return str_eq(st, str_of(word)); }

static void put_result_rid(struct result *result, uint64_t sid, struct str instance)
{
	struct str st = result->fields[RESULT_st];
	put_rid(&result->text, sid, instance);
	if (says(st, "unk"))
		buf_char(&result->text, 'u');
	else if (says(st, "part") && !result->deal)
		buf_char(&result->text, 'p');
	else
		buf_u64(&result->text, result->deal);
}

static void put_deal_rid(struct buf *text, uint64_t deal, const struct result_owner *owner)
{
	buf_str_put(text, STR("deal:"));
	buf_str_put(text, owner->server);
	buf_char(text, ':');
	buf_i64(text, owner->login);
	buf_char(text, ':');
	buf_u64(text, deal);
}

enum status result_of_frame(struct result *result, const struct mfp_frame *frame,
			    const struct result_owner *owner, int64_t now_ms)
{
	bool deal = frame->verb == MFP_VERB_deal;
	const struct taken *rows = deal ? of_deal : of_result;
	size_t count = deal ? ARRAY_LEN(of_deal) : ARRAY_LEN(of_result);
	CHECK(deal || frame->verb == MFP_VERB_result);
	begin(result);
	for (size_t i = 0; i < count; i++)
		take(result, frame, &rows[i]);
	result->deal = (uint64_t)mfp_i64(frame, deal ? MFP_deal_deal : MFP_result_deal, 0);
	result->server_ms = mfp_i64(frame, deal ? MFP_deal_sv : MFP_result_sv, 0);
	result->fields[RESULT_ins] = owner->instance;
	size_t rid_from = result->text.len;
	if (deal) {
		result->fields[RESULT_st] = STR("done");
		put_deal_rid(&result->text, result->deal, owner);
	} else {
		struct str st = result->fields[RESULT_st];
		uint64_t sid = (uint64_t)mfp_i64(frame, MFP_result_sid, 0);
		result->final = !says(st, "part") && !says(st, "unk");
		put_result_rid(result, sid, owner->instance);
	}
	return end(result, rid_from, now_ms);
}

void result_of_weir(struct result *result, uint64_t sid, struct str id, struct str instance,
		    const char *st, struct str why, uint32_t tries, int64_t now_ms)
{
	begin(result);
	size_t from = result->text.len;
	buf_u64(&result->text, sid);
	result->fields[RESULT_sid] = since(result, from);
	from = result->text.len;
	buf_u64(&result->text, tries);
	result->fields[RESULT_try] = since(result, from);
	result->fields[RESULT_id] = id;
	result->fields[RESULT_ins] = instance;
	result->fields[RESULT_st] = str_of(st);
	result->fields[RESULT_why] = why;
	result->final = !says(str_of(st), "unk");
	from = result->text.len;
	put_rid(&result->text, sid, instance);
	buf_char(&result->text, result->final ? '0' : 'u');
	CHECK(end(result, from, now_ms) == STATUS_OK);
}
