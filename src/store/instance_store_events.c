/* The stream instance_events and its channel: one writer, ascending ids, in the order in
 * which things happened.
 *
 * Events go out in transactions of XADD and PUBLISH, one at a time, so that none overtakes
 * another that was refused. When it is not known what became of a transaction, or of what
 * the server acknowledged last before it went away, the stream is looked at before
 * anything else is sent: what is there counts as written, the rest is sent again.
 *
 * What was sent on a connection that is gone may reach the server at any time, also between
 * a look and what is sent after it. So an event keeps its id when it is sent again: of the
 * two the server takes one. It gets another id only when the newest id of the stream was
 * known to be as high before the event was looked for and not found: then nothing that is
 * still on its way can be taken. */
#include "base/check.h"
#include "store/instance_store_impl.h"

enum { JSON_BYTES = 2048, ID_BYTES = 48 };

static struct instance_event *event_at(struct instance_events *events, size_t index)
{
	return &events->ring[(events->first + index) % INSTANCE_STORE_EVENTS_MAX];
}

static bool may_send(const struct instance_store *store)
{
	return store->started || store->drained;
}

static void skip_written(struct instance_events *events)
{
	while (events->settled < events->count &&
	       event_at(events, events->settled)->state == EVENT_WRITTEN)
		events->settled++;
}

/* The next one in this state from *index on; NULL: there is none. Of those that wait only
 * such as no other stands before that is not written. */
static struct instance_event *next_in(struct instance_events *events, size_t *index,
				      enum instance_event_state state)
{
	for (; *index < events->count; ++*index) {
		struct instance_event *event = event_at(events, *index);
		if (event->state == state) {
			++*index;
			return event;
		}
		if (state == EVENT_WAITING && event->state != EVENT_WRITTEN)
			return NULL;
	}
	return NULL;
}

/* ---- a transaction ---- */

static void add_entry(struct instance_store *store, const struct instance_event *event)
{
	struct command_text *command = &store->pipe.text;
	char storage[ID_BYTES];
	struct buf id = buf_over(storage, sizeof storage);
	int64_t oldest_ms = (int64_t)event->id.ms - INSTANCE_EVENTS_MS;
	struct key key;
	stream_id_print(&id, event->id);
	command_begin(command, STR("XADD"));
	command_word(command, key_instance_events(&key));
	command_pair(command, STR("MINID"), STR("~"));
	command_i64(command, oldest_ms > 0 ? oldest_ms : 0);
	command_word(command, buf_str(&id));
	command_pair(command, STR("id"), str_of(event->instance));
	command_pair_i64(command, STR("ts"), event->ms);
	command_pair(command, STR("event"), str_of(fleet_event_text(event->kind)));
	command_pair(command, STR("from"), str_of(instance_state_text(event->from)));
	command_pair(command, STR("to"), str_of(instance_state_text(event->to)));
	command_pair(command, STR("reason"), str_of(event->reason));
	command_pair_i64(command, STR("attempts"), event->attempts);
	if (event->repeat)
		command_pair(command, STR("repeat"), STR("1"));
	command_pipe_add(&store->pipe);
}

/* The same as JSON, for those who listen now. */
static void add_message(struct instance_store *store, const struct instance_event *event)
{
	struct command_text *command = &store->pipe.text;
	char storage[JSON_BYTES];
	struct buf json = buf_over(storage, sizeof storage);
	struct key key;
	buf_printf(&json, "{\"id\":");
	buf_json_str(&json, str_of(event->instance));
	buf_printf(&json, ",\"ts\":%lld,\"event\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"reason\":",
		   (long long)event->ms, fleet_event_text(event->kind),
		   instance_state_text(event->from), instance_state_text(event->to));
	buf_json_str(&json, str_of(event->reason));
	buf_printf(&json, ",\"attempts\":%u,\"repeat\":%s}", event->attempts,
		   event->repeat ? "true" : "false");
	CHECK(!json.overflow);
	command_begin(command, STR("PUBLISH"));
	command_word(command, key_instance_events(&key));
	command_word(command, buf_str(&json));
	command_pipe_add(&store->pipe);
}

/* Everything of the batch that is still SENT becomes this. */
static void end_batch(struct instance_events *events, enum instance_event_state state)
{
	size_t index = events->settled;
	for (struct instance_event *event; (event = next_in(events, &index, EVENT_SENT));)
		event->state = state;
	events->batch = 0;
}

static bool item_is_good(const struct redis_reply *reply, size_t index)
{
	return index < reply->count && reply->items[index].type != REDIS_ERROR;
}

/* What was taken of the batch; the rest is in doubt: its id is taken, and not known by
 * whom. */
static void take_items(struct instance_store *store, const struct redis_reply *reply)
{
	struct instance_events *events = &store->events;
	size_t index = events->settled, item = 0;
	for (struct instance_event *event; (event = next_in(events, &index, EVENT_SENT));) {
		event->state = item_is_good(reply, item++) ? EVENT_WRITTEN : EVENT_DOUBT;
		event->written_ns = instance_now_ns(store);
		if (!event->published)
			event->published = item_is_good(reply, item++);
	}
}

static void on_batch(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_store *store = ctx;
	struct instance_events *events = &store->events;
	bool executed = !status && reply->type == REDIS_ARRAY;
	events->due--;
	if (executed)
		take_items(store, reply);
	end_batch(events, EVENT_DOUBT);
	status = command_pipe_exec(status, reply);
	instance_note(store, executed ? STATUS_OK : status);
	if (!status)
		events->looks = 0;
	if (executed && events->looks < INSTANCE_LOOKS_MAX)
		instance_events_send(store);
	instance_settle(store);
}

static bool has_id(const struct instance_event *event) { return event->id.ms != 0; }

/* Its id, one of its own time, or just above the newest. False: it has one that others have
 * overtaken, and has to be looked for before it gets another. */
static bool add_event(struct instance_store *store, struct instance_event *event)
{
	struct instance_events *events = &store->events;
	if (has_id(event) && stream_id_cmp(event->id, events->top) <= 0) {
		event->state = EVENT_DOUBT;
		return false;
	}
	if (!has_id(event))
		event->id = stream_id_next(events->top, event->ms);
	events->top = event->id;
	events->batch++;
	event->state = EVENT_SENT;
	add_entry(store, event);
	if (!event->published)
		add_message(store, event);
	return true;
}

static void send_batch(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	struct stream_id top = events->top;
	size_t index = events->settled;
	enum status status = command_pipe_begin(&store->pipe);
	if (!status) {
		struct instance_event *event;
		while (events->batch < INSTANCE_EVENTS_BATCH &&
		       (event = next_in(events, &index, EVENT_WAITING)) && add_event(store, event))
			;
		status = command_pipe_end(&store->pipe, on_batch, store);
	}
	events->due = !status;
	if (!status)
		return;
	end_batch(events, EVENT_WAITING);
	events->top = top;
	instance_note(store, status);
}

/* ---- a look ---- */

static bool is_field(const struct redis_reply *fields, size_t index, struct str value)
{
	return index < fields->count && str_eq(fields->items[index].text, value);
}

/* Not only its id: another writer may have used that. */
static bool is_event(const struct instance_event *event, const struct redis_reply *entry)
{
	struct stream_id id;
	char storage[24];
	struct buf ms = buf_over(storage, sizeof storage);
	if (entry->type != REDIS_ARRAY || entry->count != 2 ||
	    entry->items[1].type != REDIS_ARRAY || stream_id_parse(entry->items[0].text, &id) ||
	    stream_id_cmp(id, event->id) != 0)
		return false;
	buf_i64(&ms, event->ms);
	return is_field(&entry->items[1], 1, str_of(event->instance)) &&
	       is_field(&entry->items[1], 3, buf_str(&ms)) &&
	       is_field(&entry->items[1], 5, str_of(fleet_event_text(event->kind)));
}

static bool is_there(const struct instance_event *event, const struct redis_reply *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (is_event(event, &entries->items[i]))
			return true;
	return false;
}

/* Of those that are looked at; a look that failed leaves them in doubt. */
static void take_entries(struct instance_store *store, const struct redis_reply *entries)
{
	struct instance_events *events = &store->events;
	size_t index = events->settled;
	for (struct instance_event *event; (event = next_in(events, &index, EVENT_LOOKED_AT));) {
		bool there = entries && is_there(event, entries);
		event->state = there ? EVENT_WRITTEN : entries ? EVENT_WAITING : EVENT_DOUBT;
		event->published |= there;
		if (entries && !there && stream_id_cmp(event->id, events->top) <= 0)
			event->id = (struct stream_id){ 0 };
		event->written_ns = instance_now_ns(store);
	}
}

static void on_entries(void *ctx, enum status status, const struct redis_reply *reply)
{
	static const struct redis_reply none = { .type = REDIS_ARRAY };
	struct instance_store *store = ctx;
	struct instance_events *events = &store->events;
	bool answered = !status && reply->type == REDIS_ARRAY && events->top_is_known;
	instance_note(store, status);
	events->due--;
	if (status == STATUS_REDIS_WRONGTYPE)
		take_entries(store, &none);
	else
		take_entries(store, answered ? reply : NULL);
	if (answered)
		instance_events_send(store);
	instance_settle(store);
}

static void remove_wrong_type(struct instance_store *store)
{
	struct key key;
	command_begin(&store->pipe.text, STR("UNLINK"));
	command_word(&store->pipe.text, key_instance_events(&key));
	instance_note(store, command_pipe_send(&store->pipe, NULL, NULL));
}

static void on_top(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_store *store = ctx;
	struct instance_events *events = &store->events;
	struct stream_id top = { 0 };
	if (status == STATUS_REDIS_WRONGTYPE)
		remove_wrong_type(store);
	else
		status = instance_stream_top(status, reply, &top);
	instance_note(store, status);
	events->due--;
	events->top_is_known = !status;
	if (!status)
		events->top = top;
	instance_settle(store);
}

/* The first events in doubt; their ids stand in no order. */
static void put_range(struct instance_events *events, struct command_text *command)
{
	char storage[2][ID_BYTES];
	struct buf from = buf_over(storage[0], ID_BYTES), to = buf_over(storage[1], ID_BYTES);
	struct stream_id lowest = { UINT64_MAX, UINT64_MAX }, highest = { 0 };
	size_t index = events->settled;
	struct instance_event *event;
	for (int n = 0; n < INSTANCE_EVENTS_BATCH && (event = next_in(events, &index, EVENT_DOUBT));
	     n++) {
		event->state = EVENT_LOOKED_AT;
		lowest = stream_id_cmp(event->id, lowest) < 0 ? event->id : lowest;
		highest = stream_id_cmp(event->id, highest) > 0 ? event->id : highest;
	}
	stream_id_print(&from, lowest);
	stream_id_print(&to, highest);
	command_copy(command, buf_str(&from));
	command_copy(command, buf_str(&to));
}

static enum status ask_entries(struct instance_store *store)
{
	struct command_text *command = &store->pipe.text;
	struct key key;
	command_begin(command, STR("XRANGE"));
	command_word(command, key_instance_events(&key));
	put_range(&store->events, command);
	return command_pipe_send(&store->pipe, on_entries, store);
}

static enum status ask_top(struct instance_store *store)
{
	struct key key;
	command_begin(&store->pipe.text, STR("XINFO"));
	command_pair(&store->pipe.text, STR("STREAM"), key_instance_events(&key));
	return command_pipe_send(&store->pipe, on_top, store);
}

static void look(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	events->looks++;
	events->top_is_known = false;
	enum status status = ask_top(store);
	if (!status) {
		events->due++;
		status = ask_entries(store);
		events->due += !status;
	}
	if (!status)
		return;
	take_entries(store, NULL);
	instance_note(store, status);
}

/* ---- */

void instance_events_send(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	skip_written(events);
	if (!may_send(store) || events->due || events->settled == events->count)
		return;
	if (event_at(events, events->settled)->state == EVENT_DOUBT)
		look(store);
	else
		send_batch(store);
}

static bool is_safe(const struct instance_store *store, const struct instance_event *event)
{
	return event->state == EVENT_WRITTEN &&
	       event->written_ns + instance_unsynced_ns <= store->answered_ns;
}

static void drop_first(struct instance_events *events)
{
	events->first = (events->first + 1) % INSTANCE_STORE_EVENTS_MAX;
	events->count--;
	events->settled -= events->settled > 0;
}

void instance_events_second(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	while (events->count && is_safe(store, event_at(events, 0)))
		drop_first(events);
	events->looks = 0;
	instance_events_send(store);
}

void instance_events_reconnected(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	for (size_t i = 0; i < events->count; i++)
		if (event_at(events, i)->state == EVENT_WRITTEN)
			event_at(events, i)->state = EVENT_DOUBT;
	events->settled = 0;
	instance_events_send(store);
}

/* The oldest that is not on the wire goes; one that is written is no loss. */
static void make_room(struct instance_store *store)
{
	struct instance_events *events = &store->events;
	size_t at = 0;
	while (event_at(events, at)->state == EVENT_SENT)
		at++;
	store->counts.events_lost += event_at(events, at)->state != EVENT_WRITTEN;
	for (; at > 0; at--)
		*event_at(events, at) = *event_at(events, at - 1);
	drop_first(events);
}

void instance_store_event(struct instance_store *store, const struct fleet_event *told)
{
	struct instance_events *events = &store->events;
	if (events->count == INSTANCE_STORE_EVENTS_MAX)
		make_room(store);
	struct instance_event *event = event_at(events, events->count++);
	struct str reason = str_of(told->reason);
	*event = (struct instance_event){
		.ms = told->ms,
		.kind = told->kind,
		.from = told->from,
		.to = told->to,
		.attempts = told->attempts,
		.repeat = told->repeat,
	};
	memcpy(event->instance, told->instance->identity.id, sizeof event->instance);
	if (reason.len > INSTANCE_REASON_MAX)
		reason.len = INSTANCE_REASON_MAX;
	if (reason.len)
		memcpy(event->reason, reason.ptr, reason.len);
	store->counts.events++;
	instance_events_send(store);
}
