/* Markets back from the segment: SCAN for bars_open:*, then per market the state,
 * the closed hours, and the trades of the tape behind the place that the state
 * names. Markets come one after another, their requests ahead of each other's
 * replies, so a whole segment is one pipelined read. */
#include <stdlib.h>

#include "base/check.h"
#include "store/market_store_impl.h"
#include "store/tape_read.h"

enum { TAPE_PAGE = 64 };

struct restore_market {
	struct restore *restore;
	struct market_id id;
	struct market *market; /* once its state is read */
	struct slot *slot;
	uint32_t skip; /* trades behind tape_last that the state speaks of already */
	struct stream_id tape_after;
	bool bars_too; /* false: the state was damaged, all comes from the tape */
};

struct restore {
	struct market_store *store;
	void (*done)(void *ctx, enum status status, const char *why);
	void *ctx;
	enum status status;
	const char *why;
	uint32_t pending; /* requests under way */
	uint32_t n_markets;
	struct restore_market markets[MARKETS_MAX];
};

static void request(struct restore *restore, const struct str *argv, size_t argc, redis_reply_fn fn,
		    void *ctx)
{
	enum status status = redis_command(restore->store->redis, argv, argc, fn, ctx);
	if (!status) {
		restore->pending++;
		return;
	}
	restore->status = status;
	restore->why = "the request could not be sent";
}

static void finish(struct restore *restore)
{
	struct market_store *store = restore->store;
	if (restore->pending > 0)
		return;
	store->restore = NULL;
	store->counts.restored_markets = restore->n_markets;
	restore->done(restore->ctx, restore->status, restore->why);
	free(restore);
}

static void failed(struct restore *restore, enum status status, const char *why)
{
	if (restore->status)
		return;
	restore->status = status ? status : STATUS_REDIS_PROTOCOL;
	restore->why = why;
}

/* ---- the tape behind the state ---- */

static void take_trades(struct restore_market *rm, const struct tape_info *info,
			const struct trade *trades, bool open)
{
	struct market_store *store = rm->restore->store;
	for (uint32_t i = 0; i < info->count; i++) {
		const struct trade *trade = &trades[i];
		if (rm->skip > 0) {
			rm->skip--;
		} else {
			market_restore_trade(rm->market, trade, info->price_scale, info->qty_scale);
			store->counts.restored_trades++;
		}
		if (!open)
			continue;
		slot_put_back(rm->slot, trade, info);
	}
}

static bool take_tape_chunk(struct restore_market *rm, struct str chunk, bool open)
{
	struct market_store *store = rm->restore->store;
	struct tape_info info;
	if (tape_read(chunk, &info, store->trades) || !market_id_eq(&info.market, &rm->id)) {
		store->counts.damaged_entries++;
		return false;
	}
	take_trades(rm, &info, store->trades, open);
	return true;
}

static void on_tape_open(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore_market *rm = ctx;
	struct restore *restore = rm->restore;
	restore->pending--;
	if (status)
		failed(restore, status, "reading tape_open");
	struct str rest = !status && reply->type == REDIS_BULK ? reply->text : (struct str){ 0 };
	while (rest.len && !restore->status) {
		size_t len = tape_chunk_len(rest);
		if (len == 0) {
			restore->store->counts.damaged_entries++;
			break;
		}
		take_tape_chunk(rm, str_make(rest.ptr, len), true);
		rest = str_skip(rest, len);
	}
	rm->slot->changed = true; /* the next flush writes the open chunk and state anew */
	finish(restore);
}

static void request_tape_page(struct restore_market *rm);

static void on_tape_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore_market *rm = ctx;
	struct restore *restore = rm->restore;
	restore->pending--;
	if (status || reply->type != REDIS_ARRAY)
		failed(restore, status, "reading the tape");
	size_t count = restore->status ? 0 : reply->count;
	for (size_t i = 0; i < count; i++) {
		struct str chunk;
		if (!tape_entry_read(&reply->items[i], &rm->tape_after, &chunk))
			continue;
		take_tape_chunk(rm, chunk, false);
		rm->slot->tape_last = rm->tape_after;
	}
	if (count == TAPE_PAGE) {
		request_tape_page(rm);
	} else if (!restore->status) {
		struct key key;
		struct str argv[] = { STR("GET"), key_tape_open(&key, &rm->id) };
		request(restore, argv, ARRAY_LEN(argv), on_tape_open, rm);
	}
	finish(restore);
}

static void request_tape_page(struct restore_market *rm)
{
	struct key key;
	char from[56], count[16];
	struct buf from_buf = buf_over(from, sizeof from),
		   count_buf = buf_over(count, sizeof count);
	buf_char(&from_buf, '(');
	stream_id_print(&from_buf, rm->tape_after);
	buf_u64(&count_buf, TAPE_PAGE);
	struct str argv[] = { STR("XRANGE"), key_tape(&key, &rm->id), buf_str(&from_buf), STR("+"),
			      STR("COUNT"),  buf_str(&count_buf) };
	request(rm->restore, argv, ARRAY_LEN(argv), on_tape_page, rm);
}

/* ---- closed hours and the state ---- */

static void take_bars_chunk(struct restore_market *rm, struct str chunk)
{
	struct market_store *store = rm->restore->store;
	struct bars_info info;
	struct bar bars[BARS_CHUNK_MINUTES];
	if (bars_read(chunk, &info, bars) || !market_id_eq(&info.market, &rm->id)) {
		store->counts.damaged_entries++;
		return;
	}
	for (uint32_t i = 0; i < info.count; i++) {
		if (market_restore_bar(rm->market, &bars[i], info.price_scale, info.qty_scale))
			store->counts.damaged_entries++;
		else
			store->counts.restored_minutes++;
	}
}

static void on_bars(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore_market *rm = ctx;
	struct restore *restore = rm->restore;
	restore->pending--;
	if (status || reply->type != REDIS_ARRAY)
		failed(restore, status, "reading the bars");
	for (size_t i = 0; !restore->status && i < reply->count; i++) {
		struct stream_id id = { 0 };
		struct str chunk;
		if (!tape_entry_read(&reply->items[i], &id, &chunk))
			continue;
		rm->slot->bars_from_ms = (int64_t)id.ms + HOUR_MS;
		if (rm->bars_too)
			take_bars_chunk(rm, chunk);
	}
	if (!restore->status) {
		(void)market_take_change(rm->market); /* what came from the server is there */
		request_tape_page(rm);
	}
	finish(restore);
}

/* A state that cannot be read loses nothing: the tape holds every trade. */
static void take_state(struct restore_market *rm, struct str bytes)
{
	struct market_store *store = rm->restore->store;
	struct open_state state;
	struct str chunk;
	rm->bars_too =
	    !open_state_read(bytes, &state) && !market_state_restore(rm->market, state.state);
	if (!rm->bars_too) {
		store->counts.damaged_entries++;
		return;
	}
	if (state.simulated)
		market_mark_simulated(rm->market);
	rm->tape_after = state.tape_last;
	rm->skip = state.open_trades;
	rm->slot->tape_last = state.tape_last;
	while (open_state_next_bars(&state.bars, &chunk))
		take_bars_chunk(rm, chunk);
}

static void on_state(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore_market *rm = ctx;
	struct restore *restore = rm->restore;
	struct market_store *store = restore->store;
	restore->pending--;
	if (status || reply->type != REDIS_BULK)
		failed(restore, status, "reading bars_open");
	rm->market = restore->status ? NULL
				     : markets_get(store->markets, rm->id.venue, rm->id.kind,
						   str_of(rm->id.symbol));
	rm->slot = rm->market ? slot_of(store, rm->market) : NULL;
	if (!restore->status && !rm->slot)
		failed(restore, STATUS_NO_MEMORY, "no room for another market");
	if (!restore->status) {
		struct key key;
		struct str argv[] = { STR("XRANGE"), key_bars(&key, &rm->id), STR("-"), STR("+") };
		take_state(rm, reply->text);
		request(restore, argv, ARRAY_LEN(argv), on_bars, rm);
	}
	finish(restore);
}

/* ---- which markets are there ---- */

static void request_scan(struct restore *restore, struct str cursor);

static void take_scan_key(struct restore *restore, struct str name)
{
	struct market_id id;
	struct key key;
	struct str prefix = key_bars_open_prefix();
	if (!str_starts(name, prefix) || market_id_parse(str_skip(name, prefix.len), &id))
		return;
	for (uint32_t i = 0; i < restore->n_markets; i++) /* SCAN may repeat a key */
		if (market_id_eq(&restore->markets[i].id, &id))
			return;
	if (restore->n_markets == MARKETS_MAX) {
		failed(restore, STATUS_FULL, "more markets than weir can hold");
		return;
	}
	struct restore_market *rm = &restore->markets[restore->n_markets++];
	*rm = (struct restore_market){ .restore = restore, .id = id };
	struct str argv[] = { STR("GET"), key_bars_open(&key, &id) };
	request(restore, argv, ARRAY_LEN(argv), on_state, rm);
}

static void on_scan(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct restore *restore = ctx;
	restore->pending--;
	if (status || reply->type != REDIS_ARRAY || reply->count != 2) {
		failed(restore, status, "scanning for markets");
	} else {
		const struct redis_reply *keys = &reply->items[1];
		for (size_t i = 0; i < keys->count; i++)
			take_scan_key(restore, keys->items[i].text);
		if (!str_eq(reply->items[0].text, STR("0")))
			request_scan(restore, reply->items[0].text);
	}
	finish(restore);
}

static void request_scan(struct restore *restore, struct str cursor)
{
	struct buf pattern;
	char storage[64];
	pattern = buf_over(storage, sizeof storage);
	buf_str_put(&pattern, key_bars_open_prefix());
	buf_char(&pattern, '*');
	struct str argv[] = { STR("SCAN"),       cursor,       STR("MATCH"),
			      buf_str(&pattern), STR("COUNT"), STR("1000") };
	request(restore, argv, ARRAY_LEN(argv), on_scan, restore);
}

void market_store_restore(struct market_store *store,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	CHECK(!store->restore && store->n_slots == 0);
	struct restore *restore = calloc(1, sizeof *restore);
	if (!restore) {
		done(ctx, STATUS_NO_MEMORY, "no memory");
		return;
	}
	*restore = (struct restore){ .store = store, .done = done, .ctx = ctx };
	store->restore = restore;
	request_scan(restore, STR("0"));
	if (restore->pending == 0)
		finish(restore);
}
