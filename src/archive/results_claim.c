/* Entries that are pending with a consumer that is dead, or with us and in no batch:
 *
 *   XAUTOCLAIM … weir:claim → XREADGROUP weir:claim 0 → a batch → checkpoint → XACK
 *
 * They are read by a consumer of their own: what is pending for `weir` up to the mark is in
 * the file, and these need not be. They stay pending until a checkpoint holds them, which
 * keeps them from being trimmed. One batch of them at a time. */
#include "archive/results_impl.h"

static void claim_failed(struct results *results, enum status status)
{
	results->claiming = false;
	if (status == STATUS_REDIS_NOGROUP)
		results_sync_later(results);
	else
		results_failed(results, status);
	results_kick(results);
}

static void claim_end(struct results *results)
{
	results->claiming = false;
	results_kick(results);
}

static bool is_stale(const struct results *results)
{
	return results->claim_generation != results->generation ||
	       results->state != RESULTS_RUNNING || results->stopped;
}

static void ask(struct results *results, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	if (results_send(results, argv, argc, fn))
		results->claiming = false;
}

/* ---- reading what was claimed ---- */

/* False: no room. What is in a batch already is acknowledged by that. */
static bool take_stray(struct results *results, const struct redis_reply *entry, uint32_t *told)
{
	struct results_id id;
	if (entry->count != 2 || results_id_parse(entry->items[0].text, &id)) {
		results->counts.failed++;
		return true;
	}
	results->claim_from = id;
	if (results_has(results, id))
		return true;
	size_t rows = results_rows_of(&entry->items[1]);
	struct slot *slot =
	    results->n_claimed ? results_slot(results) : results_slot_for(results, rows);
	if (!slot || (results->n_claimed && !slot->claims) || !results_slot_has_room(slot, rows))
		return false;
	if (entry->items[1].type != REDIS_ARRAY)
		results_lost(results, slot, id, told);
	else if (results_take(results, slot, id, &entry->items[1]))
		return false;
	slot->claims = true;
	slot->batch->flags |= WRITER_CHECKED;
	results->claimed[results->n_claimed++] = id;
	results->counts.claimed++;
	return true;
}

static void ask_strays(struct results *results);

static void on_strays(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	const struct redis_reply *entries = status ? NULL : results_entries(reply);
	uint32_t told = 0;
	size_t i = 0;
	if (!entries) {
		claim_failed(results, status);
		return;
	}
	if (is_stale(results)) {
		claim_end(results);
		return;
	}
	while (i < entries->count && i < CLAIM_PAGE &&
	       take_stray(results, &entries->items[i], &told))
		i++;
	bool all = i == entries->count;
	results->strays = results->n_claimed > 0 || !all;
	if (all && !results->n_claimed && entries->count == CLAIM_PAGE)
		ask_strays(results);
	else
		claim_end(results);
}

static void ask_strays(struct results *results)
{
	char storage[RESULTS_ID_TEXT], number[24];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	results_id_print(&text, results->claim_from);
	struct str argv[] = { STR("XREADGROUP"), STR("GROUP"),
			      results_group,     results_claimer,
			      STR("COUNT"),      results_number(number, CLAIM_PAGE),
			      STR("STREAMS"),    key_trade_results(&key),
			      buf_str(&text) };
	ask(results, argv, ARRAY_LEN(argv), on_strays);
}

/* ---- claiming ---- */

/* They have left the pending entries: where there is no batch to count them in, they are
 * found missing when the counts are settled. */
static void count_removed(struct results *results, const struct redis_reply *ids)
{
	uint32_t told = 0;
	struct results_id id;
	for (size_t i = 0; i < ids->count; i++) {
		if (results_id_parse(ids->items[i].text, &id) || results_has(results, id))
			continue;
		struct slot *slot = results_slot(results);
		if (slot)
			results_lost(results, slot, id, &told);
	}
	if (told > LOST_TOLD)
		results_tell(results,
			     "%u entries were removed by somebody before they were archived", told);
}

static void ask_claims(struct results *results);

static void on_claims(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct results_id next;
	if (status || reply->type != REDIS_ARRAY || reply->count < 2 ||
	    results_id_parse(reply->items[0].text, &next)) {
		claim_failed(results, status);
		return;
	}
	if (is_stale(results)) {
		claim_end(results);
		return;
	}
	results->strays |= reply->items[1].count > 0;
	if (reply->count > 2)
		count_removed(results, &reply->items[2]);
	results->claim_from = next;
	if (next.ms || next.seq)
		ask_claims(results);
	else if (results->strays)
		ask_strays(results);
	else
		claim_end(results);
}

static void ask_claims(struct results *results)
{
	char storage[RESULTS_ID_TEXT], idle[24], number[24];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	results_id_print(&text, results->claim_from);
	struct str argv[] = { STR("XAUTOCLAIM"),
			      key_trade_results(&key),
			      results_group,
			      results_claimer,
			      results_number(idle, (uint64_t)results->config.claim_ms),
			      buf_str(&text),
			      STR("COUNT"),
			      results_number(number, CLAIM_PAGE),
			      STR("JUSTID") };
	ask(results, argv, ARRAY_LEN(argv), on_claims);
}

/* ---- acknowledging ---- */

static void on_acked(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	(void)reply;
	if (status) {
		claim_failed(results, status);
		return;
	}
	if (!is_stale(results)) {
		results->counts.acked += results->n_claimed;
		results->n_claimed = 0;
		results->claim_number = 0;
		results->claim_checkpointed = false;
		results->claim_at_ns = 0; /* there may be more */
	}
	claim_end(results);
}

static void ack_claims(struct results *results)
{
	struct key key;
	struct buf text = buf_over(results->text, sizeof results->text);
	size_t argc = 0;
	results->words[argc++] = STR("XACK");
	results->words[argc++] = key_trade_results(&key);
	results->words[argc++] = results_group;
	for (size_t i = 0; i < results->n_claimed; i++) {
		size_t at = text.len;
		results_id_print(&text, results->claimed[i]);
		results->words[argc++] = str_make(text.ptr + at, text.len - at);
	}
	CHECK(!text.overflow);
	ask(results, results->words, argc, on_acked);
}

void results_claims_checkpointed(struct results *results, uint64_t number)
{
	if (results->claim_number && results->claim_number <= number)
		results->claim_checkpointed = true;
}

/* Not while the stream lags: what is long pending may be ours then, and its turn comes. */
void results_claim_due(struct results *results)
{
	int64_t now_ns = results_now(results);
	if (results->claiming)
		return;
	results->claim_generation = results->generation;
	if (results->n_claimed > 0) {
		results->claiming = results->claim_checkpointed;
		if (results->claiming)
			ack_claims(results);
		return;
	}
	if (!results->caught_up || results->behind || results->full_page ||
	    now_ns < results->claim_at_ns || writer_state(results->config.writer) != WRITER_READY)
		return;
	results->claiming = true;
	results->claim_at_ns = now_ns + results->config.claim_ms * 1000000 / 2;
	results->claim_from = (struct results_id){ 0 };
	ask_claims(results);
}
