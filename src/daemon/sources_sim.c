/* The market simulator as the source. */
#include "base/check.h"
#include "daemon/sources_impl.h"

enum { HISTORY_MS = 26 * 3600 * 1000, OVERLAP_MS = 10000 };

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	struct sim_client *client = ctx;
	(void)received_ns;
	ingest_frame(client->sources->config.ingest, client->venue, client->kind, message);
}

static void on_open(void *ctx) { (void)ctx; }

static void on_close(void *ctx, int code, struct str reason)
{
	struct sim_client *client = ctx;
	(void)code, (void)reason;
	if (!client->sources->stopped)
		ingest_interrupted(client->sources->config.ingest, client->venue, client->kind);
}

/* Where the state ends the simulated world goes on, ids and all: from before the
 * newest event of the market that lags most, so that none misses a trade and what
 * is told twice falls away by its id. An empty state gets a day and two hours. */
static int64_t history_start_ms(struct sources *sources)
{
	int64_t now = loop_wall_ns(sources->config.loop) / 1000000, oldest = now;
	size_t count = markets_count(sources->config.markets);
	for (size_t i = 0; i < count; i++) {
		int64_t ms = market_newest_ms(markets_at(sources->config.markets, i));
		oldest = ms < oldest ? ms : oldest;
	}
	int64_t earliest = now - HISTORY_MS, start = oldest - OVERLAP_MS;
	return count > 0 && start > earliest ? start : earliest;
}

enum status sources_start_simulator(struct sources *sources, struct err *err)
{
	const char *names[SYMBOLS_MAX];
	struct sim_source_options options = {
		.simulator = {
			.seed = (uint64_t)config_i64(sources->config.config, CONFIG_market_sim_seed),
			.symbols = names,
			.n_symbols = sources_symbols(sources, names),
			.start_ms = history_start_ms(sources),
			.full = true,
			.faults = { .duplicate = 200, .delay = 100, .drop = 2, .malformed = 20, .unknown = 20 },
		},
	};
	enum status status = sim_source_create(&options, loop_timers(sources->config.loop),
					       loop_clock(sources->config.loop), &sources->sim);
	if (status)
		return err_set(err, status, "market simulator: %s", status_text(status));
	for (size_t i = 0; i < ARRAY_LEN(sources->clients); i++) {
		struct sim_client *client = &sources->clients[i];
		const struct ws_events events = { on_open, on_message, on_close, client };
		client->sources = sources;
		client->venue = (enum venue)(i / KIND_COUNT);
		client->kind = (enum kind)(i % KIND_COUNT);
		client->client = sim_source_client(sources->sim, client->venue, client->kind);
		status = client->client->ops->open(client->client, "sim:", &events);
		if (status)
			return err_set(err, status, "market simulator: %s", status_text(status));
	}
	return STATUS_OK;
}
