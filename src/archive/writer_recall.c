/* Trades out of the file: all that is open at the start, and older ones whose deals come.
 *
 * They are found by their position alone, in whole numbers, and read by rowid: the other
 * columns of a file of millions of deals are read for those that matter. A trade is the sum
 * of its deals, or its newest row where that has more deals than retention left. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "archive/writer_impl.h"
#include "base/check.h"

#define IS_DEAL                                                                                    \
	"d.deal_ticket > 0 AND d.position_id > 0 AND d.instance IS NOT NULL AND "                  \
	"d.instance <> '' AND d.side IS NOT NULL"
#define WANTED_OF(table) "(SELECT rowid FROM " table " WHERE position_id IN (SELECT p FROM wanted))"
#define DEALS                                                                                      \
	"SELECT d.instance, d.server, d.symbol, d.login, d.position_id, d.deal_ticket, d.side, "   \
	"d.volume, d.price, d.commission, d.swap, d.fee, d.pnl, d.event_us, d.deal_reason, "       \
	"d.price_requested, NULL AS tp, NULL AS price_close, NULL AS closed_us, NULL AS deals, "   \
	"NULL AS batch_id, NULL AS place FROM trade_results d "                                    \
	"WHERE d.rowid IN " WANTED_OF("trade_results") " AND " IS_DEAL
#define ROWS                                                                                       \
	"SELECT t.instance, t.server, t.symbol, t.login, t.position_id, NULL, t.side, t.volume, "  \
	"t.price_open, t.commission, t.swap, t.fee, t.pnl, t.opened_us, NULL, t.sl, t.tp, "        \
	"t.price_close, t.closed_us, t.deals, t.batch_id, t.rowid FROM trades t "                  \
	"WHERE t.rowid IN " WANTED_OF("trades")

/* The columns of a deal, and of a row where AT_DEAL is NULL. */
enum {
	AT_INSTANCE,
	AT_SERVER,
	AT_SYMBOL,
	AT_LOGIN,
	AT_POSITION,
	AT_DEAL,
	AT_SIDE,
	AT_VOLUME,
	AT_PRICE,
	AT_COMMISSION,
	AT_SWAP,
	AT_FEE,
	AT_PNL,
	AT_TIME,
	AT_REASON,
	AT_LEVEL, /* sl */
	AT_TP,
	AT_PRICE_CLOSE,
	AT_CLOSED,
	AT_DEALS,
};

/* Of a trade the deals, then its rows from the newest on. */
static const char sql_of_wanted[] =
    "WITH wanted AS (SELECT unnest(?::VARCHAR[])::BIGINT AS p) "
    "SELECT * FROM (" DEALS " UNION ALL " ROWS ") ORDER BY instance, position_id, "
    "deals IS NOT NULL, batch_id DESC, deals DESC, place DESC";

/* ---- reading ---- */

struct reading {
	struct writer_work *work;
	struct trade_sum sum;
	char instance[TRADE_NAME_MAX + 1];
	int64_t position;
	bool wanted, has_row;
};

static void put_sum(const struct reading *reading)
{
	struct writer_work *work = reading->work;
	const struct trade_sum *sum = &reading->sum;
	/* FULL: too many are open; what is beyond is counted when its deals come. */
	if (sum->deals && !trades_put(work->trades, sum) && reading->has_row &&
	    !trade_sum_is_closed(sum))
		writer_note_reopened(work, str_of(sum->instance), sum->position);
}

/* Another terminal may have the same position, which is not wanted. */
static void begin_trade(struct reading *reading, struct str instance, int64_t position)
{
	char out[WRITER_TRADE_ID_MAX];
	put_sum(reading);
	reading->sum = (struct trade_sum){ .position = 0 };
	reading->position = position;
	reading->has_row = reading->wanted = false;
	if (str_copy(instance, reading->instance, sizeof reading->instance))
		return;
	struct str id = writer_trade_id(instance, position, out);
	reading->wanted = writer_keys_find(&reading->work->keys, id, str_hash(id)) != UINT32_MAX;
}

static void add_deal(struct trade_sum *sum, const struct db_row *row)
{
	struct trade_deal deal = {
		.instance = db_row_text(row, AT_INSTANCE),
		.server = db_row_text(row, AT_SERVER),
		.symbol = db_row_text(row, AT_SYMBOL),
		.login = db_row_int(row, AT_LOGIN, 0),
		.position = db_row_int(row, AT_POSITION, 0),
		.deal = db_row_int(row, AT_DEAL, 0),
		.side = writer_side_of(db_row_text(row, AT_SIDE)),
		.volume = db_row_int(row, AT_VOLUME, 0),
		.price = db_row_int(row, AT_PRICE, 0),
		.commission = db_row_int(row, AT_COMMISSION, 0),
		.swap = db_row_int(row, AT_SWAP, 0),
		.fee = db_row_int(row, AT_FEE, 0),
		.pnl = db_row_int(row, AT_PNL, 0),
		.event_us = db_row_int(row, AT_TIME, 0),
	};
	writer_deal_level(&deal, db_row_text(row, AT_REASON), db_row_int(row, AT_LEVEL, 0));
	/* What could not be added to it before cannot be now. */
	(void)!trade_sum_add(sum, &deal);
}

static void copy_name(char out[TRADE_NAME_MAX + 1], struct str text)
{
	if (text.len <= TRADE_NAME_MAX)
		(void)!str_copy(text, out, TRADE_NAME_MAX + 1);
}

/* Where retention took deals; the means give the values back. */
static void take_row(struct trade_sum *sum, const struct db_row *row)
{
	struct trade_sum from = { .position = db_row_int(row, AT_POSITION, 0) };
	if (db_row_int(row, AT_DEALS, 0) <= sum->deals)
		return;
	copy_name(from.instance, db_row_text(row, AT_INSTANCE));
	copy_name(from.server, db_row_text(row, AT_SERVER));
	copy_name(from.symbol, db_row_text(row, AT_SYMBOL));
	from.login = db_row_int(row, AT_LOGIN, 0);
	from.side = writer_side_of(db_row_text(row, AT_SIDE));
	from.volume_in = from.volume_out = db_row_int(row, AT_VOLUME, 0);
	from.value_in = (i128)from.volume_in * db_row_int(row, AT_PRICE, 0);
	from.value_out = (i128)from.volume_in * db_row_int(row, AT_PRICE_CLOSE, 0);
	from.commission = db_row_int(row, AT_COMMISSION, 0);
	from.swap = db_row_int(row, AT_SWAP, 0);
	from.fee = db_row_int(row, AT_FEE, 0);
	from.pnl = db_row_int(row, AT_PNL, 0);
	from.has_sl = !db_row_null(row, AT_LEVEL);
	from.sl = db_row_int(row, AT_LEVEL, 0);
	from.has_tp = !db_row_null(row, AT_TP);
	from.tp = db_row_int(row, AT_TP, 0);
	from.opened_us = db_row_int(row, AT_TIME, 0);
	from.closed_us = from.sl_us = from.tp_us = db_row_int(row, AT_CLOSED, 0);
	from.deals = (uint32_t)db_row_int(row, AT_DEALS, 0);
	*sum = from;
}

static bool take_part(void *ctx, const struct db_row *row)
{
	struct reading *reading = ctx;
	struct str instance = db_row_text(row, AT_INSTANCE);
	int64_t position = db_row_int(row, AT_POSITION, 0);
	if (position != reading->position || !str_eq(instance, str_of(reading->instance)))
		begin_trade(reading, instance, position);
	if (!reading->wanted)
		return true;
	if (!db_row_null(row, AT_DEAL)) {
		add_deal(&reading->sum, row);
	} else if (!reading->has_row) {
		reading->has_row = true;
		take_row(&reading->sum, row);
	}
	return true;
}

static void want(struct writer_work *work, struct str instance, int64_t position)
{
	char out[WRITER_TRADE_ID_MAX];
	struct str id = writer_trade_id(instance, position, out);
	(void)writer_keys_take(&work->keys, id, str_hash(id), 0);
}

struct db_value writer_positions(struct writer_work *work)
{
	for (size_t i = 0; i < work->keys.count; i++) {
		const struct writer_key *key = &work->keys.keys[i];
		struct str id = str_make(work->keys.text.ptr + key->at, key->len);
		size_t at = id.len;
		while (id.ptr[at - 1] != '-')
			at--;
		work->names[i] = str_skip(id, at);
	}
	return DB_TEXTS(work->names, work->keys.count);
}

/* The trades whose ids are in work->keys. */
static enum status read_wanted(struct writer_work *work, struct err *err)
{
	struct reading reading = { .work = work };
	if (!work->keys.count)
		return STATUS_OK;
	enum status status = db_each(work->db, sql_of_wanted, DB_ARGS(writer_positions(work)),
				     take_part, &reading, err);
	if (!status)
		put_sum(&reading);
	return status;
}

/* ---- for a batch ---- */

/* The file has none of the batch's own deals when a part of it is recalled. What the part before
 * closed is in memory still, what two parts before did might have been displaced: a third one
 * would begin such a trade without its deals. */
static_assert(WRITER_ROWS_MAX <= 2 * TRADES_CLOSED_MAX, "a batch in two parts");

enum status writer_recall_trades(struct writer_work *work, size_t from, size_t to, struct err *err)
{
	CHECK(to - from <= TRADES_CLOSED_MAX);
	writer_keys_clear(&work->keys);
	for (size_t i = from; i < to; i++) {
		struct trade_deal deal;
		if (!work->skip[i] && writer_deal_of(work->rows[i], &deal) &&
		    deal.instance.len <= TRADE_NAME_MAX &&
		    trades_want(work->trades, deal.instance, deal.position))
			want(work, deal.instance, deal.position);
	}
	return read_wanted(work, err);
}

/* ---- at the start ---- */

struct names {
	struct buf texts; /* INSTANCE 0 POSITION 0 … */
	size_t count;
};

static bool take_name(void *ctx, const struct db_row *row)
{
	struct names *names = ctx;
	struct str instance = db_row_text(row, 0);
	if (instance.len > TRADE_NAME_MAX)
		return true;
	buf_str_put(&names->texts, instance);
	buf_char(&names->texts, 0);
	buf_i64(&names->texts, db_row_int(row, 1, 0));
	buf_char(&names->texts, 0);
	names->count++;
	return names->count < TRADES_OPEN_MAX;
}

/* In parts of the positions: what DuckDB holds of a group is about 100 bytes, and it does not
 * get by with less memory than that. */
static enum status find_open(struct writer_work *work, struct names *names, struct err *err)
{
	int64_t rows, parts;
	enum status status =
	    db_scalar(work->db, "SELECT count(*) FROM trade_results", DB_NONE, 0, &rows, err);
	parts = (rows / (work->db->config.memory_bytes / 256 + 1)) | 1;
	for (int64_t i = 0; !status && i < parts && names->count < TRADES_OPEN_MAX; i++)
		status = db_each(
		    work->db,
		    "SELECT d.instance, d.position_id FROM trade_results d WHERE d.position_id % ? "
		    "= ? AND " IS_DEAL " GROUP BY ALL HAVING sum(CASE d.side WHEN 'buy' THEN "
		    "coalesce(d.volume, 0) WHEN 'sell' THEN -coalesce(d.volume, 0) ELSE 0 END) <> "
		    "0 OR NOT bool_or(d.side IN ('buy', 'sell') AND coalesce(d.volume, 0) > 0)",
		    DB_ARGS(DB_INT(parts), DB_INT(i)), take_name, names, err);
	return status;
}

static enum status find_newest(struct writer_work *work, struct names *names, struct err *err)
{
	names->count = 0;
	return db_each(work->db,
		       "SELECT instance, position_id FROM trades ORDER BY rowid DESC LIMIT ?",
		       DB_ARGS(DB_INT(TRADES_CLOSED_MAX)), take_name, names, err);
}

static enum status read_names(struct writer_work *work, const struct names *names, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t at = 0; !status && at < names->texts.len;) {
		writer_keys_clear(&work->keys);
		while (work->keys.count < TRADES_CLOSED_MAX && at < names->texts.len) {
			struct str instance = str_of(names->texts.ptr + at);
			struct str digits = str_of(instance.ptr + instance.len + 1);
			int64_t position = 0;
			CHECK(str_to_i64(digits, &position) == STATUS_OK);
			want(work, instance, position);
			at += instance.len + digits.len + 2;
		}
		status = read_wanted(work, err);
	}
	return status;
}

static bool load_old(void *ctx, const struct db_row *row)
{
	struct writer_work *work = ctx;
	struct str instance = db_row_text(row, 0);
	int64_t position = db_row_int(row, 1, 0);
	if (!trades_find(work->trades, instance, position))
		trades_old(work->trades, instance, position);
	return true;
}

enum status writer_load_trades(struct writer_work *work, struct err *err)
{
	struct names names = { .count = 0 };
	buf_init(&names.texts, 2 * TRADES_OPEN_MAX * WRITER_TRADE_ID_MAX);
	trades_clear(work->trades);
	work->reopened_count = 0;
	enum status status = find_open(work, &names, err);
	if (!status)
		status = find_newest(work, &names, err);
	if (!status && names.texts.overflow)
		status = err_set(err, STATUS_NO_MEMORY, "no memory for the open trades");
	if (!status)
		status = read_names(work, &names, err);
	buf_deinit(&names.texts);
	if (!status)
		status = db_each(work->db, "SELECT instance, position_id FROM trades", DB_NONE,
				 load_old, work, err);
	if (status)
		return status;
	trades_old_end(work->trades);
	work->stale = false;
	return STATUS_OK;
}
