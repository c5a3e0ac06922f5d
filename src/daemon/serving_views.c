/* What HTTP is answered at once, out of memory. */
#include "ask/fleet_view.h"
#include "ask/memory.h"
#include "daemon/budgets.h"
#include "daemon/metrics_view.h"
#include "daemon/serving_impl.h"
#include "daemon/terminals.h"

int serving_ask(void *ctx, struct str question, struct str format, struct buf *out)
{
	const struct serving *serving = ctx;
	enum ask_format as = ASK_JSON;
	if (str_eq(format, STR("text")))
		as = ASK_TEXT;
	else if (str_eq(format, STR("html")))
		as = ASK_HTML;
	return (int)daemon_look(serving->config.daemon, as, question, out);
}

void serving_metrics(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	metrics_view_print(serving->config.daemon, out);
}

void serving_metrics_design(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	metrics_design_print(serving->config.daemon, out);
}

void serving_metrics_ids(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	metrics_ids_print(serving->config.daemon, out);
}

void serving_alerts(void *ctx, struct buf *out)
{
	serving_ask(ctx, STR("/alerts"), STR("json"), out);
}

void serving_fleet(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	fleet_view_list(out, terminals_fleet(daemon_terminals(serving->config.daemon)));
}

bool serving_terminal(void *ctx, struct str id, struct buf *out)
{
	const struct serving *serving = ctx;
	struct fleet *fleet = terminals_fleet(daemon_terminals(serving->config.daemon));
	struct json_out json = { .out = out };
	uint32_t slot = fleet_find(fleet, id);
	if (slot == FLEET_NONE)
		return false;
	fleet_view_whole(&json, fleet_at(fleet, slot));
	return true;
}

static void put_market(struct json_out *json, const struct market *market)
{
	char storage[128];
	struct buf name = buf_over(storage, sizeof storage);
	const struct market_counts *counts = market_counts(market);
	int32_t price_scale, qty_scale;
	struct window day;
	market_id_print(&name, market_id(market));
	market_scales(market, &price_scale, &qty_scale);
	market_window(market, 1440, &day);
	json_out_open(json, NULL, '{');
	json_out_str(json, "market", buf_str(&name));
	json_out_known_decimal(json, "price", day.close != 0, day.close, price_scale);
	json_out_decimal(json, "buy_24h", day.flow.buy, qty_scale);
	json_out_decimal(json, "sell_24h", day.flow.sell, qty_scale);
	json_out_i64(json, "minutes_24h", day.present);
	json_out_i64(json, "trades", (int64_t)counts->trades);
	json_out_known_i64(json, "first_ms", counts->first_ms != 0, counts->first_ms);
	json_out_known_i64(json, "last_ms", counts->last_ms != 0, counts->last_ms);
	json_out_bool(json, "simulated", market_simulated(market));
	json_out_close(json, '}');
}

void serving_markets(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	const struct markets *markets = daemon_markets(serving->config.daemon);
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_open(&json, "markets", '[');
	for (size_t i = 0; i < markets_count(markets); i++)
		put_market(&json, markets_at(markets, i));
	json_out_close(&json, ']');
	json_out_close(&json, '}');
}

void serving_memory(void *ctx, struct buf *out)
{
	const struct serving *serving = ctx;
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	memory_view_members(&json, budgets_facts(daemon_budgets(serving->config.daemon)));
	json_out_close(&json, '}');
}

static bool segments_are_up(const struct segments *segments, struct buf *why)
{
	for (int i = 0; segments && i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (!status.wanted || status.state == SEGMENT_UP)
			continue;
		buf_printf(why, "segment %s is %s", segment_row((enum segment)i)->name,
			   segment_state_text(status.state));
		return false;
	}
	return true;
}

bool serving_ready(void *ctx, struct buf *why)
{
	const struct serving *serving = ctx;
	const struct serving_config *config = &serving->config;
	if (!segments_are_up(daemon_segments(config->daemon), why))
		return false;
	if (config->writer && writer_state(config->writer) != WRITER_READY) {
		buf_printf(why, "the archive: %.300s", writer_trouble(config->writer));
		return false;
	}
	if (serving->refuse_why)
		buf_printf(why, "new signals are refused: %.100s", serving->refuse_why);
	return !serving->refuse_why;
}
