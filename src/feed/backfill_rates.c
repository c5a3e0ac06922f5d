/* Open interest, now and back, and the order book a depth stream stands on. */
#include "feed/backfill_impl.h"

/* ---- open interest ---- */

static void take_oi_now(void *ctx, const struct event *event)
{
	struct entry *entry = ctx;
	rates_take_oi(market_rates(entry->market), event->oi.qty, event->oi.both_sides,
		      event->t_ms);
	entry->backfill->counts.oi_samples++;
}

static void take_oi_then(void *ctx, const struct event *event)
{
	struct entry *entry = ctx;
	struct oi_state *state = &entry->of_oi;
	if (!state->got_first_ms || event->t_ms < state->got_first_ms)
		state->got_first_ms = event->t_ms;
	rates_put_oi(market_rates(entry->market), event->oi.qty, event->oi.both_sides, event->t_ms);
	entry->backfill->counts.oi_samples++;
}

static enum status read_oi(struct entry *entry, struct str body, rest_event_fn fn)
{
	return rest_read_oi(entry->backfill->reader, entry->source->venue, body, fn, entry);
}

static void oi_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	int64_t next_ns = wish->next_ns;
	if (!wish_answered(wish, status))
		return;
	status = read_oi(wish->entry, body, take_oi_now);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	wish_done(wish, 0);
	wish->next_ns = next_ns; /* as it was set when it was asked */
}

void oi_step(struct entry *entry)
{
	struct wish *wish = &entry->oi;
	struct question question;
	if (entry->source->venue != VENUE_BINANCE || entry->source->kind != KIND_PERP ||
	    !wish_ready(wish))
		return;
	question_begin(&question, entry, ASK_OI);
	question.priority = REST_LIVE;
	question.answer = oi_answer;
	wish_ask(wish, &question);
	/* At once, then in its own second. */
	int64_t since_ns = backfill_now_ns(entry->backfill) - entry->of_oi.slot_ns;
	int64_t minutes = since_ns < 0 ? 0 : since_ns / MINUTE_NS + 1;
	if (wish->under_way)
		wish->next_ns = entry->of_oi.slot_ns + minutes * MINUTE_NS;
}

/* A hole is seen when the next sample comes behind it. */
static void look_for_hole(struct entry *entry)
{
	struct oi_state *state = &entry->of_oi;
	struct oi_sample newest;
	if (!rates_oi(market_rates(entry->market), &newest))
		return;
	if (state->newest_ms && newest.t_ms - state->newest_ms > BACKFILL_OI_HOLE_MS)
		state->history = true;
	state->newest_ms = newest.t_ms;
}

/* 25 h are there, or the venue has no more. Pages go back in time (Bybit: 200 rows). */
static bool is_last_page(const struct entry *entry, int64_t now_ms)
{
	const struct oi_state *state = &entry->of_oi;
	return entry->source->venue == VENUE_BINANCE || !state->got_first_ms ||
	       state->got_first_ms < now_ms - BACKFILL_OI_SPAN_MS + BACKFILL_OI_STEP_MS ||
	       state->pages >= 4 || (state->end_ms && state->got_first_ms > state->end_ms);
}

static void oi_history_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	struct oi_state *state = &entry->of_oi;
	if (!wish_answered(wish, status))
		return;
	state->got_first_ms = 0;
	status = read_oi(entry, body, take_oi_then);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	state->pages++;
	state->history = !is_last_page(entry, source_now_ms(entry->source));
	state->end_ms = state->history ? state->got_first_ms - 1 : 0;
	if (!state->history)
		state->pages = 0;
	wish_done(wish, 0);
	oi_history_step(entry);
}

void oi_history_step(struct entry *entry)
{
	struct oi_state *state = &entry->of_oi;
	struct question question;
	bool binance = entry->source->venue == VENUE_BINANCE;
	if (entry->source->kind != KIND_PERP)
		return;
	look_for_hole(entry);
	if (!state->history || !wish_ready(&entry->oi_history))
		return;
	int64_t now_ms = source_now_ms(entry->source);
	question_begin(&question, entry, ASK_OI_HISTORY);
	if (binance) {
		question_text(&question, "period", "5m");
		question_number(&question, "limit", BACKFILL_OI_SPAN_MS / BACKFILL_OI_STEP_MS);
	} else {
		question_text(&question, "intervalTime", "5min");
		question_number(&question, "startTime", now_ms - BACKFILL_OI_SPAN_MS);
		question_number(&question, "endTime", state->end_ms ? state->end_ms : now_ms);
		question_number(&question, "limit", entry_rows(entry, ASK_OI_HISTORY));
	}
	question.answer = oi_history_answer;
	wish_ask(&entry->oi_history, &question);
}

/* ---- depth ---- */

static void take_depth(void *ctx, const struct event *event)
{
	struct entry *entry = ctx;
	int64_t t_ms = event->t_ms ? event->t_ms : source_now_ms(entry->source);
	book_take_depth(market_book(entry->market), &event->depth, t_ms);
}

static void depth_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	if (!wish_answered(wish, status))
		return;
	status = rest_read_depth(entry->backfill->reader, body, take_depth, entry);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	entry->depth_wanted = false;
	wish_done(wish, 0);
}

/* Diffs that came before it lie above it (book.h), so there is no hurry and no race. */
void depth_step(struct entry *entry)
{
	struct question question;
	if (!entry->depth_wanted || !wish_ready(&entry->depth))
		return;
	question_begin(&question, entry, ASK_DEPTH);
	question_number(&question, "limit", 1000);
	question.weight = entry->source->kind == KIND_SPOT ? 50 : 20;
	question.priority = REST_LIVE;
	question.answer = depth_answer;
	wish_ask(&entry->depth, &question);
}
