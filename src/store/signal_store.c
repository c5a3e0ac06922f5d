#include "store/signal_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/crash.h"
#include "store/signal_store_impl.h"

enum { SEQ_BITS = 21, MS_BITS = 42 };

static const uint64_t first_ms = 1577836800000; /* 2020-01-01 */

uint64_t signal_sid(struct stream_id id)
{
	if (id.ms < first_ms || id.seq >> SEQ_BITS || (id.ms - first_ms) >> MS_BITS)
		return 0;
	return (id.ms - first_ms) << SEQ_BITS | id.seq;
}

static void flush_done(struct signal_store *store);
static void refill(struct signal_store *store);

static void on_timer(void *ctx)
{
	struct signal_store *store = ctx;
	flush_done(store);
	refill(store);
	signal_store_flush_halts(store);
	signal_store_read(store);
	timers_arm(store->timers, &store->timer, clock_monotonic_ns(store->clock) + POLL_NS);
}

struct signal_store *signal_store_create(struct redis_port *rtss, struct timers *timers,
					 const struct clock_port *clock, bool packed,
					 const struct signal_store_hooks *hooks)
{
	struct signal_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->redis = rtss;
	store->timers = timers;
	store->clock = clock;
	store->hooks = *hooks;
	store->behind = true;
	store->block = store->spare = (struct down_block){ 1, 0 };
	store->timer = (struct timer){ .fn = on_timer, .ctx = store };
	store->done = calloc(SIGNAL_DONE_MAX, sizeof *store->done);
	store->members = calloc(DELIVERIES_MAX, sizeof *store->members);
	store->argv = calloc(ROUTE_ARGV, sizeof *store->argv);
	store->names = calloc(1, ROUTE_TEXT);
	store->reader = entries_reader_create();
	store->packer = packed ? entries_packer_create() : NULL;
	buf_init(&store->stood_text, STOOD_BYTES);
	bool room = store->reader && (store->packer || !packed) &&
		    signal_calls_init(&store->adds, store, SIGNAL_ADDS_MAX) &&
		    signal_calls_init(&store->routes, store, SIGNAL_ROUTES_MAX);
	if (!room || !store->done || !store->members || !store->argv || !store->names) {
		signal_store_destroy(store);
		return NULL;
	}
	timers_arm(timers, &store->timer, clock_monotonic_ns(clock) + POLL_NS);
	return store;
}

void signal_store_destroy(struct signal_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	free(store->done);
	free(store->members);
	free(store->argv);
	free(store->names);
	entries_reader_destroy(store->reader);
	entries_packer_destroy(store->packer);
	free(store->adds.pool);
	free(store->routes.pool);
	buf_deinit(&store->stood_text);
	free(store);
}

void signal_store_start(struct signal_store *store) { store->reads = true; }

void signal_store_stop(struct signal_store *store) { store->reads = false; }

/* A page may have become ours without its reply. */
void signal_store_reconnected(struct signal_store *store)
{
	store->behind = true;
	store->read_at_ns = store->done_at_ns = store->down_at_ns = store->halts_at_ns = 0;
}

struct signal_store_counts signal_store_counts(const struct signal_store *store)
{
	struct signal_store_counts counts = store->counts;
	counts.waiting = store->done_count;
	return counts;
}

/* ---- down numbers ---- */

static uint64_t left_in(const struct down_block *block)
{
	return block->next > block->end ? 0 : block->end - block->next + 1;
}

static void reserve(struct signal_store *store, int64_t numbers);

/* Somebody set the counter back: numbers that were given out are never given again. */
static void take_block(struct signal_store *store, int64_t end, int64_t numbers)
{
	int64_t floor = (int64_t)store->down_max;
	int64_t first = end - numbers + 1 > floor ? end - numbers + 1 : floor + 1;
	if (first > end) {
		store->counts.failed++;
		reserve(store, floor - end + DOWN_BLOCK);
		return;
	}
	store->counts.blocks++;
	store->down_max = (uint64_t)end;
	struct down_block *to = left_in(&store->block) ? &store->spare : &store->block;
	*to = (struct down_block){ (uint64_t)first, (uint64_t)end };
}

static void on_block(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	int64_t numbers = store->asked_for;
	store->asked_for = 0;
	if (!status && reply->type == REDIS_INTEGER) {
		take_block(store, reply->integer, numbers);
		return;
	}
	store->counts.failed++;
	store->down_at_ns = clock_monotonic_ns(store->clock) + RETRY_NS;
}

static enum status ask_block(struct signal_store *store, int64_t numbers, redis_reply_fn fn)
{
	char storage[24];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	buf_i64(&text, numbers);
	struct str argv[] = { STR("INCRBY"), key_down_seq(&key), buf_str(&text) };
	enum status status = redis_command(store->redis, argv, ARRAY_LEN(argv), fn, store);
	if (!status)
		store->asked_for = numbers;
	return status;
}

static void reserve(struct signal_store *store, int64_t numbers)
{
	if (store->asked_for || !ask_block(store, numbers, on_block))
		return;
	store->counts.failed++;
	store->down_at_ns = clock_monotonic_ns(store->clock) + RETRY_NS;
}

/* While half a block is left; nothing before the first one. */
static void refill(struct signal_store *store)
{
	uint64_t left = left_in(&store->block) + left_in(&store->spare);
	if (store->down_max && left <= DOWN_BLOCK / 2 &&
	    clock_monotonic_ns(store->clock) >= store->down_at_ns)
		reserve(store, DOWN_BLOCK);
}

uint64_t signal_store_next_down(struct signal_store *store)
{
	if (!left_in(&store->block)) {
		store->block = store->spare;
		store->spare = (struct down_block){ 1, 0 };
	}
	uint64_t number = left_in(&store->block) ? store->block.next++ : 0;
	refill(store);
	return number;
}

/* ---- their end ---- */

static const struct signal_done *done_at(const struct signal_store *store, size_t index)
{
	return &store->done[(store->done_head + index) % SIGNAL_DONE_MAX];
}

bool signal_store_is_done(const struct signal_store *store, struct stream_id id)
{
	for (size_t i = 0; i < store->done_count; i++)
		if (stream_id_cmp(done_at(store, i)->id, id) == 0)
			return true;
	return false;
}

void signal_store_done(struct signal_store *store, uint64_t sid, struct stream_id entry)
{
	if (store->done_count == SIGNAL_DONE_MAX) {
		store->counts.done_lost++;
		return;
	}
	size_t at = (store->done_head + store->done_count++) % SIGNAL_DONE_MAX;
	store->done[at] = (struct signal_done){ sid, entry };
}

static void end_drain(struct signal_store *store, enum status status)
{
	void (*done)(void *ctx, enum status status) = store->drained;
	store->drained = NULL;
	if (done)
		done(store->drained_ctx, status);
}

/* All of these commands may be repeated: what is unknown is sent again. */
static void done_failed(struct signal_store *store, enum status status)
{
	store->counts.failed++;
	store->done_flying = 0;
	store->done_at_ns = clock_monotonic_ns(store->clock) + RETRY_NS;
	end_drain(store, status ? status : STATUS_REDIS_ERR);
}

static bool executed(const struct redis_reply *reply)
{
	bool good = reply->type == REDIS_ARRAY;
	for (size_t i = 0; good && i < reply->count; i++)
		good = reply->items[i].type != REDIS_ERROR;
	return good;
}

static void on_done(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	if (status || !executed(reply)) {
		done_failed(store, status);
		return;
	}
	crash_point(CRASH_signal_done);
	store->counts.done += store->done_flying;
	store->done_head = (store->done_head + store->done_flying) % SIGNAL_DONE_MAX;
	store->done_count -= store->done_flying;
	store->done_flying = 0;
	if (store->done_count > 0)
		flush_done(store);
	else
		end_drain(store, STATUS_OK);
}

static enum status send_keys(struct signal_store *store, struct buf *text, size_t count)
{
	struct str argv[1 + DONE_PAGE] = { STR("UNLINK") };
	for (size_t i = 0; i < count; i++) {
		struct key key;
		size_t from = text->len;
		buf_str_put(text, key_signal(&key, done_at(store, i)->sid));
		argv[1 + i] = str_make(text->ptr + from, text->len - from);
	}
	return redis_command(store->redis, argv, 1 + count, NULL, NULL);
}

/* MULTI, XACK, XDEL, UNLINK, EXEC. */
static enum status send_done(struct signal_store *store, size_t count)
{
	struct buf text = buf_over(store->text, sizeof store->text);
	const struct str multi = STR("MULTI"), exec = STR("EXEC");
	struct key key;
	struct str stream = key_trade_signals(&key);
	struct str xack[3 + DONE_PAGE] = { STR("XACK"), stream, STR("router") };
	struct str xdel[2 + DONE_PAGE] = { STR("XDEL"), stream };
	for (size_t i = 0; i < count; i++)
		xack[3 + i] = xdel[2 + i] = signal_put_id(&text, done_at(store, i)->id);
	enum status status = redis_command(store->redis, &multi, 1, NULL, NULL);
	if (!status)
		status = redis_command(store->redis, xack, 3 + count, NULL, NULL);
	if (!status)
		status = redis_command(store->redis, xdel, 2 + count, NULL, NULL);
	if (!status)
		status = send_keys(store, &text, count);
	if (!status)
		status = redis_command(store->redis, &exec, 1, on_done, store);
	CHECK(!text.overflow);
	return status;
}

static void flush_done(struct signal_store *store)
{
	if (store->done_flying > 0 || clock_monotonic_ns(store->clock) < store->done_at_ns)
		return;
	if (store->done_count == 0) {
		end_drain(store, STATUS_OK);
		return;
	}
	store->done_flying = store->done_count < DONE_PAGE ? store->done_count : DONE_PAGE;
	enum status status = send_done(store, store->done_flying);
	if (!status)
		return;
	const struct str discard = STR("DISCARD"); /* no room in the middle: end it there */
	enum status ended = redis_command(store->redis, &discard, 1, NULL, NULL);
	(void)ended;
	done_failed(store, status);
}

void signal_store_drain(struct signal_store *store, void (*done)(void *ctx, enum status status),
			void *ctx)
{
	CHECK(!store->drained);
	store->drained = done;
	store->drained_ctx = ctx;
	store->done_at_ns = 0;
	flush_done(store);
}

/* ---- before the start ---- */

static void restore_step(struct signal_store *store, enum status status, const char *why)
{
	if (status && !store->restore_status) {
		store->restore_status = status;
		store->restore_why = why;
	}
	if (--store->restore_due > 0)
		return;
	void (*done)(void *ctx, enum status status, const char *why) = store->restored;
	store->restored = NULL;
	done(store->restored_ctx, store->restore_status, store->restore_why);
}

static void on_group(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	bool there =
	    status == STATUS_REDIS_ERR && reply && str_starts(reply->text, STR("BUSYGROUP"));
	store->restore_made = status == STATUS_OK;
	restore_step(store, there ? STATUS_OK : status, "trade_signals: group router");
}

/* Of a group that somebody deleted nobody knows what it had given out: all of it may have
 * been. */
static void on_newest(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	if (!status && reply->type != REDIS_ARRAY)
		status = STATUS_REDIS_PROTOCOL;
	if (!status && store->restore_made && reply->count > 0 && reply->items[0].count == 2) {
		store->counts.groups_made++;
		status = stream_id_parse(reply->items[0].items[0].text, &store->again_until);
	}
	restore_step(store, status, "trade_signals");
}

/* The highest id that is pending now is of an earlier run. */
static void on_pending(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 4))
		status = STATUS_REDIS_PROTOCOL;
	if (!status && reply->items[2].type == REDIS_BULK)
		status = stream_id_parse(reply->items[2].text, &store->again_until);
	restore_step(store, status, "trade_signals: pending");
}

static void on_first_block(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	on_block(ctx, status, reply);
	if (!status && store->counts.blocks == 0)
		status = STATUS_REDIS_ERR;
	restore_step(store, status, "fleet:down_seq");
}

static void on_halts(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	if (!status)
		status = signal_store_read_halts(store, reply);
	restore_step(store, status, "fleet:halt");
}

void signal_store_make_group(struct signal_store *store, redis_reply_fn fn)
{
	struct key key;
	struct str argv[] = { STR("XGROUP"), STR("CREATE"), key_trade_signals(&key),
			      STR("router"), STR("0"),      STR("MKSTREAM") };
	enum status status = redis_command(store->redis, argv, ARRAY_LEN(argv), fn, store);
	if (status)
		fn(store, status, NULL);
}

static void restore_ask(struct signal_store *store, const struct str *argv, size_t argc,
			redis_reply_fn fn)
{
	enum status status = redis_command(store->redis, argv, argc, fn, store);
	store->restore_due++;
	if (status)
		fn(store, status, NULL);
}

void signal_store_restore(struct signal_store *store, struct halts *halts,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	CHECK(!store->restored && !store->reads);
	struct key key;
	struct str stream = key_trade_signals(&key);
	struct str pending[] = { STR("XPENDING"), stream, STR("router") };
	struct str newest[] = {
		STR("XREVRANGE"), stream, STR("+"), STR("-"), STR("COUNT"), STR("1")
	};
	struct key halt;
	struct str held[] = { STR("HGETALL"), key_fleet_halt(&halt) };
	store->halts = halts;
	store->restored = done;
	store->restored_ctx = ctx;
	store->restore_due = 3; /* the group, the block, and this call itself */
	store->restore_status = STATUS_OK;
	store->restore_why = NULL;
	signal_store_make_group(store, on_group);
	restore_ask(store, pending, ARRAY_LEN(pending), on_pending);
	restore_ask(store, newest, ARRAY_LEN(newest), on_newest);
	restore_ask(store, held, ARRAY_LEN(held), on_halts);
	enum status status = ask_block(store, DOWN_BLOCK, on_first_block);
	if (status)
		restore_step(store, status, "fleet:down_seq");
	restore_step(store, STATUS_OK, NULL);
}
