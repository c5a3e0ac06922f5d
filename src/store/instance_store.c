#include "store/instance_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/instance_store_impl.h"

static const int64_t second_ns = INT64_C(1000000000);
static const int64_t phase_ns = INT64_C(1000000000) / INSTANCE_PHASES;

/* ---- replies ---- */

void instance_note(struct instance_store *store, enum status status)
{
	if (!status) {
		store->answered_ns = instance_now_ns(store);
		return;
	}
	store->counts.failed++;
	if (store->drained && !store->status)
		store->status = status;
}

static void drain_more(struct instance_store *store);

void instance_settle(struct instance_store *store)
{
	command_pipe_answered(&store->pipe);
	if (!store->drained)
		return;
	drain_more(store);
	if (store->pipe.in_flight)
		return;
	void (*done)(void *ctx, enum status status) = store->drained;
	store->drained = NULL;
	done(store->ctx, store->status);
}

/* ---- seconds ---- */

/* One that has not been answered yet waits: what it would write is written with the next. */
static void write_second(struct instance_row *row, const struct instance *instance)
{
	instance_history_second(row, instance);
	if (row->replies_due || command_pipe_is_full(&row->store->pipe))
		return;
	row->store->counts.batches++;
	instance_hash_second(row, instance);
}

/* What a dead connection, or a dead weir, had said may reach the server after what we say
 * now. So it is said once more when all of that must have been read. */
static void doubt_all(struct instance_store *store, int64_t again_ns)
{
	for (uint32_t slot = 0; slot < store->room; slot++)
		store->rows[slot].wrong = true;
	store->sweep = true;
	store->again_ns = again_ns;
}

static void run_phase(struct instance_store *store)
{
	for (uint32_t slot = store->phase; slot < store->room; slot += INSTANCE_PHASES) {
		const struct instance *instance = fleet_at(store->fleet, slot);
		if (instance)
			write_second(&store->rows[slot], instance);
	}
	store->phase = (store->phase + 1) % INSTANCE_PHASES;
	if (store->phase)
		return;
	instance_events_second(store);
	if (instance_now_ns(store) >= store->again_ns)
		doubt_all(store, INT64_MAX);
	if (store->sweep)
		instance_sweep(store);
}

/* By the clock, not by when the timer came: a second stays one. */
static void on_phase(void *ctx)
{
	struct instance_store *store = ctx;
	int64_t now_ns = instance_now_ns(store);
	if (now_ns - store->next_ns > second_ns)
		store->next_ns = now_ns; /* it stood still; nothing is gained by haste */
	for (; store->next_ns <= now_ns; store->next_ns += phase_ns)
		run_phase(store);
	timers_arm(store->timers, &store->timer, store->next_ns);
}

void instance_store_start(struct instance_store *store)
{
	store->started = true;
	store->next_ns = instance_now_ns(store) + phase_ns;
	doubt_all(store, instance_now_ns(store) + instance_straggle_ns);
	instance_events_send(store);
	timers_arm(store->timers, &store->timer, store->next_ns);
}

/* ---- told ---- */

void instance_store_moved(struct instance_store *store, const struct instance *instance,
			  enum instance_state from)
{
	(void)from; /* the set that it is in is known */
	if (store->started)
		instance_hash_moved(&store->rows[instance->slot], instance);
}

void instance_store_flush(struct instance_store *store, const struct instance *instance)
{
	instance_history_close(&store->rows[instance->slot]);
	instance_history_send(&store->rows[instance->slot], instance);
}

void instance_store_thin(struct instance_store *store, int64_t every_ms)
{
	store->thin_ms = every_ms;
}

void instance_store_keep(struct instance_store *store, int64_t hours)
{
	int64_t kept_ms = hours ? hours * 3600000 : INSTANCE_HISTORY_MS;
	bool shorter = kept_ms < store->history_ms;
	if (kept_ms == store->history_ms)
		return;
	store->history_ms = kept_ms;
	for (uint32_t slot = 0; slot < store->room; slot++)
		store->rows[slot].cut = shorter;
}

void instance_store_reconnected(struct instance_store *store)
{
	doubt_all(store, instance_now_ns(store) + instance_straggle_ns);
	for (uint32_t slot = 0; slot < store->room; slot++)
		instance_history_reconnected(&store->rows[slot]);
	instance_events_reconnected(store);
}

static void on_forgotten(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_store *store = ctx;
	status = command_pipe_exec(status, reply);
	instance_note(store, status);
	store->sweep |= status != STATUS_OK;
	instance_settle(store);
}

static void add_forget(struct command_pipe *pipe, struct str id)
{
	struct key hash, history;
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++) {
		struct str name = key_instance_state(&hash, str_of(instance_state_text(state)));
		command_begin(&pipe->text, STR("SREM"));
		command_pair(&pipe->text, name, id);
		command_pipe_add(pipe);
	}
	command_begin(&pipe->text, STR("UNLINK"));
	command_pair(&pipe->text, key_instance(&hash, id), key_instance_history(&history, id));
	command_pipe_add(pipe);
}

void instance_store_forget(struct instance_store *store, const struct instance *instance)
{
	struct instance_row *row = &store->rows[instance->slot];
	enum status status = command_pipe_begin(&store->pipe);
	if (!status) {
		add_forget(&store->pipe, str_of(instance->identity.id));
		status = command_pipe_end(&store->pipe, on_forgotten, store);
	}
	if (status) {
		instance_note(store, status);
		store->sweep = true;
	}
	instance_history_forget(row);
	row->wrong = true;
}

/* ---- the end ---- */

static void drain_row(struct instance_store *store, uint32_t slot)
{
	const struct instance *instance = fleet_at(store->fleet, slot);
	struct instance_row *row = &store->rows[slot];
	if (!instance)
		return;
	row->chunk_looks = 0;
	instance_history_close(row);
	instance_history_send(row, instance);
	instance_hash_second(row, instance);
}

/* As much as the connection takes at once; replies bring the rest. */
static void drain_more(struct instance_store *store)
{
	while (store->drain_slot < store->room &&
	       (!command_pipe_is_full(&store->pipe) || !store->pipe.in_flight))
		drain_row(store, store->drain_slot++);
}

void instance_store_drain(struct instance_store *store, void (*done)(void *ctx, enum status status),
			  void *ctx)
{
	CHECK(!store->drained && !store->restored);
	timers_cancel(store->timers, &store->timer);
	store->started = false;
	store->drained = done;
	store->ctx = ctx;
	store->status = STATUS_OK;
	store->drain_slot = 0;
	store->events.looks = 0;
	store->pipe.in_flight++; /* this call's own */
	instance_events_send(store);
	drain_more(store);
	instance_settle(store);
}

/* ---- life ---- */

static bool make_rows(struct instance_store *store)
{
	store->room = fleet_room(store->fleet);
	store->rows = calloc(store->room, sizeof store->rows[0]);
	for (uint32_t slot = 0; store->rows && slot < store->room; slot++)
		store->rows[slot] =
		    (struct instance_row){ .store = store, .slot = slot, .wrong = true };
	return store->rows;
}

struct instance_store *instance_store_create(struct redis_port *ris, struct fleet *fleet,
					     struct timers *timers, const struct clock_port *clock)
{
	struct instance_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->pipe.redis = ris;
	store->fleet = fleet;
	store->timers = timers;
	store->clock = clock;
	store->timer = (struct timer){ .fn = on_phase, .ctx = store };
	store->history_ms = INSTANCE_HISTORY_MS;
	store->events.ring = calloc(INSTANCE_STORE_EVENTS_MAX, sizeof store->events.ring[0]);
	store->writer = samples_writer_create();
	if (!make_rows(store) || !store->events.ring || !store->writer) {
		instance_store_destroy(store);
		return NULL;
	}
	return store;
}

void instance_store_destroy(struct instance_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	for (uint32_t slot = 0; store->rows && slot < store->room; slot++) {
		samples_open_destroy(store->rows[slot].open);
		free(store->rows[slot].chunk);
	}
	samples_writer_destroy(store->writer);
	free(store->rows);
	free(store->events.ring);
	free(store);
}

struct instance_store_counts instance_store_counts(const struct instance_store *store)
{
	return store->counts;
}

size_t instance_store_bytes(const struct instance_store *store)
{
	size_t bytes = sizeof *store + store->room * sizeof store->rows[0] +
		       INSTANCE_STORE_EVENTS_MAX * sizeof store->events.ring[0];
	for (uint32_t slot = 0; slot < store->room; slot++) {
		const struct instance_row *row = &store->rows[slot];
		bytes += row->chunk_room + (row->open ? samples_open_bytes(row->open) : 0);
	}
	return bytes;
}
