/* Entries of weir's own: from producers over HTTP and from the command line. */
#include "base/check.h"
#include "base/crash.h"
#include "store/signal_store_impl.h"

static void take_off(struct signal_store *store, const struct signal_call *call)
{
	struct signal_call **link = &store->flying;
	while (*link != call)
		link = &(*link)->flying;
	*link = call->flying;
}

/* One after the other, for a done may add again. */
static void tell(struct signal_store *store, struct signal_call *call, enum status status,
		 uint64_t sid, struct stream_id entry)
{
	while (call) {
		struct signal_call *joined = call->joined;
		signal_added_fn done = call->done;
		void *ctx = call->ctx;
		signal_call_give(&store->adds, call);
		done(ctx, status, sid, entry);
		call = joined;
	}
}

static void on_added(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct signal_call *call = ctx;
	struct signal_store *store = call->store;
	struct stream_id entry = { 0 };
	if (!status && reply->type != REDIS_BULK)
		status = STATUS_REDIS_PROTOCOL;
	if (!status)
		status = stream_id_parse(reply->text, &entry);
	if (!status) {
		store->counts.added++;
		store->counts.packed += call->packed;
		crash_point(CRASH_signal_add);
	} else {
		store->counts.add_failed++;
		store->counts.failed++;
	}
	take_off(store, call);
	tell(store, call, status, status ? 0 : signal_sid(entry), entry);
}

static struct str id_of(const struct str *keys, const struct str *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(keys[i], STR("id")) && values[i].len <= ADD_ID_MAX)
			return values[i];
	return STR("");
}

static struct signal_call *on_its_way(const struct signal_store *store, struct str id)
{
	struct signal_call *call = store->flying;
	while (call && !(id.len && str_eq(str_of(call->id), id)))
		call = call->flying;
	return call;
}

/* False: the table has no place for all of it, or it is longer than what is packed. */
static bool pack(struct signal_store *store, const struct str *keys, const struct str *values,
		 size_t count, struct str *chunk)
{
	struct str row[ENTRIES_FIELDS_MAX] = { { 0 } };
	struct buf out = buf_over(store->chunk, sizeof store->chunk);
	size_t fields;
	entries_fields(ENTRIES_SIGNALS, &fields);
	for (size_t i = 0; i < count; i++) {
		size_t at = entries_field_find(ENTRIES_SIGNALS, keys[i]);
		if (at == fields || row[at].ptr)
			return false;
		row[at] = values[i].ptr ? values[i] : STR("");
	}
	if (entries_pack(store->packer, ENTRIES_SIGNALS, row, 1, &out))
		return false;
	*chunk = buf_str(&out);
	return true;
}

static enum status send(struct signal_store *store, struct signal_call *call,
			const struct str *keys, const struct str *values, size_t count)
{
	struct key key;
	struct str chunk;
	struct str argv[3 + 2 * SIGNAL_FIELDS_MAX] = { STR("XADD"), key_trade_signals(&key),
						       STR("*") };
	call->packed = store->packer && pack(store, keys, values, count, &chunk);
	if (call->packed) {
		argv[3] = STR("p");
		argv[4] = chunk;
		return redis_command(store->redis, argv, 5, on_added, call);
	}
	for (size_t i = 0; i < count; i++) {
		argv[3 + 2 * i] = keys[i];
		argv[4 + 2 * i] = values[i];
	}
	return redis_command(store->redis, argv, 3 + 2 * count, on_added, call);
}

static enum status start(struct signal_store *store, struct signal_call *call,
			 const struct str *keys, const struct str *values, size_t count)
{
	enum status status = send(store, call, keys, values, count);
	if (status)
		return status;
	call->flying = store->flying;
	store->flying = call;
	return STATUS_OK;
}

enum status signal_store_add(struct signal_store *store, const struct str *keys,
			     const struct str *values, size_t count, signal_added_fn done,
			     void *ctx)
{
	CHECK(count > 0 && count <= SIGNAL_FIELDS_MAX);
	struct str id = id_of(keys, values, count);
	struct signal_call *first = on_its_way(store, id), *call = signal_call_take(&store->adds);
	if (!call) {
		store->counts.add_full++;
		return STATUS_FULL;
	}
	call->done = done;
	call->ctx = ctx;
	call->joined = NULL;
	enum status status = str_copy(id, call->id, sizeof call->id);
	CHECK(status == STATUS_OK);
	if (first) {
		while (first->joined) /* told in the order they came */
			first = first->joined;
		first->joined = call;
		store->counts.joined++;
		return STATUS_OK;
	}
	status = start(store, call, keys, values, count);
	if (status) {
		store->counts.add_full += status == STATUS_FULL;
		signal_call_give(&store->adds, call);
	}
	return status;
}
