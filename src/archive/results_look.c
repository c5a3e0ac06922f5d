/* Each second: is it still the stream that was read, how long is it, is what was counted all
 * there ever was, and how full is its segment. */
#include "archive/results_impl.h"

static void look_failed(struct results *results, enum status status)
{
	results->looking = false;
	results_failed(results, status);
	results_kick(results);
}

static bool is_over(struct results *results)
{
	results->looking &= !results->stopped;
	return results->stopped;
}

static void look_again(struct results *results, const char *why)
{
	results->looking = false;
	if (why && !results->broken)
		results->broken = why;
	results_sync_later(results);
	results_kick(results);
}

/* ---- what was counted ---- */

/* Nothing of it is under way, here or at anybody else's: all was read. */
static bool all_is_read(const struct results *results)
{
	const struct groups_facts *groups = &results->seen_groups;
	return results->seen.added_known && results_idle(results) && !results->reads_due &&
	       !results->behind && !results->n_claimed && !groups->groups[groups->own].pending &&
	       results_id_cmp(results->seen.last, results->cursor) == 0;
}

/* What is gone without ever having been read leaves a gap in the count: of a packed entry all
 * its results, of one that is known by its id already the others. What was read twice (a
 * crash between the commit of an entry that was somebody else's and its acknowledgement) is
 * taken as counted by the stream, too. */
static int64_t gap_of(const struct results *results)
{
	const struct stream_facts *seen = &results->seen;
	return results->base + (int64_t)(seen->added + seen->beyond) - (int64_t)results->read_ever;
}

/* Who removes the field x removes no result: it is written again as it must have been, which is
 * what was read, and no less than it was seen to be; who adds packed entries goes on from there.
 * True: nothing is settled before it is there. */
static bool restore_beyond(struct results *results)
{
	char storage[24];
	struct key key;
	int64_t gap = gap_of(results);
	uint64_t beyond = gap < 0 ? (uint64_t)-gap : 0;
	if (beyond < results->beyond_least)
		beyond = results->beyond_least;
	if (results->seen.beyond_known || !beyond)
		return false;
	const struct str argv[] = { STR("HSETNX"), key_fleet_up(&key, STR("~")), STR("x"),
				    results_number(storage, beyond) };
	enum status status = results_send(results, argv, ARRAY_LEN(argv), NULL);
	(void)status; /* it is counted, and the next look tries again */
	return true;
}

static void settle_counts(struct results *results)
{
	int64_t gap = gap_of(results);
	if (!all_is_read(results) || restore_beyond(results) || !gap)
		return;
	struct slot *slot = results_slot(results);
	if (!slot)
		return;
	if (gap < 0) {
		results->base -= gap;
		slot->changes++;
		return;
	}
	slot->lost += (uint64_t)gap;
	results->read_ever += (uint64_t)gap;
	results->counts.lost += (uint64_t)gap;
	results_tell(results, "%lld results were removed by somebody before they were read",
		     (long long)gap);
}

/* ---- the segment's memory ---- */

static uint64_t figure(struct str text, struct str name)
{
	struct str line;
	uint64_t value = 0;
	while (str_split(&text, '\n', &line))
		if (str_starts(line, name) &&
		    !str_to_u64(str_trim(str_skip(line, name.len)), &value))
			return value;
	return 0;
}

static void look_at_memory(struct results *results, struct str info)
{
	uint64_t used = figure(info, STR("used_memory:")), most = figure(info, STR("maxmemory:"));
	if (!most || used < most / 100 * SHARE_PERCENT || !results->n_points)
		return;
	uint64_t newest = results->points[results->n_points - 1].number;
	if (newest <= results->checkpoint_asked)
		return;
	results->checkpoint_asked = newest;
	writer_checkpoint(results->config.writer);
}

/* ---- asking ---- */

static void on_memory(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (is_over(results))
		return;
	if (status || reply->type != REDIS_BULK) {
		look_failed(results, status);
		return;
	}
	results->looking = false;
	look_at_memory(results, reply->text);
	results_kick(results);
}

static void on_facts(struct results *results, enum status status)
{
	const struct str argv[] = { STR("INFO"), STR("memory") };
	if (is_over(results))
		return;
	if (status) {
		look_failed(results, status);
		return;
	}
	results->seen = results->facts.stream;
	if (results->state == RESULTS_RUNNING) {
		if (results->seen.beyond_known)
			results->beyond_least = results->seen.beyond;
		if (results_id_cmp(results->seen.last, results->cursor) < 0) {
			look_again(results, "its last entry is behind the mark");
			return;
		}
		settle_counts(results);
	}
	if (results_send(results, argv, ARRAY_LEN(argv), on_memory))
		results->looking = false;
}

static void on_groups(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct groups_facts *groups = &results->seen_groups;
	if (is_over(results))
		return;
	if (status && !results_no_key(status, reply)) {
		look_failed(results, status);
	} else if (status || !results_groups_read(reply, groups) || groups->own == GROUPS_MAX ||
		   results_id_cmp(groups->groups[groups->own].last, results->cursor) < 0) {
		look_again(results, NULL); /* which finds out what it is */
	} else if (!results_ask_facts(results, on_facts)) {
		results->looking = false;
	}
}

static void on_word(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct key key;
	struct str argv[] = { STR("XINFO"), STR("GROUPS"), key_trade_results(&key) };
	if (is_over(results))
		return;
	if (status)
		look_failed(results, status);
	else if (results->state == RESULTS_RUNNING &&
		 (reply->type != REDIS_BULK || !str_eq(reply->text, str_of(results->word))))
		look_again(results, NULL);
	else if (results_send(results, argv, ARRAY_LEN(argv), on_groups))
		results->looking = false;
}

void results_look_due(struct results *results)
{
	struct key key;
	struct str argv[] = { STR("GET"), key_archive_epoch(&key) };
	int64_t now_ns = results_now(results);
	if (results->looking || now_ns < results->look_at_ns)
		return;
	results->look_at_ns = now_ns + LOOK_NS;
	results->looking = !results_send(results, argv, ARRAY_LEN(argv), on_word);
}
