/* Where signals stand with their terminals, and what operators have halted. */
#include <stdlib.h>

#include "base/check.h"
#include "store/signal_store_impl.h"

static const struct str member_prefix = { "i:", 2 };

struct str signal_put_number(struct buf *text, int64_t value)
{
	size_t from = text->len;
	buf_i64(text, value);
	return str_make(text->ptr + from, text->len - from);
}

struct str signal_put_id(struct buf *text, struct stream_id id)
{
	size_t from = text->len;
	stream_id_print(text, id);
	return str_make(text->ptr + from, text->len - from);
}

/* ---- calls ---- */

bool signal_calls_init(struct signal_calls *calls, struct signal_store *store, size_t room)
{
	calls->pool = calloc(room, sizeof calls->pool[0]);
	for (size_t i = 0; calls->pool && i < room; i++) {
		calls->pool[i].store = store;
		signal_call_give(calls, &calls->pool[i]);
	}
	return calls->pool != NULL;
}

struct signal_call *signal_call_take(struct signal_calls *calls)
{
	struct signal_call *call = calls->free;
	if (call)
		calls->free = call->next;
	return call;
}

void signal_call_give(struct signal_calls *calls, struct signal_call *call)
{
	call->next = calls->free;
	calls->free = call;
}

/* ---- signal:{sid} ---- */

static void on_state(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	((struct signal_store *)ctx)->counts.failed += status != STATUS_OK;
}

static struct str put_member(struct buf *text, struct str instance)
{
	size_t from = text->len;
	buf_str_put(text, member_prefix);
	buf_str_put(text, instance);
	return str_make(text->ptr + from, text->len - from);
}

static struct str put_stand(struct buf *text, const struct signal_stand *stand)
{
	size_t from = text->len;
	buf_printf(text, "%s %llu %u %lld %lld", stand->st, (unsigned long long)stand->down,
		   stand->sent, (long long)stand->sent_ms, (long long)stand->confirmed_ms);
	return str_make(text->ptr + from, text->len - from);
}

void signal_store_state(struct signal_store *store, const struct signal_stand *stand)
{
	char storage[400];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	struct str argv[] = { STR("HSET"),
			      key_signal(&key, stand->sid),
			      STR("id"),
			      stand->id,
			      STR("exp"),
			      signal_put_number(&text, stand->expires_ms),
			      put_member(&text, stand->instance),
			      put_stand(&text, stand) };
	CHECK(!text.overflow);
	if (redis_command(store->redis, argv, ARRAY_LEN(argv), on_state, store))
		store->counts.failed++;
}

static void on_route(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_call *call = ctx;
	struct signal_store *store = call->store;
	uint64_t sid = call->sid;
	(void)reply;
	store->counts.failed += status != STATUS_OK;
	signal_call_give(&store->routes, call);
	store->hooks.on_routed(store->hooks.ctx, sid, status);
}

enum status signal_store_route(struct signal_store *store, uint64_t sid,
			       const struct str *instances, size_t count)
{
	struct buf names = buf_over(store->names, ROUTE_TEXT);
	struct key key;
	size_t argc = 0;
	struct signal_call *call = signal_call_take(&store->routes);
	if (!call)
		return STATUS_FULL;
	CHECK(count > 0 && count <= DELIVERIES_MAX);
	store->argv[argc++] = STR("HSET");
	store->argv[argc++] = key_signal(&key, sid);
	for (size_t i = 0; i < count; i++) {
		store->argv[argc++] = put_member(&names, instances[i]);
		store->argv[argc++] = STR("waiting");
	}
	CHECK(!names.overflow && argc <= ROUTE_ARGV);
	call->sid = sid;
	enum status status = redis_command(store->redis, store->argv, argc, on_route, call);
	if (status)
		signal_call_give(&store->routes, call);
	return status;
}

/* ---- what it said of a signal from before this run ---- */

/* NAME LF VALUE LF; neither has one of its own, or it is nobody's. */
void signal_stood_keep(struct signal_store *store, const struct redis_reply *reply)
{
	if (reply->type != REDIS_ARRAY)
		return;
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		struct str name = reply->items[i].text, value = reply->items[i + 1].text;
		if (!str_starts(name, member_prefix) || name.len == member_prefix.len ||
		    str_find_char(name, '\n') < name.len || str_find_char(value, '\n') < value.len)
			continue;
		buf_str_put(&store->stood_text, str_skip(name, member_prefix.len));
		buf_char(&store->stood_text, '\n');
		buf_str_put(&store->stood_text, value);
		buf_char(&store->stood_text, '\n');
	}
}

static int64_t next_number(struct str *rest)
{
	struct str word;
	int64_t value;
	if (!rest->ptr || !str_split(rest, ' ', &word) || str_to_i64(word, &value) || value < 0)
		return 0;
	return value;
}

static void read_stand(struct delivery_member *member, struct str value)
{
	struct str rest = value;
	if (!rest.len || !str_split(&rest, ' ', &member->stood))
		return;
	member->down = (uint64_t)next_number(&rest);
	int64_t sent = next_number(&rest);
	member->sent = sent < UINT32_MAX ? (uint32_t)sent : UINT32_MAX;
	member->sent_ms = next_number(&rest);
	member->confirmed_ms = next_number(&rest);
}

size_t signal_stood_members(struct signal_store *store, const struct signal_stood *stood)
{
	struct str rest = str_make(store->stood_text.ptr + stood->from, stood->to - stood->from);
	struct str name, value;
	size_t count = 0;
	while (rest.len && count < DELIVERIES_MAX && str_split(&rest, '\n', &name) &&
	       str_split(&rest, '\n', &value)) {
		struct delivery_member *member = &store->members[count++];
		*member = (struct delivery_member){ .instance = name };
		read_stand(member, value);
	}
	return count;
}

/* ---- halts ---- */

enum status signal_store_read_halts(struct signal_store *store, const struct redis_reply *reply)
{
	if (reply->type != REDIS_ARRAY)
		return STATUS_REDIS_PROTOCOL;
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		enum status status = halts_add(store->halts, reply->items[i].text);
		if (status == STATUS_FULL || status == STATUS_INVALID)
			store->counts.failed++; /* of another's making: what fits holds */
	}
	return STATUS_OK;
}

static void tell_halts(struct signal_store *store, enum status status)
{
	void (*done)(void *ctx, enum status status) = store->halts_done;
	store->halts_done = NULL;
	if (done)
		done(store->halts_ctx, status);
}

static void on_halts_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_store *store = ctx;
	if (!status && reply->type != REDIS_ARRAY)
		status = STATUS_REDIS_ERR;
	store->halts_flying = false;
	if (status) {
		store->counts.failed++;
		store->halts_dirty = true;
		store->halts_at_ns = clock_monotonic_ns(store->clock) + RETRY_NS;
	}
	if (status || !store->halts_dirty) /* else what was changed meanwhile comes first */
		tell_halts(store, status);
}

/* MULTI, UNLINK, HSET of them all, EXEC. */
static enum status send_halts(struct signal_store *store)
{
	char storage[32];
	struct buf text = buf_over(storage, sizeof storage);
	const struct str multi = STR("MULTI"), exec = STR("EXEC");
	struct str argv[2 + 2 * HALTS_MAX] = { STR("HSET") };
	size_t argc = 2;
	struct key key;
	struct str name = key_fleet_halt(&key);
	struct str now = signal_put_number(&text, clock_wall_ns(store->clock) / 1000000);
	const struct str unlink[] = { STR("UNLINK"), name };
	argv[1] = name;
	for (size_t i = 0; i < store->halts->count; i++) {
		argv[argc++] = str_of(store->halts->scopes[i]);
		argv[argc++] = now;
	}
	enum status status = redis_command(store->redis, &multi, 1, NULL, NULL);
	if (!status)
		status = redis_command(store->redis, unlink, 2, NULL, NULL);
	if (!status && argc > 2)
		status = redis_command(store->redis, argv, argc, NULL, NULL);
	if (!status)
		status = redis_command(store->redis, &exec, 1, on_halts_written, store);
	return status;
}

void signal_store_flush_halts(struct signal_store *store)
{
	if (!store->halts_dirty || store->halts_flying ||
	    clock_monotonic_ns(store->clock) < store->halts_at_ns)
		return;
	store->halts_dirty = false;
	store->halts_flying = true;
	enum status status = send_halts(store);
	if (!status)
		return;
	const struct str discard = STR("DISCARD"); /* no room in the middle: end it there */
	enum status ended = redis_command(store->redis, &discard, 1, NULL, NULL);
	(void)ended;
	on_halts_written(store, status, NULL);
}

enum status signal_store_write_halts(struct signal_store *store,
				     void (*done)(void *ctx, enum status status), void *ctx)
{
	CHECK(store->halts);
	store->halts_dirty = true;
	if (store->halts_done)
		return STATUS_FULL;
	store->halts_done = done;
	store->halts_ctx = ctx;
	return STATUS_OK;
}
