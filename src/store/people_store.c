#include "store/people_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/command_pipe.h"

enum {
	BATCH = 24,         /* fields of a command: their texts fit a command's */
	FLIGHT = 10 * BATCH /* of a transaction: more than the updates of one answer change */
};

static const int64_t retry_ns = 1000000000;

struct marks {
	int64_t ids[PEOPLE_STORE_MARKS]; /* ascending */
	size_t count;
};

/* A transaction under way. */
struct flight {
	int64_t ids[PEOPLE_STORE_KINDS][FLIGHT];
	size_t count[PEOPLE_STORE_KINDS];
	int64_t offset; /* 0: none */
};

struct people_store {
	struct command_pipe pipe;
	struct timers *timers;
	const struct clock_port *clock;
	struct people_store_hooks hooks;
	struct timer timer;
	bool ready; /* what is there was read */
	struct marks marks[PEOPLE_STORE_KINDS];
	struct marks told[PEOPLE_STORE_KINDS]; /* that they are not stored */
	bool full[PEOPLE_STORE_KINDS];         /* a mark had no room: all is compared */
	enum people_store_kind comparing;
	struct flight flying;
	bool in_flight;
	int64_t offset; /* 0: none waits */
	void (*offset_fn)(void *ctx, int64_t offset);
	void *offset_ctx;
	void (*restore_done)(void *ctx, enum status status, int64_t offset);
	void *restore_ctx;
	void (*drain_done)(void *ctx, enum status status);
	void *drain_ctx;
	struct people_store_counts counts;
};

static void on_timer(void *ctx);

struct people_store *people_store_create(struct redis_port *rss, struct timers *timers,
					 const struct clock_port *clock,
					 const struct people_store_hooks *hooks)
{
	struct people_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->pipe.redis = rss;
	store->timers = timers;
	store->clock = clock;
	store->hooks = *hooks;
	store->timer = (struct timer){ .fn = on_timer, .ctx = store };
	return store;
}

void people_store_destroy(struct people_store *store)
{
	if (store)
		timers_cancel(store->timers, &store->timer);
	free(store);
}

static size_t marked(const struct people_store *store)
{
	return store->marks[PEOPLE_STORE_PERSON].count + store->marks[PEOPLE_STORE_RULE].count;
}

struct people_store_counts people_store_counts(const struct people_store *store)
{
	struct people_store_counts counts = store->counts;
	counts.marked = marked(store);
	return counts;
}

void people_store_damaged(struct people_store *store) { store->counts.damaged++; }

/* ---- marks ---- */

static size_t place_of(const struct marks *marks, int64_t id)
{
	size_t low = 0, high = marks->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (marks->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_mark(const struct marks *marks, int64_t id)
{
	size_t place = place_of(marks, id);
	return place < marks->count && marks->ids[place] == id;
}

/* False: no room. */
static bool add_mark(struct marks *marks, int64_t id)
{
	size_t place = place_of(marks, id);
	if (place < marks->count && marks->ids[place] == id)
		return true;
	if (marks->count == PEOPLE_STORE_MARKS)
		return false;
	memmove(&marks->ids[place + 1], &marks->ids[place],
		(marks->count - place) * sizeof marks->ids[0]);
	marks->ids[place] = id;
	marks->count++;
	return true;
}

static void take_mark(struct marks *marks, int64_t id)
{
	size_t place = place_of(marks, id);
	if (place == marks->count || marks->ids[place] != id)
		return;
	marks->count--;
	memmove(&marks->ids[place], &marks->ids[place + 1],
		(marks->count - place) * sizeof marks->ids[0]);
}

static void arm(struct people_store *store, int64_t delay_ns)
{
	if (store->ready && !store->timer.slot)
		timers_arm(store->timers, &store->timer,
			   clock_monotonic_ns(store->clock) + delay_ns);
}

static void mark(struct people_store *store, enum people_store_kind kind, int64_t id)
{
	if (add_mark(&store->marks[kind], id))
		return;
	store->counts.dropped++;
	store->full[kind] = true;
}

void people_store_mark(struct people_store *store, enum people_store_kind kind, int64_t id)
{
	mark(store, kind, id);
	arm(store, PEOPLE_STORE_FLUSH_NS);
}

/* ---- writing ---- */

static struct str key_of(enum people_store_kind kind, struct key *key)
{
	return kind == PEOPLE_STORE_PERSON ? key_people(key) : key_rules(key);
}

static void put_back(struct people_store *store)
{
	const struct flight *flight = &store->flying;
	for (enum people_store_kind kind = 0; kind < PEOPLE_STORE_KINDS; kind++)
		for (size_t i = 0; i < flight->count[kind]; i++)
			mark(store, kind, flight->ids[kind][i]);
	if (!store->offset)
		store->offset = flight->offset;
}

/* Who is told once is not told again before it is stored. */
static void tell_unsaved(struct people_store *store, enum people_store_kind kind,
			 enum status status)
{
	const struct flight *flight = &store->flying;
	store->counts.failed += flight->count[kind];
	for (size_t i = 0; i < flight->count[kind]; i++) {
		int64_t id = flight->ids[kind][i];
		if (has_mark(&store->told[kind], id))
			continue;
		if (add_mark(&store->told[kind], id) && store->hooks.unsaved)
			store->hooks.unsaved(store->hooks.ctx, kind, id, status);
	}
}

static void flush(struct people_store *store);

static void end_drain(struct people_store *store, enum status status)
{
	void (*done)(void *ctx, enum status status) = store->drain_done;
	if (!done || store->in_flight)
		return;
	store->drain_done = NULL;
	store->ready = false;
	timers_cancel(store->timers, &store->timer);
	done(store->drain_ctx, status);
}

static void try_later(struct people_store *store, enum status status)
{
	arm(store, retry_ns);
	end_drain(store, status);
}

static void fail_flight(struct people_store *store, enum status status)
{
	put_back(store);
	store->counts.failed += store->flying.offset != 0;
	for (enum people_store_kind kind = 0; kind < PEOPLE_STORE_KINDS; kind++)
		tell_unsaved(store, kind, status);
	try_later(store, status);
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct people_store *store = ctx;
	const struct flight *flight = &store->flying;
	command_pipe_answered(&store->pipe);
	status = command_pipe_exec(status, reply);
	store->in_flight = false;
	if (status) {
		fail_flight(store, status);
		return;
	}
	for (enum people_store_kind kind = 0; kind < PEOPLE_STORE_KINDS; kind++)
		for (size_t i = 0; i < flight->count[kind]; i++)
			take_mark(&store->told[kind], flight->ids[kind][i]);
	if (flight->offset)
		store->offset_fn(store->offset_ctx, flight->offset);
	flush(store);
}

/* Those of the ids that are there still: HSET; and those that are not: HDEL. */
static void add_command(struct people_store *store, enum people_store_kind kind, const int64_t *ids,
			size_t count, bool removes)
{
	struct command_pipe *pipe = &store->pipe;
	struct key key;
	size_t fields = 0;
	command_begin(&pipe->text, removes ? STR("HDEL") : STR("HSET"));
	command_copy(&pipe->text, key_of(kind, &key));
	for (size_t i = 0; i < count; i++) {
		char packed[PEOPLE_STORE_PACKED_MAX];
		struct buf text = buf_over(packed, sizeof packed);
		bool there = store->hooks.pack(store->hooks.ctx, kind, ids[i], &text);
		if (there == removes || text.overflow)
			continue;
		command_i64(&pipe->text, ids[i]);
		if (there)
			command_copy(&pipe->text, buf_str(&text));
		fields++;
	}
	*(removes ? &store->counts.removed : &store->counts.written) += fields;
	if (fields)
		command_pipe_add(pipe);
}

static void add_commands(struct people_store *store, enum people_store_kind kind)
{
	const struct flight *flight = &store->flying;
	for (size_t from = 0; from < flight->count[kind]; from += BATCH) {
		size_t left = flight->count[kind] - from;
		for (int removes = 0; removes < 2; removes++)
			add_command(store, kind, flight->ids[kind] + from,
				    left < BATCH ? left : BATCH, removes);
	}
}

static void add_offset(struct people_store *store)
{
	struct key key;
	if (!store->flying.offset)
		return;
	command_begin(&store->pipe.text, STR("SET"));
	command_copy(&store->pipe.text, key_telegram_offset(&key));
	command_i64(&store->pipe.text, store->flying.offset);
	command_pipe_add(&store->pipe);
}

static size_t take_marks(struct people_store *store, enum people_store_kind kind, size_t room)
{
	struct marks *marks = &store->marks[kind];
	size_t count = marks->count < room ? marks->count : room;
	memcpy(store->flying.ids[kind], marks->ids, count * sizeof marks->ids[0]);
	marks->count -= count;
	memmove(marks->ids, marks->ids + count, marks->count * sizeof marks->ids[0]);
	store->flying.count[kind] = count;
	return count;
}

/* What waits, and with the last of it the offset: a kill leaves both or neither. Of more than
 * one transaction the last is a whole one, as the newest rules have the highest ids. */
static void take_flight(struct people_store *store)
{
	size_t total = marked(store), room = total;
	if (total > FLIGHT)
		room = total - FLIGHT < FLIGHT ? total - FLIGHT : FLIGHT;
	room -= take_marks(store, PEOPLE_STORE_PERSON, room);
	take_marks(store, PEOPLE_STORE_RULE, room);
	bool last =
	    !marked(store) && !store->full[PEOPLE_STORE_PERSON] && !store->full[PEOPLE_STORE_RULE];
	store->flying.offset = last ? store->offset : 0;
	if (last)
		store->offset = 0;
}

static void write_flight(struct people_store *store)
{
	enum status status = command_pipe_begin(&store->pipe);
	take_flight(store);
	if (!status) {
		add_commands(store, PEOPLE_STORE_PERSON);
		add_commands(store, PEOPLE_STORE_RULE);
		add_offset(store);
		status = command_pipe_end(&store->pipe, on_written, store);
	}
	if (status)
		fail_flight(store, status);
	else
		store->in_flight = true;
}

/* ---- when a mark had no room ---- */

/* What is stored and there no more, and all that is there, are marked. */
static bool compare(struct people_store *store, const struct redis_reply *hash)
{
	enum people_store_kind kind = store->comparing;
	store->full[kind] = false;
	for (size_t i = 0; i + 1 < hash->count; i += 2) {
		char packed[PEOPLE_STORE_PACKED_MAX];
		struct buf text = buf_over(packed, sizeof packed);
		int64_t id;
		if (str_to_i64(hash->items[i].text, &id) == STATUS_OK &&
		    !store->hooks.pack(store->hooks.ctx, kind, id, &text))
			mark(store, kind, id);
	}
	bool all = store->hooks.mark_all(store->hooks.ctx, kind);
	store->full[kind] = store->full[kind] || !all;
	return all;
}

static void on_stored(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct people_store *store = ctx;
	command_pipe_answered(&store->pipe);
	store->in_flight = false;
	if (!status && reply->type != REDIS_ARRAY)
		status = STATUS_REDIS_PROTOCOL;
	if (!status && !compare(store, reply))
		status = STATUS_NO_MEMORY;
	if (status)
		try_later(store, status);
	else
		flush(store);
}

static void read_stored(struct people_store *store)
{
	struct key key;
	store->comparing =
	    store->full[PEOPLE_STORE_PERSON] ? PEOPLE_STORE_PERSON : PEOPLE_STORE_RULE;
	command_begin(&store->pipe.text, STR("HGETALL"));
	command_copy(&store->pipe.text, key_of(store->comparing, &key));
	enum status status = command_pipe_send(&store->pipe, on_stored, store);
	if (status)
		try_later(store, status);
	else
		store->in_flight = true;
}

/* ---- the offset ---- */

void people_store_keep_offset(struct people_store *store, int64_t offset,
			      void (*fn)(void *ctx, int64_t offset), void *ctx)
{
	store->offset = offset;
	store->offset_fn = fn;
	store->offset_ctx = ctx;
	if (store->ready && !store->in_flight && !store->timer.slot)
		flush(store);
	else if (store->ready && !store->in_flight)
		timers_arm(store->timers, &store->timer, clock_monotonic_ns(store->clock));
}

static void flush(struct people_store *store)
{
	if (store->in_flight || !store->ready)
		return;
	if (marked(store))
		write_flight(store);
	else if (store->full[PEOPLE_STORE_PERSON] || store->full[PEOPLE_STORE_RULE])
		read_stored(store);
	else if (store->offset)
		write_flight(store);
	else
		end_drain(store, STATUS_OK);
}

static void on_timer(void *ctx) { flush(ctx); }

void people_store_drain(struct people_store *store, void (*done)(void *ctx, enum status status),
			void *ctx)
{
	CHECK(!store->drain_done);
	store->drain_done = done;
	store->drain_ctx = ctx;
	if (store->ready)
		flush(store);
	else
		end_drain(store, STATUS_OK);
}

/* ---- reading back ---- */

static void end_restore(struct people_store *store, enum status status, int64_t offset)
{
	store->ready = status == STATUS_OK;
	store->restore_done(store->restore_ctx, status, offset);
}

static void tell_fields(struct people_store *store, enum people_store_kind kind,
			const struct redis_reply *hash)
{
	for (size_t i = 0; i + 1 < hash->count; i += 2)
		store->hooks.restored(store->hooks.ctx, kind, hash->items[i].text,
				      hash->items[i + 1].text);
}

static void on_restored(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct people_store *store = ctx;
	int64_t offset = 0;
	command_pipe_answered(&store->pipe);
	status = command_pipe_exec(status, reply);
	if (!status && (reply->count != 3 || reply->items[0].type != REDIS_ARRAY ||
			reply->items[1].type != REDIS_ARRAY))
		status = STATUS_REDIS_PROTOCOL;
	if (status) {
		end_restore(store, status, 0);
		return;
	}
	tell_fields(store, PEOPLE_STORE_PERSON, &reply->items[0]);
	tell_fields(store, PEOPLE_STORE_RULE, &reply->items[1]);
	if (reply->items[2].type == REDIS_BULK && str_to_i64(reply->items[2].text, &offset))
		store->counts.damaged++;
	end_restore(store, STATUS_OK, offset);
}

static void add_read(struct people_store *store, struct str verb, struct str name)
{
	command_begin(&store->pipe.text, verb);
	command_copy(&store->pipe.text, name);
	command_pipe_add(&store->pipe);
}

void people_store_restore(struct people_store *store,
			  void (*done)(void *ctx, enum status status, int64_t offset), void *ctx)
{
	struct key key;
	store->restore_done = done;
	store->restore_ctx = ctx;
	enum status status = command_pipe_begin(&store->pipe);
	if (!status) {
		add_read(store, STR("HGETALL"), key_people(&key));
		add_read(store, STR("HGETALL"), key_rules(&key));
		add_read(store, STR("GET"), key_telegram_offset(&key));
		status = command_pipe_end(&store->pipe, on_restored, store);
	}
	if (status)
		end_restore(store, status, 0);
}
