/* What the archive has of markets: minutes as the market core has them, each again when it
 * changed; indicators at each close; open interest, funding and liquidations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <zlib.h>

#include <cmocka.h>

#include "archive/feeds_impl.h"
#include "codec/decoder.h"
#include "unit/feeds_stage.h"

enum { LINE_BYTES = FRAME_BYTES_MAX + DECODE_PADDING, BEGIN_MINUTE = 28000000 };

/* ---- numbers ---- */

static void a_number_is_the_same_at_sixteen_places(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 1);
	for (int i = 0; i < 20000; i++) {
		int32_t scale = (int32_t)rng_below(&rng, 37);
		i128 mantissa = (i128)(int64_t)rng_next(&rng) >> rng_below(&rng, 64), out = 0;
		for (int32_t n = (int32_t)rng_below(&rng, 20); n > 0; n--)
			mantissa *= 10;
		char text[2][128];
		struct buf a = buf_over(text[0], 128), b = buf_over(text[1], 128);
		decimal_print_trim(&a, mantissa, scale);
		enum status status = feeds_big(mantissa, scale, &out);
		decimal_print_trim(&b, out, ARCHIVE_BIG_PLACES);
		size_t point = str_find_char(buf_str(&a), '.');
		size_t places = point < a.len ? a.len - point - 1 : 0;
		size_t digits = point - (text[0][0] == '-');
		if (places <= 16 && digits <= 22) {
			assert_int_equal(status, STATUS_OK);
			assert_true(str_eq(buf_str(&a), buf_str(&b)));
		} else {
			assert_int_equal(status, STATUS_RANGE);
		}
	}
}

/* ---- minutes against the market core ---- */

/* The newest row of the minute; NULL. */
static const struct archive_row *told(const struct writer *writer, const struct market *market,
				      int64_t minute_ms)
{
	const struct archive_row *newest = NULL;
	char text[64];
	struct buf id = buf_over(text, sizeof text);
	market_id_print(&id, market_id(market));
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&writer->file, r));)
		if (r->table == TABLE_bars_1m &&
		    archive_cell_int(r, COLUMN_bars_1m_minute_us, 0) == minute_ms * 1000 &&
		    str_eq(archive_cell_text(r, COLUMN_bars_1m_market), buf_str(&id)))
			newest = r;
	return newest;
}

static bool same_number(const struct archive_row *row, enum archive_column column, i128 mantissa,
			int32_t scale)
{
	char text[64];
	struct buf want = buf_over(text, sizeof text - 1);
	decimal_print_trim(&want, mantissa, scale);
	text[want.len] = 0;
	return file_cell_is(row, column, text);
}

static bool same_minute(const struct archive_row *row, const struct market *market,
			const struct bar *bar)
{
	int32_t ps, qs;
	char text[64];
	market_scales(market, &ps, &qs);
	snprintf(text, sizeof text, "%s%s%s", bar->flags & BAR_PARTIAL ? "partial" : "complete",
		 bar->flags & BAR_KLINES ? "+klines" : "",
		 bar->flags & BAR_REPAIRED ? "+repaired" : "");
	return row && same_number(row, COLUMN_bars_1m_open, bar->open, ps) &&
	       same_number(row, COLUMN_bars_1m_high, bar->high, ps) &&
	       same_number(row, COLUMN_bars_1m_low, bar->low, ps) &&
	       same_number(row, COLUMN_bars_1m_close, bar->close, ps) &&
	       same_number(row, COLUMN_bars_1m_taker_buy, bar->buy, qs) &&
	       same_number(row, COLUMN_bars_1m_taker_sell, bar->sell, qs) &&
	       same_number(row, COLUMN_bars_1m_taker_buy_quote, bar->buy_quote, ps + qs) &&
	       same_number(row, COLUMN_bars_1m_taker_sell_quote, bar->sell_quote, ps + qs) &&
	       same_number(row, COLUMN_bars_1m_n_buy, bar->n_buy, 0) &&
	       same_number(row, COLUMN_bars_1m_n_sell, bar->n_sell, 0) &&
	       file_cell_is(row, COLUMN_bars_1m_flags, text);
}

/* Every minute that is final is told as it is; no other one. Returns how many. */
static size_t all_is_told(struct feeds_stage *t, const struct market *market)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	size_t count = 0;
	while (market_next_minute(market, &cursor, &bar)) {
		bool final = bar.minute_ms + MINUTE_MS + MARKET_LATE_MS <= market_newest_ms(market);
		const struct archive_row *row = told(t->writer, market, bar.minute_ms);
		assert_true(!row == !final);
		assert_true(!final || same_minute(row, market, &bar));
		count += final;
	}
	return count;
}

static struct decimal dec(int64_t mantissa, int32_t scale)
{
	return (struct decimal){ mantissa, scale };
}

static struct market *the_market(struct feeds_stage *t, enum venue venue, const char *symbol)
{
	struct market *market = markets_get(t->markets, venue, KIND_PERP, str_of(symbol));
	assert_non_null(market);
	return market;
}

static enum market_taken trade(struct market *market, int64_t id, int64_t t_ms, int64_t price,
			       int64_t qty, bool repair)
{
	const struct event_trade event = { .ordered_id = id,
					   .price = dec(price, 2),
					   .qty = dec(qty, 3),
					   .side = id % 3 ? SIDE_BUY : SIDE_SELL };
	struct trade out;
	return repair ? market_repair_trade(market, &event, t_ms, &out)
		      : market_take_trade(market, &event, t_ms, &out);
}

static int64_t minute_ms(int64_t minute) { return (BEGIN_MINUTE + minute) * MINUTE_MS; }

/* Some trades a minute, ids on from *id. */
static void trade_minutes(struct market *market, int64_t *id, int64_t from, int64_t to)
{
	for (int64_t m = from; m < to; m++)
		for (int i = 0; i < 3; i++, ++*id)
			assert_int_equal(trade(market, *id, minute_ms(m) + i * 20000,
					       200000 + *id % 50, 1 + *id % 7, false),
					 MARKET_NEW);
}

static void minutes_are_told_when_they_are_final(void **state)
{
	struct feeds_stage t;
	int64_t id = 100;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
	trade_minutes(market, &id, 0, 2);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 1);
	assert_int_equal(trade(market, id++, minute_ms(2) + MARKET_LATE_MS - 1, 200000, 5, false),
			 MARKET_NEW);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 1); /* one may come late */
	assert_int_equal(trade(market, id++, minute_ms(2) + MARKET_LATE_MS, 200000, 5, false),
			 MARKET_NEW);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 2);
	assert_int_equal(all_is_told(&t, market), 2);
	trade_minutes(market, &id, 3, 20);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(all_is_told(&t, market), 19);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 19); /* each once */
	feeds_stage_deinit(&t);
}

static void after_a_restart_they_go_on_from_the_mark(void **state)
{
	struct feeds_stage t;
	int64_t id = 100;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
	trade_minutes(market, &id, 0, 30);
	stage_run(&t.stage, 2 * stage_second_ns);
	(void)market_take_change(market); /* the store's */
	feeds_stage_restart(&t);
	trade_minutes(market, &id, 30, 60);
	feeds_start(t.feeds);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(all_is_told(&t, market), 59);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 59);
	assert_int_equal(feeds_counts(t.feeds).rows[TABLE_bars_1m], 30);
	feeds_stage_deinit(&t);
}

static void take_kline(struct market *market, int64_t minute, int64_t price)
{
	const struct event_kline kline = { .open_ms = minute_ms(minute),
					   .close_ms = minute_ms(minute + 1) - 1,
					   .minutes = 1,
					   .open = dec(price, 1),
					   .high = dec(price + 5, 1),
					   .low = dec(price - 5, 1),
					   .close = dec(price, 1),
					   .volume = dec(50, 2),
					   .quote_volume = dec(price * 50, 3),
					   .taker_buy = dec(20, 2),
					   .taker_buy_quote = dec(price * 20, 3),
					   .has_taker = true,
					   .closed = true };
	(void)market_take_kline(market, &kline);
}

static void a_minute_that_was_repaired_is_told_again(void **state)
{
	struct feeds_stage t;
	int64_t id = 100;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
	trade_minutes(market, &id, 0, 10);
	id += 2; /* missing */
	trade_minutes(market, &id, 11, 20);
	stage_run(&t.stage, 2 * stage_second_ns);
	size_t before = all_is_told(&t, market);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), before);
	assert_int_equal(trade(market, 130, minute_ms(10), 200000, 5, true), MARKET_NEW);
	assert_int_equal(trade(market, 131, minute_ms(10) + 7, 200001, 5, true), MARKET_NEW);
	(void)market_take_change(market); /* the store asks first */
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(all_is_told(&t, market), before + 1);
	size_t after = file_count(t.writer, TABLE_bars_1m);
	assert_int_equal(after, before + 3); /* the minute and its neighbours, no others */
	assert_int_equal(feeds_counts(t.feeds).told_again, 3);
	stage_run(&t.stage, 20 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), after);
	take_kline(market, 12, 20000); /* ids have proved it: it stays */
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), after);
	all_is_told(&t, market);
	feeds_stage_deinit(&t);
}

/* Everything at random: gaps, repairs, late trades, klines, kills of the process. */
static void whatever_happens_the_newest_rows_are_the_markets_minutes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct feeds_stage t;
		struct rng rng;
		int64_t id = 100, t_ms = minute_ms(0);
		rng_init(&rng, seed);
		feeds_stage_init(&t, 0);
		feeds_start(t.feeds);
		struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
		for (int turn = 0; turn < 400; turn++) {
			int64_t price = 200000 + (int64_t)rng_below(&rng, 1000);
			t_ms += (int64_t)rng_below(&rng, 40000);
			id += rng_below(&rng, 12) ? 1 : 3;
			(void)trade(market, id, t_ms, price, 1 + (int64_t)rng_below(&rng, 9),
				    false);
			if (rng_below(&rng, 15) == 0)
				(void)trade(market, id - 1 - (int64_t)rng_below(&rng, 40),
					    t_ms - (int64_t)rng_below(&rng, 600000), price, 2,
					    true);
			if (rng_below(&rng, 25) == 0)
				take_kline(market,
					   t_ms / MINUTE_MS - BEGIN_MINUTE - 1 -
					       (int64_t)rng_below(&rng, 10),
					   20000);
			if (rng_below(&rng, 6) == 0)
				(void)market_take_change(market);
			if (rng_below(&rng, 4) == 0)
				stage_run(&t.stage, (int64_t)rng_below(&rng, 2000) * stage_ms_ns);
			if (rng_below(&rng, 60) == 0) {
				stage_run(&t.stage, 1300 * stage_ms_ns); /* changes are told */
				feeds_stage_restart(&t);
				feeds_start(t.feeds);
			}
		}
		assert_int_equal(feeds_stage_drain(&t), STATUS_OK);
		assert_in_range(all_is_told(&t, market), 80, 200);
		feeds_stage_deinit(&t);
	}
}

static void more_markets_than_marks_are_told_in_several_batches(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 0);
	for (int m = 0; m < 100; m++) {
		char symbol[24];
		int64_t id = 1;
		snprintf(symbol, sizeof symbol, "C%dUSDT", m);
		trade_minutes(the_market(&t, VENUE_BINANCE, symbol), &id, 0, 101);
	}
	feeds_start(t.feeds);
	stage_run(&t.stage, 3 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), 100 * 100);
	assert_true(t.writer->rows_most <= FEEDS_BATCH_ROWS);
	assert_int_equal(t.writer->n_marks, 100);
	feeds_stage_deinit(&t);
}

static void what_no_decimal_holds_is_left_out_and_counted(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
	for (int64_t m = 0; m < 4; m++) {
		const struct event_trade event = { .ordered_id = m + 1,
						   .price = dec(1234567891, 9),
						   .qty = dec(m == 1 ? 1000000000 : 1000000001, 9),
						   .side = SIDE_BUY };
		struct trade out;
		assert_int_equal(market_take_trade(market, &event, minute_ms(m), &out), MARKET_NEW);
	}
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_null(told(t.writer, market, minute_ms(0)));
	assert_non_null(told(t.writer, market, minute_ms(1)));
	assert_int_equal(feeds_counts(t.feeds).range, 1);
	stage_run(&t.stage, 20 * stage_second_ns);
	assert_int_equal(feeds_counts(t.feeds).range, 1); /* once */
	feeds_stage_deinit(&t);
}

/* ---- a recording ---- */

static char line[LINE_BYTES];
static struct event events[EVENTS_PER_FRAME];

static void replay(struct feeds_stage *t, gzFile file)
{
	struct decoder *decoder = decoder_create(VENUE_BINANCE, KIND_PERP, DECODE_AUTO);
	for (size_t frames = 1; gzgets(file, line, FRAME_BYTES_MAX); frames++) {
		struct str frame = str_trim(str_of(strchr(line, '{')));
		size_t n = decoder_decode(decoder, frame, events);
		for (size_t i = 0; i < n; i++) {
			struct trade out;
			if (events[i].type == EVENT_TRADE)
				(void)market_take_trade(markets_get(t->markets, VENUE_BINANCE,
								    KIND_PERP, events[i].symbol),
							&events[i].trade, events[i].t_ms, &out);
		}
		if (frames % 50 == 0)
			stage_run(&t->stage, 100 * stage_ms_ns);
		if (frames % 20000 == 0) {
			feeds_stage_restart(t);
			feeds_start(t->feeds);
		}
	}
	decoder_destroy(decoder);
}

static bool same_text(const struct archive_row *row, enum archive_column column, struct str text)
{
	struct decimal value;
	assert_int_equal(decimal_parse(text, &value), STATUS_OK);
	return same_number(row, column, value.mantissa, value.scale);
}

static void a_recordings_rows_are_the_minutes_worked_out_beside_it(void **state)
{
	static const enum archive_column columns[] = {
		COLUMN_bars_1m_open,
		COLUMN_bars_1m_high,
		COLUMN_bars_1m_low,
		COLUMN_bars_1m_close,
		COLUMN_bars_1m_taker_buy,
		COLUMN_bars_1m_taker_sell,
		COLUMN_COUNT,
		COLUMN_COUNT,
		COLUMN_bars_1m_taker_buy_quote,
		COLUMN_bars_1m_taker_sell_quote,
		COLUMN_COUNT,
		COLUMN_bars_1m_n_buy,
		COLUMN_bars_1m_n_sell,
	};
	const char *name = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808";
	struct feeds_stage t;
	char path[512], text[1024];
	size_t minutes = 0, lines = 0;
	(void)state;
	snprintf(path, sizeof path, "%s.gz", name);
	gzFile file = gzopen(path, "rb");
	if (!file) {
		print_message("no recording %s: skipped\n", path);
		skip();
	}
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	replay(&t, file);
	gzclose(file);
	assert_int_equal(feeds_stage_drain(&t), STATUS_OK);
	snprintf(path, sizeof path, "%s.minutes.csv", name);
	FILE *csv = fopen(path, "r");
	assert_non_null(csv);
	assert_non_null(fgets(text, sizeof text, csv));
	for (; fgets(text, sizeof text, csv); lines++) {
		struct str rest = str_of(text), field;
		int64_t minute;
		assert_true(str_split(&rest, ',', &field));
		assert_int_equal(str_to_i64(field, &minute), STATUS_OK);
		const struct archive_row *row = told(t.writer, markets_at(t.markets, 0), minute);
		for (size_t i = 0; row && i < sizeof columns / sizeof columns[0]; i++) {
			assert_true(str_split(&rest, ',', &field));
			assert_true(columns[i] == COLUMN_COUNT ||
				    same_text(row, columns[i], field));
		}
		minutes += row != NULL;
	}
	fclose(csv);
	assert_int_equal(minutes, all_is_told(&t, markets_at(t.markets, 0)));
	assert_in_range(minutes, lines - 2, lines - 1); /* the last one is not over */
	assert_int_equal(file_count(t.writer, TABLE_bars_1m), minutes);
	feeds_stage_deinit(&t);
}

/* ---- indicators ---- */

static void take_bars(struct series *series, int64_t from, int64_t to)
{
	int64_t step_ms = series_minutes(series) * (int64_t)MINUTE_MS;
	for (int64_t i = from; i < to; i++) {
		struct series_bar bar = { .open_ms = (100000 + i) * step_ms,
					  .open = dec(1000 + i % 17, 1),
					  .high = dec(1030 + i % 13, 1),
					  .low = dec(980 - i % 7, 1),
					  .close = dec(1000 + i % 19, 1),
					  .volume = dec(5, 0) };
		assert_int_equal(series_take(series, &bar), SERIES_TAKEN);
	}
}

static double value_of(const struct writer *writer, const char *timeframe, int64_t bar_us,
		       const char *name)
{
	double value = NAN;
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&writer->file, r));)
		if (r->table == TABLE_indicator_values &&
		    archive_cell_int(r, COLUMN_indicator_values_bar_us, 0) == bar_us &&
		    str_eq(archive_cell_text(r, COLUMN_indicator_values_timeframe),
			   str_of(timeframe)) &&
		    str_eq(archive_cell_text(r, COLUMN_indicator_values_name), str_of(name)))
			value = archive_cell_real(r, COLUMN_indicator_values_value);
	return value;
}

static void newest_values_are_told(struct feeds_stage *t, const struct series *series,
				   const char *timeframe)
{
	struct indicator_values values;
	series_indicators(series, &values);
	for (int i = 0; i < INDICATOR_COUNT; i++) {
		double got = value_of(t->writer, timeframe, values.close_ms * 1000,
				      indicator_row((enum indicator)i)->field);
		assert_true(got == values.value[i] || (isnan(got) && isnan(values.value[i])));
	}
}

static void indicators_are_told_at_each_close(void **state)
{
	struct feeds_stage t;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	struct market *market = the_market(&t, VENUE_BINANCE, "ETHUSDT");
	struct series *five = market_series(market, 5), *hour = market_series(market, 60);
	stage_run(&t.stage, 2 * stage_second_ns);
	take_bars(five, 0, 5); /* too few for anything */
	stage_run(&t.stage, 2 * stage_second_ns);
	size_t before = file_count(t.writer, TABLE_indicator_values);
	take_bars(five, 5, 210);
	stage_run(&t.stage, 2 * stage_second_ns);
	size_t one = file_count(t.writer, TABLE_indicator_values) - before;
	assert_int_equal(one, INDICATOR_COUNT);
	newest_values_are_told(&t, five, "5m");
	take_bars(five, 210, 211);
	take_bars(hour, 0, 300);
	stage_run(&t.stage, 2 * stage_second_ns);
	newest_values_are_told(&t, five, "5m");
	newest_values_are_told(&t, hour, "1h");
	size_t all = file_count(t.writer, TABLE_indicator_values);
	assert_int_equal(all, before + 3 * INDICATOR_COUNT);
	feeds_stage_restart(&t);
	feeds_start(t.feeds);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_indicator_values), all);
	take_bars(five, 211, 212);
	stage_run(&t.stage, 2 * stage_second_ns);
	newest_values_are_told(&t, five, "5m");
	assert_int_equal(file_count(t.writer, TABLE_indicator_values), all + INDICATOR_COUNT);
	feeds_stage_deinit(&t);
}

/* ---- streams ---- */

static void streams_of_markets_that_appear_are_read(void **state)
{
	struct feeds_stage t;
	struct key key;
	struct market_id id;
	(void)state;
	feeds_stage_init(&t, 0);
	feeds_start(t.feeds);
	stage_run(&t.stage, 2 * stage_second_ns);
	assert_int_equal(market_id_parse(STR("bybit:perp:ETHUSDT"), &id), STATUS_OK);
	STAGE_DO(&t.stage, STR("XADD"), key_oi(&key, &id), STR("1700000060000-0"), STR("q"),
		 STR("123456.789"));
	STAGE_DO(&t.stage, STR("XADD"), key_funding(&key, &id), STR("1700000000000-0"), STR("r"),
		 STR("-0.000125"), STR("n"), STR("1700006400000"), STR("i"), STR("480"));
	STAGE_DO(&t.stage, STR("XADD"), key_funding(&key, &id), STR("1700000000001-0"), STR("r"),
		 STR("0"), STR("n"), STR("0"), STR("i"), STR("0"));
	for (int i = 0; i < 2; i++) /* one frame says it twice: two */
		STAGE_DO(&t.stage, STR("XADD"), key_liq(&key, &id), STR("1700000000500-*"),
			 STR("t"), STR("1700000000123"), STR("p"), STR("2000.5"), STR("q"),
			 STR("0.25"), STR("s"), STR("l"));
	STAGE_DO(&t.stage, STR("XADD"), key_liq(&key, &id), STR("*"), STR("t"),
		 STR("1700000000124"), STR("p"), STR("2000.5"), STR("q"), STR("0.25"), STR("s"),
		 STR("?"));
	STAGE_DO(&t.stage, STR("XADD"), key_liq(&key, &id), STR("*"), STR("t"),
		 STR("1700000000124"), STR("p"), STR("0.00000000000000001"), STR("q"), STR("1"),
		 STR("s"), STR("s"));
	stage_run(&t.stage, 7 * stage_second_ns);
	assert_int_equal(t.writer->file.count, 0);
	the_market(&t, VENUE_BYBIT, "ETHUSDT");
	stage_run(&t.stage, 2 * stage_second_ns);
	const struct archive_row *row = file_row(t.writer, TABLE_open_interest, 0);
	assert_true(file_cell_is(row, COLUMN_open_interest_market, "bybit:perp:ETHUSDT"));
	assert_true(file_cell_is(row, COLUMN_open_interest_at_us, "1700000060000000"));
	assert_true(file_cell_is(row, COLUMN_open_interest_quantity, "123456.789"));
	row = file_row(t.writer, TABLE_funding, 0);
	assert_true(file_cell_is(row, COLUMN_funding_at_us, "1700000000000000"));
	assert_true(file_cell_is(row, COLUMN_funding_rate, "-0.000125"));
	assert_true(file_cell_is(row, COLUMN_funding_next_us, "1700006400000000"));
	assert_true(file_cell_is(row, COLUMN_funding_interval_minutes, "480"));
	row = file_row(t.writer, TABLE_funding, 1);
	assert_true(file_cell_is(row, COLUMN_funding_rate, "0"));
	assert_false(archive_cell_there(row, COLUMN_funding_next_us));
	assert_false(archive_cell_there(row, COLUMN_funding_interval_minutes));
	assert_int_equal(file_count(t.writer, TABLE_liquidations), 2);
	row = file_row(t.writer, TABLE_liquidations, 0);
	assert_true(file_cell_is(row, COLUMN_liquidations_at_us, "1700000000123000"));
	assert_true(file_cell_is(row, COLUMN_liquidations_price, "2000.5"));
	assert_true(file_cell_is(row, COLUMN_liquidations_quantity, "0.25"));
	assert_true(file_cell_is(row, COLUMN_liquidations_side, "long"));
	assert_true(file_cell_is(file_row(t.writer, TABLE_liquidations, 1),
				 COLUMN_liquidations_at_us, "1700000000123001"));
	assert_int_equal(feeds_counts(t.feeds).streams.left_out, 2);
	feeds_stage_deinit(&t);
}

static void all_streams_of_all_markets_are_read_within_their_time(void **state)
{
	struct feeds_stage t;
	struct key key;
	(void)state;
	feeds_stage_init(&t, 0);
	for (int m = 0; m < MARKETS_MAX; m++) {
		char symbol[24];
		snprintf(symbol, sizeof symbol, "C%dUSDT", m);
		the_market(&t, VENUE_BINANCE, symbol);
	}
	feeds_start(t.feeds);
	stage_run(&t.stage, 10 * stage_second_ns);
	for (int m = 0; m < MARKETS_MAX; m++)
		STAGE_DO(&t.stage, STR("XADD"),
			 key_oi(&key, market_id(markets_at(t.markets, (size_t)m))), STR("*"),
			 STR("q"), STR("1"));
	stage_run(&t.stage, 6 * stage_second_ns);
	assert_int_equal(file_count(t.writer, TABLE_open_interest), MARKETS_MAX);
	assert_int_equal(feeds_counts(t.feeds).markets_left_out, 0);
	assert_int_equal(feeds_stage_drain(&t), STATUS_OK);
	feeds_stage_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_the_same_at_sixteen_places),
		cmocka_unit_test(minutes_are_told_when_they_are_final),
		cmocka_unit_test(after_a_restart_they_go_on_from_the_mark),
		cmocka_unit_test(a_minute_that_was_repaired_is_told_again),
		cmocka_unit_test(whatever_happens_the_newest_rows_are_the_markets_minutes),
		cmocka_unit_test(more_markets_than_marks_are_told_in_several_batches),
		cmocka_unit_test(what_no_decimal_holds_is_left_out_and_counted),
		cmocka_unit_test(a_recordings_rows_are_the_minutes_worked_out_beside_it),
		cmocka_unit_test(indicators_are_told_at_each_close),
		cmocka_unit_test(streams_of_markets_that_appear_are_read),
		cmocka_unit_test(all_streams_of_all_markets_are_read_within_their_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
