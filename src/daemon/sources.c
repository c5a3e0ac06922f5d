#include "daemon/sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "daemon/sources_impl.h"

enum { STEP_LINES = 32 }; /* between two looks at the clock */

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
	if (config->feed == DAEMON_FEED_LIVE) {
		enum status status = sources_open_live(sources, err);
		*out = sources; /* what was opened is closed by sources_close */
		return status;
	}
	*out = sources;
	return STATUS_OK;
}

void sources_destroy(struct sources *sources)
{
	if (!sources)
		return;
	CHECK(!sources->net);
	timers_cancel(loop_timers(sources->config.loop), &sources->timer);
	recording_source_close(sources->recording);
	sim_source_destroy(sources->sim);
	free(sources);
}

size_t sources_symbols(struct sources *sources, const char **names)
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

enum status sources_start(struct sources *sources, struct err *err)
{
	if (sources->config.feed == DAEMON_FEED_SIMULATOR)
		return sources_start_simulator(sources, err);
	if (sources->live)
		live_start(sources->live);
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
	live_destroy(sources->live);
	sources->live = NULL;
}

void sources_close(struct sources *sources, void (*fn)(void *ctx), void *ctx)
{
	sources_stop(sources);
	struct venue_net *net = sources ? sources->net : NULL;
	if (!net) {
		fn(ctx);
		return;
	}
	sources->net = NULL;
	venue_net_close(net, fn, ctx);
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
		return SOURCES_WAIT; /* the others have timers and sockets of their own */
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
	if (sources->live)
		live_pause(sources->live, paused);
}

bool sources_live(const struct sources *sources)
{
	return !sources->sim || sim_source_live(sources->sim);
}

bool sources_complete(const struct sources *sources)
{
	bool told = !sources->live || backfill_progress(live_backfill(sources->live)) >= 1;
	return told && sources_live(sources);
}

const struct live *sources_venues(const struct sources *sources) { return sources->live; }
