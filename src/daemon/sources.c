#include "daemon/sources.h"

#include <stdlib.h>

#include "base/check.h"
#include "feed/sim_source.h"

enum {
	STEP_LINES = 32, /* between two looks at the clock */
	HISTORY_MS = 26 * 3600 * 1000,
	OVERLAP_MS = 10000,
	SYMBOLS_MAX = 64,
};

struct sim_client {
	struct sources *sources;
	struct ws_client *client;
	enum venue venue;
	enum kind kind;
};

struct sources {
	struct sources_config config;
	struct recording_source *recording;
	struct sim_source *sim;
	struct sim_client clients[VENUE_COUNT * KIND_COUNT];
	char symbols[SYMBOLS_MAX][SYMBOL_MAX + 1];
	struct timer timer;
	bool stopped;
};

static void on_timer(void *ctx)
{
	struct sources *sources = ctx;
	loop_defer(sources->config.loop, sources->config.wake);
}

enum status sources_create(const struct sources_config *config, struct sources **out,
			   struct err *err)
{
	struct sources *sources = calloc(1, sizeof *sources);
	if (!sources)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the sources");
	sources->config = *config;
	sources->timer = (struct timer){ .fn = on_timer, .ctx = sources };
	if (config->feed == DAEMON_FEED_RECORDING) {
		enum status status =
		    recording_source_open(&config->recording, &sources->recording, err);
		if (status) {
			sources_destroy(sources);
			return status;
		}
	}
	*out = sources;
	return STATUS_OK;
}

void sources_destroy(struct sources *sources)
{
	if (!sources)
		return;
	timers_cancel(loop_timers(sources->config.loop), &sources->timer);
	recording_source_close(sources->recording);
	sim_source_destroy(sources->sim);
	free(sources);
}

/* ---- the simulator ---- */

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

/* The configured base assets as the venues' symbols: "BTC" is "BTCUSDT". */
static size_t name_symbols(struct sources *sources, const char **names)
{
	struct str rest = config_str(sources->config.config, CONFIG_market_symbols), part;
	size_t n = 0;
	while (n < SYMBOLS_MAX && str_split(&rest, ',', &part)) {
		struct market_id id;
		char text[SYMBOL_MAX + 8];
		struct buf buf = buf_over(text, sizeof text);
		buf_str_put(&buf, part);
		buf_put(&buf, "USDT", 4);
		if (market_id_make(VENUE_BINANCE, KIND_SPOT, buf_str(&buf), &id))
			continue;
		memcpy(sources->symbols[n], id.symbol, sizeof id.symbol);
		names[n] = sources->symbols[n];
		n++;
	}
	return n;
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

static enum status start_simulator(struct sources *sources, struct err *err)
{
	const char *names[SYMBOLS_MAX];
	struct sim_source_options options = {
		.simulator = {
			.seed = (uint64_t)config_i64(sources->config.config, CONFIG_market_sim_seed),
			.symbols = names,
			.n_symbols = name_symbols(sources, names),
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

enum status sources_start(struct sources *sources, struct err *err)
{
	if (sources->config.feed == DAEMON_FEED_SIMULATOR)
		return start_simulator(sources, err);
	return STATUS_OK;
}

void sources_stop(struct sources *sources)
{
	if (!sources || sources->stopped)
		return;
	sources->stopped = true;
	timers_cancel(loop_timers(sources->config.loop), &sources->timer);
	sim_source_destroy(sources->sim);
	sources->sim = NULL;
}

/* ---- the recording ---- */

static enum sources_state step_recording(struct sources *sources, struct err *err)
{
	int64_t begin_ns = loop_precise_ns(), now_ns = begin_ns, due_ns = 0;
	while (now_ns - begin_ns < SOURCES_SLICE_NS) {
		switch (recording_source_step(sources->recording, sources->config.ingest, now_ns,
					      STEP_LINES, &due_ns, err)) {
		case RECORDING_MORE: break;
		case RECORDING_WAIT:
			timers_arm(loop_timers(sources->config.loop), &sources->timer, due_ns);
			return SOURCES_WAIT;
		case RECORDING_END: return SOURCES_END;
		case RECORDING_FAILED: return SOURCES_FAILED;
		}
		now_ns = loop_precise_ns();
	}
	return SOURCES_MORE;
}

enum sources_state sources_step(struct sources *sources, bool paused, struct err *err)
{
	if (!sources->recording)
		return SOURCES_WAIT; /* the simulator has its own timer */
	if (paused) {
		loop_timer_after(sources->config.loop, &sources->timer, SOURCES_PAUSE_NS);
		return SOURCES_WAIT;
	}
	return step_recording(sources, err);
}

void sources_pause(struct sources *sources, bool paused)
{
	for (size_t i = 0; sources->sim && i < ARRAY_LEN(sources->clients); i++)
		sources->clients[i].client->ops->pause(sources->clients[i].client, paused);
}

bool sources_live(const struct sources *sources)
{
	return !sources->sim || sim_source_live(sources->sim);
}
