/* Whether the stream is the one that was read, and where to read on:
 *
 *   GET archive:epoch → (SET NX) → the stream's facts → XINFO GROUPS → XREVRANGE mark - COUNT 1
 *     it is:     acknowledge what is pending up to the mark → XGROUP SETID mark
 *     it is not: HSETNX fleet:up:~ x 0 → SET archive:epoch → acknowledge …
 *                → XGROUP SETID 0 or CREATE 0
 *
 * Of a stream that is not the one, the new word is written before anything else: whatever is
 * cut short after that, the word is not the mark's, and the next look begins again. */
#include "archive/results_impl.h"

#include <stdlib.h>

#include "os/secret.h"

enum { WORD_BYTES = 16 };

static void ask_stream(struct results *results);
static void ask_groups(struct results *results);
static void ack_pending(struct results *results);
static void place_group(struct results *results);

/* ---- steps ---- */

void results_sync_later(struct results *results)
{
	results->state = RESULTS_SYNCING;
	results->sync_due = true;
}

static void sync_failed(struct results *results, enum status status)
{
	results_failed(results, status);
	results->sync_due = true;
	results->syncing = false;
}

/* Another look was asked for meanwhile (a new connection, a salvaged file): this one ends
 * here. Two at once would take what the one has read since for what the other sees. */
static bool is_outdated(struct results *results)
{
	if (results->sync_due)
		results->syncing = false;
	return results->sync_due;
}

static void ask(struct results *results, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	if (is_outdated(results))
		return;
	results->sync_due = results_send(results, argv, argc, fn) != STATUS_OK;
	results->syncing = !results->sync_due;
}

static void on_word(void *ctx, enum status status, const struct redis_reply *reply);

static void ask_word(struct results *results)
{
	struct key key;
	struct str argv[] = { STR("GET"), key_archive_epoch(&key) };
	ask(results, argv, ARRAY_LEN(argv), on_word);
}

static void on_word_made(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	(void)reply;
	if (status)
		sync_failed(results, status);
	else
		ask_word(results); /* somebody's may have been first */
}

static bool make_word(struct results *results)
{
	uint8_t bytes[WORD_BYTES];
	if (secret_random(bytes, sizeof bytes, NULL)) {
		sync_failed(results, STATUS_UNAVAILABLE);
		return false;
	}
	secret_print_hex(bytes, sizeof bytes, results->next_word);
	return true;
}

static void write_word(struct results *results, bool over, redis_reply_fn fn)
{
	struct key key;
	if (!make_word(results))
		return;
	struct str argv[] = { STR("SET"), key_archive_epoch(&key), str_of(results->next_word),
			      STR("NX") };
	ask(results, argv, over ? 3 : 4, fn);
}

static bool is_word(struct str text)
{
	return text.len && text.len <= WORD_MAX && str_find_char(text, ' ') == text.len;
}

static void on_word(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (status) {
		sync_failed(results, status);
	} else if (reply->type != REDIS_BULK) {
		write_word(results, false, on_word_made);
	} else if (!is_word(reply->text)) {
		write_word(results, true, on_word_made);
	} else {
		CHECK(str_copy(reply->text, results->next_word, sizeof results->next_word) ==
		      STATUS_OK);
		ask_stream(results);
	}
}

static void on_facts(struct results *results, enum status status)
{
	if (status) {
		sync_failed(results, status);
		return;
	}
	results->stream = results->facts.stream;
	ask_groups(results);
}

static void ask_stream(struct results *results)
{
	if (is_outdated(results))
		return;
	results->sync_due = !results_ask_facts(results, on_facts);
	results->syncing = !results->sync_due;
}

/* NULL: it is the stream that was read. */
static const char *what_is_wrong(const struct results *results)
{
	const struct groups_facts *groups = &results->groups;
	bool there = groups->own < GROUPS_MAX;
	struct results_id last =
	    there ? groups->groups[groups->own].last : (struct results_id){ 0 };
	if (!results->marked)
		return last.ms || last.seq ? "the archive file has no mark of it" : NULL;
	if (strcmp(results->word, results->next_word) != 0)
		return "archive:epoch is another one";
	if (!there)
		return "its group is gone";
	if (results_id_cmp(last, results->cursor) < 0)
		return "its group was set back";
	if (results_id_cmp(results->stream.last, results->cursor) < 0)
		return "its last entry is behind the mark";
	return NULL;
}

static void on_word_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	(void)reply;
	if (status)
		sync_failed(results, status);
	else
		ack_pending(results);
}

static void on_count_made(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (status && !reply)
		sync_failed(results, status);
	else
		ask_stream(results); /* a server that is full does not hold up the reading */
}

/* The base of a stream that begins is counted from field x: were that not there and came later,
 * whatever it said would be results that nobody has read. */
static bool needs_count(const struct results *results, const char *wrong)
{
	return (wrong || results->broken || !results->marked) && !results->stream.beyond_known &&
	       !results->count_asked;
}

static void make_count(struct results *results)
{
	struct key key;
	const struct str argv[] = { STR("HSETNX"), key_fleet_up(&key, STR("~")), STR("x"),
				    STR("0") };
	results->count_asked = true;
	ask(results, argv, ARRAY_LEN(argv), on_count_made);
}

static void decide(struct results *results, const char *wrong)
{
	if (needs_count(results, wrong)) {
		make_count(results);
		return;
	}
	if (wrong && !results->broken)
		results->broken = wrong;
	bool bump =
	    results->broken && results->marked && strcmp(results->word, results->next_word) == 0;
	if (bump)
		write_word(results, true, on_word_written);
	else
		ack_pending(results);
}

/* The newest entry up to the cursor. What was trimmed went with all before it. */
static const char *what_is_at_the_mark(const struct results *results,
				       const struct redis_reply *entries)
{
	struct results_id id;
	if (!entries->count || !results->cursor_hash)
		return NULL;
	const struct redis_reply *entry = &entries->items[0];
	if (entry->count != 2 || results_id_parse(entry->items[0].text, &id))
		return NULL;
	if (results_id_cmp(id, results->cursor) < 0)
		return "its entry at the mark is gone";
	if (results_hash(&entry->items[1]) != results->cursor_hash)
		return "its entry at the mark is another one";
	return NULL;
}

static void on_entry(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (status || reply->type != REDIS_ARRAY) {
		sync_failed(results, status);
		return;
	}
	const char *wrong = what_is_wrong(results);
	decide(results, wrong ? wrong : what_is_at_the_mark(results, reply));
}

static void ask_entry(struct results *results)
{
	char storage[RESULTS_ID_TEXT];
	struct buf id = buf_over(storage, sizeof storage);
	struct key key;
	results_id_print(&id, results->cursor);
	struct str argv[] = { STR("XREVRANGE"), key_trade_results(&key),
			      buf_str(&id),     STR("-"),
			      STR("COUNT"),     STR("1") };
	ask(results, argv, ARRAY_LEN(argv), on_entry);
}

static void on_groups(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	results->groups = (struct groups_facts){ .own = GROUPS_MAX };
	if (results_no_key(status, reply) ||
	    (!status && results_groups_read(reply, &results->groups)))
		ask_entry(results);
	else
		sync_failed(results, status);
}

static void ask_groups(struct results *results)
{
	struct key key;
	struct str argv[] = { STR("XINFO"), STR("GROUPS"), key_trade_results(&key) };
	ask(results, argv, ARRAY_LEN(argv), on_groups);
}

/* ---- what is pending and committed ---- */

static void on_pending_acked(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	if (status || reply->type != REDIS_INTEGER) {
		sync_failed(results, status);
		return;
	}
	results->counts.acked += (uint64_t)reply->integer;
	ack_pending(results);
}

static void on_pending(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	struct key key;
	size_t argc = 0;
	if (status || reply->type != REDIS_ARRAY) {
		sync_failed(results, status);
		return;
	}
	results->words[argc++] = STR("XACK");
	results->words[argc++] = key_trade_results(&key);
	results->words[argc++] = results_group;
	for (size_t i = 0; i < reply->count && i < ACK_PAGE; i++)
		if (reply->items[i].count > 0)
			results->words[argc++] = reply->items[i].items[0].text;
	if (argc == 3)
		place_group(results);
	else
		ask(results, results->words, argc, on_pending_acked);
}

/* Consumer weir reads in order, so what is pending for it up to the mark is in the file. */
static void ack_pending(struct results *results)
{
	char storage[RESULTS_ID_TEXT];
	struct buf id = buf_over(storage, sizeof storage);
	struct key key;
	bool due = results->marked && (results->fresh || results->broken) &&
		   results->groups.own < GROUPS_MAX;
	if (!due) {
		place_group(results);
		return;
	}
	results_id_print(&id, results->cursor);
	struct str argv[] = { STR("XPENDING"), key_trade_results(&key),
			      results_group,   STR("-"),
			      buf_str(&id),    STR("1000"),
			      results_consumer };
	ask(results, argv, ARRAY_LEN(argv), on_pending);
}

/* ---- the group's place ---- */

static void run(struct results *results)
{
	results->syncing = false;
	if (results->stopped)
		return;
	/* What an earlier life left pending may be gone from the stream: that is soon told. */
	if (results->fresh || results->broken)
		results->claim_at_ns = results_now(results) + LOOK_NS;
	if (results->fresh) /* what was left untrimmed is trimmed after it */
		writer_checkpoint(results->config.writer);
	results->state = RESULTS_RUNNING;
	results->fresh = false;
	results->broken = NULL;
	results->look_at_ns = results_now(results) + LOOK_NS;
	results->strays = true;
	results->caught_up = false;
	results->read_at_ns = 0;
	results_well(results);
	results_kick(results);
}

/* What is in the file, and what is in the stream now: that is all there ever was. How many
 * results a packed entry holds is not known before it is read: until then it is one. */
static int64_t base_of(const struct results *results)
{
	const struct stream_facts *stream = &results->stream;
	return (int64_t)results->read_ever + (int64_t)stream->length -
	       (int64_t)(stream->added + stream->beyond);
}

static void begin_stream(struct results *results)
{
	results->counts.groups_made += results->groups.own == GROUPS_MAX;
	if (results->broken) {
		results->counts.epochs++;
		results_tell(results, "%s: it is read again from its first entry", results->broken);
	}
	memcpy(results->word, results->next_word, sizeof results->word);
	results->base = base_of(results);
	results->one_until = results->stream.last;
	results->beyond_least = results->stream.beyond;
	results->cursor = (struct results_id){ 0 };
	results->cursor_hash = 0;
	results->delivered = (struct results_id){ 0 };
	results->checked_until = results->stream.last;
	results->behind = false;
	results->marked = true;
	results->mark_due = true;
	results->trimmed_to = (struct results_id){ 0 };
	results_forget_ids(results);
	run(results);
}

static void on_began(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	(void)reply;
	if (status)
		sync_failed(results, status);
	else if (!is_outdated(results))
		begin_stream(results);
}

static void go_on(struct results *results)
{
	const struct groups_facts *groups = &results->groups;
	results->delivered = results->fresh ? results->cursor : groups->groups[groups->own].last;
	if (results->fresh) {
		results->points[0] = (struct point){ 0, results->cursor };
		results->n_points = 1;
		results->behind = false;
	} else { /* a page may have become ours without its answer */
		results->behind = results_id_cmp(results->delivered, results->cursor) > 0;
	}
	run(results);
}

static void on_set_back(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	(void)reply;
	if (status)
		sync_failed(results, status);
	else if (!is_outdated(results))
		go_on(results);
}

static void set_group(struct results *results, struct results_id id, redis_reply_fn fn)
{
	char storage[RESULTS_ID_TEXT];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	results_id_print(&text, id);
	struct str argv[] = { STR("XGROUP"), STR("SETID"), key_trade_results(&key), results_group,
			      buf_str(&text) };
	ask(results, argv, ARRAY_LEN(argv), fn);
}

static void make_group(struct results *results)
{
	struct key key;
	struct str argv[] = { STR("XGROUP"), STR("CREATE"), key_trade_results(&key),
			      results_group, STR("0"),      STR("MKSTREAM") };
	ask(results, argv, ARRAY_LEN(argv), on_began);
}

static void place_group(struct results *results)
{
	const struct groups_facts *groups = &results->groups;
	bool there = groups->own < GROUPS_MAX;
	if (is_outdated(results))
		return;
	if (!there) {
		make_group(results);
	} else if (results->broken || !results->marked) {
		set_group(results, (struct results_id){ 0 }, on_began);
	} else if (results->fresh &&
		   results_id_cmp(groups->groups[groups->own].last, results->cursor) > 0) {
		struct results_id last = groups->groups[groups->own].last;
		if (results_id_cmp(results->checked_until, last) < 0)
			results->checked_until = last;
		set_group(results, results->cursor, on_set_back);
	} else {
		go_on(results);
	}
}

/* Not while pages are on their way: what they bring belongs to before. */
void results_sync(struct results *results)
{
	if (!results->sync_due || results->syncing || results->reads_due > 0 || results->trimming ||
	    results->claiming || results->looking || results->loading || !results->loaded)
		return;
	results->sync_due = false;
	results->count_asked = false;
	results->state = RESULTS_SYNCING;
	ask_word(results);
}
