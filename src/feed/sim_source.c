#include "feed/sim_source.h"

#include <stdlib.h>

#include "base/check.h"

enum {
	CLIENTS = VENUE_COUNT * KIND_COUNT,
	SLICE_MIN = 128, /* frames */
	SLICE_START = 1024,
	SLICE_MAX = 65536,
};

enum client_state { CLIENT_IDLE, CLIENT_OPENING, CLIENT_OPEN, CLIENT_CLOSING };

struct client {
	struct ws_client base; /* first: the port's handle is this */
	struct sim_source *source;
	struct ws_events events;
	enum client_state state;
	bool paused;
};

struct sim_source {
	struct sim_source_options options;
	struct simulator *simulator;
	struct timers *timers;
	struct timer timer;
	const struct clock_port *clock;
	struct client clients[CLIENTS];
	size_t slice_frames;
	int64_t slice_ns; /* when the last slice of history began; 0: none */
	bool live;
};

static int64_t now_ms(const struct sim_source *source)
{
	return clock_wall_ns(source->clock) / 1000000;
}

static void arm(struct sim_source *source, int64_t delay_ns)
{
	timers_arm(source->timers, &source->timer, clock_monotonic_ns(source->clock) + delay_ns);
}

/* ---- the port ---- */

static enum status client_open(struct ws_client *base, const char *url,
			       const struct ws_events *events)
{
	struct client *client = (struct client *)base;
	(void)url;
	if (client->state != CLIENT_IDLE)
		return STATUS_IN_USE;
	client->events = *events;
	client->state = CLIENT_OPENING;
	client->paused = false;
	arm(client->source, 1);
	return STATUS_OK;
}

static enum status client_send(struct ws_client *base, struct str message)
{
	(void)message;
	return ((struct client *)base)->state == CLIENT_OPEN ? STATUS_OK : STATUS_CLOSED;
}

static void client_pause(struct ws_client *base, bool paused)
{
	struct client *client = (struct client *)base;
	client->paused = paused;
	if (!paused)
		arm(client->source, 1);
}

static void client_close(struct ws_client *base)
{
	struct client *client = (struct client *)base;
	if (client->state == CLIENT_IDLE)
		return;
	client->state = CLIENT_CLOSING;
	arm(client->source, 1);
}

static const struct ws_ops ops = { client_open, client_send, client_pause, client_close };

/* ---- the timer ---- */

static void settle_clients(struct sim_source *source)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &source->clients[i];
		if (client->state == CLIENT_OPENING) {
			client->state = CLIENT_OPEN;
			client->events.on_open(client->events.ctx);
		} else if (client->state == CLIENT_CLOSING) {
			client->state = CLIENT_IDLE;
			client->events.on_close(client->events.ctx, 1000, STR("closed"));
		}
	}
}

static bool any(const struct sim_source *source, enum client_state state)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (source->clients[i].state == state)
			return true;
	return false;
}

static bool held_back(const struct sim_source *source)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (source->clients[i].state == CLIENT_OPEN && source->clients[i].paused)
			return true;
	return false;
}

static void on_frame(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms)
{
	struct sim_source *source = ctx;
	struct client *client = &source->clients[venue * KIND_COUNT + kind];
	if (client->state == CLIENT_OPEN)
		client->events.on_message(client->events.ctx, frame, t_ms * 1000000);
}

/* The loop's clock stands still within a turn, so the length of a slice is known
 * only in the next one: from slice to slice, with everything the owner does. */
static void adapt_slice(struct sim_source *source)
{
	int64_t now_ns = clock_monotonic_ns(source->clock);
	int64_t took_ns = now_ns - source->slice_ns;
	if (source->slice_ns && took_ns > SIM_SOURCE_SLICE_NS && source->slice_frames > SLICE_MIN)
		source->slice_frames /= 2;
	else if (source->slice_ns && took_ns < SIM_SOURCE_SLICE_NS / 2 &&
		 source->slice_frames < SLICE_MAX)
		source->slice_frames += source->slice_frames / 4;
	source->slice_ns = now_ns;
}

static void become_live(struct sim_source *source)
{
	source->live = true;
	source->slice_ns = 0;
	simulator_set_full(source->simulator, source->options.simulator.full);
	if (source->options.on_live)
		source->options.on_live(source->options.ctx);
}

/* A slice at a time, also when live: the process may have slept for an hour. */
static void advance(struct sim_source *source)
{
	struct simulator_sink sink = { .frame = on_frame, .ctx = source };
	int64_t until_ms = now_ms(source);
	adapt_slice(source);
	size_t frames = simulator_advance(source->simulator, until_ms, source->slice_frames, &sink);
	bool behind = frames >= source->slice_frames;
	if (!behind && !source->live)
		become_live(source);
	if (!behind)
		source->slice_ns = 0;
	if (!source->timer.slot) /* the owner may have closed or unpaused meanwhile */
		arm(source, behind ? 1 : SIM_SOURCE_PACE_NS);
}

static void on_timer(void *ctx)
{
	struct sim_source *source = ctx;
	settle_clients(source);
	if (any(source, CLIENT_OPEN) && !held_back(source))
		advance(source);
}

/* ---- life ---- */

enum status sim_source_create(const struct sim_source_options *options, struct timers *timers,
			      const struct clock_port *clock, struct sim_source **out)
{
	struct sim_source *source = calloc(1, sizeof *source);
	if (!source)
		return STATUS_NO_MEMORY;
	struct simulator_config config = options->simulator;
	config.full = false;
	enum status status = simulator_create(&config, &source->simulator);
	if (status) {
		free(source);
		return status;
	}
	source->options = *options;
	source->timers = timers;
	source->clock = clock;
	source->timer = (struct timer){ .fn = on_timer, .ctx = source };
	source->slice_frames = SLICE_START;
	for (size_t i = 0; i < CLIENTS; i++)
		source->clients[i] = (struct client){ .base = { &ops }, .source = source };
	*out = source;
	return STATUS_OK;
}

void sim_source_destroy(struct sim_source *source)
{
	if (!source)
		return;
	timers_cancel(source->timers, &source->timer);
	simulator_destroy(source->simulator);
	free(source);
}

struct ws_client *sim_source_client(struct sim_source *source, enum venue venue, enum kind kind)
{
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	return &source->clients[venue * KIND_COUNT + kind].base;
}

struct simulator *sim_source_simulator(struct sim_source *source) { return source->simulator; }

bool sim_source_live(const struct sim_source *source) { return source->live; }
