/* What a checkpoint holds leaves the stream, up to the first entry that is pending or unread
 * in any group:
 *
 *   WATCH → XINFO GROUPS → XPENDING of each that has some → MULTI XTRIM EXEC
 *
 * The stream is watched: were it deleted and made again in between, the ids that are trimmed
 * would be those of other entries. Where others write to it all the time the watch fails each
 * time; the last of TRIM_TRIES goes without.
 *
 * A server that is full (-OOM) refuses whatever is queued in a MULTI, XTRIM too, and takes it
 * alone: then it goes alone, for it is what makes room. Nobody can make the stream or a group
 * anew meanwhile: that is refused as well. */
#include "archive/results_impl.h"

static void trim_failed(struct results *results, enum status status)
{
	results->trimming = false;
	results_failed(results, status);
	results_kick(results);
}

static void trim_end(struct results *results)
{
	results->trimming = false;
	results_kick(results);
}

static bool is_stale(const struct results *results)
{
	return results->trim_generation != results->generation ||
	       results->state != RESULTS_RUNNING || results->stopped;
}

static void ask(struct results *results, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	if (results_send(results, argv, argc, fn))
		results->trimming = false;
}

/* ---- XTRIM ---- */

/* What is held back is looked at again in a while: it may be our own acknowledgements. */
static void trim_done(struct results *results)
{
	struct results_id all = results_id_next(results->trim_to);
	results->trim_wanted = results_id_cmp(results->trim_bound, all) < 0;
	results->trim_at_ns = results_now(results) + LOOK_NS;
	results->trim_tries = 0;
	trim_end(results);
}

static void trimmed(struct results *results, int64_t entries)
{
	results->counts.trimmed += entries > 0 ? (uint64_t)entries : 0;
	results->trimmed_to = results->trim_bound;
	if (entries > 0)
		crash_point(CRASH_trim);
	trim_done(results);
}

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (!status && reply->type == REDIS_NIL) { /* it was written to meanwhile */
		results->trim_tries++;
		trim_end(results);
	} else if (status == STATUS_REDIS_EXECABORT) {
		results->trim_alone = true;
		trim_end(results);
	} else if (status || reply->type != REDIS_ARRAY || reply->count != 1 ||
		   reply->items[0].type != REDIS_INTEGER) {
		trim_failed(results, status);
	} else {
		trimmed(results, reply->items[0].integer);
	}
}

static void on_alone(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (status || reply->type != REDIS_INTEGER)
		trim_failed(ctx, status);
	else
		trimmed(ctx, reply->integer);
}

/* MULTI that could not be ended is discarded, before anything else is sent. */
static void send_trim(struct results *results)
{
	const struct str multi = STR("MULTI"), exec = STR("EXEC");
	char storage[RESULTS_ID_TEXT];
	struct buf id = buf_over(storage, sizeof storage);
	struct redis_port *rtrs = results->config.rtrs;
	struct key key;
	results_id_print(&id, results->trim_bound);
	struct str xtrim[] = { STR("XTRIM"), key_trade_results(&key), STR("MINID"), buf_str(&id) };
	if (results->trim_alone) {
		results->trim_alone = false;
		ask(results, xtrim, ARRAY_LEN(xtrim), on_alone);
		return;
	}
	enum status status = results_send(results, &multi, 1, NULL);
	if (status) {
		results->trimming = false;
		return;
	}
	status = redis_command(rtrs, xtrim, ARRAY_LEN(xtrim), NULL, NULL);
	if (!status)
		status = redis_command(rtrs, &exec, 1, on_exec, results);
	if (!status)
		return;
	results->discard_due = true;
	results->trimming = false;
	results_failed(results, status);
}

/* ---- up to where ---- */

static void bound_by(struct results *results, struct results_id id)
{
	if (results_id_cmp(id, results->trim_bound) < 0)
		results->trim_bound = id;
}

static void next_group(struct results *results);

static void on_pending(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct results_id first;
	if (is_stale(results)) {
		trim_end(results);
		return;
	}
	bool told = !status && reply->type == REDIS_ARRAY && reply->count == 4;
	bool some = told && reply->items[1].type == REDIS_BULK;
	if (!told || (some && results_id_parse(reply->items[1].text, &first))) {
		trim_failed(results, status);
		return;
	}
	if (some)
		bound_by(results, first);
	results->trim_at++;
	next_group(results);
}

static void next_group(struct results *results)
{
	const struct groups_facts *groups = &results->trim_groups;
	struct key key;
	while (results->trim_at < groups->count && !groups->groups[results->trim_at].pending)
		results->trim_at++;
	if (results->trim_at < groups->count) {
		struct str argv[] = { STR("XPENDING"), key_trade_results(&key),
				      str_of(groups->groups[results->trim_at].name) };
		ask(results, argv, ARRAY_LEN(argv), on_pending);
	} else if (results_id_cmp(results->trim_bound, results->trimmed_to) > 0) {
		send_trim(results);
	} else {
		trim_done(results);
	}
}

static void on_groups(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct groups_facts *groups = &results->trim_groups;
	if (is_stale(results)) {
		trim_end(results);
		return;
	}
	if (status || !results_groups_read(reply, groups)) {
		trim_failed(results, status);
		return;
	}
	if (groups->too_many || groups->own == GROUPS_MAX) {
		results->trim_wanted = false;
		trim_end(results);
		return;
	}
	results->trim_bound = results_id_next(results->trim_to);
	for (size_t i = 0; i < groups->count; i++)
		bound_by(results, results_id_next(groups->groups[i].last));
	results->trim_at = 0;
	next_group(results);
}

static void on_watch(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct key key;
	struct str argv[] = { STR("XINFO"), STR("GROUPS"), key_trade_results(&key) };
	(void)reply;
	if (is_stale(results))
		trim_end(results);
	else if (status)
		trim_failed(results, status);
	else
		ask(results, argv, ARRAY_LEN(argv), on_groups);
}

/* EXEC ends a watch; what is watched of a round that was given up would fail the next. */
void results_trim_due(struct results *results)
{
	struct key key;
	struct str watch[] = { STR("WATCH"), key_trade_results(&key) };
	const struct str unwatch = STR("UNWATCH");
	if (!results->trim_wanted || results->trimming ||
	    results_now(results) < results->trim_at_ns)
		return;
	results->trimming = true;
	results->trim_generation = results->generation;
	if (results_send(results, &unwatch, 1, NULL)) {
		results->trimming = false;
		return;
	}
	if (results->trim_tries < TRIM_TRIES)
		ask(results, watch, ARRAY_LEN(watch), on_watch);
	else
		on_watch(results, STATUS_OK, NULL);
}
