/* Samples and bars: what weir takes back at a start. */
#include "store/market_outputs_impl.h"

static void begin_sample(struct market_outputs *outputs, struct command *command, struct str key,
			 int64_t t_ms)
{
	command_begin(command);
	command_word(command, STR("XADD"));
	command_word(command, key);
	command_word(command, STR("MINID"));
	command_word(command, STR("~"));
	command_i64(command, outputs_now_ms(outputs) - OUTPUTS_SAMPLES_KEPT_MS);
	if (t_ms == 0) {
		command_word(command, STR("*"));
		return;
	}
	char text[32];
	struct buf id = buf_over(text, sizeof text);
	buf_printf(&id, "%lld-*", (long long)t_ms);
	command_word(command, buf_str(&id));
}

/* A minute's sample is final when the next minute has one: the newest may be replaced. */
static void write_oi(struct market_outputs *outputs, struct outputs_slot *slot)
{
	const struct rates *rates = market_rates(slot->market);
	size_t count = rates_oi_count(rates), first = count;
	struct oi_sample sample;
	struct key key;
	while (first > 0 && rates_oi_sample(rates, first - 1, &sample) &&
	       sample.t_ms > slot->oi_sent_ms)
		first--;
	for (size_t i = first; i + 1 < count; i++) {
		struct command command;
		if (!rates_oi_sample(rates, i, &sample))
			return;
		begin_sample(outputs, &command, key_oi(&key, market_id(slot->market)), sample.t_ms);
		command_field(&command, "q", sample.qty.mantissa, sample.qty.scale);
		if (!outputs_send(outputs, &command))
			return;
		slot->oi_sent_ms = sample.t_ms;
	}
}

static bool same_decimal(struct decimal a, struct decimal b)
{
	return a.mantissa == b.mantissa && a.scale == b.scale;
}

static void write_funding(struct market_outputs *outputs, struct outputs_slot *slot)
{
	struct funding_state now, *sent = &slot->funding_sent;
	struct command command;
	struct key key;
	if (!rates_funding(market_rates(slot->market), &now) || now.t_ms <= sent->t_ms)
		return;
	if (same_decimal(now.rate, sent->rate) && now.next_ms == sent->next_ms &&
	    now.interval_min == sent->interval_min && sent->t_ms)
		return;
	begin_sample(outputs, &command, key_funding(&key, market_id(slot->market)), now.t_ms);
	command_field(&command, "r", now.rate.mantissa, now.rate.scale);
	command_field_i64(&command, "n", now.next_ms);
	command_field_i64(&command, "i", now.interval_min);
	if (outputs_send(outputs, &command))
		*sent = now;
}

void market_outputs_liquidation(struct market_outputs *outputs,
				const struct liquidation *liquidation)
{
	struct command command;
	struct key key;
	/* By arrival: a late one must not be refused for its time. */
	begin_sample(outputs, &command, key_liq(&key, &liquidation->market), 0);
	command_field_i64(&command, "t", liquidation->t_ms);
	command_field(&command, "p", liquidation->price.mantissa, liquidation->price.scale);
	command_field(&command, "q", liquidation->qty.mantissa, liquidation->qty.scale);
	command_word(&command, STR("s"));
	command_word(&command, liquidation->position == SIDE_BUY ? STR("l") : STR("s"));
	outputs_send(outputs, &command);
}

/* ---- bars and indicators, at each close ---- */

static bool send_bars(struct market_outputs *outputs, const struct outputs_slot *slot,
		      const struct series *series)
{
	struct key key;
	buf_clear(&outputs->value);
	series_pack(series, &outputs->value);
	if (outputs->value.overflow)
		return false;
	char ttl_text[16];
	struct buf ttl = buf_over(ttl_text, sizeof ttl_text);
	buf_i64(&ttl, OUTPUTS_KLINES_TTL_S);
	struct command command = { .argc = 5 };
	command.argv[0] = STR("SET");
	command.argv[1] = key_klines(&key, market_id(slot->market), series_minutes(series));
	command.argv[2] = buf_str(&outputs->value);
	command.argv[3] = STR("EX");
	command.argv[4] = buf_str(&ttl);
	return outputs_send(outputs, &command);
}

static void send_indicators(struct market_outputs *outputs, const struct outputs_slot *slot,
			    const struct series *series)
{
	struct indicator_values values;
	struct command command;
	struct key key;
	int64_t ttl_s = 2 * 60 * (int64_t)series_minutes(series);
	series_indicators(series, &values);
	key_indicators(&key, market_id(slot->market), series_minutes(series));
	command_begin(&command);
	command_word(&command, STR("HSET"));
	command_word(&command, buf_str(&key.text));
	command_field_i64(&command, "t", values.close_ms);
	command_field_i64(&command, "n", (int64_t)values.bars);
	for (int i = 0; i < INDICATOR_COUNT; i++) {
		char text[48];
		struct buf number = buf_over(text, sizeof text);
		if (values.value[i] != values.value[i]) /* too few bars */
			continue;
		buf_printf(&number, "%.10g", values.value[i]);
		command_word(&command, str_of(indicator_row((enum indicator)i)->field));
		command_word(&command, buf_str(&number));
	}
	outputs_send_hash(outputs, &command, buf_str(&key.text),
			  ttl_s > OUTPUTS_INDICATORS_TTL_S ? ttl_s : OUTPUTS_INDICATORS_TTL_S);
}

static void write_series(struct market_outputs *outputs, struct outputs_slot *slot, size_t index)
{
	struct series *series = market_series_at(slot->market, index);
	if (series_newest_ms(series) == slot->bars_sent_ms[index] &&
	    series_count(series) == slot->bars_sent[index])
		return;
	if (!send_bars(outputs, slot, series))
		return;
	if (outputs_may(outputs))
		send_indicators(outputs, slot, series);
	slot->bars_sent_ms[index] = series_newest_ms(series);
	slot->bars_sent[index] = series_count(series);
}

void outputs_write_samples(struct market_outputs *outputs, struct outputs_slot *slot)
{
	write_oi(outputs, slot);
	write_funding(outputs, slot);
	for (size_t i = 0; market_series_at(slot->market, i); i++)
		write_series(outputs, slot, i);
}
