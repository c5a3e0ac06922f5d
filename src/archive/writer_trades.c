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

#define DEAL_COLUMNS                                                                               \
	"d.instance, d.server, d.symbol, d.login, d.position_id, d.deal_ticket, d.side, "          \
	"d.volume, d.price, d.commission, d.swap, d.fee, d.pnl, d.event_us"
#define IS_DEAL                                                                                    \
	"d.deal_ticket > 0 AND d.position_id > 0 AND d.instance IS NOT NULL AND "                  \
	"d.instance <> '' AND d.side IS NOT NULL"

static enum trade_side side_of(struct str word)
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

static struct trade_deal deal_of(const struct archive_row *row)
{
	return (struct trade_deal){
		.instance = archive_cell_text(row, COLUMN_trade_results_instance),
		.server = archive_cell_text(row, COLUMN_trade_results_server),
		.symbol = archive_cell_text(row, COLUMN_trade_results_symbol),
		.login = archive_cell_int(row, COLUMN_trade_results_login, 0),
		.position = archive_cell_int(row, COLUMN_trade_results_position_id, 0),
		.deal = archive_cell_int(row, COLUMN_trade_results_deal_ticket, 0),
		.side = side_of(archive_cell_text(row, COLUMN_trade_results_side)),
		.volume = archive_cell_int(row, COLUMN_trade_results_volume, 0),
		.price = archive_cell_int(row, COLUMN_trade_results_price, 0),
		.commission = archive_cell_int(row, COLUMN_trade_results_commission, 0),
		.swap = archive_cell_int(row, COLUMN_trade_results_swap, 0),
		.fee = archive_cell_int(row, COLUMN_trade_results_fee, 0),
		.pnl = archive_cell_int(row, COLUMN_trade_results_pnl, 0),
		.event_us = archive_cell_int(row, COLUMN_trade_results_event_us, 0),
	};
}

static struct trade_deal deal_of_answer(const struct db_row *row)
{
	return (struct trade_deal){
		.instance = db_row_text(row, 0),
		.server = db_row_text(row, 1),
		.symbol = db_row_text(row, 2),
		.login = db_row_int(row, 3, 0),
		.position = db_row_int(row, 4, 0),
		.deal = db_row_int(row, 5, 0),
		.side = side_of(db_row_text(row, 6)),
		.volume = db_row_int(row, 7, 0),
		.price = db_row_int(row, 8, 0),
		.commission = db_row_int(row, 9, 0),
		.swap = db_row_int(row, 10, 0),
		.fee = db_row_int(row, 11, 0),
		.pnl = db_row_int(row, 12, 0),
		.event_us = db_row_int(row, 13, 0),
	};
}

static uint64_t hash_of(struct str instance, int64_t position)
{
	return str_hash(instance) ^ (uint64_t)position * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- a trade that is not in memory ---- */

static bool add_deal(void *ctx, const struct db_row *row)
{
	struct trade_deal deal = deal_of_answer(row);
	/* What could not be added to it before cannot be now. */
	(void)!trade_sum_add(ctx, &deal);
	return true;
}

static void copy_name(char out[TRADE_NAME_MAX + 1], struct str text)
{
	if (text.len <= TRADE_NAME_MAX)
		(void)!str_copy(text, out, TRADE_NAME_MAX + 1);
}

/* From its row, where retention took the deals: the means give the values back. */
static bool take_row(void *ctx, const struct db_row *row)
{
	struct trade_sum *sum = ctx, from = { .position = db_row_int(row, 4, 0) };
	if (db_row_int(row, 15, 0) <= sum->deals)
		return false;
	copy_name(from.instance, db_row_text(row, 0));
	copy_name(from.server, db_row_text(row, 1));
	copy_name(from.symbol, db_row_text(row, 2));
	from.login = db_row_int(row, 3, 0);
	from.side = side_of(db_row_text(row, 5));
	from.volume_in = from.volume_out = db_row_int(row, 6, 0);
	from.value_in = (i128)from.volume_in * db_row_int(row, 7, 0);
	from.value_out = (i128)from.volume_in * db_row_int(row, 8, 0);
	from.commission = db_row_int(row, 9, 0);
	from.swap = db_row_int(row, 10, 0);
	from.fee = db_row_int(row, 11, 0);
	from.pnl = db_row_int(row, 12, 0);
	from.opened_us = db_row_int(row, 13, 0);
	from.closed_us = db_row_int(row, 14, 0);
	from.deals = (uint32_t)db_row_int(row, 15, 0);
	*sum = from;
	return false;
}

static enum status recall_it(struct writer_work *work, struct str instance, int64_t position,
			     struct trade_sum *sum, struct err *err)
{
	struct db_args args = DB_ARGS(DB_INT(position), DB_TEXT(instance));
	*sum = (struct trade_sum){ 0 };
	enum status status =
	    db_each(work->db,
		    "SELECT " DEAL_COLUMNS " FROM trade_results d WHERE d.position_id = ? AND "
		    "d.instance = ? AND " IS_DEAL,
		    args, add_deal, sum, err);
	if (status)
		return status;
	return db_each(work->db,
		       "SELECT instance, server, symbol, login, position_id, side, volume, "
		       "price_open, price_close, commission, swap, fee, pnl, opened_us, closed_us, "
		       "deals FROM v_trades WHERE position_id = ? AND instance = ?",
		       args, take_row, sum, err);
}

bool writer_recall_trade(void *ctx, struct str instance, int64_t position, struct trade_sum *trade)
{
	struct writer_work *work = ctx;
	if (work->sum_status)
		return false;
	work->sum_status = recall_it(work, instance, position, trade, work->sum_err);
	work->recalled = !work->sum_status && trade->deals > 0;
	return work->recalled;
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

static struct str id_of(const struct trade_sum *trade, char out[TRADE_NAME_MAX + 32])
{
	snprintf(out, TRADE_NAME_MAX + 32, "%s-%" PRId64, trade->instance, trade->position);
	return str_of(out);
}

void writer_trade_closed(void *ctx, const struct trade_sum *trade)
{
	struct writer_work *work = ctx;
	char out[TRADE_NAME_MAX + 32];
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

static void note_reopened(struct writer_work *work, uint64_t hash)
{
	if (reopened_at(work, hash) < work->reopened_count)
		return;
	if (work->reopened_count < REOPENED_MAX)
		work->reopened[work->reopened_count++] = hash;
	else /* then a row of one that is told again may stay: v_trades knows the newest */
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
		note_reopened(work, hash);
		return;
	}
	if (at < work->reopened_count)
		work->reopened[at] = work->reopened[--work->reopened_count];
	char out[TRADE_NAME_MAX + 32];
	buf_str_put(&work->retold, id_of(now, out));
	buf_char(&work->retold, 0);
}

static void add_levels(const struct writer_more *more, size_t *at, uint32_t row,
		       struct trade_deal *deal)
{
	while (*at < more->level_count && more->levels[*at].row < row)
		++*at;
	if (*at == more->level_count || more->levels[*at].row != row)
		return;
	const struct levels *levels = &more->levels[*at];
	deal->has_sl = levels->has_sl;
	deal->has_tp = levels->has_tp;
	deal->sl = levels->sl;
	deal->tp = levels->tp;
}

static void take_deal(struct writer_work *work, const struct trade_deal *deal)
{
	const struct trade_sum *was = trades_find(work->trades, deal->instance, deal->position);
	bool was_told = was && trade_sum_is_closed(was);
	work->recalled = false;
	work->stale = true; /* until it is committed */
	if (trades_take(work->trades, deal))
		db_count(work->db, "deals_of_no_trade", 1);
	note_told(work, deal, was_told || work->recalled);
}

enum status writer_sum_trades(struct writer_work *work, struct err *err)
{
	size_t level = 0;
	work->sum_status = STATUS_OK;
	work->sum_err = err;
	for (size_t i = 0; i < work->count && !work->sum_status; i++) {
		if (work->skip[i] || !is_deal(work->rows[i]))
			continue;
		struct trade_deal deal = deal_of(work->rows[i]);
		add_levels(work->batch->more, &level, (uint32_t)i, &deal);
		take_deal(work, &deal);
	}
	work->sum_err = NULL;
	return work->sum_status;
}

/* ---- into the file ---- */

struct lost {
	struct archive_db *db;
	int64_t rows;
};

static bool take_lost(void *ctx, const struct db_row *row)
{
	struct lost *lost = ctx;
	lost->rows++;
	db_batch_lost(lost->db, db_row_int(row, 0, 0));
	return true;
}

static size_t open_batches(const struct archive_db *db, struct str *names, char (*digits)[24])
{
	snprintf(digits[0], sizeof digits[0], "0");
	names[0] = str_of(digits[0]);
	for (size_t i = 0; i < db->batches.count; i++) {
		snprintf(digits[i + 1], sizeof digits[0], "%" PRId64, db->batches.open[i].id);
		names[i + 1] = str_of(digits[i + 1]);
	}
	return db->batches.count + 1;
}

/* The older rows of those that are told again, where they may go. */
static enum status remove_older(struct writer_work *work, struct err *err)
{
	struct str names[DB_BATCHES_OPEN_MAX + 1];
	char digits[DB_BATCHES_OPEN_MAX + 1][24];
	struct lost lost = { work->db, 0 };
	size_t count = 0;
	for (size_t at = 0; at < work->retold.len && count < WRITER_ROWS_MAX;) {
		work->names[count] = str_of(work->retold.ptr + at);
		at += work->names[count++].len + 1;
	}
	if (!count)
		return STATUS_OK;
	struct db_args args = DB_ARGS(DB_TEXTS(work->names, count),
				      DB_TEXTS(names, open_batches(work->db, names, digits)));
	enum status status =
	    db_each(work->db,
		    "SELECT batch_id FROM trades WHERE trade_id IN (SELECT unnest(?::VARCHAR[])) "
		    "AND batch_id IN (SELECT unnest(?::VARCHAR[])::BIGINT)",
		    args, take_lost, &lost, err);
	if (!status && lost.rows)
		status = db_exec(work->db,
				 "DELETE FROM trades WHERE trade_id IN (SELECT "
				 "unnest(?::VARCHAR[])) AND batch_id IN (SELECT "
				 "unnest(?::VARCHAR[])::BIGINT)",
				 args, NULL, err);
	if (!status)
		db_count_gone(work->db, TABLE_trades, lost.rows);
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

/* ---- from the file ---- */

struct loading {
	struct writer_work *work;
	struct trade_sum sum;
};

static void put_sum(struct loading *loading)
{
	/* FULL: too many are open; what is beyond is counted when its deals come. */
	if (loading->sum.deals)
		(void)!trades_put(loading->work->trades, &loading->sum);
	loading->sum = (struct trade_sum){ 0 };
}

static bool load_deal(void *ctx, const struct db_row *row)
{
	struct loading *loading = ctx;
	struct trade_deal deal = deal_of_answer(row);
	if (deal.position != loading->sum.position ||
	    !str_eq(deal.instance, str_of(loading->sum.instance)))
		put_sum(loading);
	(void)!trade_sum_add(&loading->sum, &deal);
	return true;
}

static bool load_old(void *ctx, const struct db_row *row)
{
	struct writer_work *work = ctx;
	struct str instance = db_row_text(row, 0);
	int64_t position = db_row_int(row, 1, 0);
	const struct trade_sum *trade = trades_find(work->trades, instance, position);
	if (!trade)
		trades_old(work->trades, instance, position);
	else if (!trade_sum_is_closed(trade) && work->reopened_count < REOPENED_MAX &&
		 reopened_at(work, hash_of(instance, position)) == work->reopened_count)
		work->reopened[work->reopened_count++] = hash_of(instance, position);
	return true;
}

enum status writer_load_trades(struct writer_work *work, struct err *err)
{
	char sql[2048];
	struct loading loading = { .work = work };
	trades_clear(work->trades);
	work->reopened_count = 0;
	snprintf(
	    sql, sizeof sql,
	    "WITH open AS (SELECT d.instance, d.position_id FROM trade_results d WHERE " IS_DEAL
	    " GROUP BY ALL HAVING sum(CASE d.side WHEN 'buy' THEN coalesce(d.volume, 0) WHEN "
	    "'sell' THEN -coalesce(d.volume, 0) ELSE 0 END) <> 0 OR NOT "
	    "bool_or(d.side IN ('buy', 'sell') AND coalesce(d.volume, 0) > 0)), "
	    "wanted AS (SELECT * FROM open UNION SELECT instance, position_id FROM (SELECT "
	    "instance, position_id FROM trades ORDER BY rowid DESC LIMIT %d)) "
	    "SELECT " DEAL_COLUMNS " FROM trade_results d JOIN wanted w ON w.instance = "
	    "d.instance AND w.position_id = d.position_id WHERE " IS_DEAL
	    " ORDER BY d.instance, d.position_id, d.event_us",
	    TRADES_CLOSED_MAX);
	enum status status = db_each(work->db, sql, DB_NONE, load_deal, &loading, err);
	if (status)
		return status;
	put_sum(&loading);
	status = db_each(work->db, "SELECT instance, position_id FROM trades", DB_NONE, load_old,
			 work, err);
	if (status)
		return status;
	trades_old_end(work->trades);
	work->stale = false;
	return STATUS_OK;
}
