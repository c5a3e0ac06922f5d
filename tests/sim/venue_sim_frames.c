/* The words of the streams, as the venues of market.md 1 write them. */
#include "venue_sim_impl.h"

enum { GROUP_MAX = 3, CANDLE_DELAY_MS = 120 };

static const int64_t day_ms = 86400000, year_ms = 31536000000;

static void put_amount(struct buf *out, i128 mantissa, int32_t places)
{
	buf_char(out, '"');
	decimal_print(out, mantissa, places);
	buf_char(out, '"');
}

/* ---- trades ---- */

/* Block trades say so in a field of their own. */
static size_t mark_block(char *frame, size_t len)
{
	char *at = memmem(frame, len, "\"BT\":false", 10);
	CHECK(at);
	memmove(at + 9, at + 10, len - (size_t)(at + 10 - frame));
	memcpy(at + 5, "true", 4);
	return len - 1;
}

struct wordbook {
	char frame[FRAME_BYTES], bad_time[FRAME_BYTES], bad_id[FRAME_BYTES];
};

static struct str print_frame(char *out, struct market_sim *market, const struct sim_print *prints,
			      size_t n, bool block)
{
	size_t len = sim_frame_trade(out, &market->truth.label, prints, n);
	return str_make(out, block ? mark_block(out, len) : len);
}

static int64_t bad_time_of(struct rng *rng, int64_t t_ms)
{
	return rng_below(rng, 2) ? t_ms + day_ms : t_ms - year_ms;
}

static int64_t bad_id_of(struct rng *rng, int64_t id)
{
	switch (rng_below(rng, 6)) {
	case 0: return id + 5000000000;
	case 1: return INT64_MAX;
	case 2: return 0;
	case 3: return id + 1000000;
	case 4: return id - 700;
	default: return (int64_t)1 << 61;
	}
}

static void tell_group(struct market_sim *market, size_t first, size_t n)
{
	static struct wordbook book;
	struct rng *rng = &market->site->rng;
	struct sim_print prints[GROUP_MAX] = { 0 };
	bool binance = market->site->venue == VENUE_BINANCE;
	bool block = market->truth.trades[first].block;
	for (size_t i = 0; i < n; i++)
		truth_print(&market->truth, first + i, &prints[i]);
	struct trade_words words = { .frame = print_frame(book.frame, market, prints, n, block) };
	if (n == 1 && !block) {
		struct sim_print bad = prints[0];
		bad.t_ms = bad_time_of(rng, bad.t_ms);
		words.bad_time = print_frame(book.bad_time, market, &bad, 1, false);
	}
	if (binance) {
		struct sim_print bad = prints[0];
		bad.id = bad_id_of(rng, bad.id);
		words.bad_id = print_frame(book.bad_id, market, &bad, 1, false);
	}
	site_say_trades(market, &words);
}

/* Bybit puts trades of one moment into one frame. */
static size_t group_at(const struct market_sim *market)
{
	const struct truth *truth = &market->truth;
	const struct truth_trade *first = &truth->trades[market->told];
	size_t n = 1;
	if (market->site->venue == VENUE_BINANCE || first->block)
		return 1;
	while (n < GROUP_MAX && market->told + n < truth->n_trades && !first[n].block &&
	       first[n].t_ms - first->t_ms < 20)
		n++;
	return n;
}

void market_tell_trades(struct market_sim *market)
{
	while (market->told < market->truth.n_trades) {
		size_t n = group_at(market);
		tell_group(market, market->told, n);
		market->told += n;
	}
}

/* ---- candles ---- */

static void tell_candle(struct market_sim *market, int64_t minute_ms, bool closed)
{
	const struct truth *truth = &market->truth;
	const struct truth_minute *m = truth_minute(truth, minute_ms);
	int32_t price = truth->config.places_price, qty = truth->config.places_qty;
	bool blocks = market->site->sim->config.klines_hold_blocks;
	char text[FRAME_BYTES];
	struct buf out = buf_over(text, sizeof text);
	int64_t now_ms = venue_sim_now_ms(market->site->sim);
	if (!m)
		return;
	buf_printf(&out,
		   "{\"topic\":\"kline.1.%s\",\"data\":[{\"start\":%lld,\"end\":%lld,"
		   "\"interval\":\"1\",\"open\":",
		   truth->config.id.symbol, (long long)minute_ms, (long long)minute_ms + 59999);
	put_amount(&out, m->open, price);
	buf_str_put(&out, STR(",\"close\":"));
	put_amount(&out, m->close, price);
	buf_str_put(&out, STR(",\"high\":"));
	put_amount(&out, m->high, price);
	buf_str_put(&out, STR(",\"low\":"));
	put_amount(&out, m->low, price);
	buf_str_put(&out, STR(",\"volume\":"));
	put_amount(&out, m->buy + m->sell + (blocks ? m->block : 0), qty);
	buf_str_put(&out, STR(",\"turnover\":"));
	put_amount(&out, m->buy_quote + m->sell_quote + (blocks ? m->block_quote : 0), price + qty);
	buf_printf(&out, ",\"confirm\":%s,\"timestamp\":%lld}],\"ts\":%lld,\"type\":\"snapshot\"}",
		   closed ? "true" : "false", (long long)now_ms, (long long)now_ms);
	CHECK(!out.overflow);
	site_say(market, STREAM_KLINES, buf_str(&out));
}

static void tell_candles(struct market_sim *market, int64_t second)
{
	int64_t now_ms = venue_sim_now_ms(market->site->sim);
	for (; market->minute_ms + 60000 + CANDLE_DELAY_MS <= now_ms; market->minute_ms += 60000)
		tell_candle(market, market->minute_ms, true);
	if (second % 10 == (int64_t)market->index)
		tell_candle(market, MINUTE_OF(now_ms), false);
}

/* ---- the rest ---- */

static struct sim_quote quote_of(struct market_sim *market)
{
	struct truth *truth = &market->truth;
	int64_t tick = truth->price / 10000 + 1, lot = 10;
	market->update_id++;
	return (struct sim_quote){ .t_ms = venue_sim_now_ms(market->site->sim),
				   .update_id = market->update_id,
				   .bid = truth->price - tick,
				   .ask = truth->price + tick,
				   .bid_qty = lot * 7,
				   .ask_qty = lot * 5,
				   .step = tick,
				   .lot = lot,
				   .noise = (uint64_t)market->update_id };
}

static void tell_top(struct market_sim *market)
{
	char text[FRAME_BYTES];
	struct sim_quote quote = quote_of(market);
	site_say(market, STREAM_BOOK,
		 str_make(text, sim_frame_book(text, &market->truth.label, &quote)));
}

static void tell_depth(struct market_sim *market)
{
	char text[FRAME_BYTES];
	struct sim_quote quote = quote_of(market);
	if (!market->quote.update_id)
		market->quote = quote;
	site_say(
	    market, STREAM_DEPTH,
	    str_make(text, sim_frame_depth(text, &market->truth.label, &market->quote, &quote)));
	market->quote = quote;
}

static struct sim_rates rates_of(struct market_sim *market)
{
	const struct truth *truth = &market->truth;
	int64_t now_ms = venue_sim_now_ms(market->site->sim);
	return (struct sim_rates){ .t_ms = now_ms,
				   .mark = truth->price,
				   .index = truth->price,
				   .rate_e8 = 10000,
				   .next_ms = now_ms - now_ms % 28800000 + 28800000,
				   .oi = 1000000 + now_ms / 60000 % 1000 };
}

static void tell_rates(struct market_sim *market, enum stream_class class)
{
	char text[FRAME_BYTES];
	struct sim_rates rates = rates_of(market);
	site_say(market, class,
		 str_make(text, sim_frame_rates(text, &market->truth.label, &rates)));
}

static void tell_ticker_delta(struct market_sim *market)
{
	char text[512];
	struct buf out = buf_over(text, sizeof text);
	const struct truth_config *config = &market->truth.config;
	buf_printf(&out,
		   "{\"topic\":\"tickers.%s\",\"type\":\"delta\",\"data\":{\"symbol\":\"%s\","
		   "\"markPrice\":",
		   config->id.symbol, config->id.symbol);
	put_amount(&out, market->truth.price, config->places_price);
	buf_printf(&out, "},\"cs\":24987956059,\"ts\":%lld}",
		   (long long)venue_sim_now_ms(market->site->sim));
	CHECK(!out.overflow);
	site_say(market, STREAM_TICKER, buf_str(&out));
}

static void tell_binance_ticker(struct market_sim *market)
{
	char text[1024];
	struct buf out = buf_over(text, sizeof text);
	const struct truth_config *config = &market->truth.config;
	long long now_ms = venue_sim_now_ms(market->site->sim);
	buf_printf(&out,
		   "{\"stream\":\"%s@ticker\",\"data\":{\"e\":\"24hrTicker\",\"E\":%lld,"
		   "\"s\":\"%s\",\"p\":\"12.5\",\"P\":\"1.250\",\"c\":",
		   market->truth.label.lower, now_ms, config->id.symbol);
	put_amount(&out, market->truth.price, config->places_price);
	buf_printf(&out, ",\"v\":\"123456.7\",\"q\":\"9876543.21\",\"O\":%lld,\"C\":%lld}}",
		   now_ms - 86400000, now_ms);
	CHECK(!out.overflow);
	site_say(market, STREAM_TICKER, buf_str(&out));
}

static void tell_ticker(struct market_sim *market, int64_t second)
{
	if (market->site->venue == VENUE_BINANCE)
		tell_binance_ticker(market);
	else if (market->site->kind == KIND_PERP && second % 30 >= 5)
		tell_ticker_delta(market);
	else
		tell_rates(market, STREAM_TICKER);
}

static void tell_liquidation(struct market_sim *market)
{
	char text[FRAME_BYTES];
	struct sim_print print = { .t_ms = venue_sim_now_ms(market->site->sim),
				   .price = market->truth.price,
				   .qty = 1000,
				   .sell = rng_below(&market->site->rng, 2) != 0 };
	site_say(market, STREAM_LIQUIDATIONS,
		 str_make(text, sim_frame_liquidation(text, &market->truth.label, &print)));
}

/* Each market in seconds of its own, so that classes are never silent for long. */
void market_tell_second(struct market_sim *market, int64_t second)
{
	int64_t own = second + (int64_t)market->index;
	bool perp = market->site->kind == KIND_PERP;
	bool binance = market->site->venue == VENUE_BINANCE;
	if (binance && own % 3 == 0)
		tell_top(market);
	if (binance && perp && own % 3 == 1)
		tell_rates(market, STREAM_MARK);
	if (own % 5 == 2)
		tell_ticker(market, second);
	if (own % 10 == 3)
		tell_depth(market);
	if (perp && rng_below(&market->site->rng, 600) == 0)
		tell_liquidation(market);
	if (!binance)
		tell_candles(market, second);
}
