#include "store/people_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/command_pipe.h"

enum { BATCH = 24 }; /* fields of a command: their texts fit a command's */

static const int64_t retry_ns = 1000000000;

struct marks {
	int64_t ids[PEOPLE_STORE_MARKS]; /* ascending */
	size_t count;
};

struct batch {
	enum people_store_kind kind;
	int64_t ids[BATCH];
	size_t count;
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
	struct batch flying;
	bool in_flight;
	int64_t offset, offset_flying; /* 0: none waits */
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

struct people_store_counts people_store_counts(const struct people_store *store)
{
	struct people_store_counts counts = store->counts;
	counts.marked =
	    store->marks[PEOPLE_STORE_PERSON].count + store->marks[PEOPLE_STORE_RULE].count;
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

void people_store_mark(struct people_store *store, enum people_store_kind kind, int64_t id)
{
	if (!add_mark(&store->marks[kind], id))
		store->counts.dropped++;
	arm(store, PEOPLE_STORE_FLUSH_NS);
}

/* ---- writing ---- */

static struct str key_of(enum people_store_kind kind, struct key *key)
{
	return kind == PEOPLE_STORE_PERSON ? key_people(key) : key_rules(key);
}

static void put_back(struct people_store *store)
{
	for (size_t i = 0; i < store->flying.count; i++)
		if (!add_mark(&store->marks[store->flying.kind], store->flying.ids[i]))
			store->counts.dropped++;
}

/* Who is told once is not told again before it is stored. */
static void tell_unsaved(struct people_store *store, enum status status)
{
	const struct batch *batch = &store->flying;
	store->counts.failed += batch->count;
	for (size_t i = 0; i < batch->count; i++) {
		if (has_mark(&store->told[batch->kind], batch->ids[i]))
			continue;
		if (add_mark(&store->told[batch->kind], batch->ids[i]) && store->hooks.unsaved)
			store->hooks.unsaved(store->hooks.ctx, batch->kind, batch->ids[i], status);
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

static void fail_batch(struct people_store *store, enum status status)
{
	put_back(store);
	tell_unsaved(store, status);
	arm(store, retry_ns);
	end_drain(store, status);
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct people_store *store = ctx;
	command_pipe_answered(&store->pipe);
	status = command_pipe_exec(status, reply);
	store->in_flight = false;
	if (status) {
		fail_batch(store, status);
		return;
	}
	for (size_t i = 0; i < store->flying.count; i++)
		take_mark(&store->told[store->flying.kind], store->flying.ids[i]);
	flush(store);
}

/* The batch's fields that are there still: HSET; and those that are not: HDEL. */
static void add_commands(struct people_store *store, bool removes)
{
	struct command_pipe *pipe = &store->pipe;
	struct key key;
	size_t fields = 0;
	command_begin(&pipe->text, removes ? STR("HDEL") : STR("HSET"));
	command_copy(&pipe->text, key_of(store->flying.kind, &key));
	for (size_t i = 0; i < store->flying.count; i++) {
		char packed[PEOPLE_STORE_PACKED_MAX];
		struct buf text = buf_over(packed, sizeof packed);
		bool there = store->hooks.pack(store->hooks.ctx, store->flying.kind,
					       store->flying.ids[i], &text);
		if (there == removes || text.overflow)
			continue;
		command_i64(&pipe->text, store->flying.ids[i]);
		if (there)
			command_copy(&pipe->text, buf_str(&text));
		fields++;
	}
	*(removes ? &store->counts.removed : &store->counts.written) += fields;
	if (fields)
		command_pipe_add(pipe);
}

static void take_batch(struct people_store *store, enum people_store_kind kind)
{
	struct marks *marks = &store->marks[kind];
	store->flying.kind = kind;
	store->flying.count = marks->count < BATCH ? marks->count : BATCH;
	memcpy(store->flying.ids, marks->ids, store->flying.count * sizeof marks->ids[0]);
	marks->count -= store->flying.count;
	memmove(marks->ids, marks->ids + store->flying.count, marks->count * sizeof marks->ids[0]);
}

static void write_batch(struct people_store *store, enum people_store_kind kind)
{
	enum status status = command_pipe_begin(&store->pipe);
	take_batch(store, kind);
	if (!status) {
		add_commands(store, false);
		add_commands(store, true);
		status = command_pipe_end(&store->pipe, on_written, store);
	}
	if (status)
		fail_batch(store, status);
	else
		store->in_flight = true;
}

/* ---- the offset ---- */

static void on_offset(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct people_store *store = ctx;
	int64_t offset = store->offset_flying;
	(void)reply;
	command_pipe_answered(&store->pipe);
	store->in_flight = false;
	if (status) {
		if (!store->offset)
			store->offset = offset;
		store->counts.failed++;
		arm(store, retry_ns);
		end_drain(store, status);
		return;
	}
	store->offset_fn(store->offset_ctx, offset);
	flush(store);
}

static void write_offset(struct people_store *store)
{
	struct command_text *text = &store->pipe.text;
	struct key key;
	command_begin(text, STR("SET"));
	command_copy(text, key_telegram_offset(&key));
	command_i64(text, store->offset);
	store->offset_flying = store->offset;
	store->offset = 0;
	enum status status = command_pipe_send(&store->pipe, on_offset, store);
	if (!status) {
		store->in_flight = true;
		return;
	}
	store->offset = store->offset_flying;
	store->counts.failed++;
	arm(store, retry_ns);
	end_drain(store, status);
}

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

/* People, then rules, then the offset that stands behind them. */
static void flush(struct people_store *store)
{
	if (store->in_flight || !store->ready)
		return;
	if (store->marks[PEOPLE_STORE_PERSON].count)
		write_batch(store, PEOPLE_STORE_PERSON);
	else if (store->marks[PEOPLE_STORE_RULE].count)
		write_batch(store, PEOPLE_STORE_RULE);
	else if (store->offset)
		write_offset(store);
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
