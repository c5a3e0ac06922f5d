/* What was recorded before: the markers of the terminals, from the end of the stream the
 * newest rids, in pages, and what the spill file holds. The marker of batches is written to
 * before any of that is read: what an earlier weir sent and the server has not read yet is
 * refused from then on, and cannot come between. */
#include <stdlib.h>

#include "base/check.h"
#include "store/result_store_impl.h"

struct result_restore {
	void (*done)(void *ctx, enum status status, const char *why);
	void *ctx;
	const char *why;
	uint32_t next_slot, asked; /* markers asked for, and the replies that are due */
	uint32_t slots[RESTORE_MARKS], answered;
	enum status trouble;
	bool replaced;
	char from[48]; /* the upper end of the next page */
	uint64_t x;    /* of the entries that were read */
	size_t count;
	struct result_row found[RESULT_STORE_RIDS_MAX]; /* newest first */
};

static void end(struct result_store *store, enum status status, const char *why)
{
	struct result_restore *restore = store->restore;
	store->restore = NULL;
	store->state = STORE_IDLE;
	restore->done(restore->ctx, status, why);
	free(restore);
}

/* ---- the stream, newest first ---- */

static void ask_page(struct result_store *store);

/* The oldest goes in first, so that it is the first to leave. */
static void take_found(struct result_store *store)
{
	struct result_restore *restore = store->restore;
	for (size_t i = restore->count; i-- > 0;) {
		result_seen_add(&store->rids, restore->found[i].rid_hash);
		if (restore->found[i].ended_hash)
			result_seen_add(&store->ended, restore->found[i].ended_hash);
	}
	if (!store->x_told)
		store->x = restore->x;
	if (store->spill)
		result_spill_scan(store, store->position);
	else
		result_restore_spilled(store, STATUS_OK);
}

/* The last of its results is the newest. */
static void take_entry(struct result_store *store, const struct redis_reply *entry)
{
	struct result_restore *restore = store->restore;
	size_t rows = result_entry_open(store, entry);
	restore->x += rows ? rows - 1 : 0;
	while (rows-- > 0 && restore->count < RESULT_STORE_RIDS_MAX)
		restore->count +=
		    result_entry_row(store, entry, rows, &restore->found[restore->count]);
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	struct result_restore *restore = store->restore;
	if (status || reply->type != REDIS_ARRAY) {
		end(store, status ? status : STATUS_REDIS_PROTOCOL, "trade_results");
		return;
	}
	for (size_t i = 0; i < reply->count; i++)
		take_entry(store, &reply->items[i]);
	const struct redis_reply *last = reply->count ? &reply->items[reply->count - 1] : NULL;
	struct buf from = buf_over(restore->from, sizeof restore->from - 1);
	buf_char(&from, '(');
	if (last && last->type == REDIS_ARRAY && last->count == 2)
		buf_str_put(&from, last->items[0].text);
	restore->from[from.len] = 0;
	if (reply->count < RESTORE_PAGE || restore->count == RESULT_STORE_RIDS_MAX)
		take_found(store);
	else
		ask_page(store);
}

static void ask_page(struct result_store *store)
{
	char storage[24];
	struct buf count = buf_over(storage, sizeof storage);
	struct key key;
	buf_u64(&count, RESTORE_PAGE);
	struct str argv[] = {
		STR("XREVRANGE"), key_trade_results(&key), str_of(store->restore->from), STR("-"),
		STR("COUNT"),     buf_str(&count)
	};
	enum status status = redis_command(store->redis, argv, ARRAY_LEN(argv), on_page, store);
	if (status)
		end(store, status, "trade_results");
}

/* ---- the markers ---- */

static void ask_marks(struct result_store *store);

static bool item_u64(const struct redis_reply *reply, size_t index, uint64_t *out)
{
	const struct redis_reply *item = &reply->items[index];
	return item->type == REDIS_BULK && str_to_u64(item->text, out) == STATUS_OK &&
	       *out <= INT64_MAX;
}

/* A marker that makes no sense counts as none: its terminal sends again what it has. */
static void take_mark(struct terminal *terminal, const struct redis_reply *reply)
{
	uint64_t epoch_ms, up, deal, deal_ms;
	if (!item_u64(reply, 0, &epoch_ms) || !item_u64(reply, 1, &up))
		return;
	terminal->stored.epoch_ms = (int64_t)epoch_ms;
	terminal->stored.up = up;
	terminal->taken_epoch_ms = (int64_t)epoch_ms;
	terminal->taken_seq = up;
	if (item_u64(reply, 2, &deal) && item_u64(reply, 3, &deal_ms))
		result_mark_deal(&terminal->stored, deal, (int64_t)deal_ms);
	terminal->mark = terminal->stored;
}

static void on_mark(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	struct result_restore *restore = store->restore;
	uint32_t slot = restore->slots[restore->answered++];
	if (!status && reply->type == REDIS_ARRAY && reply->count == 4)
		take_mark(&store->terminals[slot], reply);
	else if (status != STATUS_REDIS_WRONGTYPE && !restore->trouble)
		restore->trouble = status ? status : STATUS_REDIS_PROTOCOL;
	if (restore->answered < restore->asked)
		return;
	if (restore->trouble)
		end(store, restore->trouble, "markers of terminals");
	else
		ask_marks(store);
}

static bool ask_mark(struct result_store *store, uint32_t slot)
{
	struct result_restore *restore = store->restore;
	const struct instance *instance = fleet_at(store->fleet, slot);
	struct key key;
	if (!instance)
		return true;
	struct str argv[] = { STR("HMGET"), key_fleet_up(&key, str_of(instance->identity.id)),
			      STR("ep"),    STR("up"),
			      STR("ld"),    STR("lsv") };
	restore->trouble = redis_command(store->redis, argv, ARRAY_LEN(argv), on_mark, store);
	if (restore->trouble)
		return false;
	restore->slots[restore->asked++] = slot;
	return true;
}

static void ask_marks(struct result_store *store)
{
	struct result_restore *restore = store->restore;
	restore->asked = restore->answered = 0;
	while (restore->next_slot < store->terminals_room && restore->asked < RESTORE_MARKS &&
	       ask_mark(store, restore->next_slot))
		restore->next_slot++;
	if (restore->asked > 0)
		return;
	if (restore->trouble)
		end(store, restore->trouble, "markers of terminals");
	else
		ask_page(store);
}

/* ---- */

void result_restore_synced(struct result_store *store, enum status status)
{
	if (status == STATUS_REDIS_WRONGTYPE && !store->restore->replaced) {
		store->restore->replaced = true; /* what stood there goes at the second try */
		result_store_sync(store);
		return;
	}
	if (status) {
		end(store, status, "marker of batches");
		return;
	}
	store->state = STORE_RESTORING;
	ask_marks(store);
}

void result_restore_spilled(struct result_store *store, enum status status)
{
	store->replays = status == STATUS_OK;
	end(store, status, status ? "spill file" : NULL);
	result_store_kick(store);
}

void result_store_restore(struct result_store *store,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	CHECK(store->state == STORE_IDLE && !store->restore);
	struct result_restore *restore = calloc(1, sizeof *restore);
	if (!restore) {
		done(ctx, STATUS_NO_MEMORY, "trade_results");
		return;
	}
	restore->done = done;
	restore->ctx = ctx;
	restore->from[0] = '+';
	store->restore = restore;
	result_store_sync(store);
}
