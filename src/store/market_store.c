#include "store/market_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/market_store_impl.h"

static void on_timer(void *ctx)
{
	struct market_store *store = ctx;
	market_store_flush(store);
	timers_arm(store->timers, &store->timer,
		   clock_monotonic_ns(store->clock) + store->config.flush_ns);
}

struct market_store *market_store_create(struct redis_port *redis, struct markets *markets,
					 struct timers *timers, const struct clock_port *clock,
					 const struct market_store_config *config)
{
	struct market_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->redis = redis;
	store->markets = markets;
	store->timers = timers;
	store->clock = clock;
	store->config = *config;
	store->tail_writer = tape_writer_create();
	buf_init(&store->chunk, 1 << 16);
	buf_init(&store->value, 1 << 18);
	buf_init(&store->state, MARKET_STATE_BYTES);
	store->timer = (struct timer){ .fn = on_timer, .ctx = store };
	if (!store->tail_writer) {
		market_store_destroy(store);
		return NULL;
	}
	timers_arm(timers, &store->timer, clock_monotonic_ns(clock) + config->flush_ns);
	return store;
}

void market_store_destroy(struct market_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	for (size_t i = 0; i < store->n_slots; i++) {
		tape_writer_destroy(store->slots[i].writer);
		buf_deinit(&store->slots[i].closed);
		market_attach(store->slots[i].market, NULL);
	}
	free(store->restore); /* one that never ended: its server has gone */
	tape_writer_destroy(store->tail_writer);
	buf_deinit(&store->chunk);
	buf_deinit(&store->value);
	buf_deinit(&store->state);
	free(store);
}

struct slot *slot_of(struct market_store *store, struct market *market)
{
	struct slot *slot = market_attachment(market);
	if (slot)
		return slot;
	if (store->n_slots == STORE_SLOTS_MAX)
		return NULL;
	slot = &store->slots[store->n_slots];
	slot->writer = tape_writer_create();
	if (!slot->writer)
		return NULL;
	store->n_slots++;
	slot->store = store;
	slot->market = market;
	slot->open_stale = true;
	slot->state_minute_ms = -1;
	slot->bars_from_ms = 0;
	slot->changed_ms = INT64_MAX;
	buf_init(&slot->closed, MARKET_STORE_SLOT_BYTES);
	market_attach(market, slot);
	return slot;
}

/* ---- packing ---- */

static void begin_chunk(struct slot *slot, const struct trade *trade)
{
	market_scales(slot->market, &slot->price_scale, &slot->qty_scale);
	tape_writer_begin(slot->writer, market_id(slot->market), slot->price_scale,
			  slot->qty_scale);
	slot->hour = hour_of(trade->t_ms);
	slot->open_serial++;
	slot->open_saved = 0;
	slot->open_pieces = 0;
	slot->open_bytes = 0;
}

struct closed_entry slot_closed_at(const struct slot *slot, size_t offset)
{
	struct closed_entry entry;
	memcpy(&entry, slot->closed.ptr + offset, sizeof entry);
	return entry;
}

void slot_drop_closed(struct slot *slot, size_t bytes, uint32_t chunks)
{
	memmove(slot->closed.ptr, slot->closed.ptr + bytes, slot->closed.len - bytes);
	slot->closed.len -= bytes;
	slot->n_closed -= chunks;
	slot->store->closed_bytes -= bytes;
}

/* The id that the next closed chunk gets must be above all before it, waiting ones
 * included. */
static struct stream_id last_id_given(const struct slot *slot)
{
	struct stream_id last = slot->tape_last;
	for (size_t at = 0; at < slot->closed.len;) {
		struct closed_entry entry = slot_closed_at(slot, at);
		last = entry.id;
		at += sizeof entry + entry.len;
	}
	return last;
}

static void close_chunk(struct slot *slot)
{
	struct market_store *store = slot->store;
	struct tape_info info;
	buf_clear(&store->chunk);
	tape_writer_chunk(slot->writer, &store->chunk);
	CHECK(!store->chunk.overflow && tape_info_read(buf_str(&store->chunk), &info) == STATUS_OK);
	struct closed_entry entry = {
		.id = stream_id_next(last_id_given(slot), info.ms_first),
		.len = (uint32_t)store->chunk.len,
		.trades = info.count,
	};
	size_t need = sizeof entry + entry.len;
	if (slot->closed.len + need > MARKET_STORE_SLOT_BYTES && !slot->flight.active) {
		struct closed_entry oldest = slot_closed_at(slot, 0);
		slot_drop_closed(slot, sizeof oldest + oldest.len, 1);
		store->counts.dropped_chunks++;
	}
	if (slot->closed.len + need > MARKET_STORE_SLOT_BYTES) {
		store->counts.dropped_chunks++;
	} else {
		buf_put(&slot->closed, &entry, sizeof entry);
		buf_str_put(&slot->closed, buf_str(&store->chunk));
		CHECK(!slot->closed.overflow);
		slot->n_closed++;
		store->closed_bytes += need;
	}
}

void market_store_trade(struct market_store *store, struct market *market,
			const struct trade *trade)
{
	struct slot *slot = slot_of(store, market);
	if (!slot) {
		store->counts.dropped_chunks++;
		return;
	}
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	bool open = tape_writer_count(slot->writer) > 0;
	if (open && (hour_of(trade->t_ms) > slot->hour || price_scale != slot->price_scale ||
		     qty_scale != slot->qty_scale)) {
		close_chunk(slot);
		open = false;
	}
	if (!open)
		begin_chunk(slot, trade);
	slot->changed = true;
	if (tape_writer_add(slot->writer, trade)) {
		close_chunk(slot);
		begin_chunk(slot, trade);
		CHECK(tape_writer_add(slot->writer, trade) == STATUS_OK);
	}
	/* Only now: the market's state speaks of this trade already. */
	if (slot->n_closed >= MARKET_STORE_EAGER_CHUNKS)
		slot_flush(slot);
}

void slot_put_back(struct slot *slot, const struct trade *trade, const struct tape_info *info)
{
	if (tape_writer_count(slot->writer) == 0) {
		begin_chunk(slot, trade);
		slot->price_scale = info->price_scale;
		slot->qty_scale = info->qty_scale;
		tape_writer_begin(slot->writer, &info->market, info->price_scale, info->qty_scale);
	}
	if (tape_writer_add(slot->writer, trade) == STATUS_OK)
		return;
	close_chunk(slot);
	slot_put_back(slot, trade, info);
}

bool market_store_busy(const struct market_store *store)
{
	return store->closed_bytes > MARKET_STORE_BUSY_BYTES;
}

void slot_note_change(struct slot *slot)
{
	int64_t newest_ms = market_newest_ms(slot->market) / MINUTE_MS * MINUTE_MS;
	int64_t changed_ms = market_take_change(slot->market);
	if (changed_ms < newest_ms && changed_ms < slot->changed_ms)
		slot->changed_ms = changed_ms;
}

void market_store_flush(struct market_store *store)
{
	for (size_t i = 0; i < store->n_slots; i++) {
		struct slot *slot = &store->slots[i];
		slot_note_change(slot);
		if (slot->changed || slot->n_closed > 0 || slot->probe || slot_change_due(slot))
			slot_flush(slot);
	}
}

void market_store_reconnected(struct market_store *store)
{
	for (size_t i = 0; i < store->n_slots; i++) {
		store->slots[i].probe = true;
		store->slots[i].open_stale = true;
		store->slots[i].changed = true;
	}
}

void market_store_set_flush_ns(struct market_store *store, int64_t flush_ns)
{
	store->config.flush_ns = flush_ns;
}

const struct market_store_counts *market_store_counts(const struct market_store *store)
{
	return &store->counts;
}
