/* Instance state: the latest of each terminal, and a day of its minutes, through the store's
 * own sampling, packing and trimming. */
#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "measure/measure_impl.h"
#include "measure/samples_load.h"
#include "store/instance_store.h"

enum {
	WORLDS = 10,       /* generators; terminals that share one pack its rows at other seconds */
	MORE_MINUTES = 30, /* beyond the retention, so that trimming is at work */
};

struct worlds {
	struct load loads[WORLDS];
	struct sample_row_values rows[WORLDS]; /* of this second */
	struct instance *terminals;            /* copies, whose newest numbers are ours to say */
	uint32_t count, used;                  /* used: of the generators */
	int64_t second;
};

static bool make_worlds(struct measure *m, enum load_mix mix, struct worlds *worlds)
{
	*worlds = (struct worlds){ .count = (uint32_t)m->load->instances };
	m->now_ns += 60 * SECOND_NS - m->now_ns % (60 * SECOND_NS); /* a whole minute */
	worlds->terminals = calloc(worlds->count, sizeof worlds->terminals[0]);
	if (!worlds->terminals) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return false;
	}
	for (uint32_t i = 0; i < worlds->count; i++)
		worlds->terminals[i] = *fleet_at(m->fleet, i);
	worlds->used = worlds->count < WORLDS ? worlds->count : WORLDS;
	for (uint32_t i = 0; i < worlds->used; i++) {
		load_start(&worlds->loads[i], mix, m->config->seed * 1000 + i, measure_wall_ms(m));
		load_row(&worlds->loads[i], &worlds->rows[i]);
	}
	return true;
}

static void say_row(struct worlds *worlds, uint32_t slot)
{
	worlds->terminals[slot].latest = worlds->rows[slot % WORLDS];
}

/* ---- the latest state ---- */

static void fill_states(struct measure *m, struct instance_store *store, struct worlds *worlds)
{
	int64_t before = measure_used(m, SEGMENT_RIS);
	for (uint32_t i = 0; i < worlds->count; i++) {
		struct instance *terminal = &worlds->terminals[i];
		say_row(worlds, i);
		terminal->state = INSTANCE_RUNNING;
		terminal->heard_ms = measure_wall_ms(m);
		instance_store_moved(store, terminal, INSTANCE_STOPPED);
		measure_settle_some(m, SEGMENT_RIS);
	}
	measure_item(m, PLAN_ITEM_instance, worlds->count, measure_used(m, SEGMENT_RIS) - before);
}

/* ---- its history ---- */

/* A terminal's minute ends at a second of its own, as the store has it. */
static bool ends_minute(const struct worlds *worlds, uint32_t slot)
{
	return (worlds->second + 60 - slot % 60) % 60 == 59;
}

static void say_second(struct measure *m, struct instance_store *store, struct worlds *worlds)
{
	for (uint32_t i = 0; i < worlds->used && worlds->second > 0; i++)
		load_row(&worlds->loads[i], &worlds->rows[i]);
	int64_t late_ns = (worlds->rows[0].ms - worlds->loads[0].start_ms) % 1000 * 1000000;
	m->now_ns += late_ns;
	for (uint32_t i = 0; i < worlds->count; i++) {
		say_row(worlds, i);
		instance_store_sample(store, &worlds->terminals[i]);
		if (ends_minute(worlds, i))
			instance_store_flush(store, &worlds->terminals[i]);
	}
	m->now_ns += SECOND_NS - late_ns;
	worlds->second++;
}

static void say_minutes(struct measure *m, struct instance_store *store, struct worlds *worlds,
			int64_t minutes, const char *what, int64_t total)
{
	for (int64_t i = 0; i < minutes * 60 && measure_good(m); i++) {
		say_second(m, store, worlds);
		if (i % 30 == 29)
			measure_settle(m, SEGMENT_RIS);
		else
			measure_settle_some(m, SEGMENT_RIS);
		if (i % 600 == 0)
			measure_tell(m, what, worlds->second / 60, total);
	}
	measure_settle(m, SEGMENT_RIS);
}

static void check_chunks(struct measure *m, const struct instance_store *store)
{
	struct instance_store_counts counts = instance_store_counts(store);
	if (counts.failed || counts.chunks_lost || counts.rows_left_out)
		measure_fail(m, STATUS_REDIS_ERR, "history: %llu commands failed, %llu chunks lost",
			     (unsigned long long)counts.failed,
			     (unsigned long long)counts.chunks_lost);
}

/* What a minute costs follows from the second half of the time, in which streams are only
 * longer; what is left of the whole is the streams' own. */
static int64_t fill_history(struct measure *m, struct instance_store *store, struct worlds *worlds,
			    const char *what, int64_t *streams)
{
	int64_t minutes = m->load->state_hours * 60, first = minutes / 2;
	int64_t before = measure_used(m, SEGMENT_RIS);
	say_minutes(m, store, worlds, first, what, minutes);
	int64_t half = measure_used(m, SEGMENT_RIS);
	say_minutes(m, store, worlds, minutes - first, what, minutes);
	int64_t whole = measure_used(m, SEGMENT_RIS);
	say_minutes(m, store, worlds, MORE_MINUTES, what, minutes);
	int64_t bytes = measure_used(m, SEGMENT_RIS) - before;
	int64_t packed = measure_part((whole - half) * minutes / (minutes - first), bytes);
	*streams = bytes - packed;
	check_chunks(m, store);
	return bytes;
}

/* Rows of a minute that has not ended are no other history's. */
static void flush_all(struct measure *m, struct instance_store *store, const struct worlds *worlds)
{
	for (uint32_t i = 0; i < worlds->count; i++) {
		instance_store_flush(store, &worlds->terminals[i]);
		measure_settle_some(m, SEGMENT_RIS);
	}
	measure_settle(m, SEGMENT_RIS);
}

static struct instance_store *open_store(struct measure *m)
{
	struct instance_store *store =
	    instance_store_create(measure_redis(m, SEGMENT_RIS), m->fleet, m->timers, &m->clock);
	if (store)
		instance_store_start(store);
	else
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
	return store;
}

static void fill_usual(struct measure *m, struct instance_store *store)
{
	struct worlds worlds;
	int64_t minutes = m->load->instances * m->load->state_hours * 60, streams = 0;
	if (!make_worlds(m, LOAD_SOME, &worlds))
		return;
	struct measure_span span = measure_begin(m, PLAN_ris);
	fill_states(m, store, &worlds);
	if (measure_wants(m, PLAN_ris)) {
		int64_t bytes =
		    fill_history(m, store, &worlds, "history, 24 of 64 numbers moving", &streams);
		measure_item(m, PLAN_ITEM_history_minute, minutes, bytes - streams);
		measure_item(m, PLAN_ITEM_history_stream, m->load->instances, streams);
		measure_end(m, &span, minutes);
		measure_note_filled(m, SEGMENT_RIS);
	}
	flush_all(m, store, &worlds);
	free(worlds.terminals);
}

/* The states are there, and a stream costs what it costs: the rest is the minutes'. */
static void fill_walking(struct measure *m, struct instance_store *store)
{
	struct worlds worlds;
	const struct plan_costs *costs = &m->out->costs;
	int64_t minutes = m->load->instances * m->load->state_hours * 60, streams = 0;
	int64_t states = m->load->instances * costs->bytes_1000[PLAN_ITEM_instance] / 1000;
	if (!make_worlds(m, LOAD_ALL, &worlds))
		return;
	struct measure_span span = measure_begin(m, PLAN_ris_walking);
	span.before.used -= states;
	int64_t bytes = fill_history(m, store, &worlds, "history, all numbers walking", &streams);
	streams = m->load->instances * costs->bytes_1000[PLAN_ITEM_history_stream] / 1000;
	measure_item(m, PLAN_ITEM_history_walking, minutes, bytes - streams);
	measure_end(m, &span, minutes);
	measure_note_filled(m, SEGMENT_RIS);
	free(worlds.terminals);
}

void measure_fill_ris(struct measure *m)
{
	struct instance_store *store = measure_good(m) ? open_store(m) : NULL;
	if (!store)
		return;
	fill_usual(m, store);
	if (measure_wants(m, PLAN_ris) && measure_wants(m, PLAN_ris_walking))
		measure_remove(m, SEGMENT_RIS, key_instance_history_prefix(), NULL);
	if (measure_wants(m, PLAN_ris_walking))
		fill_walking(m, store);
	measure_settle(m, SEGMENT_RIS);
	instance_store_destroy(store);
}
