/* The live venues as the source. */
#include "base/log.h"
#include "daemon/sources_impl.h"

static void on_note(void *ctx, bool warn, const char *what, const char *line)
{
	(void)ctx;
	log_line(warn ? LOG_WARN : LOG_INFO, "feed", "%s: %s", what, line);
}

static void on_instrument(void *ctx, struct market *market, enum instrument_status was)
{
	const struct instrument *now = rates_instrument(market_rates(market));
	char name[64];
	struct buf text = buf_over(name, sizeof name);
	(void)ctx;
	market_id_print(&text, market_id(market));
	bool trouble = now->status != INSTRUMENT_TRADING;
	if (was == INSTRUMENT_UNKNOWN && !trouble)
		return; /* what everybody expects of a start */
	log_line(trouble ? LOG_WARN : LOG_INFO, "feed", "%.*s is %s (was %s)",
		 STR_ARG(buf_str(&text)), instrument_status_text(now->status),
		 instrument_status_text(was));
}

enum status sources_open_live(struct sources *sources, struct err *err)
{
	const struct sources_config *config = &sources->config;
	const char *names[SYMBOLS_MAX];
	struct live_config live = {
		.symbols = names,
		.n_symbols = sources_symbols(sources, names),
		.depth = config_bool(config->config, CONFIG_market_depth),
		.patience = (int32_t)config_i64(config->config, CONFIG_market_patience),
		.markets = config->markets,
		.ingest = config->ingest,
		.timers = loop_timers(config->loop),
		.clock = loop_clock(config->loop),
		.seed = (uint64_t)loop_precise_ns(),
		.hooks = { config->on_trade, on_instrument, on_note, config->ctx },
	};
	enum status status =
	    venue_net_create(config->loop, config->config, true, &sources->net, err);
	if (status)
		return status;
	for (size_t i = 0; i < VENUE_COUNT * KIND_COUNT; i++) {
		enum venue venue = (enum venue)(i / KIND_COUNT);
		enum kind kind = (enum kind)(i % KIND_COUNT);
		live.venues[venue][kind] = venue_net_venue(sources->net, venue, kind);
	}
	return live_create(&live, &sources->live, err);
}
