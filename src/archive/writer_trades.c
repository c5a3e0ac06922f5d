/* Deals become trades (trade/trades.h), and closed trades rows.
 *
 * A deal is a row of trade_results with a deal, a position, an instance and a side; buy and
 * sell have volume, every other side (commission, swap, dividend …) moves money. The trades
 * in memory are what the file's deals add up to: read at the start, and again after a
 * transaction that failed with deals of its own in them.
 *
 * A trade that is told again (a late fill, a late commission) takes the place of its row
 * where that row's batch is still open, or there are no batches. A row of a closed batch
 * stays: it may be on its way to a sink, where the newer one replaces it; here v_trades shows
 * the newest. */
#include <inttypes.h>
#include <stdio.h>

#include "archive/writer_impl.h"
#include "base/check.h"

enum trade_side writer_side_of(struct str word)
{
	if (str_eq(word, STR("buy")))
		return TRADE_BUY;
	return str_eq(word, STR("sell")) ? TRADE_SELL : TRADE_NONE;
}

static bool is_deal(const struct archive_row *row)
{
	return row->table == TABLE_trade_results &&
	       archive_cell_int(row, COLUMN_trade_results_deal_ticket, 0) > 0 &&
	       archive_cell_int(row, COLUMN_trade_results_position_id, 0) > 0 &&
	       archive_cell_text(row, COLUMN_trade_results_instance).len &&
	       archive_cell_text(row, COLUMN_trade_results_side).len;
}

void writer_deal_level(struct trade_deal *deal, struct str reason, int64_t level)
{
	deal->has_sl = level > 0 && str_eq(reason, STR("sl"));
	deal->has_tp = level > 0 && str_eq(reason, STR("tp"));
	deal->sl = deal->has_sl ? level : 0;
	deal->tp = deal->has_tp ? level : 0;
}

bool writer_deal_of(const struct archive_row *row, struct trade_deal *deal)
{
	if (!is_deal(row))
		return false;
	*deal = (struct trade_deal){
		.instance = archive_cell_text(row, COLUMN_trade_results_instance),
		.server = archive_cell_text(row, COLUMN_trade_results_server),
		.symbol = archive_cell_text(row, COLUMN_trade_results_symbol),
		.login = archive_cell_int(row, COLUMN_trade_results_login, 0),
		.position = archive_cell_int(row, COLUMN_trade_results_position_id, 0),
		.deal = archive_cell_int(row, COLUMN_trade_results_deal_ticket, 0),
		.side = writer_side_of(archive_cell_text(row, COLUMN_trade_results_side)),
		.volume = archive_cell_int(row, COLUMN_trade_results_volume, 0),
		.price = archive_cell_int(row, COLUMN_trade_results_price, 0),
		.commission = archive_cell_int(row, COLUMN_trade_results_commission, 0),
		.swap = archive_cell_int(row, COLUMN_trade_results_swap, 0),
		.fee = archive_cell_int(row, COLUMN_trade_results_fee, 0),
		.pnl = archive_cell_int(row, COLUMN_trade_results_pnl, 0),
		.event_us = archive_cell_int(row, COLUMN_trade_results_event_us, 0),
	};
	writer_deal_level(deal, archive_cell_text(row, COLUMN_trade_results_deal_reason),
			  archive_cell_int(row, COLUMN_trade_results_price_requested, 0));
	return true;
}

static uint64_t hash_of(struct str instance, int64_t position)
{
	return str_hash(instance) ^ (uint64_t)position * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- rows ---- */

static void put_row(struct archive_rows *rows, const struct trade_sum *trade, struct str id)
{
	archive_rows_begin(rows, TABLE_trades);
	archive_row_text(rows, COLUMN_trades_trade_id, id);
	archive_row_text(rows, COLUMN_trades_instance, str_of(trade->instance));
	archive_row_word(rows, COLUMN_trades_server, str_of(trade->server));
	if (trade->login)
		archive_row_int(rows, COLUMN_trades_login, trade->login);
	archive_row_int(rows, COLUMN_trades_position_id, trade->position);
	archive_row_word(rows, COLUMN_trades_symbol, str_of(trade->symbol));
	archive_row_text(rows, COLUMN_trades_side,
			 trade->side == TRADE_BUY ? STR("buy") : STR("sell"));
	archive_row_dec(rows, COLUMN_trades_volume, trade->volume_in);
	archive_row_dec(rows, COLUMN_trades_price_open,
			trade_mean_price(trade->value_in, trade->volume_in));
	archive_row_dec(rows, COLUMN_trades_price_close,
			trade_mean_price(trade->value_out, trade->volume_out));
	if (trade->has_sl)
		archive_row_dec(rows, COLUMN_trades_sl, trade->sl);
	if (trade->has_tp)
		archive_row_dec(rows, COLUMN_trades_tp, trade->tp);
	archive_row_dec(rows, COLUMN_trades_commission, trade->commission);
	archive_row_dec(rows, COLUMN_trades_swap, trade->swap);
	archive_row_dec(rows, COLUMN_trades_fee, trade->fee);
	archive_row_dec(rows, COLUMN_trades_pnl, trade->pnl);
	archive_row_int(rows, COLUMN_trades_opened_us, trade->opened_us);
	archive_row_int(rows, COLUMN_trades_closed_us, trade->closed_us);
	archive_row_text(rows, COLUMN_trades_state, STR("closed"));
	archive_row_int(rows, COLUMN_trades_deals, trade->deals);
}

struct str writer_trade_id(struct str instance, int64_t position, char out[WRITER_TRADE_ID_MAX])
{
	snprintf(out, WRITER_TRADE_ID_MAX, "%.*s-%" PRId64, (int)instance.len, instance.ptr,
		 position);
	return str_of(out);
}

static struct str id_of(const struct trade_sum *trade, char out[WRITER_TRADE_ID_MAX])
{
	return writer_trade_id(str_of(trade->instance), trade->position, out);
}

void writer_trade_closed(void *ctx, const struct trade_sum *trade)
{
	struct writer_work *work = ctx;
	char out[WRITER_TRADE_ID_MAX];
	put_row(&work->derived, trade, id_of(trade, out));
	enum status status = archive_rows_end(&work->derived);
	if (status == STATUS_RANGE) /* a sum that no DECIMAL(18,8) holds: its deals are there */
		db_count(work->db, "trades_too_big", 1);
	else if (status && !work->sum_status)
		work->sum_status =
		    err_set(work->sum_err, status, "no room for the trades of a batch");
}

/* ---- which trades may have a row ---- */

static size_t reopened_at(const struct writer_work *work, uint64_t hash)
{
	size_t i = 0;
	while (i < work->reopened_count && work->reopened[i] != hash)
		i++;
	return i;
}

void writer_note_reopened(struct writer_work *work, struct str instance, int64_t position)
{
	uint64_t hash = hash_of(instance, position);
	if (reopened_at(work, hash) < work->reopened_count)
		return;
	if (work->reopened_count < REOPENED_MAX)
		work->reopened[work->reopened_count++] = hash;
	else if (work->db->in_transaction) /* a row of one that is told again may stay: v_trades is
					      for that */
		db_count(work->db, "trades_reopened_beyond", 1);
}

/* What it was before the deal and is after it tells whether the file may hold its row. */
static void note_told(struct writer_work *work, const struct trade_deal *deal, bool was_told)
{
	uint64_t hash = hash_of(deal->instance, deal->position);
	size_t at = reopened_at(work, hash);
	if (!was_told && at == work->reopened_count)
		return;
	const struct trade_sum *now = trades_find(work->trades, deal->instance, deal->position);
	if (!now)
		return;
	if (!trade_sum_is_closed(now)) {
		writer_note_reopened(work, deal->instance, deal->position);
		return;
	}
	if (at < work->reopened_count)
		work->reopened[at] = work->reopened[--work->reopened_count];
	char out[WRITER_TRADE_ID_MAX];
	buf_str_put(&work->retold, id_of(now, out));
	buf_char(&work->retold, 0);
}

static void take_deal(struct writer_work *work, const struct trade_deal *deal)
{
	const struct trade_sum *was = trades_find(work->trades, deal->instance, deal->position);
	bool was_told = was && trade_sum_is_closed(was);
	work->stale = true; /* until it is committed */
	if (trades_take(work->trades, deal))
		db_count(work->db, "deals_of_no_trade", 1);
	note_told(work, deal, was_told);
}

static enum status sum_round(struct writer_work *work, size_t from, size_t to, struct err *err)
{
	enum status status = writer_recall_trades(work, from, to, err);
	for (size_t i = from; i < to && !status; i++) {
		struct trade_deal deal;
		if (work->skip[i] || !writer_deal_of(work->rows[i], &deal))
			continue;
		take_deal(work, &deal);
		status = work->sum_status;
	}
	return status;
}

enum status writer_sum_trades(struct writer_work *work, struct err *err)
{
	enum status status = STATUS_OK;
	work->sum_status = STATUS_OK;
	work->sum_err = err;
	for (size_t at = 0; at < work->count && !status; at += TRADES_CLOSED_MAX) {
		size_t left = work->count - at;
		status = sum_round(work, at,
				   at + (left < TRADES_CLOSED_MAX ? left : TRADES_CLOSED_MAX), err);
	}
	work->sum_err = NULL;
	return status;
}

/* ---- into the file ---- */

struct older {
	struct writer_work *work;
	size_t count;
};

/* Rows of the trades in keys that may go: their rowids into digits. */
static bool take_older(void *ctx, const struct db_row *row)
{
	struct older *older = ctx;
	struct writer_work *work = older->work;
	struct str id = db_row_text(row, 1);
	int64_t batch = db_row_int(row, 2, 0);
	if ((batch && !db_batch_is_open(work->db, batch)) ||
	    writer_keys_find(&work->keys, id, str_hash(id)) == UINT32_MAX)
		return true;
	buf_i64(&work->digits, db_row_int(row, 0, 0));
	buf_char(&work->digits, 0);
	db_batch_lost(work->db, batch);
	return ++older->count < WRITER_ROWS_MAX;
}

static void keys_of_retold(struct writer_work *work)
{
	writer_keys_clear(&work->keys);
	for (size_t at = 0; at < work->retold.len && work->keys.count < WRITER_ROWS_MAX;) {
		struct str id = str_of(work->retold.ptr + at);
		(void)writer_keys_take(&work->keys, id, str_hash(id), 0);
		at += id.len + 1;
	}
}

/* The older rows of those that are told again, where they may go; found as they are in
 * writer_recall.c. */
static enum status remove_older(struct writer_work *work, struct err *err)
{
	struct older older = { work, 0 };
	if (!work->retold.len)
		return STATUS_OK;
	keys_of_retold(work);
	buf_clear(&work->digits);
	enum status status =
	    db_each(work->db,
		    "SELECT rowid, trade_id, batch_id FROM trades WHERE rowid IN (SELECT rowid "
		    "FROM trades WHERE position_id IN (SELECT unnest(?::VARCHAR[])::BIGINT))",
		    DB_ARGS(writer_positions(work)), take_older, &older, err);
	if (status || !older.count)
		return status;
	for (size_t i = 0, at = 0; i < older.count; i++) {
		work->names[i] = str_of(work->digits.ptr + at);
		at += work->names[i].len + 1;
	}
	status = db_exec(work->db,
			 "DELETE FROM trades WHERE rowid IN (SELECT unnest(?::VARCHAR[])::BIGINT)",
			 DB_ARGS(DB_TEXTS(work->names, older.count)), NULL, err);
	if (!status)
		db_count_gone(work->db, TABLE_trades, (int64_t)older.count);
	return status;
}

/* A trade that closed twice in this batch has one row: the last. */
static size_t pick_last(struct writer_work *work)
{
	const struct archive_row *row = NULL;
	size_t all = 0, count = 0;
	writer_keys_clear(&work->keys);
	while ((row = archive_rows_next(&work->derived, row)))
		if (row->table == TABLE_trades)
			work->picked[all++] = row;
	for (size_t i = all; i-- > 0;) {
		struct str id = archive_cell_text(work->picked[i], COLUMN_trades_trade_id);
		bool is_last =
		    writer_keys_take(&work->keys, id, str_hash(id), (uint32_t)i) == UINT32_MAX;
		if (!is_last)
			work->picked[i] = NULL;
	}
	for (size_t i = 0; i < all; i++)
		if (work->picked[i])
			work->picked[count++] = work->picked[i];
	return count;
}

enum status writer_append_trades(struct writer_work *work, struct err *err)
{
	enum status status = remove_older(work, err);
	size_t count = status ? 0 : pick_last(work);
	return count ? db_append_table(work->db, TABLE_trades, work->picked, count, err) : status;
}
