#include "archive/results_row.h"

#include <assert.h>

#include "base/check.h"

static_assert(RESULT_FIELDS <= 64, "a bit for each field");

struct place {
	enum result_field field;
	enum archive_column column;
};

static const struct place texts[] = {
	{ RESULT_rid, COLUMN_trade_results_result_id },
	{ RESULT_id, COLUMN_trade_results_signal_id },
	{ RESULT_ins, COLUMN_trade_results_instance },
	{ RESULT_st, COLUMN_trade_results_status },
	{ RESULT_sym, COLUMN_trade_results_symbol },
	{ RESULT_sd, COLUMN_trade_results_side },
	{ RESULT_why, COLUMN_trade_results_reason },
	{ RESULT_en, COLUMN_trade_results_entry },
	{ RESULT_rs, COLUMN_trade_results_deal_reason },
	{ RESULT_cm, COLUMN_trade_results_comment },
};

static const struct place numbers[] = {
	{ RESULT_sid, COLUMN_trade_results_sid },
	{ RESULT_rc, COLUMN_trade_results_retcode },
	{ RESULT_ord, COLUMN_trade_results_order_ticket },
	{ RESULT_deal, COLUMN_trade_results_deal_ticket },
	{ RESULT_pos, COLUMN_trade_results_position_id },
	{ RESULT_vol, COLUMN_trade_results_volume },
	{ RESULT_rq, COLUMN_trade_results_price_requested },
	{ RESULT_px, COLUMN_trade_results_price },
	{ RESULT_slp, COLUMN_trade_results_slippage_points },
	{ RESULT_com, COLUMN_trade_results_commission },
	{ RESULT_swp, COLUMN_trade_results_swap },
	{ RESULT_fee, COLUMN_trade_results_fee },
	{ RESULT_pnl, COLUMN_trade_results_pnl },
	{ RESULT_ex, COLUMN_trade_results_execution_ms },
	{ RESULT_sv, COLUMN_trade_results_server_time_ms },
	{ RESULT_try, COLUMN_trade_results_attempt },
	{ RESULT_mg, COLUMN_trade_results_magic },
};

/* Names have at most four letters: compared as one number. */
static const struct name {
	char text[4];
	uint32_t len;
} names[RESULT_FIELDS] = {
#define RESULT(id, unit, meaning) { { #id }, sizeof #id - 1 },
#include "def/results.def"
};

static const int64_t time_max_ms = 253402300799999; /* the end of the year 9999 */

static enum status fault(struct results_told *told, struct str field, const char *why)
{
	struct buf text = buf_over(told->fault, sizeof told->fault - 1);
	size_t len = field.len < 64 ? field.len : 64;
	buf_printf(&text, "%.*s: %s", (int)len, field.ptr, why);
	told->fault[text.len] = 0;
	return STATUS_FORMAT;
}

static enum status fault_of(struct results_told *told, enum result_field field, const char *why)
{
	return fault(told, str_make(names[field].text, names[field].len), why);
}

/* ---- fields ---- */

static bool is_called(const struct name *name, uint32_t key, size_t len)
{
	uint32_t own;
	memcpy(&own, name->text, sizeof own);
	return own == key && name->len == len;
}

/* They are written in the table's order, absent ones left out: the next one is near. */
static enum result_field find(struct str name, enum result_field from)
{
	uint32_t key = 0;
	if (!name.len || name.len > sizeof key)
		return RESULT_FIELDS;
	memcpy(&key, name.ptr, name.len);
	for (enum result_field field = from; field < RESULT_FIELDS; field++)
		if (is_called(&names[field], key, name.len))
			return field;
	for (enum result_field field = 0; field < from; field++)
		if (is_called(&names[field], key, name.len))
			return field;
	return RESULT_FIELDS;
}

/* values: zeroed. */
static enum status gather(struct str *values, const struct results_entry *entry,
			  struct results_told *told)
{
	enum result_field next = 0;
	uint64_t seen = 0; /* bit: the field stands in the entry, empty or not */
	for (size_t i = 0; i + 1 < entry->count; i += 2) {
		enum result_field field = find(entry->items[i].text, next);
		if (field == RESULT_FIELDS)
			continue;
		if (seen & (UINT64_C(1) << field))
			return fault_of(told, field, "stands twice");
		seen |= UINT64_C(1) << field;
		values[field] = entry->items[i + 1].text;
		next = field + 1;
	}
	return STATUS_OK;
}

/* UTF-8 without a NUL, which not every sink can hold. */
static bool is_text(struct str s)
{
	while (s.len >= 8) {
		uint64_t word;
		memcpy(&word, s.ptr, sizeof word);
		uint64_t zero = (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
		if ((word & 0x8080808080808080u) || zero)
			break;
		s = str_skip(s, 8);
	}
	while (s.len) {
		size_t n = s.ptr[0] ? str_utf8_len(s) : 0;
		if (!n)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

static size_t longest(enum result_field field)
{
	switch (field) {
	case RESULT_rid: return RESULT_RID_MAX;
	case RESULT_id:
	case RESULT_why:
	case RESULT_cm: return RESULTS_TEXT_MAX;
	default: return RESULTS_WORD_MAX;
	}
}

static enum status check_texts(const struct str *values, struct results_told *told)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct str value = values[texts[i].field];
		if (value.len > longest(texts[i].field))
			return fault_of(told, texts[i].field, "too long");
		if (!is_text(value))
			return fault_of(told, texts[i].field, "not UTF-8");
	}
	return STATUS_OK;
}

static bool is_status(struct str st)
{
	static const struct str known[] = { { "done", 4 },    { "part", 4 }, { "fail", 4 },
					    { "refused", 7 }, { "exp", 3 },  { "unk", 3 } };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(st, known[i]))
			return true;
	return false;
}

static enum status check(const struct str *values, struct results_told *told)
{
	if (!values[RESULT_rid].len)
		return fault_of(told, RESULT_rid, "missing");
	if (!values[RESULT_st].len)
		return fault_of(told, RESULT_st, "missing");
	if (!is_status(values[RESULT_st]))
		return fault_of(told, RESULT_st, "not one of done part fail exp refused unk");
	return check_texts(values, told);
}

/* ---- time, account ---- */

static enum status read_ms(const struct str *values, enum result_field field,
			   struct results_told *told, int64_t *ms)
{
	if (!values[field].len)
		return STATUS_OK;
	if (str_to_i64(values[field], ms))
		return fault_of(told, field, "not a number of ms");
	if (*ms < 0 || *ms > time_max_ms)
		return fault_of(told, field, "out of range");
	return STATUS_OK;
}

static enum status read_times(const struct str *values, uint64_t id_ms,
			      const struct results_world *world, struct results_told *told)
{
	int64_t received_ms = id_ms < (uint64_t)time_max_ms ? (int64_t)id_ms : 0;
	int64_t server_ms = 0, offset_ms = INT64_MIN;
	enum status status = read_ms(values, RESULT_t, told, &received_ms);
	if (!status)
		status = read_ms(values, RESULT_sv, told, &server_ms);
	if (status)
		return status;
	if (server_ms && world->offset_ms)
		offset_ms = world->offset_ms(world->ctx, values[RESULT_ins]);
	bool known = offset_ms > -time_max_ms && offset_ms < server_ms;
	told->received_us = received_ms * 1000;
	told->event_us = known ? (server_ms - offset_ms) * 1000 : told->received_us;
	return STATUS_OK;
}

/* A server's name may have colons in it, a login and a ticket have not. */
static bool account_of_rid(struct str rid, struct str *server, int64_t *login)
{
	struct str rest = str_skip(rid, 5);
	size_t ends[2], at = rest.len;
	if (!str_starts(rid, STR("deal:")))
		return false;
	for (size_t i = 0; i < 2; i++) {
		while (at > 0 && rest.ptr[at - 1] != ':')
			at--;
		if (at == 0)
			return false;
		ends[i] = --at;
	}
	*server = str_make(rest.ptr, ends[1]);
	return server->len > 0 && server->len <= RESULTS_WORD_MAX &&
	       !str_to_i64(str_make(rest.ptr + ends[1] + 1, ends[0] - ends[1] - 1), login);
}

static void put_account(struct archive_rows *rows, const struct str *values,
			const struct results_world *world)
{
	struct str server, instance = values[RESULT_ins];
	int64_t login;
	bool known = account_of_rid(values[RESULT_rid], &server, &login);
	if (!known && world->account && instance.len)
		known = world->account(world->ctx, instance, &server, &login);
	if (!known)
		return;
	archive_row_word(rows, COLUMN_trade_results_server, server);
	archive_row_int(rows, COLUMN_trade_results_login, login);
}

/* ---- the row ---- */

static enum status put_numbers(struct archive_rows *rows, const struct str *values,
			       struct results_told *told)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct str value = values[numbers[i].field];
		if (!value.len)
			continue;
		enum status status = archive_row_number(rows, numbers[i].column, value);
		if (status)
			return fault_of(told, numbers[i].field,
					status == STATUS_RANGE ? "out of range" : "not a number");
	}
	return STATUS_OK;
}

static void put_texts(struct archive_rows *rows, const struct str *values)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (values[texts[i].field].len)
			archive_row_text(rows, texts[i].column, values[texts[i].field]);
}

enum status results_row_put(struct archive_rows *rows, const struct str *values, uint64_t id_ms,
			    const struct results_world *world, struct results_told *told)
{
	enum status status = check(values, told);
	if (!status)
		status = read_times(values, id_ms, world, told);
	if (status)
		return status;
	archive_rows_begin(rows, TABLE_trade_results);
	put_texts(rows, values);
	put_account(rows, values, world);
	archive_row_int(rows, COLUMN_trade_results_received_us, told->received_us);
	archive_row_int(rows, COLUMN_trade_results_event_us, told->event_us);
	status = put_numbers(rows, values, told);
	if (status) {
		archive_rows_cancel(rows);
		return status;
	}
	return archive_rows_end(rows);
}

enum status results_row_add(struct archive_rows *rows, const struct results_entry *entry,
			    const struct results_world *world, struct results_told *told)
{
	struct str values[RESULT_FIELDS] = { 0 };
	enum status status = gather(values, entry, told);
	return status ? status : results_row_put(rows, values, entry->id_ms, world, told);
}

struct str results_row_rid(const struct results_entry *entry)
{
	for (size_t i = 0; i + 1 < entry->count; i += 2) {
		struct str value = entry->items[i + 1].text;
		if (str_eq(entry->items[i].text, STR("rid")))
			return value.len <= RESULT_RID_MAX && is_text(value) ? value
									     : (struct str){ 0 };
	}
	return (struct str){ 0 };
}

/* ---- packed entries ---- */

bool results_row_is_packed(const struct results_entry *entry, struct str *chunk)
{
	if (entry->count != 2 || !str_eq(entry->items[0].text, STR("p")))
		return false;
	*chunk = entry->items[1].text;
	return true;
}

enum status results_row_fault_of_chunk(struct results_told *told, struct str chunk,
				       enum status status)
{
	char why[40];
	struct buf text = buf_over(why, sizeof why - 1);
	if (!chunk.len)
		buf_printf(&text, "missing");
	else if (status == STATUS_VERSION)
		buf_printf(&text, "%u is not known", (unsigned char)chunk.ptr[0]);
	else
		buf_printf(&text, "%s", status_text(status));
	why[text.len] = 0;
	return fault(told, STR("codec"), why);
}

struct results_entry results_row_entry(const struct str *values, uint64_t id_ms,
				       struct redis_reply *items)
{
	struct results_entry entry = { .id_ms = id_ms, .items = items };
	for (size_t i = 0; i < RESULT_FIELDS; i++) {
		if (!values[i].ptr)
			continue;
		const struct str name = { names[i].text, names[i].len };
		items[entry.count++] = (struct redis_reply){ .type = REDIS_BULK, .text = name };
		items[entry.count++] =
		    (struct redis_reply){ .type = REDIS_BULK, .text = values[i] };
	}
	return entry;
}
