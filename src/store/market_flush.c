/* One market's transactions: what goes along, what its answer means, and what is
 * asked after a failure before anything is sent again. */
#include "base/check.h"
#include "store/market_store_impl.h"

static void drain_step(struct market_store *store, enum status status);

/* ---- one transaction ---- */

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply);

static bool send(struct slot *slot, const struct str *argv, size_t argc)
{
	struct market_store *store = slot->store;
	if (slot->flight.failed)
		return false;
	if (redis_command(store->redis, argv, argc, on_reply, slot)) {
		slot->flight.failed = true;
		return false;
	}
	slot->flight.replies_due++;
	return true;
}

static void send_xadd(struct slot *slot, struct str key, struct stream_id id, struct str chunk)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	stream_id_print(&text, id);
	struct str argv[] = { STR("XADD"), key, buf_str(&text), STR("c"), chunk };
	send(slot, argv, ARRAY_LEN(argv));
}

static void send_trim(struct slot *slot, struct str key, int64_t min_ms)
{
	char storage[24];
	struct buf text = buf_over(storage, sizeof storage);
	buf_i64(&text, min_ms > 0 ? min_ms : 0);
	struct str argv[] = { STR("XTRIM"), key, STR("MINID"), buf_str(&text) };
	send(slot, argv, ARRAY_LEN(argv));
}

/* Chunks that fit one transaction; the rest waits for the next. */
static void send_closed(struct slot *slot, struct str key)
{
	struct flight *flight = &slot->flight;
	size_t at = 0;
	while (at < slot->closed.len && flight->closed_chunks < FLIGHT_REPLIES_MAX / 2) {
		struct closed_entry entry = slot_closed_at(slot, at);
		const char *bytes = slot->closed.ptr + at + sizeof entry;
		send_xadd(slot, key, entry.id, str_make(bytes, entry.len));
		flight->tape_last = entry.id;
		flight->closed_chunks++;
		at += sizeof entry + entry.len;
	}
	flight->closed_bytes = at;
}

/* A small chunk of the trades that tape_open does not hold yet. */
static struct str tail_chunk(struct slot *slot)
{
	struct market_store *store = slot->store;
	struct tape_info info;
	CHECK(tape_read(buf_str(&store->chunk), &info, store->trades) == STATUS_OK);
	tape_writer_begin(store->tail_writer, &info.market, info.price_scale, info.qty_scale);
	for (uint32_t i = slot->open_saved; i < info.count; i++)
		if (tape_writer_add(store->tail_writer, &store->trades[i]))
			return (struct str){ 0 };
	buf_clear(&store->value);
	tape_writer_chunk(store->tail_writer, &store->value);
	return buf_str(&store->value);
}

static void send_open_whole(struct slot *slot, struct str key)
{
	struct str argv[] = { STR("SET"), key, buf_str(&slot->store->chunk) };
	send(slot, argv, ARRAY_LEN(argv));
	slot->flight.open_pieces = 1;
	slot->flight.open_bytes = slot->store->chunk.len;
}

static void send_open(struct slot *slot, struct str key)
{
	struct market_store *store = slot->store;
	struct flight *flight = &slot->flight;
	uint32_t count = tape_writer_count(slot->writer);
	bool replaced = flight->closed_chunks > 0 || slot->open_stale;
	flight->open_saved = count;
	flight->open_pieces = slot->open_pieces;
	flight->open_bytes = slot->open_bytes;
	if (count == 0) {
		struct str argv[] = { STR("DEL"), key };
		if (replaced)
			send(slot, argv, ARRAY_LEN(argv));
		return;
	}
	if (!replaced && count == slot->open_saved)
		return;
	buf_clear(&store->chunk);
	tape_writer_chunk(slot->writer, &store->chunk);
	bool fresh = replaced || slot->open_saved == 0 || count - slot->open_saved > count / 2;
	bool crowded =
	    slot->open_pieces >= OPEN_PIECES_MAX || slot->open_bytes > 2 * store->chunk.len + 1024;
	struct str tail = fresh || crowded ? (struct str){ 0 } : tail_chunk(slot);
	if (!tail.len) {
		send_open_whole(slot, key);
		return;
	}
	struct str argv[] = { STR("APPEND"), key, tail };
	send(slot, argv, ARRAY_LEN(argv));
	flight->open_pieces++;
	flight->open_bytes += tail.len;
}

/* Packs the minutes of [from, to) into store->chunk; false when none has data. */
static bool pack_minutes(struct slot *slot, int64_t from_ms, int64_t to_ms)
{
	struct bar bars[BARS_CHUNK_MINUTES];
	uint32_t count = 0;
	for (int64_t ms = from_ms; ms < to_ms; ms += MINUTE_MS)
		if (market_minute(slot->market, ms, &bars[count]) == STATUS_OK)
			count++;
	if (count == 0)
		return false;
	int32_t price_scale, qty_scale;
	market_scales(slot->market, &price_scale, &qty_scale);
	buf_clear(&slot->store->chunk);
	bars_pack(market_id(slot->market), price_scale, qty_scale, bars, count,
		  &slot->store->chunk);
	CHECK(!slot->store->chunk.overflow);
	return true;
}

/* The first minute of the 72 h that is not in the stream. */
static int64_t oldest_minute(const struct slot *slot, int64_t bars_from_ms)
{
	int64_t newest = market_newest_ms(slot->market) / MINUTE_MS * MINUTE_MS;
	int64_t oldest = newest - (int64_t)(MARKET_MINUTES - 1) * MINUTE_MS;
	return oldest > bars_from_ms ? oldest : bars_from_ms;
}

static bool waited(const struct slot *slot, int64_t since_ns, int64_t ms)
{
	return since_ns == 0 || slot->store->draining ||
	       clock_monotonic_ns(slot->store->clock) - since_ns >= ms * 1000000;
}

static bool bars_change_due(const struct slot *slot)
{
	return slot->changed_ms < slot->bars_from_ms &&
	       waited(slot, slot->rewritten_ns, CHANGE_BARS_MS);
}

bool slot_change_due(const struct slot *slot)
{
	return slot->changed_ms != INT64_MAX &&
	       (bars_change_due(slot) || (slot->changed_ms >= slot->bars_from_ms &&
					  waited(slot, slot->state_saved_ns, CHANGE_STATE_MS)));
}

/* Hours whose last late trade can have come go to the stream for good. */
static void send_final_hours(struct slot *slot, struct str key)
{
	struct flight *flight = &slot->flight;
	int64_t newest = market_newest_ms(slot->market);
	int64_t from = oldest_minute(slot, flight->bars_from_ms);
	for (;;) {
		int64_t end = (hour_of(from) + 1) * HOUR_MS;
		if (newest < end + MARKET_LATE_MS || flight->replies_due > FLIGHT_REPLIES_MAX - 16)
			break;
		if (pack_minutes(slot, from, end)) {
			struct stream_id id = { (uint64_t)(end - HOUR_MS), 0 };
			send_xadd(slot, key, id, buf_str(&slot->store->chunk));
			slot->store->counts.bar_chunks++;
		}
		flight->bars_from_ms = from = end;
	}
}

static void send_state(struct slot *slot, struct str key)
{
	struct market_store *store = slot->store;
	struct flight *flight = &slot->flight;
	int64_t newest = market_newest_ms(slot->market);
	buf_clear(&store->state);
	market_state_pack(slot->market, &store->state);
	CHECK(!store->state.overflow);
	struct open_state state = {
		.simulated = market_simulated(slot->market),
		.tape_last = flight->tape_last,
		.open_trades = flight->open_saved,
		.state = buf_str(&store->state),
	};
	open_state_begin(&store->value, &state);
	int64_t from = oldest_minute(slot, flight->bars_from_ms);
	for (int64_t end; from <= newest; from = end) {
		end = (hour_of(from) + 1) * HOUR_MS;
		if (pack_minutes(slot, from, end))
			open_state_put_bars(&store->value, buf_str(&store->chunk));
	}
	open_state_end(&store->value);
	CHECK(!store->value.overflow);
	struct str argv[] = { STR("SET"), key, buf_str(&store->value) };
	send(slot, argv, ARRAY_LEN(argv));
	flight->state_saved = true;
	flight->state_minute_ms = newest / MINUTE_MS * MINUTE_MS;
}

/* An hour that is in the stream cannot be put in its place again: all of them go, and
 * come back with what was repaired since. */
static void send_bars_anew(struct slot *slot, struct str key)
{
	struct str argv[] = { STR("DEL"), key };
	send(slot, argv, ARRAY_LEN(argv));
	slot->flight.bars_from_ms = 0;
	slot->rewritten_ns = clock_monotonic_ns(slot->store->clock);
}

/* What the state says must be what this transaction leaves on the server: final
 * hours leave the open minutes only together with a new state, and a state is
 * written only when every closed chunk goes along. */
static void send_minutes(struct slot *slot)
{
	struct key bars, bars_open;
	struct flight *flight = &slot->flight;
	int64_t newest = market_newest_ms(slot->market);
	key_bars(&bars, market_id(slot->market));
	slot_note_change(slot); /* what goes out now has everything up to now in it */
	bool change = slot_change_due(slot), anew = bars_change_due(slot);
	if (anew)
		send_bars_anew(slot, buf_str(&bars.text));
	send_final_hours(slot, buf_str(&bars.text));
	bool minute_new = newest / MINUTE_MS * MINUTE_MS != slot->state_minute_ms;
	bool hours_moved = flight->bars_from_ms != slot->bars_from_ms;
	bool save = minute_new || hours_moved || change || slot->store->draining;
	/* Hours that just became final, and the state, hold every change but those of hours
	 * that were in the stream before. */
	if (save && (anew || slot->changed_ms >= slot->bars_from_ms)) {
		flight->changed_ms = slot->changed_ms;
		slot->changed_ms = INT64_MAX;
	}
	if (save)
		send_state(slot, key_bars_open(&bars_open, market_id(slot->market)));
	if (hours_moved)
		send_trim(slot, buf_str(&bars.text), newest - RETENTION_MS);
}

static void send_transaction(struct slot *slot)
{
	struct key tape, tape_open;
	const struct market_id *id = market_id(slot->market);
	struct flight *flight = &slot->flight;
	*flight = (struct flight){
		.active = true,
		.tape_last = slot->tape_last,
		.open_serial = slot->open_serial,
		.bars_from_ms = slot->bars_from_ms,
		.changed_ms = INT64_MAX,
	};
	struct str multi = STR("MULTI"), exec = STR("EXEC"), discard = STR("DISCARD");
	if (!send(slot, &multi, 1))
		return;
	send_closed(slot, key_tape(&tape, id));
	send_open(slot, key_tape_open(&tape_open, id));
	if (flight->closed_bytes == slot->closed.len)
		send_minutes(slot);
	if (flight->closed_chunks)
		send_trim(slot, buf_str(&tape.text), market_newest_ms(slot->market) - RETENTION_MS);
	if (!send(slot, &exec, 1)) { /* no room in the middle of it: end it on the server */
		flight->failed = false;
		send(slot, &discard, 1);
		flight->failed = true;
	}
	slot->changed = false;
}

static void transaction_done(struct slot *slot)
{
	struct market_store *store = slot->store;
	struct flight *flight = &slot->flight;
	flight->active = false;
	store->counts.transactions++;
	for (size_t at = 0; at < flight->closed_bytes;) {
		struct closed_entry entry = slot_closed_at(slot, at);
		store->counts.chunks++;
		store->counts.chunk_trades += entry.trades;
		store->counts.chunk_bytes += entry.len;
		at += sizeof entry + entry.len;
	}
	if (flight->closed_bytes)
		slot_drop_closed(slot, flight->closed_bytes, flight->closed_chunks);
	slot->tape_last = flight->tape_last;
	slot->open_stale = flight->open_serial != slot->open_serial;
	slot->open_saved = slot->open_stale ? 0 : flight->open_saved;
	slot->open_pieces = flight->open_pieces;
	slot->open_bytes = flight->open_bytes;
	slot->bars_from_ms = flight->bars_from_ms;
	if (flight->state_saved) {
		slot->state_minute_ms = flight->state_minute_ms;
		slot->state_saved_ns = clock_monotonic_ns(store->clock);
	}
}

static void transaction_failed(struct slot *slot)
{
	slot->flight.active = false;
	if (slot->flight.changed_ms < slot->changed_ms)
		slot->changed_ms = slot->flight.changed_ms;
	slot->store->counts.failed++;
	slot->open_stale = true;
	slot->probe = true;
	slot->changed = true;
	slot->state_minute_ms = -1;
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct slot *slot = ctx;
	struct flight *flight = &slot->flight;
	CHECK(flight->replies_due > 0);
	flight->replies_due--;
	if (status)
		flight->failed = true;
	if (flight->replies_due > 0)
		return;
	/* The last reply is EXEC's: an array whose items may be errors themselves. */
	bool executed = !flight->failed && reply && reply->type == REDIS_ARRAY;
	for (size_t i = 0; executed && i < reply->count; i++)
		if (reply->items[i].type == REDIS_ERROR)
			executed = false;
	if (executed)
		transaction_done(slot);
	else
		transaction_failed(slot);
	if (slot->store->draining)
		drain_step(slot->store, status ? status : executed ? STATUS_OK : STATUS_REDIS_ERR);
	else if (executed && slot->n_closed > 0)
		slot_flush(slot);
}

/* ---- after a failure: what did the server take? ---- */

static void probe_failed(struct slot *slot, enum status status)
{
	slot->flight.active = false;
	if (slot->store->draining)
		drain_step(slot->store, status ? status : STATUS_REDIS_PROTOCOL);
}

/* The id of the only entry of an XREVRANGE … COUNT 1 reply, 0-0 of an empty one. */
static bool probe_id(const struct redis_reply *reply, struct stream_id *out)
{
	*out = (struct stream_id){ 0 };
	if (!reply || reply->type != REDIS_ARRAY)
		return false;
	return reply->count == 0 ||
	       (reply->items[0].count > 0 && !stream_id_parse(reply->items[0].items[0].text, out));
}

static void on_probe_tape(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct slot *slot = ctx;
	struct stream_id last;
	if (status || !probe_id(reply, &last)) {
		slot->flight.failed = true;
		return;
	}
	while (slot->n_closed > 0) {
		struct closed_entry entry = slot_closed_at(slot, 0);
		if (stream_id_cmp(entry.id, last) > 0)
			break;
		slot_drop_closed(slot, sizeof entry + entry.len, 1);
	}
	if (stream_id_cmp(last, slot->tape_last) > 0)
		slot->tape_last = last;
}

static void on_probe_bars(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct slot *slot = ctx;
	struct stream_id last;
	if (status || slot->flight.failed || !probe_id(reply, &last)) {
		probe_failed(slot, status);
		return;
	}
	slot->bars_from_ms = last.ms ? (int64_t)last.ms + HOUR_MS : 0;
	slot->flight.active = false;
	slot->probe = false;
	slot_flush(slot);
}

static void send_probe(struct slot *slot)
{
	struct key tape, bars;
	struct redis_port *redis = slot->store->redis;
	const struct market_id *id = market_id(slot->market);
	struct str argv[] = { STR("XREVRANGE"), key_tape(&tape, id), STR("+"),
			      STR("-"),         STR("COUNT"),        STR("1") };
	slot->flight = (struct flight){ .active = true };
	enum status status = redis_command(redis, argv, ARRAY_LEN(argv), on_probe_tape, slot);
	argv[1] = key_bars(&bars, id);
	if (!status)
		status = redis_command(redis, argv, ARRAY_LEN(argv), on_probe_bars, slot);
	if (status)
		probe_failed(slot, status);
}

void slot_flush(struct slot *slot)
{
	if (slot->flight.active ||
	    redis_pending_bytes(slot->store->redis) > MARKET_STORE_PENDING_BYTES)
		return;
	if (slot->probe) {
		send_probe(slot);
		return;
	}
	send_transaction(slot);
	if (slot->flight.replies_due == 0) { /* nothing could be queued */
		transaction_failed(slot);
		if (slot->store->draining)
			drain_step(slot->store, STATUS_CLOSED);
	}
}

/* ---- drain ---- */

static bool slot_clean(const struct slot *slot)
{
	return !slot->flight.active && !slot->changed && slot->n_closed == 0 && !slot->probe;
}

static void drain_step(struct market_store *store, enum status status)
{
	bool clean = true;
	for (size_t i = 0; i < store->n_slots && !status; i++)
		clean = clean && slot_clean(&store->slots[i]);
	if (!status && !clean) {
		market_store_flush(store);
		return;
	}
	void (*done)(void *, enum status) = store->drain_done;
	store->draining = false;
	store->drain_done = NULL;
	if (done)
		done(store->drain_ctx, status);
}

void market_store_drain(struct market_store *store, void (*done)(void *ctx, enum status status),
			void *ctx)
{
	store->draining = true;
	store->drain_done = done;
	store->drain_ctx = ctx;
	for (size_t i = 0; i < store->n_slots; i++)
		store->slots[i].changed = true;
	drain_step(store, STATUS_OK);
}
