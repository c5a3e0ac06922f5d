/* The rows of the REST answers, in the shapes of market.md 1 (codec/rest_json.h). */
#include "venue_sim_impl.h"

static bool is_binance(const struct table_ask *ask) { return ask->site->venue == VENUE_BINANCE; }

static void put_amount(struct buf *out, i128 mantissa, int32_t places)
{
	buf_char(out, '"');
	decimal_print(out, mantissa, places);
	buf_char(out, '"');
}

static void comma(struct buf *out, size_t *n)
{
	if ((*n)++)
		buf_char(out, ',');
}

/* ---- trades ---- */

static void put_agg_trade(const struct truth *truth, size_t index, struct buf *out)
{
	const struct truth_trade *trade = &truth->trades[index];
	long long id = truth_id(truth, index);
	buf_printf(out, "{\"a\":%lld,\"p\":", id);
	put_amount(out, trade->price, truth->config.places_price);
	buf_str_put(out, STR(",\"q\":"));
	put_amount(out, trade->qty, truth->config.places_qty);
	buf_printf(out, ",\"f\":%lld,\"l\":%lld,\"T\":%lld,\"m\":%s,\"M\":true}", id * 3,
		   id * 3 + 1, (long long)trade->t_ms, trade->side == SIDE_SELL ? "true" : "false");
}

static void put_exec(const struct truth *truth, size_t index, struct buf *out)
{
	const struct truth_trade *trade = &truth->trades[index];
	buf_str_put(out, STR("{\"execId\":\""));
	truth_exec_id(truth, index, out);
	buf_printf(out, "\",\"symbol\":\"%s\",\"price\":", truth->config.id.symbol);
	put_amount(out, trade->price, truth->config.places_price);
	buf_str_put(out, STR(",\"size\":"));
	put_amount(out, trade->qty, truth->config.places_qty);
	buf_printf(out,
		   ",\"side\":\"%s\",\"time\":\"%lld\",\"isBlockTrade\":%s,\"isRPITrade\":false,"
		   "\"seq\":\"%lld\"}",
		   trade->side == SIDE_SELL ? "Sell" : "Buy", (long long)trade->t_ms,
		   trade->block ? "true" : "false", (long long)truth_id(truth, index));
}

/* Trades that the answer may know of. */
static size_t known_trades(const struct table_ask *ask)
{
	const struct truth *truth = &ask->market->truth;
	size_t n = truth->n_trades;
	while (ask->old && n > 0 && truth->trades[n - 1].t_ms > ask->now_ms - 5000)
		n--;
	return n;
}

static void put_agg_trades(const struct table_ask *ask, struct buf *out)
{
	const struct truth *truth = &ask->market->truth;
	int64_t from = fake_http_param_i64(ask->request, "fromId", 0);
	size_t end = known_trades(ask), n = 0;
	from = from < truth->first_id ? truth->first_id : from;
	for (size_t i = (size_t)(from - truth->first_id); i < end && n < (size_t)ask->limit; i++) {
		comma(out, &n);
		put_agg_trade(truth, i, out);
	}
}

static void put_recent_trades(const struct table_ask *ask, struct buf *out)
{
	size_t n = 0;
	for (size_t i = known_trades(ask); i > 0 && n < (size_t)ask->limit; i--) {
		comma(out, &n);
		put_exec(&ask->market->truth, i - 1, out);
	}
}

void table_trades(const struct table_ask *ask, struct buf *out)
{
	if (is_binance(ask))
		put_agg_trades(ask, out);
	else
		put_recent_trades(ask, out);
}

/* ---- klines ---- */

static int64_t interval_ms(struct str interval)
{
	static const struct {
		const char *names[VENUE_COUNT];
		int64_t minutes;
	} rows[] = { { { "1m", "1" }, 1 },
		     { { "15m", "15" }, 15 },
		     { { "1h", "60" }, 60 },
		     { { "4h", "240" }, 240 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t j = 0; j < VENUE_COUNT; j++)
			if (str_eq(interval, str_of(rows[i].names[j])))
				return rows[i].minutes * 60000;
	return 0;
}

static void sum_add(struct truth_minute *sum, const struct truth_minute *m, bool first)
{
	if (first) {
		*sum = *m;
		return;
	}
	sum->high = m->high > sum->high ? m->high : sum->high;
	sum->low = m->low < sum->low ? m->low : sum->low;
	sum->close = m->close;
	sum->buy += m->buy;
	sum->sell += m->sell;
	sum->block += m->block;
	sum->buy_quote += m->buy_quote;
	sum->sell_quote += m->sell_quote;
	sum->block_quote += m->block_quote;
	sum->n_buy += m->n_buy;
	sum->n_sell += m->n_sell;
}

/* What lies before this world began is flat. */
static struct truth_minute candle(const struct truth *truth, int64_t open_ms, int64_t step_ms)
{
	int64_t price = truth->config.price;
	struct truth_minute sum = { .open = price, .high = price, .low = price, .close = price };
	bool first = true;
	for (int64_t at = open_ms; at < open_ms + step_ms; at += 60000) {
		const struct truth_minute *m = truth_minute(truth, at);
		if (!m)
			continue;
		sum_add(&sum, m, first);
		first = false;
	}
	return sum;
}

static void put_prices(const struct truth *truth, const struct truth_minute *m, struct buf *out)
{
	int32_t places = truth->config.places_price;
	const int64_t prices[] = { m->open, m->high, m->low, m->close };
	for (size_t i = 0; i < ARRAY_LEN(prices); i++) {
		put_amount(out, prices[i], places);
		buf_char(out, ',');
	}
}

static void put_kline(const struct table_ask *ask, int64_t open_ms, int64_t step_ms,
		      struct buf *out)
{
	const struct truth *truth = &ask->market->truth;
	struct truth_minute m = candle(truth, open_ms, step_ms);
	int32_t qty = truth->config.places_qty, both = qty + truth->config.places_price;
	bool binance = is_binance(ask);
	bool blocks = ask->site->sim->config.klines_hold_blocks;
	buf_printf(out, binance ? "[%lld," : "[\"%lld\",", (long long)open_ms);
	put_prices(truth, &m, out);
	put_amount(out, m.buy + m.sell + (blocks ? m.block : 0), qty);
	if (binance)
		buf_printf(out, ",%lld", (long long)(open_ms + step_ms - 1));
	buf_char(out, ',');
	put_amount(out, m.buy_quote + m.sell_quote + (blocks ? m.block_quote : 0), both);
	if (binance) {
		buf_printf(out, ",%u,", m.n_buy + m.n_sell);
		put_amount(out, m.buy, qty);
		buf_char(out, ',');
		put_amount(out, m.buy_quote, both);
		buf_str_put(out, STR(",\"0\""));
	}
	buf_char(out, ']');
}

static int64_t align_up(int64_t t_ms, int64_t step_ms)
{
	return (t_ms + step_ms - 1) / step_ms * step_ms;
}

/* Binance: from the start on, or the newest; oldest first. */
static void put_binance_klines(const struct table_ask *ask, int64_t step_ms, struct buf *out)
{
	int64_t last = ask->now_ms - ask->now_ms % step_ms;
	int64_t start = fake_http_param_i64(ask->request, "startTime", -1);
	int64_t from = start < 0 ? last - (ask->limit - 1) * step_ms : align_up(start, step_ms);
	int64_t to = fake_http_param_i64(ask->request, "endTime", INT64_MAX);
	size_t n = 0;
	for (int64_t at = from; at <= last && at <= to && n < (size_t)ask->limit; at += step_ms) {
		comma(out, &n);
		put_kline(ask, at, step_ms, out);
	}
}

/* Bybit: back from the end; newest first. */
static void put_bybit_klines(const struct table_ask *ask, int64_t step_ms, struct buf *out)
{
	int64_t start = fake_http_param_i64(ask->request, "start", 0);
	int64_t end = fake_http_param_i64(ask->request, "end", ask->now_ms);
	int64_t at = end < ask->now_ms ? end : ask->now_ms;
	size_t n = 0;
	for (at -= at % step_ms; at >= start && n < (size_t)ask->limit; at -= step_ms) {
		comma(out, &n);
		put_kline(ask, at, step_ms, out);
	}
}

void table_klines(const struct table_ask *ask, struct buf *out)
{
	int64_t step_ms = interval_ms(fake_http_param(ask->request, "interval"));
	if (!step_ms)
		site_breach(ask->site, "no such interval");
	else if (is_binance(ask))
		put_binance_klines(ask, step_ms, out);
	else
		put_bybit_klines(ask, step_ms, out);
}

/* ---- instruments ---- */

static void put_step(struct buf *out, int32_t places) { put_amount(out, 1, places); }

static void put_instrument(const struct market_sim *market, struct buf *out)
{
	const struct truth_config *config = &market->truth.config;
	bool binance = config->id.venue == VENUE_BINANCE, halted = market->truth.halted;
	if (binance) {
		buf_printf(out,
			   "{\"symbol\":\"%s\",\"status\":\"%s\",\"onboardDate\":1569398400000,"
			   "\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"tickSize\":",
			   config->id.symbol, halted ? "BREAK" : "TRADING");
		put_step(out, config->places_price);
		buf_str_put(out, STR("},{\"filterType\":\"LOT_SIZE\",\"stepSize\":"));
		put_step(out, config->places_qty);
		buf_str_put(out, STR("}]}"));
		return;
	}
	buf_printf(out, "{\"symbol\":\"%s\",\"status\":\"%s\",\"lotSizeFilter\":{\"%s\":",
		   config->id.symbol, halted ? "Settling" : "Trading",
		   config->id.kind == KIND_SPOT ? "basePrecision" : "qtyStep");
	put_step(out, config->places_qty);
	buf_str_put(out, STR("},\"priceFilter\":{\"tickSize\":"));
	put_step(out, config->places_price);
	buf_str_put(out,
		    config->id.kind == KIND_SPOT ? STR("}}") : STR("},\"fundingInterval\":480}"));
}

void table_instruments(const struct table_ask *ask, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS; i++) {
		if (ask->market && ask->market != &ask->site->markets[i])
			continue;
		comma(out, &n);
		put_instrument(&ask->site->markets[i], out);
	}
}

/* ---- the rest ---- */

static int64_t oi_at(int64_t t_ms) { return 1000000 + t_ms / 60000 % 1000; }

void table_oi(const struct table_ask *ask, struct buf *out)
{
	const struct truth_config *config = &ask->market->truth.config;
	buf_str_put(out, STR("{\"openInterest\":"));
	put_amount(out, oi_at(ask->now_ms), config->places_qty);
	buf_printf(out, ",\"symbol\":\"%s\",\"time\":%lld}", config->id.symbol,
		   (long long)ask->now_ms);
}

void table_oi_history(const struct table_ask *ask, struct buf *out)
{
	const struct truth_config *config = &ask->market->truth.config;
	bool binance = is_binance(ask);
	int64_t step_ms = 300000, newest = ask->now_ms - ask->now_ms % step_ms;
	int64_t end = fake_http_param_i64(ask->request, "endTime", newest);
	int64_t start = fake_http_param_i64(ask->request, "startTime", 0);
	end = end < newest ? end - end % step_ms : newest;
	size_t n = 0;
	for (int64_t i = 0; i < ask->limit; i++) {
		int64_t at = binance ? end - (ask->limit - 1 - i) * step_ms : end - i * step_ms;
		if (at < start)
			break;
		comma(out, &n);
		buf_str_put(out, binance ? STR("{\"symbol\":\"X\",\"sumOpenInterest\":")
					 : STR("{\"openInterest\":"));
		put_amount(out, oi_at(at) * (binance ? 1 : 2), config->places_qty);
		buf_printf(out, binance ? ",\"timestamp\":%lld}" : ",\"timestamp\":\"%lld\"}",
			   (long long)at);
	}
}

static void put_side(const struct market_sim *market, int64_t sign, struct buf *out)
{
	const struct truth *truth = &market->truth;
	int64_t tick = truth->price / 10000 + 1;
	for (int64_t i = 1; i <= 20; i++) {
		buf_char(out, i > 1 ? ',' : '[');
		buf_char(out, '[');
		put_amount(out, truth->price + sign * i * tick, truth->config.places_price);
		buf_char(out, ',');
		put_amount(out, 10 * i, truth->config.places_qty);
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

void table_depth(const struct table_ask *ask, struct buf *out)
{
	buf_printf(out, "{\"lastUpdateId\":%lld,", (long long)ask->market->update_id);
	if (ask->site->kind == KIND_PERP)
		buf_printf(out, "\"E\":%lld,\"T\":%lld,", (long long)ask->now_ms,
			   (long long)ask->now_ms);
	buf_str_put(out, STR("\"bids\":"));
	put_side(ask->market, -1, out);
	buf_str_put(out, STR(",\"asks\":"));
	put_side(ask->market, 1, out);
	buf_char(out, '}');
}

void table_funding(const struct table_ask *ask, struct buf *out)
{
	(void)ask;
	buf_str_put(out, STR("{\"symbol\":\"DOGEUSDT\",\"adjustedFundingRateCap\":\"0.02\","
			     "\"adjustedFundingRateFloor\":\"-0.02\",\"fundingIntervalHours\":4}"));
}
