/* What RIS holds, back into the fleet: states, flags, the newest event; and out of the
 * sets who does not belong there. */
#include "base/check.h"
#include "base/log.h"
#include "store/instance_store_impl.h"

/* ---- the end of it ---- */

static void settle(struct instance_store *store, enum status status, const char *why)
{
	if (status && !store->status) {
		store->status = status;
		store->why = why;
	}
	CHECK(store->waited > 0 && store->restored);
	if (--store->waited)
		return;
	void (*done)(void *ctx, enum status status, const char *why) = store->restored;
	store->restored = NULL;
	done(store->ctx, store->status, store->why);
}

static void answered(struct instance_store *store, enum status status, const char *why)
{
	settle(store, status, why);
	instance_settle(store);
}

static enum status ask(struct instance_store *store, const struct str *argv, size_t argc,
		       redis_reply_fn fn, void *ctx)
{
	command_begin(&store->pipe.text, argv[0]);
	for (size_t i = 1; i < argc; i++)
		command_word(&store->pipe.text, argv[i]);
	return command_pipe_send(&store->pipe, fn, ctx);
}

/* ---- hashes ---- */

static int64_t to_i64(struct str text)
{
	int64_t value;
	return str_to_i64(text, &value) ? 0 : value;
}

static uint32_t to_u32(struct str text)
{
	int64_t value = to_i64(text);
	return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* False: not a state, or not a flag, of this weir. */
static bool take_field(struct instance_stored *stored, struct str name, struct str value,
		       bool *known)
{
	if (str_eq(name, STR("st")))
		return *known = instance_state_named(value, &stored->state);
	if (str_eq(name, STR("fl")))
		return instance_flags_read(value, &stored->flags);
	if (str_eq(name, STR("since")))
		stored->since_ms = to_i64(value);
	else if (str_eq(name, STR("att")))
		stored->attempts = to_u32(value);
	else if (str_eq(name, STR("rst")))
		stored->restarts = to_u32(value);
	else if (str_eq(name, STR("rcn")))
		stored->reconnects = to_u32(value);
	else if (str_eq(name, STR("t")))
		stored->heard_ms = to_i64(value);
	else if (str_eq(name, STR("ep")))
		stored->epoch_ms = to_i64(value);
	else if (str_eq(name, STR("login")))
		stored->login = to_i64(value);
	else if (str_eq(name, STR("srv")))
		stored->server = value;
	else if (str_eq(name, STR("cur")))
		stored->currency = value;
	return true;
}

static void take_hash(struct instance_row *row, const struct redis_reply *reply)
{
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	struct instance_stored stored = { 0 };
	bool known = false, good = reply->type == REDIS_ARRAY;
	for (size_t i = 0; good && i + 1 < reply->count; i += 2)
		good = take_field(&stored, reply->items[i].text, reply->items[i + 1].text, &known);
	if (!instance)
		return;
	if (!good)
		log_line(LOG_WARN, "store", "what was stored of terminal %s is not a state",
			 instance->identity.id);
	else if (known)
		fleet_restore(row->store->fleet, row->slot, &stored, instance_wall_ms(row->store));
}

static void on_hash(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	if (status == STATUS_REDIS_WRONGTYPE)
		status = STATUS_OK; /* nothing of ours; it is replaced */
	else if (!status)
		take_hash(row, reply);
	answered(row->store, status, key_row(KEY_instance)->pattern);
}

static void read_hash(struct instance_store *store, uint32_t slot)
{
	const struct instance *instance = fleet_at(store->fleet, slot);
	struct key key;
	if (!instance)
		return;
	const struct str argv[] = { STR("HGETALL"),
				    key_instance(&key, str_of(instance->identity.id)) };
	store->waited++;
	enum status status = ask(store, argv, ARRAY_LEN(argv), on_hash, &store->rows[slot]);
	if (status)
		settle(store, status, key_row(KEY_instance)->pattern);
}

/* ---- the newest event ---- */

enum status instance_stream_top(enum status status, const struct redis_reply *reply,
				struct stream_id *top)
{
	*top = (struct stream_id){ 0 };
	if (status)
		return reply && reply->type == REDIS_ERROR &&
			       str_starts(reply->text, STR("ERR no such key"))
			   ? STATUS_OK
			   : status;
	for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2)
		if (str_eq(reply->items[i].text, STR("last-generated-id")))
			return stream_id_parse(reply->items[i + 1].text, top);
	return STATUS_REDIS_PROTOCOL;
}

static void on_top(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_store *store = ctx;
	struct stream_id top = { 0 };
	status =
	    status == STATUS_REDIS_WRONGTYPE ? STATUS_OK : instance_stream_top(status, reply, &top);
	if (!status)
		store->events.top = top;
	answered(store, status, "instance_events");
}

static void read_top(struct instance_store *store)
{
	struct key key;
	const struct str argv[] = { STR("XINFO"), STR("STREAM"), key_instance_events(&key) };
	enum status status = ask(store, argv, ARRAY_LEN(argv), on_top, store);
	if (status)
		settle(store, status, "instance_events");
}

/* ---- the sets ---- */

static void scan_set(struct instance_scan *scan, struct str cursor);

static void on_dropped(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_store *store = ctx;
	(void)reply;
	instance_note(store, status);
	store->sweep |= status != STATUS_OK;
	instance_settle(store);
}

static void drop(struct instance_store *store, struct str verb, struct str key, struct str member)
{
	const struct str argv[] = { verb, key, member };
	enum status status = ask(store, argv, member.len ? 3 : 2, on_dropped, store);
	if (!status)
		return;
	instance_note(store, status);
	store->sweep = true;
}

/* At the start its other keys are left to their TTL: the tokens file may be a mistake. */
static void drop_unknown(struct instance_scan *scan, struct str id)
{
	struct instance_store *store = scan->store;
	struct key key;
	if (fleet_find(store->fleet, id) != FLEET_NONE)
		return;
	drop(store, STR("SREM"), key_instance_state(&key, str_of(instance_state_text(scan->state))),
	     id);
	if (!store->started || id.len > INSTANCE_NAME_MAX)
		return;
	drop(store, STR("UNLINK"), key_instance(&key, id), STR(""));
	drop(store, STR("UNLINK"), key_instance_history(&key, id), STR(""));
}

/* What is there instead of the set goes, and all terminals enter theirs anew. */
static void replace_set(struct instance_scan *scan)
{
	struct instance_store *store = scan->store;
	struct key key;
	drop(store, STR("UNLINK"),
	     key_instance_state(&key, str_of(instance_state_text(scan->state))), STR(""));
	for (uint32_t slot = 0; slot < store->room; slot++)
		store->rows[slot].wrong = true;
}

static void end_scan(struct instance_store *store, enum status status)
{
	store->sweep |= status != STATUS_OK;
	store->scans_due--;
	if (store->restored && store->scans_due == 0)
		settle(store, STATUS_OK, "");
}

static void on_members(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_scan *scan = ctx;
	struct instance_store *store = scan->store;
	instance_note(store, status);
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2))
		status = STATUS_REDIS_PROTOCOL;
	for (size_t i = 0; !status && i < reply->items[1].count; i++)
		drop_unknown(scan, reply->items[1].items[i].text);
	if (!status && !str_eq(reply->items[0].text, STR("0"))) {
		scan_set(scan, reply->items[0].text);
	} else {
		if (status == STATUS_REDIS_WRONGTYPE)
			replace_set(scan);
		end_scan(store, status == STATUS_REDIS_WRONGTYPE ? STATUS_OK : status);
	}
	instance_settle(store);
}

static void scan_set(struct instance_scan *scan, struct str cursor)
{
	struct key key;
	const struct str argv[] = {
		STR("SSCAN"), key_instance_state(&key, str_of(instance_state_text(scan->state))),
		cursor, STR("COUNT"), STR("512")
	};
	enum status status = ask(scan->store, argv, ARRAY_LEN(argv), on_members, scan);
	if (!status)
		return;
	instance_note(scan->store, status);
	end_scan(scan->store, status);
}

void instance_sweep(struct instance_store *store)
{
	if (store->scans_due)
		return;
	store->sweep = false;
	store->scans_due = INSTANCE_STATES;
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++) {
		store->scans[state] = (struct instance_scan){ store, state };
		scan_set(&store->scans[state], STR("0"));
	}
}

/* ---- */

void instance_store_restore(struct instance_store *store,
			    void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	store->restored = done;
	store->ctx = ctx;
	store->status = STATUS_OK;
	store->why = "";
	store->waited = 3; /* this call's own, the newest event, the sets */
	for (uint32_t slot = 0; slot < store->room; slot++)
		read_hash(store, slot);
	read_top(store);
	instance_sweep(store);
	settle(store, STATUS_OK, "");
}
