/* Rows of bars_1m: read out of the markets when there is a batch for them. What was told of a
 * minute is known by a hash of its row, so that a change is told once, and only a change. */
#include <stdlib.h>

#include "archive/feeds_impl.h"
#include "base/crc32c.h"

/* ---- numbers ---- */

/* 10^38, what a DECIMAL(38,…) stays below. */
static const i128 big_end = (i128)1000000000000000000 * 1000000000000000000 * 100;

enum status feeds_big(i128 mantissa, int32_t scale, i128 *out)
{
	for (; scale > ARCHIVE_BIG_PLACES; scale--) {
		if (mantissa % 10)
			return STATUS_RANGE;
		mantissa /= 10;
	}
	int64_t factor = decimal_pow10(ARCHIVE_BIG_PLACES - scale);
	i128 limit = big_end / factor;
	if (mantissa >= limit || mantissa <= -limit)
		return STATUS_RANGE;
	*out = mantissa * factor;
	return STATUS_OK;
}

/* A row of bars_1m but for its market. */
struct bar_row {
	i128 open, high, low, close, buy, sell, buy_quote, sell_quote;
	int64_t minute_ms, n_buy, n_sell, flags;
};

static enum status row_of(const struct market *market, const struct bar *bar, struct bar_row *row)
{
	int32_t price, qty;
	market_scales(market, &price, &qty);
	const struct {
		i128 value;
		int32_t scale;
		i128 *out;
	} all[] = {
		{ bar->open, price, &row->open },
		{ bar->high, price, &row->high },
		{ bar->low, price, &row->low },
		{ bar->close, price, &row->close },
		{ bar->buy, qty, &row->buy },
		{ bar->sell, qty, &row->sell },
		{ bar->buy_quote, price + qty, &row->buy_quote },
		{ bar->sell_quote, price + qty, &row->sell_quote },
	};
	*row = (struct bar_row){ .minute_ms = bar->minute_ms,
				 .n_buy = bar->n_buy,
				 .n_sell = bar->n_sell,
				 .flags = bar->flags };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		enum status status = feeds_big(all[i].value, all[i].scale, all[i].out);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static uint32_t hash_of(const struct bar_row *row)
{
	_Static_assert(sizeof *row == 8 * sizeof(i128) + 4 * sizeof(int64_t), "no padding");
	uint32_t hash = crc32c(0, row, sizeof *row);
	return hash ? hash : 1;
}

/* ---- what was told ---- */

static uint32_t *told(struct feeds_market *of, int64_t minute_ms)
{
	return &of->told[minute_ms / MINUTE_MS % MARKET_MINUTES];
}

/* The newest minute that no trade comes into any more, but by a repair. */
static int64_t final_ms(const struct market *market)
{
	int64_t settled_ms = market_newest_ms(market) - MARKET_LATE_MS;
	return settled_ms > 0 ? (settled_ms / MINUTE_MS - 1) * MINUTE_MS : -1;
}

/* The next minute held from from_ms on; false: none that is final. */
static bool next_final(const struct market *market, int64_t from_ms, struct bar *bar)
{
	struct market_cursor cursor = { .minute_ms =
					    from_ms > MINUTE_MS ? from_ms - MINUTE_MS : 0 };
	return market_next_minute(market, &cursor, bar) && bar->minute_ms <= final_ms(market);
}

static void mark_name(struct buf *name, const struct market *market)
{
	buf_printf(name, "bars_1m:");
	market_id_print(name, market_id(market));
}

/* Minutes up to the mark are taken to have been told as they are. */
static void restore(struct feeds *feeds, struct feeds_market *of)
{
	char storage[WRITER_MARK_BYTES];
	struct buf name = buf_over(storage, sizeof storage);
	struct bar bar;
	struct bar_row row;
	mark_name(&name, of->market);
	of->restored = true;
	of->from_ms = INT64_MAX;
	if (str_to_i64(writer_marked(feeds->config.writer, buf_str(&name)), &of->told_ms))
		of->told_ms = 0;
	(void)market_watch_change(of->market);
	for (int64_t from_ms = 0;
	     next_final(of->market, from_ms, &bar) && bar.minute_ms <= of->told_ms;
	     from_ms = bar.minute_ms + MINUTE_MS)
		if (!row_of(of->market, &bar, &row))
			*told(of, bar.minute_ms) = hash_of(&row);
}

/* ---- new markets ---- */

static bool is_known(const struct feeds *feeds, const struct market *market)
{
	for (size_t i = 0; i < feeds->markets_count; i++)
		if (feeds->markets[i]->market == market)
			return true;
	return false;
}

/* Venues tell these of perpetuals alone. */
static enum status add_streams(struct feeds *feeds, const struct market_id *id)
{
	char storage[STREAM_FEED_SUBJECT];
	struct buf text = buf_over(storage, sizeof storage);
	struct key oi, funding, liq;
	const struct {
		struct str key;
		const struct stream_feed_kind *kind;
	} streams[] = {
		{ key_oi(&oi, id), &feeds_interest_kind },
		{ key_funding(&funding, id), &feeds_funding_kind },
		{ key_liq(&liq, id), &feeds_liquidations_kind },
	};
	enum status status = STATUS_OK;
	if (id->kind != KIND_PERP || !feeds->config.rms)
		return STATUS_OK;
	market_id_print(&text, id);
	for (size_t i = 0; i < sizeof streams / sizeof streams[0] && !status; i++)
		status = stream_feeds_add(feeds->streams, feeds->config.rms, streams[i].key,
					  buf_str(&text), streams[i].kind);
	return status;
}

static void add_market(struct feeds *feeds, struct market *market)
{
	struct feeds_market *of = calloc(1, sizeof *of);
	if (!of || add_streams(feeds, market_id(market)))
		feeds->counts.markets_left_out++;
	if (!of)
		return;
	of->market = market;
	feeds->markets[feeds->markets_count++] = of;
}

static void find_markets(struct feeds *feeds)
{
	size_t count = markets_count(feeds->config.markets);
	if (count == feeds->markets_looked)
		return;
	feeds->markets_looked = count;
	for (size_t i = 0; i < count; i++) {
		struct market *market = markets_at(feeds->config.markets, i);
		if (!is_known(feeds, market))
			add_market(feeds, market);
	}
}

/* ---- what is to be told ---- */

static void look(struct feeds *feeds, struct feeds_market *of)
{
	if (!of->restored)
		restore(feeds, of);
	int64_t changed_ms = market_watch_change(of->market);
	int64_t next_ms = of->told_ms ? of->told_ms + MINUTE_MS : 0;
	struct bar bar;
	if (changed_ms < of->from_ms)
		of->from_ms = changed_ms;
	if (next_ms < of->from_ms && next_final(of->market, next_ms, &bar))
		of->from_ms = next_ms;
	if (of->from_ms > final_ms(of->market))
		of->from_ms = INT64_MAX; /* told when it is final */
}

void feeds_look_at_markets(struct feeds *feeds)
{
	if (!feeds->config.markets)
		return;
	find_markets(feeds);
	for (size_t i = 0; i < feeds->markets_count; i++)
		look(feeds, feeds->markets[i]);
}

bool feeds_bars_wait(const struct feeds *feeds)
{
	for (size_t i = 0; i < feeds->markets_count; i++)
		if (feeds->markets[i]->restored && feeds->markets[i]->from_ms != INT64_MAX)
			return true;
	return false;
}

/* ---- rows ---- */

static void put_flags(struct archive_rows *rows, int64_t flags)
{
	char storage[32];
	struct buf text = buf_over(storage, sizeof storage);
	buf_printf(&text, "%s%s%s", flags & BAR_PARTIAL ? "partial" : "complete",
		   flags & BAR_KLINES ? "+klines" : "", flags & BAR_REPAIRED ? "+repaired" : "");
	archive_row_text(rows, COLUMN_bars_1m_flags, buf_str(&text));
}

static enum status put_row(struct archive_rows *rows, struct str market, const struct bar_row *row)
{
	archive_rows_begin(rows, TABLE_bars_1m);
	archive_row_text(rows, COLUMN_bars_1m_market, market);
	archive_row_int(rows, COLUMN_bars_1m_minute_us, row->minute_ms * 1000);
	archive_row_big(rows, COLUMN_bars_1m_open, row->open);
	archive_row_big(rows, COLUMN_bars_1m_high, row->high);
	archive_row_big(rows, COLUMN_bars_1m_low, row->low);
	archive_row_big(rows, COLUMN_bars_1m_close, row->close);
	archive_row_big(rows, COLUMN_bars_1m_taker_buy, row->buy);
	archive_row_big(rows, COLUMN_bars_1m_taker_sell, row->sell);
	archive_row_big(rows, COLUMN_bars_1m_taker_buy_quote, row->buy_quote);
	archive_row_big(rows, COLUMN_bars_1m_taker_sell_quote, row->sell_quote);
	archive_row_int(rows, COLUMN_bars_1m_n_buy, row->n_buy);
	archive_row_int(rows, COLUMN_bars_1m_n_sell, row->n_sell);
	put_flags(rows, row->flags);
	return archive_rows_end(rows);
}

/* FULL: the batch has no room for it. */
static enum status tell(struct feeds *feeds, struct feeds_market *of, struct str market,
			const struct bar *bar)
{
	struct bar_row row;
	bool fits = row_of(of->market, bar, &row) == STATUS_OK;
	uint32_t hash = hash_of(&row), *before = told(of, bar->minute_ms);
	if (hash == *before)
		return STATUS_OK;
	if (!fits) {
		feeds->counts.range++;
		*before = hash;
		return STATUS_OK;
	}
	if (feeds->batch->rows.count >= FEEDS_BATCH_ROWS ||
	    put_row(&feeds->batch->rows, market, &row))
		return STATUS_FULL;
	feeds->counts.rows[TABLE_bars_1m]++;
	feeds->counts.told_again += bar->minute_ms <= of->told_ms;
	*before = hash;
	return STATUS_OK;
}

/* False: the batch is full, and from_ms is where it goes on. */
static bool fill(struct feeds *feeds, struct feeds_market *of, struct str market)
{
	struct bar bar;
	while (next_final(of->market, of->from_ms, &bar)) {
		of->from_ms = bar.minute_ms;
		if (tell(feeds, of, market, &bar))
			return false;
		if (bar.minute_ms > of->told_ms)
			of->told_ms = bar.minute_ms;
		of->from_ms = bar.minute_ms + MINUTE_MS;
	}
	of->from_ms = INT64_MAX;
	return true;
}

/* False: the batch is full. Without room for its mark there are no rows of a market. */
static bool fill_market(struct feeds *feeds, struct feeds_market *of)
{
	char name_text[WRITER_MARK_BYTES], value_text[24];
	struct buf name = buf_over(name_text, sizeof name_text);
	struct buf value = buf_over(value_text, sizeof value_text);
	int64_t before_ms = of->told_ms;
	mark_name(&name, of->market);
	if (!feeds_mark_fits(feeds, buf_str(&name)))
		return false;
	bool all = fill(feeds, of, str_skip(buf_str(&name), sizeof "bars_1m:" - 1));
	buf_i64(&value, of->told_ms);
	if (of->told_ms != before_ms)
		feeds_mark(feeds, buf_str(&name), buf_str(&value));
	return all;
}

void feeds_fill_bars(struct feeds *feeds)
{
	for (size_t i = 0; i < feeds->markets_count; i++) {
		struct feeds_market *of = feeds->markets[i];
		if (of->restored && of->from_ms != INT64_MAX && !fill_market(feeds, of))
			return;
	}
}
