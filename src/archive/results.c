#include "archive/results_impl.h"

#include <stdio.h>
#include <stdlib.h>

static void on_timer(void *ctx) { results_kick(ctx); }

static void on_retry_timer(void *ctx)
{
	struct results *results = ctx;
	results_retries_due(results);
	results_kick(results);
}

/* ---- life ---- */

static bool make_slots(struct results *results)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &results->slots[i];
		slot->results = results;
		slot->ids = calloc(WRITER_ROWS_MAX, sizeof *slot->ids);
		if (!slot->ids)
			return false;
	}
	return true;
}

struct results *results_create(const struct results_config *config)
{
	struct results *results = calloc(1, sizeof *results);
	if (!results)
		return NULL;
	results->config = *config;
	results->world = (struct results_world){ config->offset_ms, config->account, config->ctx };
	results->timer = (struct timer){ .fn = on_timer, .ctx = results };
	results->retry_timer = (struct timer){ .fn = on_retry_timer, .ctx = results };
	results->entry_rows = FIRST_ROWS;
	results->page = PAGE_ROWS / FIRST_ROWS;
	results->reader = entries_reader_create();
	if (!results->config.claim_ms)
		results->config.claim_ms = CLAIM_MS;
	results_retry_init(results);
	if (!results->held || !results->reader || !make_slots(results)) {
		results_destroy(results);
		return NULL;
	}
	return results;
}

void results_destroy(struct results *results)
{
	if (!results)
		return;
	timers_cancel(results->config.timers, &results->timer);
	timers_cancel(results->config.timers, &results->retry_timer);
	results_retry_deinit(results);
	entries_reader_destroy(results->reader);
	for (size_t i = 0; i < SLOTS; i++)
		free(results->slots[i].ids);
	free(results);
}

/* "EPOCH ID BASE HASH", and the other one, as results_batch.c writes them. */
static bool read_mark(struct results *results)
{
	const struct writer *writer = results->config.writer;
	struct str mark, word, id, base, hash;
	if (results_id_parse(writer_marked(writer, results_mark_one), &results->one_until))
		results->one_until = (struct results_id){ 0 };
	mark = hash = writer_marked(writer, results_mark); /* until the next one is asked for */
	if (!mark.ptr || !str_split(&hash, ' ', &word) || !str_split(&hash, ' ', &id) ||
	    !str_split(&hash, ' ', &base))
		return false;
	return !str_copy(word, results->word, sizeof results->word) &&
	       !results_id_parse(id, &results->cursor) && !str_to_i64(base, &results->base) &&
	       !str_to_u64(hash, &results->cursor_hash);
}

static uint64_t read_in_file(const struct results *results)
{
	int64_t read = writer_counted(results->config.writer, "read") +
		       writer_counted(results->config.writer, "lost");
	return read > 0 ? (uint64_t)read : 0;
}

void results_start(struct results *results)
{
	results->stopped = false;
	if (results->state != RESULTS_OFF) {
		results_retry_timer(results);
		results_kick(results);
		return;
	}
	results->read_ever = read_in_file(results);
	results->marked = read_mark(results);
	if (!results->marked) {
		results->word[0] = 0;
		results->cursor = (struct results_id){ 0 };
		results->base = 0;
	}
	results->fresh = true;
	results->state = RESULTS_SYNCING;
	results->sync_due = true;
	results->wall_less_ns = clock_wall_ns(results->config.clock) - results_now(results);
	results_kick(results);
}

/* The writer may be gone at any time after this: nothing asks it for anything. */
void results_stop(struct results *results)
{
	results_submit_now(results);
	results->stopped = true;
	timers_cancel(results->config.timers, &results->timer);
	timers_cancel(results->config.timers, &results->retry_timer);
	results_end_drain(results, STATUS_CANCELLED);
}

void results_reconnected(struct results *results)
{
	if (results->state == RESULTS_OFF)
		return;
	results_well(results);
	results->discard_due = false; /* that connection is gone */
	results_sync_later(results);
	results_kick(results);
}

/* What the file says now is where it stands: the batch that is being filled is read again.
 * Batches that are at the writer come on top of it, and their marks say that all before them
 * is there. Were that lost a second time before it was read again, nobody would miss it:
 * then the stream gets another word, which those marks have not, and is read from 0. */
void results_salvaged(struct results *results)
{
	struct results_id before = results->cursor;
	char word[WORD_MAX + 1];
	if (results->state == RESULTS_OFF)
		return;
	memcpy(word, results->word, sizeof word);
	bool known = read_mark(results);
	if (!known || strcmp(word, results->word) != 0 || results->at_writer) {
		memcpy(results->word, word, sizeof word);
		results->broken = "the archive file was salvaged";
	}
	results->checked_until = before;
	results->fresh = true;
	results_drop_filling(results);
	results_forget_ids(results);
	results->read_ever = read_in_file(results) + results_read_on_way(results);
	results_retry_forget(results);
	results_sync_later(results);
	results_kick(results);
}

/* ---- sending ---- */

enum status results_send(struct results *results, const struct str *argv, size_t argc,
			 redis_reply_fn fn)
{
	const struct str discard = STR("DISCARD");
	if (results->discard_due &&
	    redis_command(results->config.rtrs, &discard, 1, NULL, NULL) == STATUS_OK)
		results->discard_due = false;
	enum status status = results->discard_due
				 ? STATUS_FULL
				 : redis_command(results->config.rtrs, argv, argc, fn, results);
	if (status)
		results_failed(results, status);
	return status;
}

void results_failed(struct results *results, enum status status)
{
	int64_t now_ns = results_now(results), next = results->again_ns * 2;
	results->counts.failed++;
	results->trouble = status ? status : STATUS_REDIS_PROTOCOL;
	if (now_ns >= results->pause_until_ns) /* what fails together counts once */
		results->again_ns = next < AGAIN_NS     ? AGAIN_NS
				    : next > LONGEST_NS ? LONGEST_NS
							: next;
	results->pause_until_ns = now_ns + results->again_ns;
	results_end_drain(results, results->trouble);
}

void results_well(struct results *results)
{
	results->again_ns = results->pause_until_ns = 0;
	results->trouble = STATUS_OK;
}

void results_tell(struct results *results, const char *format, ...)
{
	char text[240];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (results->config.on_broken)
		results->config.on_broken(results->config.ctx, text);
}

struct str results_number(char storage[24], uint64_t value)
{
	struct buf text = buf_over(storage, 24);
	buf_u64(&text, value);
	return buf_str(&text);
}

/* ---- what is due ---- */

/* A page that was asked for since has come to the end of the stream, and all is committed. */
static void drain_due(struct results *results)
{
	if (!results->drained || results->state != RESULTS_RUNNING)
		return;
	if (writer_state(results->config.writer) != WRITER_READY)
		results_end_drain(results, STATUS_UNAVAILABLE);
	else if (results->drain_read && results_idle(results) && !results->behind)
		results_end_drain(results, STATUS_OK);
}

void results_end_drain(struct results *results, enum status status)
{
	void (*done)(void *ctx, enum status status) = results->drained;
	results->drained = NULL;
	if (done)
		done(results->drained_ctx, status);
}

void results_drain(struct results *results, void (*done)(void *ctx, enum status status), void *ctx)
{
	CHECK(!results->drained);
	if (results->state == RESULTS_OFF) {
		done(ctx, STATUS_OK);
		return;
	}
	results->drained = done;
	results->drained_ctx = ctx;
	results->drain_asked = results->drain_read = false;
	results->read_at_ns = 0;
	results_kick(results);
}

static int64_t next_ns(const struct results *results, int64_t now_ns)
{
	int64_t next = now_ns + IDLE_NS;
	if (results->state == RESULTS_RUNNING && !results->reads_due && !results->stopped &&
	    results->read_at_ns < next)
		next = results->read_at_ns;
	if (results->filling && results->at_writer < AT_WRITER_MAX &&
	    results->filling->begun_ns + GATHER_NS < next)
		next = results->filling->begun_ns + GATHER_NS;
	/* What waits for the writer or for an answer is begun by that. */
	return next < now_ns + BUSY_NS / 10 ? now_ns + BUSY_NS / 10 : next;
}

static void work(struct results *results)
{
	results_acks_due(results);
	results_look_due(results);
	results_trim_due(results);
	results_claim_due(results);
	results_read(results);
	drain_due(results);
}

void results_kick(struct results *results)
{
	int64_t now_ns = results_now(results);
	if (results->state == RESULTS_OFF || results->stopped)
		return;
	results_submit_due(results);
	results_load(results);
	results_look_at_clock(results);
	if (results->mark_due && results_slot(results)) {
		results->filling->changes++;
		results->filling->begins = true;
		results->mark_due = false;
		results_submit(results);
	}
	if (now_ns >= results->pause_until_ns) {
		results_sync(results);
		if (results->state == RESULTS_RUNNING)
			work(results);
	}
	if (!results->stopped)
		timers_arm(results->config.timers, &results->timer, next_ns(results, now_ns));
}

/* ---- counts ---- */

static int64_t lag_ms(const struct results *results)
{
	const struct slot *oldest = NULL;
	uint64_t from_ms = results->cursor.ms;
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &results->slots[i];
		bool waits = slot->state == SLOT_FILLING || slot->state == SLOT_WRITING;
		if (waits && slot->count &&
		    (!oldest || results_id_cmp(slot->ids[0], oldest->ids[0]) < 0))
			oldest = slot;
	}
	if (oldest)
		from_ms = oldest->ids[0].ms;
	else if (results_id_cmp(results->seen.last, results->cursor) <= 0)
		return 0;
	int64_t lag = clock_wall_ns(results->config.clock) / 1000000 - (int64_t)from_ms;
	return lag > 0 ? lag : 0;
}

struct results_counts results_counts(const struct results *results)
{
	struct results_counts counts = results->counts;
	counts.pending = 0;
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state != SLOT_FREE)
			counts.pending += results->slots[i].count;
	counts.pending += results->n_claimed;
	int64_t retrying = writer_counted(results->config.writer, "retrying");
	counts.retrying = retrying > 0 ? (uint64_t)retrying : 0;
	counts.length = results->seen.length;
	counts.beyond = results->seen.beyond;
	counts.added =
	    (uint64_t)(results->base + (int64_t)(results->seen.added + results->seen.beyond));
	counts.lag_ms = lag_ms(results);
	return counts;
}

enum status results_trouble(const struct results *results) { return results->trouble; }
