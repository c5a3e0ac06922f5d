/* How a daemon is built: the loop, the feed, the stores, the fleet, the archive. */
#include "base/log.h"
#include "daemon/daemon_impl.h"
#include "daemon/settings.h"

enum {
	TIMER_ROOM = 1024,
	TIMERS_PER_TERMINAL =
	    4, /* its connection, its session, a simulated one's two connections */
};

static enum status open_fleet(struct daemon *daemon, struct err *err)
{
	const struct terminals_config config = {
		.config = daemon->config,
		.state_dir = daemon->options.state_dir,
		.loop = daemon->loop,
		.segments = daemon->segments,
		.alerts = daemon->alerts,
		.demo = daemon->options.demo,
		.archiving = daemon->archiving,
		.meter = metering_trade(daemon->metering),
		.step_alerts = daemon_step_alerts,
		.on_moved = daemon_instance_moved,
		.on_refuse = daemon_results_stuck,
		.on_result = daemon_take_result,
		.ctx = daemon,
	};
	if (!daemon->options.fleet || !config_bool(daemon->config, CONFIG_fleet_on))
		return STATUS_OK;
	enum status status = terminals_create(&config, &daemon->terminals, err);
	if (status)
		return status;
	daemon->world.fleet = terminals_fleet(daemon->terminals);
	daemon->world.halts = terminals_halts(daemon->terminals);
	daemon->world.limits = terminals_limits(daemon->terminals);
	daemon->world.options.fleet_simulated = terminals_simulated(daemon->terminals);
	return STATUS_OK;
}

static enum status open_archive(struct daemon *daemon, struct err *err)
{
	const struct archiving_config config = {
		.config = daemon->config,
		.state_dir = daemon->options.state_dir,
		.loop = daemon->loop,
		.segments = daemon->segments,
		.markets = daemon->markets,
		.alerts = daemon->alerts,
		.on_open = daemon_archive_open,
		.on_refuse = daemon_refuse_signals,
		.on_stuck = daemon_archive_stuck,
		.ctx = daemon,
	};
	return daemon->options.archive ? archiving_create(&config, &daemon->archiving, err)
				       : STATUS_OK;
}

/* Memory is for a weir that stays to look after. */
static enum status open_budgets(struct daemon *daemon, struct err *err)
{
	const struct budgets_config config = {
		.loop = daemon->loop,
		.segments = daemon->segments,
		.alerts = daemon->alerts,
		.outputs = daemon->outputs,
		.terminals = daemon->terminals,
	};
	if (!daemon->options.stay)
		return STATUS_OK;
	daemon->budgets = budgets_create(&config);
	if (!daemon->budgets)
		return err_set(err, STATUS_NO_MEMORY, "no memory to watch the memory");
	daemon->world.memory = budgets_facts(daemon->budgets);
	return STATUS_OK;
}

/* Exchanges are asked by a weir that stays; keys are read before any child is started. */
static enum status open_accounts(struct daemon *daemon, struct err *err)
{
	const struct accounting_config config = {
		.config = daemon->config,
		.loop = daemon->loop,
		.markets = daemon->markets,
		.stale_ms = daemon->world.options.stale_ms,
	};
	if (!daemon->options.stay)
		return STATUS_OK;
	enum status status = accounting_create(&config, &daemon->accounting, err);
	if (status)
		return status;
	daemon->world.accounts = accounting_accounts(daemon->accounting);
	daemon->world.equity = accounting_equity(daemon->accounting);
	return STATUS_OK;
}

/* People are for a weir that stays to answer them. */
static enum status open_people(struct daemon *daemon, struct err *err)
{
	const struct telegramming_config config = {
		.daemon = daemon,
		.config = daemon->config,
		.world = &daemon->world,
		.token = &daemon->telegram_token,
	};
	if (!daemon->options.stay || !segments_status(daemon->segments, SEGMENT_RSS).wanted)
		return STATUS_OK;
	enum status status = telegramming_create(&config, &daemon->telegramming, err);
	if (status)
		return status;
	daemon->rules = telegramming_rules(daemon->telegramming);
	daemon->world.rules = daemon->rules;
	return STATUS_OK;
}

static enum status open_store(struct daemon *daemon, struct err *err)
{
	struct store_config config;
	const struct segment_events events = daemon_segment_events(daemon);
	enum status status =
	    settings_store(daemon->config, daemon->options.state_dir, &config, err);
	if (status)
		return status;
	/* A replay or a look at the state opens no TCP listener. */
	for (int i = 0; i < SEGMENT_COUNT && !daemon->options.stay; i++)
		config.segments[i].port = 0;
	status = segments_open(daemon->loop, &config, daemon->options.segments, &events,
			       &daemon->segments, err);
	if (status)
		return status;
	const struct market_store_config store_config = {
		.flush_ns = daemon_flush_ns(daemon->config),
	};
	daemon->store =
	    market_store_create(daemon_rms(daemon), daemon->markets, loop_timers(daemon->loop),
				loop_clock(daemon->loop), &store_config);
	if (!daemon->store)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the market store");
	status = daemon_build_outputs(daemon, err);
	if (!status)
		status = open_archive(daemon, err);
	if (!status)
		status = open_fleet(daemon, err);
	if (!status)
		status = open_budgets(daemon, err);
	if (!status)
		status = daemon_build_watching(daemon, err);
	return status ? status : open_people(daemon, err);
}

static enum status open_feed(struct daemon *daemon, struct err *err)
{
	enum status status = daemon_build_alerts(daemon, err);
	if (!status)
		status = daemon_build_markets(daemon, err);
	if (status)
		return status;
	daemon->step_task = (struct loop_task){ .fn = daemon_step, .ctx = daemon };
	daemon->hold_timer = (struct timer){ .fn = daemon_hold_timer, .ctx = daemon };
	daemon->drain_timer = (struct timer){ .fn = daemon_drain_timer, .ctx = daemon };
	const struct sources_config config = {
		.feed = daemon->options.feed,
		.recording = daemon->options.recording,
		.config = daemon->config,
		.loop = daemon->loop,
		.ingest = daemon->ingest,
		.markets = daemon->markets,
		.wake = &daemon->step_task,
		.on_trade = daemon_take_trade,
		.ctx = daemon,
	};
	return sources_create(&config, &daemon->sources, err);
}

static enum status init_world(struct daemon *daemon, struct err *err)
{
	daemon->world = (struct ask_world){ .markets = daemon->markets,
					    .options = ask_options_default(),
					    .alerts = daemon->alerts };
	daemon->world.options.whale_quote = config_i64(daemon->config, CONFIG_market_whale_quote);
	daemon->world.options.simulated = daemon->options.feed == DAEMON_FEED_SIMULATOR;
	daemon->world.options.live = daemon->options.feed == DAEMON_FEED_SIMULATOR ||
				     daemon->options.feed == DAEMON_FEED_LIVE;
	return daemon_apply_settings(daemon, err);
}

enum status daemon_build(struct daemon *daemon, struct err *err)
{
	size_t room = TIMER_ROOM + accounting_timers() + notifying_timers();
	if (daemon->options.serve)
		room += serving_timers(daemon->config);
	if (daemon->options.fleet)
		room += TIMERS_PER_TERMINAL * (size_t)config_i64(daemon->config, CONFIG_fleet_room);
	enum status status = loop_create(room, &daemon->loop, err);
	if (status)
		return status;
	daemon->created_ns = loop_precise_ns();
	daemon->metering = metering_create(daemon->loop);
	if (!daemon->metering)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the metrics");
	if ((status = daemon_take_signals(daemon, err)))
		return status;
	if ((status = open_feed(daemon, err)) || (status = init_world(daemon, err)) ||
	    !daemon->options.store)
		return status;
	status = state_folder_open(daemon->options.state_dir, &daemon->folder, err);
	if (!status)
		status = open_accounts(daemon, err);
	if (!status)
		status = telegramming_take_token(daemon->config, daemon->options.stay,
						 &daemon->telegram_token, err);
	if (!status)
		status = daemon_build_channels(daemon, err);
	return status ? status : open_store(daemon, err);
}
