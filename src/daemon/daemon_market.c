/* The market side of the daemon: what follows from a trade, from a liquidation, and from
 * the passing of a second. */
#include "base/check.h"
#include "base/log.h"
#include "daemon/daemon_impl.h"
#include "daemon/settings.h"
#include "feed/live.h"
#include "market/market_alerts_config.h"

enum {
	MALFORMED_LOG_NS = 1000000000,
	HOLD_NS = 1000000,
	SECOND_NS = 1000000000,
};

/* ---- hooks of the ingest ---- */

static void hold_sources(struct daemon *daemon)
{
	daemon->holding = true;
	sources_pause(daemon->sources, true);
	loop_timer_after(daemon->loop, &daemon->hold_timer, HOLD_NS);
}

/* Sources that can wait do so until the segment has taken what is there. */
void daemon_hold_timer(void *ctx)
{
	struct daemon *daemon = ctx;
	if (market_store_busy(daemon->store)) {
		market_store_flush(daemon->store);
		loop_timer_after(daemon->loop, &daemon->hold_timer, HOLD_NS);
		return;
	}
	daemon->holding = false;
	sources_pause(daemon->sources, false);
}

static void take_news(struct daemon *daemon, struct market *market, const struct trade *trade)
{
	market_alerts_trade(daemon->market_alerts, market, trade);
	if (daemon->rules)
		rules_trade(daemon->rules, market, trade);
}

void daemon_take_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct daemon *daemon = ctx;
	if (daemon_is_news(daemon))
		take_news(daemon, market, trade);
	if (!daemon->store)
		return;
	if (daemon->outputs)
		market_outputs_trade(daemon->outputs, market, trade);
	market_store_trade(daemon->store, market, trade);
	if (!daemon->holding && market_store_busy(daemon->store))
		hold_sources(daemon);
}

static void on_malformed(void *ctx, enum venue venue, const char *reason)
{
	struct daemon *daemon = ctx;
	int64_t now_ns = loop_now_ns(daemon->loop);
	daemon->malformed_unlogged++;
	if (daemon->malformed_logged_ns && now_ns - daemon->malformed_logged_ns < MALFORMED_LOG_NS)
		return;
	log_line(LOG_WARN, "feed", "%llu malformed frame(s), the last from %s: %s",
		 (unsigned long long)daemon->malformed_unlogged, venue_text(venue), reason);
	daemon->malformed_logged_ns = now_ns;
	daemon->malformed_unlogged = 0;
}

/* ---- liquidations ---- */

static void on_liquidation(void *ctx, const struct liquidation *liquidation)
{
	struct daemon *daemon = ctx;
	if (daemon->outputs)
		market_outputs_liquidation(daemon->outputs, liquidation);
	if (daemon->rules && daemon_is_news(daemon))
		rules_liquidation(daemon->rules, liquidation);
}

static void on_cascade(void *ctx, const struct cascade *cascade)
{
	struct daemon *daemon = ctx;
	if (!daemon_is_news(daemon))
		return;
	market_alerts_cascade(daemon->market_alerts, cascade);
	if (daemon->rules)
		rules_cascade(daemon->rules, cascade);
}

/* ---- time ---- */

static void tell_venues(struct daemon *daemon, const struct live *live, int64_t now_ns)
{
	for (size_t i = 0; i < VENUE_COUNT * KIND_COUNT; i++) {
		enum venue venue = (enum venue)(i / KIND_COUNT);
		enum kind kind = (enum kind)(i % KIND_COUNT);
		const struct rest *rest = live_rest(live, venue, kind);
		char name[32];
		struct buf scope = buf_over(name, sizeof name);
		if (!rest)
			continue;
		buf_printf(&scope, "%s:%s", venue_text(venue), kind_text(kind));
		enum rest_state state = rest_state(rest);
		bool limited = state == REST_BANNED || state == REST_BACKOFF;
		int64_t until_ns = limited ? rest_open_again_ns(rest) : 0;
		double seconds = until_ns > now_ns ? (double)(until_ns - now_ns) / 1e9 : 0;
		market_alerts_venue(daemon->market_alerts, buf_str(&scope), seconds, now_ns);
	}
}

void daemon_step_series(struct daemon *daemon)
{
	for (size_t i = 0; i < markets_count(daemon->markets); i++) {
		struct market *market = markets_at(daemon->markets, i);
		struct series *series;
		bool complete;
		for (size_t s = 0; (series = market_series_at(market, s)); s++)
			market_series_step(market, series, &complete);
	}
}

static void on_second(void *ctx)
{
	struct daemon *daemon = ctx;
	const struct live *live = sources_venues(daemon->sources);
	if (daemon_is_news(daemon))
		liquidations_step(markets_liquidations(daemon->markets),
				  loop_wall_ns(daemon->loop) / 1000000);
	if (live)
		tell_venues(daemon, live, loop_now_ns(daemon->loop));
	daemon_step_series(daemon);
	loop_timer_after(daemon->loop, &daemon->second_timer, SECOND_NS);
}

/* ---- build ---- */

static enum status build_market_alerts(struct daemon *daemon, struct err *err)
{
	struct market_alerts_config config =
	    market_alerts_config_of(daemon->config, daemon->options.feed == DAEMON_FEED_LIVE);
	daemon->market_alerts = market_alerts_create(daemon->alerts, daemon->markets, &config);
	if (!daemon->market_alerts)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the markets' alerts");
	return STATUS_OK;
}

enum status daemon_build_markets(struct daemon *daemon, struct err *err)
{
	const struct ingest_hooks hooks = { daemon_take_trade, on_malformed, daemon };
	const struct liquidations_hooks liquidations = { on_liquidation, on_cascade, daemon };
	struct market_config config;
	settings_market(daemon->config, &config);
	config.simulated = daemon->options.feed == DAEMON_FEED_SIMULATOR;
	daemon->markets = markets_create(&config);
	if (daemon->markets)
		daemon->ingest = ingest_create(daemon->markets, &hooks);
	if (!daemon->ingest)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the markets");
	liquidations_set_hooks(markets_liquidations(daemon->markets), &liquidations);
	daemon->second_timer = (struct timer){ .fn = on_second, .ctx = daemon };
	return build_market_alerts(daemon, err);
}

/* A recording's figures are not those of now: nothing of it is put out. */
enum status daemon_build_outputs(struct daemon *daemon, struct err *err)
{
	struct timers *timers = loop_timers(daemon->loop);
	const struct clock_port *clock = loop_clock(daemon->loop);
	const struct market_outputs_config config = {
		.live = config_bool(daemon->config, CONFIG_market_outputs),
	};
	if (daemon->options.feed == DAEMON_FEED_RECORDING)
		return STATUS_OK;
	daemon->outputs =
	    market_outputs_create(daemon_rms(daemon), daemon->markets, timers, clock, &config);
	if (!daemon->outputs)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the market outputs");
	if (!(daemon->options.segments & 1u << SEGMENT_RLS))
		return STATUS_OK;
	daemon->alert_store = alert_store_create(segments_redis(daemon->segments, SEGMENT_RLS),
						 daemon->alerts, timers, clock);
	if (!daemon->alert_store)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the alert store");
	return STATUS_OK;
}

void daemon_start_markets(struct daemon *daemon)
{
	loop_timer_after(daemon->loop, &daemon->second_timer, SECOND_NS);
	if (daemon->outputs)
		market_outputs_start(daemon->outputs);
}

void daemon_stop_markets(struct daemon *daemon)
{
	struct timers *timers = loop_timers(daemon->loop);
	timers_cancel(timers, &daemon->second_timer);
}

void daemon_free_markets(struct daemon *daemon)
{
	alert_store_destroy(daemon->alert_store);
	market_outputs_destroy(daemon->outputs);
	market_store_destroy(daemon->store);
	ingest_destroy(daemon->ingest);
	market_alerts_destroy(daemon->market_alerts);
	markets_destroy(daemon->markets);
}

void daemon_apply_market_settings(struct daemon *daemon)
{
	struct market_alerts_config rules =
	    market_alerts_config_of(daemon->config, daemon->options.feed == DAEMON_FEED_LIVE);
	struct liquidations_config liquidations = market_liquidations_config_of(daemon->config);
	market_alerts_configure(daemon->market_alerts, &rules);
	liquidations_set_config(markets_liquidations(daemon->markets), &liquidations);
	if (daemon->outputs)
		market_outputs_set_live(daemon->outputs,
					config_bool(daemon->config, CONFIG_market_outputs));
}
