/* The live outputs: trades, flow of 200 ms, the state of markets and symbols. */
#include "base/check.h"
#include "store/market_outputs_impl.h"

/* × 10^OUTPUTS_SCALE; digits beyond it are cut (no venue has them). */
static i128 common(i128 value, int32_t scale)
{
	for (; scale < OUTPUTS_SCALE; scale++)
		value *= 10;
	for (; scale > OUTPUTS_SCALE; scale--)
		value /= 10;
	return value;
}

/* ---- trades ---- */

void market_outputs_trade(struct market_outputs *outputs, struct market *market,
			  const struct trade *trade)
{
	if (!outputs->live || outputs_now_ms(outputs) - trade->t_ms > OUTPUTS_LIVE_AGE_MS)
		return;
	struct outputs_slot *slot = outputs_slot(outputs, market);
	if (!slot)
		return;
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	bool rescaled = price_scale != slot->price_scale || qty_scale != slot->qty_scale;
	if (slot->n_batch == OUTPUTS_BATCH_TRADES || (rescaled && slot->n_batch > 0))
		outputs_flush_trades(outputs, slot);
	slot->price_scale = price_scale;
	slot->qty_scale = qty_scale;
	slot->batch[slot->n_batch++] = *trade;
	struct symbol_slot *symbol = slot->symbol;
	i128 qty = common(trade->qty, qty_scale);
	i128 quote = common((i128)trade->price * trade->qty, price_scale + qty_scale);
	*(trade->side == SIDE_BUY ? &symbol->buy : &symbol->sell) += qty;
	*(trade->side == SIDE_BUY ? &symbol->buy_quote : &symbol->sell_quote) += quote;
	symbol->n++;
}

static void send_trade(struct market_outputs *outputs, struct outputs_slot *slot, struct str key,
		       const struct trade *trade)
{
	struct command command;
	command_begin(&command);
	command_word(&command, STR("XADD"));
	command_word(&command, key);
	command_word(&command, STR("MAXLEN"));
	command_word(&command, STR("~"));
	command_i64(&command, OUTPUTS_TRADES_MAXLEN);
	command_word(&command, STR("*"));
	command_field_i64(&command, "i", trade->id);
	command_field(&command, "p", trade->price, slot->price_scale);
	command_field(&command, "q", trade->qty, slot->qty_scale);
	command_word(&command, STR("s"));
	command_word(&command, trade->side == SIDE_BUY ? STR("b") : STR("s"));
	command_field_i64(&command, "t", trade->t_ms);
	outputs_send(outputs, &command);
}

void outputs_flush_trades(struct market_outputs *outputs, struct outputs_slot *slot)
{
	struct key key;
	if (slot->n_batch == 0)
		return;
	key_stream_trades(&key, market_id(slot->market));
	bool may = outputs_may(outputs);
	for (uint32_t i = 0; i < slot->n_batch; i++) {
		if (may)
			send_trade(outputs, slot, buf_str(&key.text), &slot->batch[i]);
		else
			outputs->counts.dropped++;
	}
	slot->n_batch = 0;
}

/* ---- flow of 200 ms ---- */

void outputs_write_aggressor(struct market_outputs *outputs, struct symbol_slot *symbol)
{
	struct key key;
	struct command command;
	if (symbol->n == 0)
		return;
	command_begin(&command);
	command_word(&command, STR("XADD"));
	command_word(&command, key_stream_aggressor(&key, str_of(symbol->symbol)));
	command_word(&command, STR("MINID"));
	command_word(&command, STR("~"));
	command_i64(&command, outputs_now_ms(outputs) - OUTPUTS_AGGRESSOR_KEPT_MS);
	command_word(&command, STR("*"));
	command_field(&command, "b", symbol->buy, OUTPUTS_SCALE);
	command_field(&command, "s", symbol->sell, OUTPUTS_SCALE);
	command_field(&command, "qb", symbol->buy_quote, OUTPUTS_SCALE);
	command_field(&command, "qs", symbol->sell_quote, OUTPUTS_SCALE);
	command_field_i64(&command, "n", (int64_t)symbol->n);
	if (outputs_may(outputs))
		outputs_send(outputs, &command);
	else
		outputs->counts.dropped++;
	symbol->buy = symbol->sell = symbol->buy_quote = symbol->sell_quote = 0;
	symbol->n = 0;
}

/* ---- less of both ---- */

static void trim(struct market_outputs *outputs, struct str key, const char *how, int64_t bound)
{
	struct command command;
	command_begin(&command);
	command_word(&command, STR("XTRIM"));
	command_word(&command, key);
	command_word(&command, str_of(how));
	command_i64(&command, bound);
	outputs_send(outputs, &command);
}

void market_outputs_trim(struct market_outputs *outputs)
{
	int64_t oldest_ms = outputs_now_ms(outputs) - OUTPUTS_AGGRESSOR_KEPT_MS / OUTPUTS_TRIM;
	struct key key;
	for (size_t i = 0; i < outputs->n_slots; i++)
		trim(outputs, key_stream_trades(&key, market_id(outputs->slots[i]->market)),
		     "MAXLEN", OUTPUTS_TRADES_MAXLEN / OUTPUTS_TRIM);
	for (size_t i = 0; i < outputs->n_symbols; i++)
		trim(outputs, key_stream_aggressor(&key, str_of(outputs->symbols[i].symbol)),
		     "MINID", oldest_ms);
}

/* ---- states ---- */

static const int64_t renew_ns = (int64_t)OUTPUTS_STATE_TTL_S * 1000000000 / 4;

/* Something new since the last time, or the TTL wants renewing. What has been silent
 * for longer than the TTL is let go. */
static bool due(const struct market_outputs *outputs, int64_t newest_ms, int64_t written_ms,
		int64_t renewed_ns)
{
	if (newest_ms == 0 || outputs_now_ms(outputs) - newest_ms > OUTPUTS_STATE_TTL_S * 1000)
		return false;
	return newest_ms != written_ms ||
	       clock_monotonic_ns(outputs->clock) - renewed_ns > renew_ns;
}

static void put_deltas(struct command *command, struct market *market, int32_t qty_scale)
{
	static const struct {
		const char *field;
		int32_t minutes;
	} windows[] = { { "d1", 1 }, { "d5", 5 }, { "d15", 15 }, { "d60", 60 }, { "d1440", 1440 } };
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		struct window window;
		market_window(market, windows[i].minutes, &window);
		command_field(command, windows[i].field, (i128)window.flow.buy - window.flow.sell,
			      qty_scale);
	}
}

static void put_flags(struct command *command, struct market *market, const struct window *quarter)
{
	const struct instrument *instrument = rates_instrument(market_rates(market));
	char text[64];
	struct buf flags = buf_over(text, sizeof text);
	if (market_simulated(market))
		buf_printf(&flags, "+simulated");
	if (quarter->partial > 0 || quarter->present < quarter->minutes)
		buf_printf(&flags, "+partial");
	if (instrument->status == INSTRUMENT_HALTED || instrument->status == INSTRUMENT_GONE)
		buf_printf(&flags, "+%s", instrument_status_text(instrument->status));
	command_word(command, STR("fl"));
	command_word(command, flags.len ? str_make(flags.ptr + 1, flags.len - 1) : STR(""));
}

/* Figures that may be unknown: what is (again) leaves the hash with HDEL, so that nobody
 * reads it as current. */
static void put_known(struct command *command, struct command *hdel, const char *field, bool known,
		      struct decimal value)
{
	if (known)
		command_field(command, field, value.mantissa, value.scale);
	else
		command_word(hdel, str_of(field));
}

static void put_rates(struct command *command, struct command *hdel, const struct rates *rates)
{
	struct oi_sample oi = { 0 };
	struct funding_state funding = { 0 };
	bool has_oi = rates_oi(rates, &oi), has_funding = rates_funding(rates, &funding);
	put_known(command, hdel, "oi", has_oi, oi.qty);
	put_known(command, hdel, "fr", has_funding, funding.rate);
	put_known(command, hdel, "nx", has_funding && funding.next_ms > 0,
		  (struct decimal){ funding.next_ms, 0 });
}

static void put_ratio(struct command *command, struct command *hdel, const struct flow *flow)
{
	i128 volume = (i128)flow->buy + flow->sell;
	struct decimal ratio = { volume ? (int64_t)((i128)flow->buy * 1000000 / volume) : 0, 6 };
	put_known(command, hdel, "r15", volume > 0, ratio);
}

void outputs_write_market(struct market_outputs *outputs, struct outputs_slot *slot)
{
	struct market *market = slot->market;
	struct key key;
	struct command command, hdel;
	struct window quarter, day;
	int32_t price_scale, qty_scale;
	i128 cvd, cvd_quote;
	int64_t origin_ms, newest_ms = market_newest_ms(market);
	if (newest_ms > slot->symbol->newest_ms)
		slot->symbol->newest_ms = newest_ms;
	if (!due(outputs, newest_ms, slot->written_ms, slot->renewed_ns))
		return;
	market_scales(market, &price_scale, &qty_scale);
	market_window(market, 15, &quarter);
	market_window(market, 1440, &day);
	market_cvd(market, &cvd, &cvd_quote, &origin_ms);
	command_begin(&command);
	command_word(&command, STR("HSET"));
	command_word(&command, key_market(&key, market_id(market)));
	command_field(&command, "p", day.close, price_scale);
	command_field_i64(&command, "t", newest_ms);
	command_field(&command, "cvd", cvd, qty_scale);
	put_deltas(&command, market, qty_scale);
	command_begin(&hdel);
	command_word(&hdel, STR("HDEL"));
	command_word(&hdel, buf_str(&key.text));
	put_ratio(&command, &hdel, &quarter.flow);
	command_field(&command, "v1440", day.flow.buy_quote + day.flow.sell_quote,
		      price_scale + qty_scale);
	put_rates(&command, &hdel, market_rates(market));
	put_flags(&command, market, &quarter);
	if (hdel.argc > 2)
		outputs_send(outputs, &hdel);
	outputs_send_hash(outputs, &command, buf_str(&key.text), OUTPUTS_STATE_TTL_S);
	slot->written_ms = newest_ms;
	slot->renewed_ns = clock_monotonic_ns(outputs->clock);
}

struct symbol_flow {
	i128 buy, sell, quote; /* × 10^16; quote: delta */
};

static struct symbol_flow flow_of(struct market_outputs *outputs, const struct symbol_slot *symbol,
				  int32_t minutes)
{
	struct symbol_flow sum = { 0 };
	for (size_t i = 0; i < outputs->n_slots; i++) {
		struct outputs_slot *slot = outputs->slots[i];
		struct window window;
		int32_t price_scale, qty_scale;
		int64_t newest_ms = market_newest_ms(slot->market);
		/* The same minutes for all: those up to the symbol's newest event. */
		int64_t behind = symbol->newest_ms / MINUTE_MS - newest_ms / MINUTE_MS;
		if (slot->symbol != symbol || newest_ms == 0 || behind >= minutes)
			continue;
		market_scales(slot->market, &price_scale, &qty_scale);
		market_window(slot->market, minutes - (int32_t)behind, &window);
		sum.buy += common(window.flow.buy, qty_scale);
		sum.sell += common(window.flow.sell, qty_scale);
		sum.quote +=
		    common(window.flow.buy_quote - window.flow.sell_quote, price_scale + qty_scale);
	}
	return sum;
}

void outputs_write_delta(struct market_outputs *outputs, struct symbol_slot *symbol)
{
	static const struct {
		const char *delta, *buy, *sell, *quote;
		int32_t minutes;
	} windows[] = {
		{ "d1", "b1", "s1", "q1", 1 },      { "d5", "b5", "s5", "q5", 5 },
		{ "d15", "b15", "s15", "q15", 15 }, { "d30", "b30", "s30", "q30", 30 },
		{ "d60", "b60", "s60", "q60", 60 },
	};
	struct key key;
	struct command command;
	if (!due(outputs, symbol->newest_ms, symbol->written_ms, symbol->renewed_ns))
		return;
	command_begin(&command);
	command_word(&command, STR("HSET"));
	command_word(&command, key_delta_state(&key, str_of(symbol->symbol)));
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		struct symbol_flow flow = flow_of(outputs, symbol, windows[i].minutes);
		command_field(&command, windows[i].delta, flow.buy - flow.sell, OUTPUTS_SCALE);
		command_field(&command, windows[i].buy, flow.buy, OUTPUTS_SCALE);
		command_field(&command, windows[i].sell, flow.sell, OUTPUTS_SCALE);
		command_field(&command, windows[i].quote, flow.quote, OUTPUTS_SCALE);
	}
	command_field_i64(&command, "t", symbol->newest_ms);
	outputs_send_hash(outputs, &command, buf_str(&key.text), OUTPUTS_STATE_TTL_S);
	symbol->written_ms = symbol->newest_ms;
	symbol->renewed_ns = clock_monotonic_ns(outputs->clock);
}
